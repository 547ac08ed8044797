//! The world `render-plugin` in Rust, generated from `wit/plugin.wit`.
//!
//! Everything else in this crate wraps it; it is public for what the wrappers do not offer.
#![allow(
    missing_docs,
    unsafe_code,
    unused_qualifications,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated; which of these apply depends on the target, so they cannot be expected"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "render-plugin",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "filmgate_plugin::bindings",
});
