//! Grows its memory by the instruction itself, 16 MiB at a time, and breaks when there is no more.

hostile_plugins::plugin!(|_| {
    while core::arch::wasm32::memory_grow::<0>(256) != usize::MAX {}
    core::arch::wasm32::unreachable()
});
