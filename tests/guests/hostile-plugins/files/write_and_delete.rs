//! Writes and deletes for ever, so that the disk is never full but always busy.

use hostile_plugins::failed;
use hostile_plugins::files::file;

hostile_plugins::plugin!(|_| loop {
    file("again", &[1; 256 << 10])?;
    std::fs::remove_file("/out/again").map_err(failed)?;
});
