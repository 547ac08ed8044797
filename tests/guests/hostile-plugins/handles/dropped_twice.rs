//! Gives a handle back twice.

use hostile_plugins::bindings::wasi::filesystem::types::Descriptor;
use hostile_plugins::files::out;

#[expect(unsafe_code, reason = "forging is the attack")]
fn again(handle: u32) -> Descriptor {
    // SAFETY: none; the host has to notice.
    unsafe { Descriptor::from_handle(handle) }
}

hostile_plugins::plugin!(|_| {
    let folder = out();
    let copy = again(folder.handle());
    drop(folder);
    drop(copy);
    Ok(String::new())
});
