//! Asks for 16 EiB of zeroes to be written in one call.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let stream = create("zeroes").map_err(failed)?.write_via_stream(0).map_err(failed)?;
    stream.check_write().map_err(failed)?;
    stream.write_zeroes(u64::MAX).map(|()| String::new()).map_err(failed)
});
