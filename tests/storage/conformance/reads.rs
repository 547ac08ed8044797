use std::time::Duration;

use bytes::Bytes;
use filmgate::storage::{GetOptions, Listing, Presence, StorageFault};
use filmgate_tests::http;
use futures::StreamExt;

use crate::bench::{Bench, fetch, noise};

pub(crate) async fn ranges(bench: &Bench) {
    let key = bench.key("ranged");
    let bytes = noise(1000);
    bench.put(&key, &bytes).await.expect("put");
    let cases: [(_, std::ops::Range<usize>); 5] =
        [(0..1, 0..1), (0..1000, 0..1000), (10..20, 10..20), (999..1000, 999..1000), (990..5000, 990..1000)];
    for (range, expected) in cases {
        let got = fetch(&*bench.storage, &key, Some(range.clone())).await.expect("get");
        let expected = bytes.slice(expected);
        assert!(got == expected, "{range:?}: {} bytes", got.len());
        let body = bench.storage.get(&key, Some(range)).await.expect("get");
        assert_eq!(body.info.size, 1000, "the info is that of the object");
    }
    for range in [1000..1001, 5000..6000, 10..10] {
        assert!(fetch(&*bench.storage, &key, Some(range.clone())).await.is_err(), "{range:?}");
    }
}

pub(crate) async fn absent_objects(bench: &Bench) {
    let key = bench.key("absent");
    assert_eq!(bench.storage.head(&key).await.expect("head"), Presence::Absent);
    let error = bench.storage.get(&key, None).await.err().expect("nothing to get");
    assert_eq!((error.fault, error.key.as_ref()), (StorageFault::NotFound, Some(&key)), "{error}");
    bench.storage.delete(&key).await.expect("delete what is not there");
    bench.put(&key, &noise(10)).await.expect("put");
    bench.storage.delete(&key).await.expect("delete");
    bench.storage.delete(&key).await.expect("delete again");
    bench.assert_nothing_left(&key).await;
    assert_eq!(bench.storage.discard_unfinished(&key).await.ok().unwrap_or_default(), 0);
}

/// One encoder for signing and for addresses: each of these keys breaks a careless one.
pub(crate) async fn odd_keys(bench: &Bench) {
    let names = [
        "a b.mp4",
        "a+b.mp4",
        "é.mp4",
        "e\u{301}.mp4",
        "100%.mp4",
        "100%25.mp4",
        "what?.mp4",
        "a#b.mp4",
        "a&b=c.mp4",
        "'(!*)~.mp4",
        "a:b@c;d,e$f.mp4",
        "日本/動画.mp4",
        "%2e%2e/x.mp4",
        "[x]{y}|^`\"<>.mp4",
        ".hidden.mp4",
        "..twodots.mp4",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let key = bench.key(name);
        let bytes = noise(100 + number as u64);
        bench.put(&key, &bytes).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(bench.info(&key).await.expect(name).size, bytes.len() as u64, "{name}");
        assert!(bench.bytes(&key).await == bytes, "{name}");
        let listed = bench.storage.list(key.as_str(), None).await.expect("list");
        assert!(listed.objects.iter().any(|info| info.key == key), "{name} is not listed");
        let address = bench.storage.address(&key).expect("an address");
        let signed = bench.storage.presign_get(&key, Duration::from_secs(60), &GetOptions::default()).await;
        let signed = signed.expect("a signed address");
        assert_eq!(signed.url.path(), address.path(), "{name}: two encodings");
        let seen: Bytes = match signed.url.scheme() {
            "file" => std::fs::read(signed.url.to_file_path().expect("a path")).expect("read").into(),
            _ => {
                let answer = http::get(&signed.url).await;
                assert_eq!(answer.status(), 200, "{name}: {:?}", answer.body());
                answer.into_body()
            }
        };
        assert!(seen == bytes, "{name}: other bytes at its URL");
    }
    for name in names {
        bench.storage.delete(&bench.key(name)).await.expect("delete");
    }
    assert!(all_keys(bench, &bench.prefix()).await.is_empty());
}

async fn all_keys(bench: &Bench, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let Listing { objects, next } = bench.storage.list(prefix, after.as_deref()).await.expect("list");
        assert!(objects.len() <= 1000);
        keys.extend(objects.into_iter().map(|info| info.key.as_str().to_owned()));
        after = next;
        if after.is_none() {
            return keys;
        }
    }
}

