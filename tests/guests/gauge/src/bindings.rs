#![allow(
    missing_docs,
    unsafe_code,
    unused_qualifications,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated; which of these apply depends on the target, so they cannot be expected"
)]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "render-plugin",
    generate_all,
});

export!(Plugin);

use crate::Plugin;
