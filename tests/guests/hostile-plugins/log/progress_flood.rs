//! Reports progress three hundred thousand times, as fast as it can.

use hostile_plugins::bindings::filmgate::plugin::progress::report;

hostile_plugins::plugin!(|_| {
    for round in 0..300_000_u32 {
        report(round as f32 / 300_000.0, "flood");
    }
    report(1.0, "last");
    Ok(String::new())
});