pub(crate) async fn listings_are_in_order_and_continue(bench: &Bench) {
    // `-` sorts before `/`, which sorts before `0`: a walk by directories must not be fooled.
    let mut names: Vec<String> = (0..1003).map(|number| format!("many/{:04}", number * 7 % 1003)).collect();
    names.extend(["many-more/a", "many/0001-x", "many/0001.d/y", "many0", "many/é", "many/z/a/b/c"].map(str::to_owned));
    futures::stream::iter(&names)
        .for_each_concurrent(16, |name| async move {
            let key = bench.key(name);
            match &bench.bucket {
                None => drop(bench.put(&key, &noise(1)).await.expect("put")),
                // Straight to the server: this is about listing.
                Some(bucket) => {
                    let put = bench.observer.as_ref().expect("an observer").put_object().bucket(&bucket.name);
                    put.key(key.as_str()).body(Bytes::from_static(b"x").into()).send().await.expect("put");
                }
            }
        })
        .await;
    let mut expected: Vec<String> = names.iter().map(|name| bench.key(name).as_str().to_owned()).collect();
    expected.sort_unstable();
    assert!(all_keys(bench, &bench.prefix()).await == expected, "order or number of keys");
    let first = bench.storage.list(&bench.prefix(), None).await.expect("list");
    assert_eq!((first.objects.len(), first.next.is_some()), (1000, true));
}

pub(crate) async fn listings_know_prefixes(bench: &Bench) {
    for name in ["a/1", "a/2", "ab/1", "b"] {
        bench.put(&bench.key(name), &noise(3)).await.expect("put");
    }
    let names = |prefix: &'static str| async move {
        let prefix = format!("{}{prefix}", bench.prefix());
        let keys = all_keys(bench, &prefix).await;
        keys.into_iter().map(|key| key[bench.prefix().len()..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["a/1", "a/2", "ab/1", "b"]);
    assert_eq!(names("a").await, ["a/1", "a/2", "ab/1"]);
    assert_eq!(names("a/").await, ["a/1", "a/2"]);
    assert_eq!(names("a/1").await, ["a/1"]);
    assert_eq!(names("c").await, Vec::<String>::new());
    let everything = all_keys(bench, "").await;
    assert!(everything.contains(&bench.key("ab/1").as_str().to_owned()), "the empty prefix finds all");
    let page = bench.storage.list(&bench.prefix(), None).await.expect("list");
    assert!(page.objects.iter().all(|info| info.size == 3 && info.modified.is_some()));
}

pub(crate) async fn nothing_is_public_by_default(bench: &Bench) {
    let key = bench.key("private");
    bench.put(&key, &noise(10)).await.expect("put");
    assert!(!bench.storage.is_public(&key).await.expect("ask"));
    let address = bench.storage.address(&key).expect("an address");
    if address.scheme() == "http" {
        assert_eq!(http::get(&address).await.status(), 403);
    }
}

pub(crate) async fn probes_leave_nothing(bench: &Bench) {
    let first = bench.storage.probe().await.expect("probe");
    assert_eq!(first, bench.storage.probe().await.expect("probe"));
    let found = |name: &str| first.iter().find(|ability| ability.name == name).map(|ability| ability.available);
    if bench.bucket.is_some() {
        assert_eq!(found("conditional put"), Some(bench.guards_keys));
        assert_eq!(found("conditional complete"), Some(bench.guards_keys));
        assert_eq!(found("checksum on put"), Some(true));
        assert_eq!(found("checksum of put kept"), Some(true));
        assert_eq!(found("checksum on parts"), Some(bench.keeps_multipart_checksums));
        assert_eq!(found("checksum of multipart kept"), Some(bench.keeps_multipart_checksums));
        assert_eq!(found("list multipart uploads"), Some(bench.lists_uploads));
    } else {
        assert_eq!(found("write"), Some(true));
    }
    // Other tests of a shared server probe too: only what is old enough to be left counts.
    for info in bench.storage.list(".filmgate-probe/", None).await.expect("list").objects {
        let age = jiff::Timestamp::now().as_second() - info.modified.expect("a time").as_second();
        assert!(age < 60, "{} stays behind", info.key);
    }
}
