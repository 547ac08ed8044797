//! Makes writes fail for ever and keeps every error.

use hostile_plugins::bindings::wasi::io::streams::StreamError;
use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let file = create("errors").map_err(failed)?;
    let mut kept = Vec::new();
    loop {
        let stream = file.write_via_stream(u64::MAX).map_err(failed)?;
        if let Err(StreamError::LastOperationFailed(error)) = stream.blocking_write_and_flush(b"x") {
            kept.push(error);
        }
    }
});
