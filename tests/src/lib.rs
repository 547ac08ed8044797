//! End-to-end tests of Filmgate.
//!
//! The library holds what several tests need: the real binary, servers that speak S3, and a proxy that makes them fail.

pub mod bucket;
pub mod cli;
pub mod fault_proxy;
pub mod garage;
pub mod http;
pub mod s3s;
