//! Asks for 16 EiB of random bytes.

use hostile_plugins::bindings::wasi::random::random::get_random_bytes;

hostile_plugins::plugin!(|_| Ok(get_random_bytes(u64::MAX).len().to_string()));
