//! Answers a summary of 900 KiB.

hostile_plugins::plugin!(|_| Ok(format!("\"{}\"", "x".repeat(900 << 10))));
