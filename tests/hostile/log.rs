//! Floods and forgeries in what people read: the log, progress, errors, traps (P3).

use filmgate::job::is_steering;
use filmgate::report::JobFault;
use std::process::Command;

use crate::arena::{self, Arena, Fight};
use crate::guests::{Guest, log as guests};

const LOG: usize = 64 * 1024;

#[test]
fn flood() {
    Arena::of(guests::FLOOD).fight(|fight| {
        assert!(fight.log.len() <= LOG, "{}", fight.log.len());
        assert!(fight.usage().log_bytes_dropped > (60 << 20), "{:?}", fight.usage());
        fight.published_nothing();
    });
}

#[test]
fn flood_of_lines() {
    Arena::of(guests::FLOOD_OF_LINES).fight(|fight| {
        assert!(fight.log.len() <= LOG, "{}", fight.log.len());
        assert_eq!(fight.usage().log_bytes_dropped, 1_000_000 - LOG as u64);
        fight.published_nothing();
    });
}

#[test]
fn endless_line() {
    Arena::of(guests::ENDLESS_LINE).fight(|fight| {
        assert_eq!(fight.usage().log_bytes_dropped, (4 << 20) - LOG as u64);
        fight.published_nothing();
    });
}

#[test]
fn no_text() {
    Arena::of(guests::NO_TEXT).fight(|fight| {
        assert!(fight.log.contains(char::REPLACEMENT_CHARACTER), "{:?}", fight.log);
        fight.published_nothing();
    });
}

#[test]
fn long_panic() {
    Arena::of(guests::LONG_PANIC).fight(|fight| {
        assert!(fight.trapped("unreachable").len() <= 4096);
        assert!(fight.log.len() <= LOG && fight.usage().log_bytes_dropped > 0, "{:?}", fight.usage());
    });
}

/// Runs the guest by the command too: what it writes for people steers no terminal, and no line of it is the guest's.
#[track_caller]
fn is_harmless_on_a_terminal(guest: Guest) {
    let place = tempfile::tempdir().unwrap();
    let plugin = place.path().join("plugin.wasm");
    std::fs::write(&plugin, guest.component(&arena::folder())).unwrap();
    for more in [&[][..], &["--json"]] {
        let ran = Command::new(arena::command())
            .args(["run", "plugin.wasm", "--user", "mallory"])
            .args(more)
            .current_dir(place.path())
            .env_clear()
            .env("FILMGATE_LOG", "debug")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
        let steers = |text: &str| text.chars().find(|c| *c != '\n' && *c != '\t' && is_steering(*c));
        assert_eq!((steers(&out), steers(&err)), (None, None), "{out}\n{err}");
        for forged in ["https://evil", "error: forged", "next step: run this", "2026-01-01T"] {
            assert!(!out.lines().chain(err.lines()).any(|line| line.starts_with(forged)), "{forged}\n{out}\n{err}");
        }
        assert!(matches!(ran.status.code(), Some(11 | 12)), "{:?}\n{err}", ran.status);
    }
}

#[test]
fn ansi() {
    Arena::of(guests::ANSI).fight(|fight| {
        assert_eq!(fight.failed().0, "\u{1b}[2J", "a caller gets the plugin's words as they are");
        is_harmless_on_a_terminal(guests::ANSI);
    });
}

#[test]
fn bidi() {
    Arena::of(guests::BIDI).fight(|fight| {
        assert_eq!(fight.failed().0, "\u{202e}edoc");
        is_harmless_on_a_terminal(guests::BIDI);
    });
}

#[test]
fn forged_lines() {
    Arena::of(guests::FORGED_LINES).fight(|fight| {
        assert!(fight.failed().1.contains("evil.example"));
        is_harmless_on_a_terminal(guests::FORGED_LINES);
    });
}

#[test]
fn names_of_functions() {
    Arena::of(guests::NAMES_OF_FUNCTIONS).fight(|fight| {
        assert!(fight.trapped("unreachable").len() <= 4096);
        is_harmless_on_a_terminal(guests::NAMES_OF_FUNCTIONS);
    });
}

#[test]
fn progress_odd() {
    Arena::of(guests::PROGRESS_ODD).fight(|fight| {
        assert!(!fight.progress.is_empty());
        let is_share = |(share, _): &(f32, String)| (0.0..=1.0).contains(share);
        assert!(fight.progress.iter().all(is_share), "{:?}", fight.progress);
        fight.published_nothing();
    });
}

#[test]
fn progress_flood() {
    Arena::of(guests::PROGRESS_FLOOD).fight(|fight| {
        let most = fight.usage().wall.as_millis() / 50 + 2;
        assert!(fight.progress.len() as u128 <= most, "{} in {:?}", fight.progress.len(), fight.usage().wall);
        assert_eq!(fight.progress.last(), Some(&(1.0, "last".to_owned())));
        fight.published_nothing();
    });
}

#[test]
fn exit_well() {
    Arena::of(guests::EXIT_WELL).fight(|fight| fight.exited(0));
}

#[test]
fn exit_badly() {
    Arena::of(guests::EXIT_BADLY).fight(|fight: &Fight| {
        fight.exited(1);
        assert_eq!(fight.assets().len(), 1, "what was published stays published");
    });
}

/// Whose words they are is said by the kind of the error, not by its code.
#[test]
fn words_of_the_host() {
    Arena::of(guests::WORDS_OF_THE_HOST).fight(|fight| {
        assert_eq!(fight.failed().0, "upload-failed");
        let error = fight.ended.as_ref().unwrap_err();
        assert!(error.to_string().starts_with("the plugin failed: "), "{error}");
        assert!(matches!(error.fault, JobFault::Plugin { .. }) && error.unpublished.is_none(), "{error:?}");
    });
}
