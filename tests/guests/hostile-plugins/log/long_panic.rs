//! Panics with words of 4 MiB.

hostile_plugins::plugin!(|_| panic!("{}", "forged\n".repeat(600_000)));
