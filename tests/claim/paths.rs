use std::fs;
use std::os::unix::fs::symlink;

use filmgate::outbox::ClaimError;

use crate::{Fixture, contents};

#[test]
fn a_path_text_that_is_none_is_refused_before_anything_is_opened() {
    let fixture = Fixture::new();
    fixture.write("video.mp4", b"bytes");
    let long = "a/".repeat(600) + "b";
    let bad = [
        "",
        "/",
        ".",
        "..",
        "./video.mp4",
        "../out/video.mp4",
        "a/../video.mp4",
        "/etc/passwd",
        "/out/video.mp4",
        "video.mp4/",
        "a//video.mp4",
        "video.mp4\0",
        "video\n.mp4",
        "\u{1b}[31mvideo.mp4",
        &long,
    ];
    for path in bad {
        assert!(matches!(fixture.claim(path), Err(ClaimError::InvalidPath { .. })), "{path:?}");
    }
    assert_eq!(fixture.staged(), 0);
}

#[test]
fn no_link_is_followed_out_of_or_inside_the_outbox() {
    let fixture = Fixture::new();
    let secret = fixture.data.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    fixture.write("inside/video.mp4", b"bytes");
    symlink(&secret, fixture.path("absolute")).unwrap();
    symlink("../../../secret", fixture.path("relative")).unwrap();
    symlink("inside", fixture.path("folder")).unwrap();
    symlink("inside/video.mp4", fixture.path("file")).unwrap();
    symlink("/", fixture.path("root")).unwrap();
    symlink("/proc/self/fd", fixture.path("descriptors")).unwrap();
    symlink("loop", fixture.path("loop")).unwrap();
    let bad = ["absolute", "relative", "folder/video.mp4", "file", "root/etc/passwd", "descriptors/0", "loop"];
    for path in bad {
        assert!(matches!(fixture.claim(path), Err(ClaimError::InvalidPath { .. })), "{path:?}");
    }
    assert_eq!(fixture.staged(), 0);
    assert_eq!(fs::read(secret).unwrap(), b"secret");
}

/// A generated corpus: every path of up to four segments from a hostile alphabet. None may yield bytes from outside.
#[test]
fn no_generated_path_yields_bytes_from_outside_the_outbox() {
    let fixture = Fixture::new();
    fs::write(fixture.data.path().join("x"), b"outside").unwrap();
    let segments = ["..", ".", "", "x", "link", "..x", "x..", "proc", "%2e%2e", "\u{202e}x", "X", "…", "~", "*"];
    symlink("../../../..", fixture.path("link")).unwrap();
    let mut tried = 0;
    for a in segments {
        for b in segments {
            for c in segments {
                let path = [a, b, c].join("/");
                tried += 1;
                assert!(fixture.claim(&path).is_err(), "{path:?}");
            }
        }
    }
    assert_eq!(tried, 14 * 14 * 14);
    assert_eq!(fixture.staged(), 0);
}

#[test]
fn odd_but_honest_names_are_claimed() {
    let fixture = Fixture::new();
    let long = "é".repeat(127);
    for name in ["a b.mp4", "ünï çødé.mp4", "日本語.mp4", "\u{202e}4pm.exe", "-rf", "*", "CON", "..mp4", "a\\b", &long]
    {
        fixture.write(name, name.as_bytes());
        assert_eq!(contents(&fixture.claim(name).unwrap()), name.as_bytes(), "{name:?}");
    }
}
