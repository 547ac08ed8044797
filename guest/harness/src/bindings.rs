//! The plugin's export seen from outside, generated.
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
    inline: "
        package filmgate:harness;

        world harness {
          import filmgate:plugin/renderer@0.1.0;
        }
    ",
    world: "filmgate:harness/harness",
    generate_all,
});
