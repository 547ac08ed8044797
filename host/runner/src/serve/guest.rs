use std::sync::Arc;
use std::sync::atomic::Ordering;

use filmgate_protocol::{Budget, JobInput, Outcome, PluginError};
use wasmtime::{Store, UpdateDeadline};

use super::outcome;
use crate::bindings::RenderPlugin;
use crate::bindings::filmgate::plugin::types::{Error, Job, Period};
use crate::cpu::CpuSpent;
use crate::plugin::Plugin;
use crate::session::Session;
use crate::setup::Setup;
use crate::state::PluginState;
use crate::text::cut;

// From the documentation of the plugin world, in bytes.
const SUMMARY_BYTES_MAX: usize = 64 * 1024;
const ERROR_CODE_BYTES_MAX: usize = 64;
const ERROR_MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// A guest that came to life and holds its memory, its directories and its open files until it is dropped.
pub(super) struct Guest {
    store: Store<PluginState>,
    instance: RenderPlugin,
}

/// Brings a guest to life. Components may run code of their own then, so their budget holds already.
pub(super) async fn instantiate(plugin: &Plugin, setup: &Setup, session: &Arc<Session>) -> Result<Guest, Outcome> {
    let _running = plugin.engine().running();
    let mut store = store(plugin, setup, session)
        .map_err(|error| Outcome::Fault(outcome::text(&error.context("open the job's directories"))))?;
    match plugin.pre().instantiate_async(&mut store).await {
        Ok(instance) => Ok(Guest { store, instance }),
        Err(error) => Err(outcome::not_instantiated(&error, &session.meters)),
    }
}

impl Guest {
    /// Notes how many handles it held at most. It cannot go on afterwards.
    pub(super) fn note_handles(&mut self, budget: &Budget) {
        let state = self.store.data_mut();
        // The table has room for twice as many: see `PluginState`.
        let peak = u32::try_from(state.count_handles()).unwrap_or(u32::MAX).min(budget.handles);
        state.session.meters.handles_peak.fetch_max(peak, Ordering::Relaxed);
    }

    /// Calls `render`. Dropping the future stops the guest; its store can then only be dropped.
    pub(super) async fn render(&mut self, plugin: &Plugin, job: JobInput, session: &Session) -> Outcome {
        let _running = plugin.engine().running();
        // The tick of its instantiation has passed long ago; it would yield before its first instruction.
        self.store.set_epoch_deadline(1);
        let renderer = self.instance.filmgate_plugin_renderer();
        match renderer.call_render(&mut self.store, &to_guest(job)).await {
            Ok(Ok(summary)) => {
                session.meters.moved(summary.len());
                returned(summary)
            }
            Ok(Err(error)) => {
                session.meters.moved(error.code.len() + error.message.len());
                outcome::failed(plugin_error(error), &session.meters)
            }
            Err(error) => outcome::trapped(&error, &session.meters),
        }
    }
}

fn store(plugin: &Plugin, setup: &Setup, session: &Arc<Session>) -> wasmtime::Result<Store<PluginState>> {
    let state = PluginState::new(setup, Arc::clone(session))?;
    let mut store = Store::new(plugin.engine().wasmtime(), state);
    let Budget { hostcall_bytes, handles, cpu, .. } = setup.budget;
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(usize::try_from(hostcall_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(handles).unwrap_or(usize::MAX));
    // Every tick the guest lets the serving loop run, which hears the host and watches the clock.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |store| {
        if store.data().session.meters.cpu() >= cpu {
            return Err(CpuSpent.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    Ok(store)
}

fn to_guest(job: JobInput) -> Job {
    Job {
        id: job.id,
        user_id: job.user_id,
        period: job.period.map(|period| Period { year: period.year, month: period.month }),
        params: job.params,
        inputs: job.inputs,
        refs: job.refs,
    }
}

/// A summary that is too long is refused as a whole: half a JSON value is none.
fn returned(summary: String) -> Outcome {
    if summary.len() <= SUMMARY_BYTES_MAX {
        return Outcome::Returned(summary);
    }
    Outcome::Failed(PluginError {
        code: "summary-too-large".into(),
        message: format!("render answered {} bytes, at most {SUMMARY_BYTES_MAX} are allowed", summary.len()),
        retryable: false,
    })
}

fn plugin_error(error: Error) -> PluginError {
    PluginError {
        code: cut(error.code, ERROR_CODE_BYTES_MAX),
        message: cut(error.message, ERROR_MESSAGE_BYTES_MAX),
        retryable: error.retryable,
    }
}
