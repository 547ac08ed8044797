//! Writes, resizes and streams at the last offsets that 64 bits can name.

use hostile_plugins::files::create;
use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    let file = create("overflow").map_err(failed)?;
    let mut done = Vec::new();
    for offset in [u64::MAX, u64::MAX - 1, i64::MAX as u64, i64::MAX as u64 + 1] {
        done.push(file.write(b"xyz", offset).is_ok());
        done.push(file.set_size(offset).is_ok());
        done.push(file.write_via_stream(offset).is_ok_and(|stream| stream.blocking_write_and_flush(b"xyz").is_ok()));
    }
    let size = file.stat().map_err(failed)?.size;
    say(format_args!("any {} size {size}", done.contains(&true)));
    Ok(String::new())
});
