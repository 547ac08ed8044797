//! The suite of `sandbox` once more, each job in a locked-in process of its own.

include!("sandbox/suite.rs");
