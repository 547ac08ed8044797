//! Makes the disk sync for ever.

use hostile_plugins::failed;
use hostile_plugins::files::create;

hostile_plugins::plugin!(|_| {
    let file = create("synced").map_err(failed)?;
    loop {
        file.write(b"x", 0).map_err(failed)?;
        file.sync().map_err(failed)?;
    }
});
