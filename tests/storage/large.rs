//! Files of more than 100 MiB, from a real file.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use aws_sdk_s3::types::ChecksumMode;
use filmgate::checksum::Crc64Nvme;
use filmgate::limits::MIB;
use filmgate::storage::s3::S3Storage;
use filmgate::storage::{Integrity, PublishId, PutStep, Source, SourceError, Storage};
use filmgate_tests::garage::Garage;
use futures::StreamExt;

use crate::bench::{Put, key, noise};

const SIZE: u64 = 133 * MIB + 7;

#[derive(Debug)]
struct Disk(std::fs::File);

impl Source for Disk {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        Ok(self.0.read_exact_at(buffer, offset)?)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        let size = self.0.metadata()?.len();
        if size == SIZE { Ok(()) } else { Err(SourceError::Changed("its size differs")) }
    }
}

/// B8: 17 parts of 8 MiB, read back byte by byte and against what the SDK sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_arrives_whole() {
    let bucket = Garage::shared().bucket();
    let storage = S3Storage::connect(bucket.settings()).await.expect("connect");
    let bytes = noise(SIZE);
    let file = tempfile::tempfile().expect("a file");
    file.write_all_at(&bytes, 0).expect("write");
    let key = key(&format!("{}/large.mp4", PublishId::generate()));
    let put = Put::of(&key, Arc::new(Disk(file)));
    let stored = put.send(&storage).await.expect("put");
    assert_eq!((stored.size, stored.checksum, stored.integrity), (SIZE, Crc64Nvme::of(&bytes), Integrity::FullObject));
    assert!(matches!(put.watcher.steps()[..], [PutStep::Created { part_bytes: 8_388_608, .. }, PutStep::Completing]));

    let mut body = storage.get(&key, None).await.expect("get").bytes;
    let mut at = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.expect("a piece");
        assert!(piece == bytes[at..at + piece.len()], "bytes differ behind {at}");
        at += piece.len();
    }
    assert_eq!(at as u64, SIZE);

    let observer = bucket.observer();
    let head = observer.head_object().bucket(&bucket.name).key(key.as_str()).checksum_mode(ChecksumMode::Enabled);
    let head = head.send().await.expect("head");
    assert_eq!((head.content_length(), head.e_tag()), (Some(SIZE as i64), stored.etag.as_deref()));
    assert!(head.e_tag().is_some_and(|etag| etag.trim_matches('"').ends_with("-17")), "{:?}", head.e_tag());
    let kept = aws_smithy_types::base64::decode(head.checksum_crc64_nvme().expect("a checksum")).expect("base64");
    assert_eq!(kept, Crc64Nvme::of(&bytes).0.to_be_bytes());
    assert_eq!(crate::bench::open_uploads(&bucket, &key).await, Vec::<String>::new());
    storage.delete(&key).await.expect("delete");
}
