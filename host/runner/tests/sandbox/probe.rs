//! The same limits as a plugin author meets them: through the SDK and the standard library.

use std::sync::OnceLock;

use filmgate_protocol::{Exhausted, Outcome};
use filmgate_runner::inspect;

use crate::support::{Guest, Job, Ran, build, compile};

fn run(params: &str) -> Ran {
    static PROBE: OnceLock<Guest> = OnceLock::new();
    let probe = PROBE.get_or_init(|| compile(&build("probe")));
    Job::new(params).run_in(probe)
}

#[test]
fn honest_plugin_stores_its_files() {
    let ran =
        run(r#"{"do": "store", "files": [{"kind": "mp4"}, {"kind": "png", "path": "a/b.png", "slot": "thumbnail"}]}"#);
    assert!(ran.summary().contains("publish-0") && ran.summary().contains("publish-1"), "{ran:?}");
    let [video, thumbnail] = ran.requests.as_slice() else { panic!("expected two requests: {ran:?}") };
    assert_eq!((video.path.as_str(), thumbnail.path.as_str()), ("video.mp4", "a/b.png"));
    assert_eq!(thumbnail.options.slot.as_deref(), Some("thumbnail"));
    assert_eq!(ran.usage.outbox_entries_created, 3, "two files and a directory");
}

#[test]
fn full_disk_is_told_to_the_plugin_and_need_not_fail_it() {
    let ran = run(r#"{"do": "fill-disk", "mib": 100}"#);
    // Exactly the budget; the standard library knows no more of the reason than "I/O error".
    assert!(ran.summary().starts_with(r#"{"bytes":16777216,"error":""#), "{ran:?}");
}

#[test]
fn recursion_traps_and_waiting_ends() {
    run(r#"{"do": "recurse"}"#).trapped();
    run(r#"{"do": "alloc", "mib": 4000}"#).summary();
}

#[test]
fn inputs_stay_as_they_are() {
    let ran = run(r#"{"do": "write-in", "name": "note.txt"}"#);
    assert!(!ran.summary().contains(r#""ok""#), "{ran:?}");
}

#[test]
fn nothing_outside_is_read() {
    let ran = run(r#"{"do": "escape-read", "paths": ["../secret.txt", "../../secret.txt"]}"#);
    assert!(!ran.summary().contains("secret\n") && !ran.summary().contains(r#"{"ok""#), "{ran:?}");
}

#[test]
fn huge_arguments_end_in_words_not_in_the_host() {
    for at in ["message", "code", "summary", "stage", "path", "slot", "content-type", "metadata"] {
        let ran = run(&format!(r#"{{"do": "huge-string", "at": "{at}", "kib": 100}}"#));
        assert!(matches!(ran.outcome, Some(Outcome::Returned(_) | Outcome::Failed(_))), "{at}: {ran:?}");
        assert_eq!(ran.requests.len(), 0, "{at}");
        run(&format!(r#"{{"do": "huge-string", "at": "{at}", "kib": 9000}}"#)).exhausted(Exhausted::HostcallBytes);
    }
    run(r#"{"do": "huge-list", "count": 1000000}"#).exhausted(Exhausted::HostcallBytes);
    run(r#"{"do": "huge-random"}"#).trapped();
}

#[test]
fn plugin_that_imports_sockets_runs_and_reaches_nothing() {
    let bytes = build("sockets");
    let inspection = inspect(&bytes).expect("inspect");
    assert!(inspection.imports.iter().any(|import| import.name.starts_with("wasi:sockets/tcp@") && import.granted));
    let plugin = compile(&bytes);
    // A listener that would notice.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("do not wait");
    let port = listener.local_addr().expect("an address").port();
    let ran = Job::new(&format!(r#"{{"port": {port}}}"#)).run_in(&plugin);
    assert_eq!(ran.summary().matches("Err(").count(), 3, "{ran:?}");
    assert!(listener.accept().is_err(), "nobody connected");
}
