//! Every storage, against one suite; S3 against servers, and against a network that fails.

mod bench;
mod conformance;
