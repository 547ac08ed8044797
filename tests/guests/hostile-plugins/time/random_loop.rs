//! Asks for as many random bytes as one call gives, for ever.

use hostile_plugins::bindings::wasi::random::random::get_random_bytes;

hostile_plugins::plugin!(|_| loop {
    std::hint::black_box(get_random_bytes(65_536));
});
