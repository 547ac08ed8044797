//! Fills the disk with one file.

use std::fs::File;
use std::io::Write as _;

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    let mut file = File::create("/out/full").map_err(failed)?;
    let block = vec![1; 1 << 20];
    loop {
        file.write_all(&block).map_err(failed)?;
    }
});
