use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use filmgate::job::JobId;
use filmgate::outbox::Outbox;

use crate::Fixture;

#[test]
fn a_removed_outbox_leaves_nothing_and_follows_no_link() {
    let fixture = Fixture::new();
    let outside = fixture.data.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), b"kept").unwrap();
    fixture.write("a/b/c/file", b"1");
    fixture.write("a/.filmgate-remove-1/file", b"2");
    fixture.write(".filmgate-remove-1/x/.filmgate-remove-2/y", b"3");
    symlink(&outside, fixture.path("a/link")).unwrap();
    fixture.outbox.remove().unwrap();
    assert_eq!(fs::read_dir(fixture.data.path().join("jobs")).unwrap().count(), 0);
    assert_eq!(fs::read(outside.join("kept")).unwrap(), b"kept");
}

/// Deeper than any path can be written, and than a recursive deletion has stack or descriptors for.
#[test]
fn a_tree_of_ten_thousand_levels_is_removed() {
    let fixture = Fixture::new();
    let script = "i=0; while [ $i -lt 10000 ]; do mkdir d && cd -P d || exit 1; i=$((i+1)); done";
    let made = Command::new("python3")
        .args(["-c", "import os\nfor _ in range(10000):\n os.mkdir('d'); os.chdir('d')"])
        .current_dir(fixture.outbox.out_path())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        let status = Command::new("sh").args(["-c", script]).current_dir(fixture.outbox.out_path()).status().unwrap();
        assert!(status.success());
    }
    fixture.outbox.remove().unwrap();
    assert_eq!(fs::read_dir(fixture.data.path().join("jobs")).unwrap().count(), 0);
}

#[test]
fn an_input_that_cannot_be_read_leaves_no_directories() {
    let fixture = Fixture::new();
    let inputs = [("photo.jpg".to_owned().try_into().unwrap(), fixture.data.path().join("absent"))];
    let before = fs::read_dir(fixture.data.path().join("jobs")).unwrap().count();
    let error = Outbox::create(&fixture.data, JobId::generate(), &inputs).unwrap_err();
    assert!(error.to_string().contains("photo.jpg"), "{error}");
    assert_eq!(fs::read_dir(fixture.data.path().join("jobs")).unwrap().count(), before);
}
