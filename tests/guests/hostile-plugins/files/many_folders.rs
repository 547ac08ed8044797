//! Makes and removes a million folders.

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    for _ in 0..1_000_000 {
        std::fs::create_dir("/out/folder").map_err(failed)?;
        std::fs::remove_dir("/out/folder").map_err(failed)?;
    }
    Ok(String::new())
});
