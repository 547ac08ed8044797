//! Makes a file of 8 TiB by writing its last byte.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let file = create("sparse.mp4").map_err(failed)?;
    file.write(b"x", (8 << 40) - 1).map(|written| written.to_string()).map_err(failed)
});
