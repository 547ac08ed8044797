//! `filmgate check`: settings with their origin, each line pass or fail with the mend.

use filmgate_tests::cli::Filmgate;
use filmgate_tests::s3s::S3sServer;

const CANARY: &str = "canary-SECRET+x1";

#[test]
fn a_fresh_machine_passes_every_line() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_CPU", "2m");
    place.write("filmgate.toml", "[budget]\nmemory = \"1 GiB\"\n");
    let ended = place.run(["check"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for name in [
        "data directory",
        "paths stay inside",
        "catalogue",
        "jail: landlock",
        "jail: seccomp",
        "store an object",
        "read it back",
        "delete it",
    ] {
        assert!(ended.stdout.contains(&format!("pass  {name}")), "{name}: {}", ended.stdout);
    }
    let line = |key: &str| ended.stdout.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert!(line("budget.cpu ").ends_with("from FILMGATE_BUDGET_CPU") && line("budget.cpu ").contains(" 2m "));
    assert!(line("budget.memory ").contains("1 GiB") && line("budget.memory ").ends_with("filmgate.toml"));
    assert!(line("budget.wall ").ends_with("default"));
    assert_eq!(ended.last_line(), "everything passed");
    let left = std::fs::read_dir(place.folder().join("filmgate-data/storage/filmgate-check"));
    assert!(left.is_err() || left.unwrap().next().is_none(), "the object is deleted again");
}

#[test]
fn m2_a_host_that_runs_plugins_itself_says_so() {
    let ended = Filmgate::new().with("FILMGATE_RUNNER", "in-process").run(["check"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("note  plugins are locked in") && !ended.stdout.contains("jail: "), "{ended:#?}");
}

#[test]
fn json_tells_the_same() {
    let ended = Filmgate::new().run(["check", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let answer = ended.json();
    assert_eq!((answer["ok"].as_bool(), answer["reason"].as_str()), (Some(true), Some("no bucket is set")));
    let lines = answer["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["name"] == "store an object" && line["result"] == "pass"), "{answer}");
    let settings = answer["settings"].as_array().unwrap();
    assert!(settings.iter().any(|one| one["key"] == "storage.local.path" && one["origin"] == "default"), "{answer}");
}

#[test]
fn an_endpoint_that_is_down_ends_with_19_and_shows_no_secret() {
    // Bound and closed again: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = Filmgate::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", CANARY)
        .with("AWS_SESSION_TOKEN", CANARY)
        .with("AWS_REGION", "eu-central-1")
        .with("S3_BUCKET_NAME", "videos")
        .with("AWS_ENDPOINT_URL_S3", &format!("http://127.0.0.1:{port}"))
        .with("FILMGATE_S3_RETRIES", "0")
        .with("FILMGATE_LOG", "trace");
    let ended = place.run(["check"]);
    assert_eq!(ended.code, Some(19), "{ended:#?}");
    assert!(ended.stdout.contains("FAIL  store an object") && ended.stdout.contains("→ check AWS_ENDPOINT_URL_S3"));
    assert!(!ended.stdout.contains("then run `filmgate check`"), "it is running: {ended:#?}");
    assert!(!ended.all().contains(CANARY), "a secret is shown: {ended:#?}");

    let problem = place.run(["run", "absent.wasm", "--user", "ana", "--json"]).json();
    assert!(problem["exit_code"] == 19 && problem["bucket"] == "videos" && problem["key"].is_null(), "{problem}");

    place.write("film.mp4", filmgate_tests::sample::whole("mp4", 1000));
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--json"]);
    assert_eq!(ended.code, Some(19), "{ended:#?}");
    let problem = ended.json();
    assert_eq!(problem["code"], "storage-unreachable", "{problem}");
    assert!(problem["bucket"] == "videos" && problem["key"].is_string(), "{problem}");
    let next_steps = "then run `filmgate check`; `filmgate retry --all` then publishes what was kept";
    assert!(problem["next_step"].as_str().unwrap().ends_with(next_steps), "{problem}");
    assert!(!ended.all().contains(CANARY), "a secret is shown: {ended:#?}");
    assert!(place.folder().join("film.mp4").exists(), "nothing was taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_urls_of_a_private_bucket_are_told_with_their_setting() {
    let server = S3sServer::start().await;
    let bucket = server.bucket();
    let place = Filmgate::new().with_bucket(&bucket).with("FILMGATE_URL", "public").with("FILMGATE_URL_VERIFY", "true");
    let ended = tokio::task::block_in_place(|| place.run(["check"]));
    assert_eq!(ended.code, Some(20), "{ended:#?}");
    assert!(ended.stdout.contains("make objects public by the bucket's policy, or change urls.mode"), "{ended:#?}");
    assert!(!ended.stdout.contains("credentials' policy"), "{ended:#?}");
}
