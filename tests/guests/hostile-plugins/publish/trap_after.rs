//! Breaks after it has published.

hostile_plugins::plugin!(|_| {
    hostile_plugins::store_honestly()?;
    core::arch::wasm32::unreachable()
});
