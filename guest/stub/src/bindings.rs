//! The other side of the plugin's world, generated.
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
        package filmgate:stub;

        world stub {
          import wasi:clocks/monotonic-clock@0.2.12;
          export filmgate:plugin/store-video@0.1.0;
          export filmgate:plugin/progress@0.1.0;
        }
    ",
    world: "filmgate:stub/stub",
    generate_all,
});

export!(Stub);

/// The component.
pub(crate) struct Stub;
