//! Prints 64 MiB.

use std::io::Write as _;

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    let block = b"the same line again, and again, and again\n".repeat(1000);
    let mut out = std::io::stdout().lock();
    for _ in 0..(64 << 20) / block.len() {
        out.write_all(&block).map_err(failed)?;
    }
    Ok(String::new())
});
