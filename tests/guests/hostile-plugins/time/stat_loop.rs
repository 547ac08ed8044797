//! Looks at the same file for ever: nearly all of its time is spent in the host.

use hostile_plugins::bindings::wasi::filesystem::types::PathFlags;
use hostile_plugins::files::out;

hostile_plugins::plugin!(|_| {
    let out = out();
    loop {
        let _ = out.stat_at(PathFlags::empty(), ".");
    }
});
