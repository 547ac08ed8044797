//! Settings at start (A2, A7, B1, E1): refused in one message before anything starts, with exit code 2 and no secret.

use filmgate_tests::cli::{Ended, Filmgate};

const CANARY: &str = "canary-SECRET+x1";

/// Every command that reads settings must refuse them alike.
fn refused(place: &Filmgate) -> Ended {
    place.write("film.mp4", filmgate_tests::sample::whole("mp4", 1000));
    let commands: [&[&str]; 3] =
        [&["publish", "film.mp4", "--user", "ana"], &["run", "film.mp4", "--user", "ana"], &["check"]];
    let ended = commands.map(|arguments| place.run(arguments));
    for ended in &ended {
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert_eq!(ended.stdout, "", "{ended:#?}");
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("\nnext step: "), "{ended:#?}");
        assert!(!ended.stderr.contains(CANARY), "a secret is shown: {ended:#?}");
    }
    assert!(!place.folder().join("filmgate-data").exists(), "nothing starts");
    let json = place.run(["check", "--json"]);
    assert_eq!((json.code, json.json()["code"].as_str()), (Some(2), Some("invalid-settings")), "{json:#?}");
    assert!(!json.all().contains(CANARY), "a secret is shown: {json:#?}");
    let [first, ..] = ended;
    first
}

fn s3() -> Filmgate {
    Filmgate::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", CANARY)
        .with("AWS_REGION", "eu-central-1")
        .with("S3_BUCKET_NAME", "videos")
}

#[test]
fn a2_every_missing_variable_is_named_at_once() {
    let ended = refused(&Filmgate::new().with("FILMGATE_STORAGE", "s3").with("AWS_SESSION_TOKEN", CANARY));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME"] {
        assert!(ended.stderr.contains(&format!("  {name}: is not set")), "{name}: {ended:#?}");
    }
}

#[test]
fn a2_malformed_variables_are_named_without_their_values() {
    let place = Filmgate::new()
        .with("AWS_ACCESS_KEY_ID", &format!("'{CANARY}'"))
        .with("AWS_SECRET_ACCESS_KEY", &format!("{CANARY}\n"))
        .with("AWS_REGION", "eu-central-1")
        .with("S3_BUCKET_NAME", "videos")
        .with("S3_PUBLIC_BASE_URL", &format!("https://me:{CANARY}@cdn.example"))
        .with("AWS_ENDPOINT_URL_S3", &format!("https://me:{CANARY}@s3.example"));
    let ended = refused(&place);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_PUBLIC_BASE_URL", "AWS_ENDPOINT_URL_S3"] {
        assert!(ended.stderr.contains(&format!("  {name}: ")), "{name}: {ended:#?}");
    }
}

#[test]
fn settings_that_disagree_are_refused() {
    let ended = refused(&s3().with("S3_BUCKET", "other"));
    assert!(ended.stderr.contains("S3_BUCKET_NAME and S3_BUCKET: mean the same but"), "{ended:#?}");
    let ended = refused(&s3().with("USE_S3", "true").with("USE_LOCAL_STORAGE", "true"));
    assert!(ended.stderr.contains("USE_S3=true and USE_LOCAL_STORAGE=true: disagree"), "{ended:#?}");
    let ended = refused(&s3().with("FILMGATE_STORAGE", "local").with("USE_S3", "1"));
    assert!(ended.stderr.contains("FILMGATE_STORAGE=local and USE_S3=1: disagree"), "{ended:#?}");
}

#[test]
fn what_this_version_cannot_do_is_refused_by_name() {
    let ended = refused(&s3().with("AWS_PROFILE", "work"));
    assert!(ended.stderr.contains("AWS_PROFILE: is not used"), "{ended:#?}");
    let ended = refused(&s3().with("FILMGATE_STORGE", "local"));
    assert!(ended.stderr.contains("FILMGATE_STORGE: is no setting; known: "), "{ended:#?}");
}

#[test]
fn a_fault_in_the_file_names_file_and_line_only() {
    let place = Filmgate::new();
    place.write("filmgate.toml", format!("[storage.s3]\nbucket = \"b\"\nsecret_access_key = \"{CANARY}\"\n"));
    let ended = refused(&place);
    assert!(ended.stderr.contains("filmgate.toml, line 3: unknown field `secret_access_key`"), "{ended:#?}");

    let place = Filmgate::new().with("FILMGATE_CONFIG", "elsewhere.toml");
    let ended = refused(&place);
    assert!(ended.stderr.contains("FILMGATE_CONFIG: read ") && ended.stderr.contains("elsewhere.toml"), "{ended:#?}");
}

#[test]
fn a_layout_with_a_fault_is_refused_at_start() {
    let place = Filmgate::new();
    let slot = "key = \"{usr}/{job}.mp4\"\nkinds = [\"mp4\"]\nclass = \"final\"\n";
    place.write("filmgate.toml", format!("[layouts.mine]\nmain = \"video\"\n[layouts.mine.slots.video]\n{slot}"));
    let ended = refused(&place);
    assert!(
        ended.stderr.contains("layout mine, slot video: the variable {usr} is unknown; allowed: {user}"),
        "{ended:#?}"
    );
}
