//! Makes a million files.

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    for number in 0..1_000_000 {
        std::fs::File::create(format!("/out/{number}")).map_err(failed)?;
    }
    Ok(String::new())
});
