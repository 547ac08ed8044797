//! Answers a summary of 8 MiB.

hostile_plugins::plugin!(|_| Ok("x".repeat(8 << 20)));
