//! Makes a tree of ten thousand levels, each from a handle to the one above.

use hostile_plugins::failed;
use hostile_plugins::files::{open_folder, out};

hostile_plugins::plugin!(|_| {
    let mut folder = out();
    for _ in 0..10_000 {
        folder.create_directory_at("d").map_err(failed)?;
        folder = open_folder(&folder, "d").map_err(failed)?;
    }
    Ok(String::new())
});
