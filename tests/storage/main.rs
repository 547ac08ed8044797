//! Every storage, against one suite; S3 against servers, and against a network that fails.

mod bench;
mod both;
mod conformance;
mod faults;
mod large;
mod local;
mod outage;
mod proofs;
mod refusals;
mod requests;
mod secrets;
