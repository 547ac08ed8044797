//! End-to-end tests of Filmgate.
//!
//! The library holds what several tests need: the real binary, servers that speak S3, a proxy that makes them fail, the
//! workspace's guests, and what looks at a finished video: a decoder and a browser.

pub mod browser;
pub mod bucket;
pub mod cli;
pub mod embedder;
pub mod fault_proxy;
pub mod film;
pub mod garage;
pub mod guests;
pub mod http;
pub mod locks;
pub mod media;
pub mod s3s;
#[path = "../guests/probe/src/sample.rs"]
pub mod sample;
pub mod switched;
pub mod wrapped;
