//! Prints 4 MiB without a line end.

use std::io::Write as _;

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    let mut out = std::io::stdout().lock();
    for _ in 0..1024 {
        out.write_all(&[b'x'; 4096]).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(String::new())
});
