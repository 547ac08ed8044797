//! Fills the disk through eight streams that append to one file.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let files = (0..8).map(|_| create("shared")).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let streams = files.iter().map(|file| file.append_via_stream()).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    loop {
        for stream in &streams {
            stream.blocking_write_and_flush(&[1; 4096]).map_err(failed)?;
        }
    }
});
