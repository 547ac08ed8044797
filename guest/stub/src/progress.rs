use crate::bindings::Stub;
use crate::bindings::exports::filmgate::plugin::progress::Guest;

/// Longer stages are cut, as the host does (bytes).
const STAGE_BYTES_MAX: usize = 200;

impl Guest for Stub {
    #[expect(clippy::print_stderr, reason = "standard error is where the developer looks for progress")]
    fn report(fraction: f32, mut stage: String) {
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        stage.truncate(stage.floor_char_boundary(STAGE_BYTES_MAX));
        eprintln!("progress {:3.0} % {}", fraction * 100.0, stage.escape_debug());
    }

    fn cancelled() -> bool {
        false
    }
}
