use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use filmgate::storage::{
    Durability, Integrity, LeftBehind, MemorySource, PublishId, PutStep, Source, SourceError, StorageFault,
};

use crate::bench::{Bench, PART, Put, Watcher, checksum, noise};

pub(crate) async fn sizes_around_every_edge(bench: &Bench) {
    for size in [1, 4096, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1] {
        let key = bench.key(&format!("{size}.mp4"));
        let bytes = noise(size);
        let stored = bench.put(&key, &bytes).await.unwrap_or_else(|error| panic!("{size} bytes: {error}"));
        assert_eq!((stored.size, stored.checksum), (size, checksum(&bytes)), "{size} bytes");
        let whole = size <= PART || bench.keeps_multipart_checksums;
        assert_eq!(stored.integrity, if whole { Integrity::FullObject } else { Integrity::SizeOnly }, "{size} bytes");
        assert!(bench.bytes(&key).await == bytes, "{size} bytes came back changed");
        let info = bench.info(&key).await.expect("the object");
        assert_eq!(info.size, size);
        assert_eq!(info.checksum, whole.then(|| checksum(&bytes)), "{size} bytes");
        assert_eq!(bench.open_uploads(&key).await, Vec::<String>::new());
    }
}

pub(crate) async fn type_and_metadata_are_kept(bench: &Bench) {
    for size in [10, PART + 1] {
        let key = bench.key(&format!("described-{size}"));
        let bytes = noise(size);
        let mut put = Put::new(&key, &bytes);
        put.content_type = "video/webm";
        put.metadata =
            [("filmgate-job".to_owned(), "01ab".to_owned()), ("title".to_owned(), "A & B = <c>".to_owned())].into();
        put.send(&*bench.storage).await.expect("put");
        let info = bench.info(&key).await.expect("the object");
        assert_eq!(info.content_type.as_deref(), Some("video/webm"));
        let mut expected = put.metadata.clone();
        expected.insert(PublishId::METADATA_NAME.to_owned(), put.publish_id.to_string());
        assert_eq!(info.metadata, expected);
        let age = jiff::Timestamp::now().as_second() - info.modified.expect("a time").as_second();
        assert!((-5..120).contains(&age), "stored {age} s ago");
    }
}

pub(crate) async fn what_no_store_takes_is_refused_first(bench: &Bench) {
    let bytes = noise(10);
    for (name, value) in [
        ("Upper", "x".to_owned()),
        ("new\nline", "x".to_owned()),
        ("", "x".to_owned()),
        ("title", "né".to_owned()),
        ("title", "a\r\nx-amz-acl: public-read".to_owned()),
        ("title", " led by a space".to_owned()),
        ("title", "x".repeat(2048)),
    ] {
        let key = bench.key("refused");
        let mut put = Put::new(&key, &bytes);
        put.metadata = [(name.to_owned(), value)].into();
        let error = put.send(&*bench.storage).await.expect_err(name);
        assert_eq!(error.fault, StorageFault::Other, "{error}");
        bench.assert_nothing_left(&key).await;
    }
    let key = bench.key("refused");
    let mut put = Put::new(&key, &bytes);
    put.content_type = "video/mp4\r\nx: y";
    put.send(&*bench.storage).await.expect_err("a header in the content type");
    bench.assert_nothing_left(&key).await;
}

pub(crate) async fn the_same_publish_again_is_success(bench: &Bench) {
    for size in [10, PART + 1] {
        let key = bench.key(&format!("again-{size}"));
        let bytes = noise(size);
        let put = Put::new(&key, &bytes);
        let first = put.send(&*bench.storage).await.expect("put");
        let second = put.send(&*bench.storage).await.expect("put again");
        assert_eq!(first, second);
        assert!(bench.bytes(&key).await == bytes);
        assert_eq!(bench.open_uploads(&key).await, Vec::<String>::new());
    }
}

