//! Asks for a gibibyte, is refused, copes and publishes: no attack yet, and so no failure.

use hostile_plugins::{failed, say, store_honestly};

hostile_plugins::plugin!(|_| {
    let mut memory: Vec<u8> = Vec::new();
    let refused = std::hint::black_box(&mut memory).try_reserve_exact(1 << 30).is_err();
    say(format_args!("refused {refused}"));
    store_honestly().map_err(failed)?;
    Ok(String::new())
});
