//! `filmgate verify`, and `filmgate assets list --failed`.

use std::fs;

use filmgate_tests::bucket::TestBucket;
use filmgate_tests::cli::{Ended, Filmgate};
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;

use crate::planted::{Bench, Store, at};

fn assert_result(ended: &Ended, exit: i32, result: &str) {
    assert_eq!(ended.code, Some(exit), "{ended:#?}");
    assert_eq!(ended.json()["assets"][0]["result"], result, "{ended:#?}");
}

#[test]
fn c8_verify_reads_the_bytes_and_names_what_differs() {
    let bench = Bench::local();
    let Store::Local(root) = &bench.store else { unreachable!("local") };
    let [(whole, _), (flipped, flipped_key), (cut, cut_key), (lost, lost_key), (deleted, _)] =
        std::array::from_fn(|_| bench.publish());
    let verify = |names: &[&str]| bench.place.run(["verify", "--json"].iter().chain(names));
    let all = bench.place.run(["verify", "--all"]);
    assert_eq!(all.code, Some(0), "{all:#?}");
    assert!(all.last_line().starts_with("5 verified (") && all.last_line().ends_with(", 0 mismatches"), "{all:#?}");

    let mut bytes = fs::read(root.join(&flipped_key)).expect("read");
    bytes[500] ^= 0x10;
    fs::write(root.join(&flipped_key), &bytes).expect("write");
    fs::write(root.join(&cut_key), &bytes[..900]).expect("write");
    fs::remove_file(root.join(&lost_key)).expect("remove");
    assert_eq!(bench.place.run(["assets", "delete", &deleted]).code, Some(0));

    assert_result(&verify(&[&whole]), 0, "whole");
    assert_result(&verify(&[&flipped_key]), 20, "checksum-mismatch");
    assert_result(&verify(&[&cut]), 20, "size-mismatch");
    assert_result(&verify(&[&lost]), 20, "missing-object");
    let gone = verify(&[&deleted]);
    assert_eq!((gone.code, gone.json()["assets"][0]["code"].as_str()), (Some(31), Some("gone")), "{gone:#?}");
    let several = verify(&[&whole, "videos/none.mp4", &flipped]);
    assert_eq!(several.code, Some(30), "the first failure decides: {several:#?}");
    assert_eq!(several.json()["assets"].as_array().map(Vec::len), Some(3));

    let all = verify(&["--all"]);
    assert_eq!(all.code, Some(20), "{all:#?}");
    let answer = all.json();
    assert_eq!((answer["verified"].as_i64(), answer["mismatches"].as_i64()), (Some(1), Some(3)), "{answer}");
    let mut results: Vec<_> = answer["assets"].as_array().expect("a list").iter().map(|one| &one["result"]).collect();
    results.sort_by_key(|result| result.to_string());
    assert_eq!(results, ["checksum-mismatch", "missing-object", "size-mismatch"]);
    let none = bench.place.run(["verify"]);
    assert_eq!(none.code, Some(2), "{none:#?}");
}

#[test]
fn c8_a_store_that_is_away_ends_with_19_in_one_object() {
    let bench = Bench::bucket(Garage::shared().bucket(), "away/");
    let (id, _) = bench.publish();
    let data = bench.place.folder().join("filmgate-data");
    let away = Filmgate::new().with("FILMGATE_DATA_DIR", data.to_str().expect("a path"));
    let nowhere = TestBucket { endpoint: "http://127.0.0.1:1".parse().expect("a URL"), ..Garage::shared().bucket() };
    let away = at(away, &nowhere, "away/");
    for arguments in
        [vec!["verify", "--all"], vec!["reconcile"], vec!["reconcile", "--fix"], vec!["verify", id.as_str()]]
    {
        let ended = away.run(arguments.iter().copied().chain(["--json"]));
        assert_eq!(ended.code, Some(19), "{arguments:?}: {ended:#?}");
        let answer = ended.json();
        let problem = if arguments.contains(&id.as_str()) { &answer["assets"][0] } else { &answer };
        assert_eq!((problem["code"].as_str(), problem["exit_code"].as_i64()), (Some("storage-unreachable"), Some(19)));
    }
    assert_eq!(bench.place.run(["verify", &id]).code, Some(0));
}

#[test]
fn a6_failed_publishes_are_listed_for_retry_and_discard() {
    let nowhere = TestBucket { endpoint: "http://127.0.0.1:1".parse().expect("a URL"), ..Garage::shared().bucket() };
    let place = at(Filmgate::new(), &nowhere, "failed/");
    assert_eq!(place.run(["assets", "list", "--failed"]).code, Some(0));
    assert!(!place.folder().join("filmgate-data").exists(), "a look made a data directory");
    for _ in 0..3 {
        place.write("film.mp4", sample::whole("mp4", 1000));
        assert_eq!(place.run(["publish", "film.mp4", "--user", "ana"]).code, Some(19));
    }
    let list = |more: &[&str]| {
        let ended = place.run(["assets", "list", "--failed", "--json"].iter().chain(more));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        ended.json()
    };
    let all = list(&[]);
    let ids: Vec<_> = all["failed"].as_array().expect("a list").iter().map(|one| one["publish"].clone()).collect();
    assert_eq!(ids.len(), 3, "{all}");
    let first = &all["failed"][0];
    assert!(first["error"].as_str().expect("a reason").contains("127.0.0.1:1"), "{first}");
    assert!(first["file"].as_str().expect("a path").ends_with("film.mp4"), "{first}");
    let page = list(&["--limit", "2"]);
    let rest = list(&["--after", page["next"].as_str().expect("a next page")]);
    assert_eq!(rest["failed"][0]["publish"], ids[2]);
    let table = place.run(["assets", "list", "--failed"]);
    assert_eq!(table.stdout.lines().count(), 4, "{table:#?}");
    assert_eq!(place.run(["discard", ids[0].as_str().expect("an id")]).code, Some(0));
    assert_eq!(list(&[])["failed"].as_array().map(Vec::len), Some(2));
    assert_eq!(place.run(["assets", "list", "--failed", "--user", "ana"]).code, Some(2));
}