/// A publish id alone proves nothing: the bytes must be those of the file.
pub(crate) async fn the_same_publish_with_other_bytes_is_no_success(bench: &Bench) {
    let key = bench.key("impostor");
    let put = Put::new(&key, &noise(1000));
    put.send(&*bench.storage).await.expect("put");
    let mut other = Put::new(&key, &Bytes::from(vec![7; 1000]));
    other.publish_id = put.publish_id;
    let error = other.send(&*bench.storage).await.expect_err("other bytes under the same id");
    assert!(matches!(error.fault, StorageFault::Corrupted | StorageFault::Exists), "{error}");
    let left = bench.info(&key).await.map(|info| info.size);
    assert!(left.is_none_or(|size| size == 1000));
}

pub(crate) async fn another_publish_is_refused(bench: &Bench) {
    for size in [10, PART + 1] {
        let key = bench.key(&format!("taken-{size}"));
        let bytes = noise(size);
        bench.put(&key, &bytes).await.expect("put");
        let error = bench.put(&key, &noise(size + 1)).await.expect_err("another publish");
        assert_eq!(error.fault, StorageFault::Exists, "{error}");
        assert_eq!((error.key.as_ref(), error.left_behind.as_ref()), (Some(&key), None));
        assert!(bench.bytes(&key).await == bytes, "the first object was touched");
        assert_eq!(bench.open_uploads(&key).await, Vec::<String>::new());
    }
}

pub(crate) async fn two_writers_of_one_key(bench: &Bench) {
    if !bench.bears_races {
        return;
    }
    for size in [1000, PART + 1] {
        let key = bench.key(&format!("raced-{size}"));
        let (one, two) = (noise(size), noise(size + 8));
        let (first, second) = tokio::join!(bench.put(&key, &one), bench.put(&key, &two));
        for error in [&first, &second].into_iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(error.fault, StorageFault::Exists, "{error}");
        }
        let won = usize::from(first.is_ok()) + usize::from(second.is_ok());
        if bench.guards_keys {
            assert_eq!(won, 1, "{first:?} {second:?}");
            assert!(bench.bytes(&key).await == if first.is_ok() { one } else { two });
        } else {
            // Without a condition the later of two that raced replaces the other: still one of them, whole.
            let there = bench.bytes(&key).await;
            assert!(there == one || there == two, "a mixture");
        }
        assert_eq!(bench.open_uploads(&key).await, Vec::<String>::new());
    }
}

pub(crate) async fn steps_are_told_in_order(bench: &Bench) {
    let key = bench.key("watched");
    let put = Put::new(&key, &noise(2 * PART + 1));
    put.send(&*bench.storage).await.expect("put");
    let steps = put.watcher.steps();
    match &steps[..] {
        [PutStep::Completing] if bench.bucket.is_none() => {}
        // In the directory of a mirror, then in S3.
        [PutStep::Completing, PutStep::Created { part_bytes: PART, .. }, PutStep::Completing]
            if bench.storage.durability() == Durability::Both => {}
        [PutStep::Created { upload_id, part_bytes: PART }, PutStep::Completing] => assert!(!upload_id.is_empty()),
        other => panic!("{other:?}"),
    }
    let sent = put.watcher.sent();
    assert!(sent.is_sorted() && sent.last() == Some(&(2 * PART + 1)), "{sent:?}");
    let progress = put.watcher.progress();
    let parts: Vec<_> = progress.iter().map(|progress| progress.parts).collect();
    let all = if bench.bucket.is_some() { 3 } else { 1 };
    assert!(parts.is_sorted() && progress.iter().all(|progress| progress.parts_total == all), "{progress:?}");
    assert_eq!(parts.last(), Some(&all), "{progress:?}");
}

