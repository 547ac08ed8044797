use std::sync::Arc;

use wasmtime::component::{HasData, Linker};

use crate::bindings::filmgate::plugin::progress;
use crate::session::Session;
use crate::state::PluginState;
use crate::text::cut;

/// Bytes of a stage's name.
const STAGE_BYTES_MAX: usize = 200;

/// What `progress` sees of a job.
pub(crate) struct ProgressView {
    session: Arc<Session>,
}

impl HasData for ProgressView {
    type Data<'a> = Self;
}

impl progress::Host for ProgressView {
    fn report(&mut self, fraction: f32, stage: String) -> wasmtime::Result<()> {
        self.session.meters.moved(stage.len());
        // `clamp` keeps NaN, so that comes first.
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        self.session.outbound.progress(fraction, cut(stage, STAGE_BYTES_MAX));
        Ok(())
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.session.is_cancelled())
    }
}

/// Links `progress`.
pub(crate) fn add_to_linker(linker: &mut Linker<PluginState>) -> wasmtime::Result<()> {
    progress::add_to_linker::<_, ProgressView>(linker, |state| ProgressView { session: Arc::clone(&state.session) })
}
