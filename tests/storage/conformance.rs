//! The suite that every storage passes.

use crate::bench::{self, Bench};

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    for bench in [bench::local().await, bench::garage().await, bench::s3s().await] {
        println!("== {}", bench.storage.describe());
        for ability in bench.storage.probe().await.expect("probe") {
            println!("{ability:?}");
        }
        for size in [1, 1000, bench::PART, bench::PART + 1, 2 * bench::PART, 2 * bench::PART + 1] {
            let key = bench.key(&format!("{size}"));
            let bytes = bench::noise(size);
            let put = bench.put(&key, &bytes).await;
            println!("{size} {put:?}");
            put.unwrap();
            assert!(bench.bytes(&key).await == bytes);
        }
    }
}
