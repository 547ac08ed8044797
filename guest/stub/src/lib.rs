//! Stands in for the host when a plugin is tested with the wasmtime command line.
//!
//! A component that implements the two interfaces of the world which are not WASI, over the same `/out` that the plugin
//! sees: `store-video` checks a file as the host would and moves it to `/out/.published`, `progress` prints a line to
//! standard error. It stores nothing anywhere else, never cancels, and knows no layout: every well-formed slot exists.
//!
//! The host is stricter where a component cannot be: it refuses files with several hard links and files still open for
//! writing (`linked`, `busy`), and has budgets.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only the tests use it on other targets"))]

#[cfg(target_family = "wasm")]
mod bindings;
mod kind;
mod options;
#[cfg(target_family = "wasm")]
mod progress;
mod publish;
#[cfg(target_family = "wasm")]
mod store;
