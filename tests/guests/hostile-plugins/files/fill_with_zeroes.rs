//! Fills the disk with zeroes that it never sends.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let stream = create("zeroes").map_err(failed)?.append_via_stream().map_err(failed)?;
    loop {
        let allowed = stream.check_write().map_err(failed)?;
        stream.write_zeroes(allowed).map_err(failed)?;
    }
});
