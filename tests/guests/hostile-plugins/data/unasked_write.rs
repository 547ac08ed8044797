//! Writes more to a stream than the stream said it takes.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let stream = create("unasked").map_err(failed)?.write_via_stream(0).map_err(failed)?;
    let allowed = usize::try_from(stream.check_write().map_err(failed)?).map_err(failed)?;
    stream.write(&vec![1; allowed + 1]).map(|()| String::new()).map_err(failed)
});
