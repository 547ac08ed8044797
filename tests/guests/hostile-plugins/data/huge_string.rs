//! Hands over a path of 4 MiB.

use hostile_plugins::{failed, store};

hostile_plugins::plugin!(|_| store(&"x".repeat(4 << 20)).map(|_| String::new()).map_err(failed));
