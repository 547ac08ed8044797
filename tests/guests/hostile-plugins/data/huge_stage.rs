//! Reports a stage of half a mebibyte, cut inside a character.

use hostile_plugins::bindings::filmgate::plugin::progress::report;

hostile_plugins::plugin!(|_| {
    report(0.5, &format!("x{}", "é".repeat(256 << 10)));
    Ok(String::new())
});
