//! Reports shares of work that are no shares.

use hostile_plugins::bindings::filmgate::plugin::progress::report;

hostile_plugins::plugin!(|_| {
    for share in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, 1.5, f32::MAX, f32::MIN_POSITIVE] {
        report(share, "\x1b[2J\u{202e}stage\nforged");
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    Ok(String::new())
});
