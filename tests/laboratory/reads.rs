//! Fetching, listing and deleting while the store fails: never other bytes, never a listing that lacks something, never a
//! success that was none.

use bytes::Bytes;
use filmgate::key::ObjectKey;
use filmgate::storage::{StorageError, StorageFault};
use filmgate_tests::fault_proxy::{Operation, Rule};
use futures::TryStreamExt as _;

use crate::bench::{Bench, SMALL, content, number};
use crate::cell::{ALWAYS, Kind, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_reads_and_deletes_on_garage_are_true_or_fail() {
    reads_and_deletes(Server::Garage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_reads_and_deletes_on_s3s_are_true_or_fail() {
    reads_and_deletes(Server::S3s).await;
}

async fn reads_and_deletes(server: Server) {
    let runs = Kind::ALL.map(|kind| {
        Box::pin(async move {
            let bench = Bench::new(server, false).await;
            for persistent in [false, true] {
                fetches(&bench, kind, persistent).await;
                lists(&bench, kind, persistent).await;
                for after_commit in [false, true] {
                    deletes(&bench, kind, persistent, after_commit).await;
                }
            }
        })
    });
    futures::future::join_all(runs).await;
}

fn plan(bench: &Bench, operation: Operation, kind: Kind, persistent: bool, after_commit: bool) {
    let times = if persistent { ALWAYS } else { 1 };
    bench.proxy.set(Some(Rule { operation, fault: kind.fault(), after_commit, times }));
}

async fn put(bench: &Bench) -> (String, ObjectKey, Bytes) {
    let prefix = format!("r{:x}/", number());
    let (key, bytes) = (format!("{prefix}object"), content(SMALL));
    let put = bench.direct.observer().put_object().bucket(&bench.direct.name).key(&key).body(bytes.clone().into());
    put.send().await.expect("put");
    (prefix, ObjectKey::try_from(key).expect("a key"), bytes)
}

/// An error is of the fault's kind: that of a failing store, or that of its refusal.
#[track_caller]
fn assert_kind(kind: Kind, error: &StorageError) {
    let faults = kind.transient().unwrap_or_else(|| kind.refusal());
    assert!(faults.contains(&error.fault), "{kind:?}: {error}");
}

/// Whether one failure is got over.
fn passes(kind: Kind, persistent: bool) -> bool {
    kind == Kind::WrongChecksum || (!persistent && (kind.transient().is_some() || kind == Kind::Skewed))
}

async fn fetches(bench: &Bench, kind: Kind, persistent: bool) {
    let (prefix, key, bytes) = put(bench).await;
    plan(bench, Operation::GetObject, kind, persistent, false);
    let fetched = async {
        let body = bench.host.storage().get(&key, None).await?;
        body.bytes.try_collect::<Vec<_>>().await
    };
    match fetched.await {
        Ok(pieces) => {
            assert!(pieces.concat() == bytes, "{kind:?}: other bytes");
            assert!(passes(kind, persistent) || kind == Kind::Drip, "{kind:?} always, and fetched");
        }
        // Half a body, or one of another checksum, is told to the reader, who has the beginning already.
        Err(error) if matches!(kind, Kind::Truncated | Kind::WrongChecksum) => {
            assert_eq!(error.fault, StorageFault::Unreachable, "{error}")
        }
        Err(error) => {
            assert!(!passes(kind, persistent) && kind != Kind::Drip, "{kind:?}: {error}");
            assert_kind(kind, &error);
        }
    }
    bench.clear(&prefix).await;
}

async fn lists(bench: &Bench, kind: Kind, persistent: bool) {
    let (prefix, key, _) = put(bench).await;
    plan(bench, Operation::ListObjectsV2, kind, persistent, false);
    match bench.host.storage().list(&prefix, None).await {
        Ok(listing) => {
            let keys: Vec<_> = listing.objects.into_iter().map(|object| object.key).collect();
            assert_eq!((keys, listing.next), (vec![key], None), "{kind:?}");
            assert!(passes(kind, persistent), "{kind:?} always, and listed");
        }
        Err(error) => {
            assert!(!passes(kind, persistent), "{kind:?}: {error}");
            assert_kind(kind, &error);
        }
    }
    bench.clear(&prefix).await;
}

async fn deletes(bench: &Bench, kind: Kind, persistent: bool, after_commit: bool) {
    let (prefix, key, _) = put(bench).await;
    plan(bench, Operation::DeleteObject, kind, persistent, after_commit);
    let outcome = bench.host.storage().delete(&key).await;
    let left = bench.objects(&prefix).await.len();
    match outcome {
        // A store that says "gone" is believed: nothing in the answer could show that it is not.
        Ok(()) => assert!(
            left == 0 || matches!(kind, Kind::NoSuchUpload | Kind::LostThenGone | Kind::Empty200),
            "{kind:?}: deleted, and there"
        ),
        Err(error) => {
            assert!(!passes(kind, persistent), "{kind:?}: {error}");
            assert_kind(kind, &error);
        }
    }
    bench.clear(&prefix).await;
}
