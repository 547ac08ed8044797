//! A process that is killed in the middle of a large upload: what the store has already is not sent a second time.

use std::collections::BTreeMap;

use filmgate_tests::embedder::{Ended, Said};
use filmgate_tests::fault_proxy::{Operation, Seen};

use crate::bench::{Bench, PART};
use crate::cell::Server;
use crate::crash::{Death, World};
use crate::schedule;

/// By default twenty parts and a short one.
const BYTES: u64 = 20 * PART + 12345;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_only_missing_parts_are_sent_after_a_kill() {
    let bytes = schedule::bytes().unwrap_or(BYTES);
    let parts = usize::try_from(bytes.div_ceil(PART)).expect("some parts");
    let bench = Bench::new(Server::Garage, true).await;
    let world = World::new(Some(&bench), usize::try_from(bytes).expect("fits memory"), true);
    // The two requests before the first part, and half of the parts.
    let first = world.publish(Death::Request(2 + parts / 2, true), &[]).await;
    assert!(matches!(first, Ended::Killed(None)), "{first:?}");
    let there = stored_parts(&bench, &world.prefix).await;
    assert!(there.len() > parts / 4 && there.len() < parts, "{} of {parts} parts were there", there.len());

    bench.proxy.plan([]);
    let recovered = world.taken_up_watched().await;
    let sent = bench.proxy.requests();
    let Ended::Said(Said::Recovered { publishes, unfinished: 0 }) = &recovered else { panic!("{recovered:?}") };
    assert_eq!(publishes, &["published"]);
    let sent: BTreeMap<u32, u64> =
        sent.iter().filter(|seen| seen.operation == Operation::UploadPart).map(part).collect();
    let again: Vec<_> = sent.keys().filter(|number| there.contains_key(number)).collect();
    assert_eq!(again, Vec::<&u32>::new(), "parts that were there are sent again");
    assert_eq!(sent.len() + there.len(), parts);
    let (before, after) = (there.values().sum::<u64>(), sent.values().sum::<u64>());
    assert_eq!(before + after, bytes, "{before} bytes were there, {after} were sent");
    world.settle(&first).await.unwrap_or_else(|said| panic!("{said}"));
    world.clear().await;
    schedule::row(
        "kill in the middle of an upload",
        &format!("{bytes} B"),
        &format!("{before} B there, {after} B sent after it"),
        None,
    );
}

/// Number and size of each part that the store has of the one open upload.
async fn stored_parts(bench: &Bench, prefix: &str) -> BTreeMap<u32, u64> {
    let (observer, bucket) = (bench.direct.observer(), &bench.direct.name);
    let uploads = observer.list_multipart_uploads().bucket(bucket).prefix(prefix).send().await.expect("list uploads");
    let [upload] = uploads.uploads() else { panic!("{} open uploads", uploads.uploads().len()) };
    let list = observer.list_parts().bucket(bucket).set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone());
    let pages: Vec<_> = list.into_paginator().send().collect::<Result<_, _>>().await.expect("list parts");
    let parts = pages.iter().flat_map(|page| page.parts());
    let number = |number: Option<i32>| u32::try_from(number.unwrap_or_default()).expect("a number");
    let size = |size: Option<i64>| u64::try_from(size.unwrap_or_default()).expect("a size");
    parts.map(|part| (number(part.part_number()), size(part.size()))).collect()
}

/// Number and bytes of a part on its way.
fn part(seen: &Seen) -> (u32, u64) {
    let number = seen.target.split(['?', '&']).find_map(|pair| pair.strip_prefix("partNumber="));
    (number.expect("a part number").parse().expect("a number"), seen.bytes)
}
