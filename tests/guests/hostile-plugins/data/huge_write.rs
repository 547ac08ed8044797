//! Writes 8 MiB in one call.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let file = create("huge").map_err(failed)?;
    file.write(&vec![1; 8 << 20], 0).map(|written| written.to_string()).map_err(failed)
});
