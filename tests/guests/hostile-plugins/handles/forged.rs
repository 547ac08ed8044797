//! Uses a handle that it was never given.

use hostile_plugins::bindings::wasi::filesystem::types::Descriptor;

#[expect(unsafe_code, reason = "forging is the attack")]
fn forge() -> Descriptor {
    // SAFETY: none; the host has to notice.
    unsafe { Descriptor::from_handle(0x00de_ad00) }
}

hostile_plugins::plugin!(|_| Ok(format!("{:?}", forge().stat())));
