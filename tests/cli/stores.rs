//! What was published to one store, under settings that name another by now.

use std::fs;

use filmgate_tests::cli::{Ended, Filmgate};
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;
use serde_json::Value;

/// The same place with local storage.
fn local(place: &Filmgate, arguments: &[&str]) -> Ended {
    Ended::of(place.command(arguments).env("FILMGATE_STORAGE", "local").output().expect("start filmgate"))
}

fn show(place: &Filmgate, id: &str) -> Value {
    let shown = place.run(["assets", "show", id, "--json"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    shown.json()
}

/// The catalogue was away when the file was published; the store of the settings is another when it is recorded.
#[test]
fn c8_a_file_is_recorded_where_it_was_stored_and_not_where_the_settings_look() {
    let bucket = Garage::shared().bucket();
    let s3 = |place: Filmgate| place.with_bucket(&bucket);
    for (prefix, command) in [("stores-a/", vec!["recover"]), ("stores-b/", vec!["reconcile", "--fix"])] {
        let place = s3(Filmgate::new()).with("S3_KEY_PREFIX", prefix);
        let catalogue = place.folder().join("filmgate-data/catalogue.db");
        fs::create_dir_all(&catalogue).unwrap();
        place.write("film.mp4", sample::whole("mp4", 1000));
        let published = place.run(["publish", "film.mp4", "--user", "ana", "--json"]);
        assert_eq!(published.code, Some(0), "{published:#?}");
        let id = published.json()["publish_id"].as_str().unwrap().to_owned();
        fs::remove_dir(&catalogue).unwrap();
        // Something else is in local storage: it is not that nothing is mounted there.
        let other = local(&place, &["publish", "film.mp4", "--user", "ben", "--layout", "jobs"]);
        assert_eq!(other.code, Some(0), "{other:#?}");
        let ended = local(&place, &command);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(show(&place, &id)["place"], format!("s3://{}", bucket.name));
        let url = local(&place, &["assets", "url", &id, "--json"]);
        assert_eq!((url.code, url.json()["code"].as_str()), (Some(2), Some("invalid-settings")), "{url:#?}");
        let reconciled = local(&place, &["reconcile", "--fix", "--json"]);
        assert_eq!(reconciled.code, Some(0), "{reconciled:#?}");
        assert_eq!(reconciled.json()["disagreements"].as_array().map(Vec::len), Some(0), "{reconciled:#?}");
        assert_eq!(show(&place, &id)["state"], "stored");
        let back = place.run(["assets", "url", &id]);
        assert_eq!(back.code, Some(0), "{back:#?}");
    }
}