pub(crate) async fn a_refused_step_stops_the_put(bench: &Bench) {
    let refusals: [fn(&PutStep) -> bool; 2] =
        [|step| matches!(step, PutStep::Created { .. }), |step| *step == PutStep::Completing];
    for refuse in refusals {
        let key = bench.key("unjournalled");
        let mut put = Put::new(&key, &noise(PART + 1));
        put.watcher.refuse = Some(refuse);
        match put.send(&*bench.storage).await {
            Err(error) => assert_eq!(error.fault, StorageFault::Journal, "{error}"),
            // Local storage has no upload that could be created.
            Ok(_) => {
                assert!(bench.bucket.is_none() && !put.watcher.steps().iter().any(refuse));
                bench.storage.delete(&key).await.expect("delete");
            }
        }
        bench.assert_nothing_left(&key).await;
    }
}

pub(crate) async fn cancelled_before_it_began(bench: &Bench) {
    for size in [10, PART + 1] {
        let key = bench.key("never");
        let put = Put::new(&key, &noise(size));
        put.cancel.cancel();
        let error = put.send(&*bench.storage).await.expect_err("cancelled");
        assert_eq!((error.fault, error.left_behind.as_ref()), (StorageFault::Cancelled, None), "{error}");
        bench.assert_nothing_left(&key).await;
    }
}

pub(crate) async fn cancelled_midway(bench: &Bench) {
    let key = bench.key("half");
    let mut put = Put::new(&key, &noise(8 * PART));
    put.watcher = Watcher { cancel_at_first_bytes: Some(put.cancel.clone()), ..Watcher::default() };
    let error = put.send(&*bench.storage).await.expect_err("cancelled");
    assert_eq!((error.fault, error.left_behind.as_ref()), (StorageFault::Cancelled, None::<&LeftBehind>), "{error}");
    assert!(put.watcher.sent().last().is_some_and(|sent| *sent < 8 * PART), "it went on to the end");
    if bench.bucket.is_some() {
        assert_eq!(put.watcher.steps().last(), Some(&PutStep::Aborted));
    }
    bench.assert_nothing_left(&key).await;
    // And the key is free for another try.
    let put = Put { publish_id: put.publish_id, ..Put::new(&key, &noise(10)) };
    put.send(&*bench.storage).await.expect("a later try");
}

/// Says at the end that it changed, or fails to read behind some offset.
#[derive(Debug)]
struct Treacherous {
    bytes: MemorySource,
    changed: bool,
    unreadable_from: u64,
    reads: AtomicUsize,
}

impl Source for Treacherous {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if offset + buffer.len() as u64 > self.unreadable_from {
            return Err(SourceError::Io(std::io::Error::other("the disk is gone")));
        }
        self.bytes.read_exact_at(buffer, offset)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        if self.changed { Err(SourceError::Changed("its size differs")) } else { Ok(()) }
    }
}

async fn treacherous(bench: &Bench, size: u64, changed: bool, unreadable_from: u64, fault: StorageFault) {
    let key = bench.key("treacherous");
    let bytes = MemorySource(noise(size));
    let file = Arc::new(Treacherous { bytes, changed, unreadable_from, reads: AtomicUsize::new(0) });
    let put = Put::of(&key, Arc::<Treacherous>::clone(&file));
    let error = put.send(&*bench.storage).await.expect_err("a treacherous file");
    assert_eq!((error.fault, error.left_behind.as_ref()), (fault, None), "{error}");
    assert!(file.reads.load(Ordering::Relaxed) > 0);
    assert!(!put.watcher.steps().contains(&PutStep::Completing), "the object could have appeared");
    bench.assert_nothing_left(&key).await;
}

pub(crate) async fn a_changed_file_is_not_stored(bench: &Bench) {
    for size in [10, 2 * PART + 1] {
        treacherous(bench, size, true, u64::MAX, StorageFault::SourceChanged).await;
    }
}

pub(crate) async fn an_unreadable_file_is_not_stored(bench: &Bench) {
    for (size, unreadable_from) in [(10, 0), (2 * PART + 1, 0), (2 * PART + 1, 2 * PART)] {
        treacherous(bench, size, false, unreadable_from, StorageFault::SourceUnreadable).await;
    }
}
