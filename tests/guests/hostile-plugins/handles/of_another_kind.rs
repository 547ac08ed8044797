//! Uses the handle of a stream as that of a file.

use hostile_plugins::bindings::wasi::cli::stdout::get_stdout;
use hostile_plugins::bindings::wasi::filesystem::types::Descriptor;

#[expect(unsafe_code, reason = "forging is the attack")]
fn forge(handle: u32) -> Descriptor {
    // SAFETY: none; the host has to notice.
    unsafe { Descriptor::from_handle(handle) }
}

hostile_plugins::plugin!(|_| {
    let stream = get_stdout();
    Ok(format!("{:?}", forge(stream.handle()).stat()))
});
