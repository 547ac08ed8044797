//! Compiled components: what they are made from, and that they stay what they are.

use std::io::Write as _;
use std::os::fd::AsFd as _;

use filmgate_runner::{Artifact, Plugin};

use crate::support::{engine, hostile};

#[test]
fn stored_artifact_is_the_same_again() {
    let mut stored = Vec::new();
    hostile().artifact.write_to(&mut stored).expect("write it out");
    assert_eq!(stored.len() as u64, hostile().artifact.size());
    // SAFETY: what this process's compiler made, unchanged.
    #[expect(unsafe_code, reason = "vouches for the origin of native code")]
    let again = unsafe { Artifact::from_trusted_reader(stored.as_slice()) }.expect("seal it");
    Plugin::load(engine(), &again).expect("load it");
}

#[test]
fn artifact_cannot_be_changed() {
    let descriptor = hostile().artifact.as_fd().try_clone_to_owned().expect("another descriptor");
    let mut file = std::fs::File::from(descriptor);
    assert_eq!(file.write(b"x").expect_err("sealed").kind(), std::io::ErrorKind::PermissionDenied);
    assert!(file.set_len(0).is_err() && file.set_len(1 << 30).is_err());
}

#[test]
fn other_bytes_do_not_load() {
    let mut stored = Vec::new();
    hostile().artifact.write_to(&mut stored).expect("write it out");
    let half = &stored[..stored.len() / 2];
    for bytes in [&b""[..], b"\0asm\x0d\0\x01\0", &[0xff; 4096], half] {
        // SAFETY: none of these has code that wasmtime would come to run: their headers are refused.
        #[expect(unsafe_code, reason = "what a damaged store would yield")]
        let sealed = unsafe { Artifact::from_trusted_reader(bytes) }.expect("seal it");
        assert!(Plugin::load(engine(), &sealed).is_err(), "{} bytes", bytes.len());
    }
}
