//! `filmgate publish` to local storage: the answer that scripts read.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Stdio;

use filmgate_tests::cli::{Ended, Filmgate};
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;

fn mp4() -> Vec<u8> {
    sample::whole("mp4", 1000)
}

fn path_of(url: &str) -> PathBuf {
    PathBuf::from(url.strip_prefix("file://").unwrap_or_else(|| panic!("{url} is no file URL")))
}

#[test]
fn a4_a5_a_file_is_published_and_the_last_line_is_its_url() {
    let place = Filmgate::new();
    let film = place.write("film.mp4", mp4());
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--period", "2026-03"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let stored = path_of(ended.last_line());
    assert_eq!(fs::read(&stored).unwrap(), mp4());
    let root = place.folder().canonicalize().unwrap().join("filmgate-data/storage");
    let key = stored.strip_prefix(root).unwrap().to_str().unwrap();
    assert!(key.starts_with("videos/ana/2026/03/recap-2026-03-2") && key.ends_with("Z.mp4"), "{key}");
    assert!(film.exists(), "without --move the file stays");
}

#[test]
fn a5_json_is_one_object_with_everything_a_caller_needs() {
    let place = Filmgate::new().with("S3_PUBLIC_BASE_URL", "https://cdn.example/v");
    place.write("film.mp4", mp4());
    let arguments = ["publish", "film.mp4", "--user", "ana", "--layout", "jobs", "--slot", "final", "--json"];
    let ended = place.run(arguments);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let answer = ended.json();
    let job = answer["job"].as_str().unwrap();
    assert_eq!(answer["key"], format!("ana/{job}/video.mp4"));
    assert_eq!(answer["url"], format!("https://cdn.example/v/ana/{job}/video.mp4"));
    assert_eq!(answer["size"], mp4().len());
    assert_eq!((&answer["content_type"], &answer["durability"]), (&"video/mp4".into(), &"local".into()));
    assert!(answer["expires_at"].is_null(), "{answer}");
    assert_eq!(answer["checksum"]["crc64nvme"].as_str().map(str::len), Some(16));
    assert_eq!(answer["assets"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["assets"][0]["slot"], "video");
}

#[test]
fn several_files_are_jobs_of_their_own_and_answer_in_order() {
    let place = Filmgate::new();
    let names: Vec<_> = (0..20).map(|number| format!("{number}.mp4")).collect();
    for (number, name) in names.iter().enumerate() {
        place.write(name, sample::whole("mp4", 1000 + number));
    }
    let ended = place.run(["publish", "--user", "ana"].map(str::to_owned).into_iter().chain(names.clone()));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let urls: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(urls.len(), names.len());
    for (number, url) in urls.iter().enumerate() {
        assert_eq!(fs::read(path_of(url)).unwrap(), sample::whole("mp4", 1000 + number), "{url}");
    }
}

#[test]
fn one_file_that_fails_does_not_keep_the_others_back() {
    let place = Filmgate::new();
    for name in ["first.mp4", "last.mp4"] {
        place.write(name, mp4());
    }
    place.write("page.mp4", "<!doctype html><script>alert(1)</script>");
    let ended = place.run(["publish", "first.mp4", "page.mp4", "last.mp4", "--user", "ana", "--json"]);
    assert_eq!(ended.code, Some(17), "{ended:#?}");
    let answer = ended.json();
    assert_eq!(answer["exit_code"], 17);
    let files = answer["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| file["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["first.mp4", "page.mp4", "last.mp4"]);
    assert!(files[0]["url"].is_string() && files[2]["url"].is_string(), "{answer}");
    assert_eq!((&files[1]["code"], &files[1]["refusal"]), (&"file-refused".into(), &"unsupported-media".into()));

    let ended = place.run(["publish", "first.mp4", "absent.mp4", "--user", "ana"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("absent.mp4 does not exist") && ended.stdout.is_empty(), "{ended:#?}");
}

#[test]
fn a3_move_deletes_the_file_once_it_is_stored() {
    let place = Filmgate::new();
    let film = place.write("film.mp4", mp4());
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--move"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!film.exists() && path_of(ended.last_line()).exists());
}

#[test]
fn b10_what_is_no_video_is_refused_and_stays() {
    let place = Filmgate::new();
    let page = place.write("film.mp4", "<!doctype html><script>alert(1)</script>");
    let empty = place.write("empty.mp4", "");
    let picture = place.write("picture.mp4", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    for (file, cause) in [("film.mp4", "film.mp4"), ("empty.mp4", "empty"), ("picture.mp4", "image/png")] {
        let ended = place.run(["publish", file, "--user", "ana", "--move"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(17), ""), "{ended:#?}");
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(cause), "{ended:#?}");
        let json = place.run(["publish", file, "--user", "ana", "--move", "--json"]).json();
        assert_eq!((json["code"].as_str(), json["exit_code"].as_i64()), (Some("file-refused"), Some(17)), "{json}");
    }
    assert!(page.exists() && empty.exists() && picture.exists());
}

#[test]
fn a_file_that_is_still_written_is_refused_as_busy() {
    let place = Filmgate::new();
    let film = place.write("film.mp4", mp4());
    let writer = OpenOptions::new().append(true).open(&film).unwrap();
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--json"]);
    drop(writer);
    assert_eq!(ended.code, Some(17), "{ended:#?}");
    assert_eq!(ended.json()["refusal"], "busy");
}

#[test]
fn a_file_or_slot_that_is_not_there_is_bad_input() {
    let place = Filmgate::new();
    place.write("film.mp4", mp4());
    for (arguments, cause) in [
        (["publish", "missing.mp4", "--user", "ana", "--slot", "video"], "missing.mp4 does not exist"),
        (["publish", "/dev/null", "--user", "ana", "--slot", "video"], "/dev/null is not a file"),
        (["publish", "film.mp4", "--user", "a/b", "--slot", "video"], "--user: user id \"a/b\""),
        (["publish", "film.mp4", "--user", "ana", "--slot", "Video"], "--slot: slot \"Video\""),
        (["publish", "film.mp4", "--user", "ana", "--layout", "cinema"], "layout cinema is unknown; allowed: jobs"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains(cause), "{cause}: {ended:#?}");
    }
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--slot", "cover"]);
    assert!(ended.stderr.contains("layout recap has no slot cover; allowed: audio"), "{ended:#?}");
    assert!(matches!(ended.code, Some(2 | 17)), "{ended:#?}");
}

/// Keys of one user's files may differ by nothing but the moment of acceptance, and each command is a process of its own.
#[test]
fn a4_processes_that_publish_at_the_same_moment_get_different_keys() {
    let place = Filmgate::new();
    place.write("film.mp4", mp4());
    let start = || place.command(["publish", "film.mp4", "--user", "ana"]);
    let mut urls = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let running: Vec<_> =
            (0..6).map(|_| start().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).collect();
        for child in running {
            let ended = Ended::of(child.wait_with_output().unwrap());
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            urls.insert(ended.last_line().to_owned());
        }
    }
    assert_eq!(urls.len(), 18);
}

#[test]
fn a_name_cannot_forge_a_line_of_ours() {
    let place = Filmgate::new();
    let ended = place.run(["publish", "nope\nnext step: trust me.mp4", "--user", "ana"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    let ours: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("next step: ")).collect();
    assert_eq!(ours.len(), 1, "{ended:#?}");
    assert!(!ours[0].contains("trust me"), "{ended:#?}");
}

/// A pipe that nobody reads, and a disk that is full.
fn mute_outputs() -> [Stdio; 2] {
    let (reader, writer) = std::io::pipe().expect("make a pipe");
    drop(reader);
    [writer.into(), OpenOptions::new().write(true).open("/dev/full").expect("open /dev/full").into()]
}

#[test]
fn a5_an_answer_that_is_lost_is_no_success() {
    for more in [&[][..], &["--json"], &["again.mp4"], &["again.mp4", "--json"]] {
        for output in mute_outputs() {
            let place = Filmgate::new();
            place.write("film.mp4", mp4());
            place.write("again.mp4", mp4());
            let arguments = ["publish", "film.mp4", "--user", "ana", "--period", "2026-03"];
            let mut command = place.command(arguments.iter().chain(more));
            let child = command.stdout(output).stderr(Stdio::piped()).spawn().expect("start filmgate");
            let ended = Ended::of(child.wait_with_output().unwrap());
            assert_eq!(ended.code, Some(74), "{more:?}: {ended:#?}");
            let named = ended.stderr.matches("the file IS published: job ").count();
            assert_eq!(named, 1 + usize::from(more.contains(&"again.mp4")), "{more:?}: {ended:#?}");
            assert!(ended.stderr.contains("key videos/ana/2026/03/recap-"), "{more:?}: {ended:#?}");
            assert!(ended.stderr.contains("URL of the kind file"), "{more:?}: {ended:#?}");
        }
    }
    for output in mute_outputs() {
        let place = Filmgate::new();
        let child = place.command(["check"]).stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(74), "{ended:#?}");
        assert!(ended.stderr.contains("write the answer to standard output: "), "{ended:#?}");
    }
}

#[test]
fn a_failure_that_standard_output_does_not_take_is_told_as_text() {
    for output in mute_outputs() {
        let place = Filmgate::new();
        let mut command = place.command(["publish", "absent.mp4", "--user", "ana", "--json"]);
        let child = command.stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains("absent.mp4 does not exist"), "{ended:#?}");
    }
}

/// A file that is named through a link is not deleted: what would go is the link.
#[test]
fn a3_a_file_that_cannot_be_moved_is_told_to_stay() {
    let place = Filmgate::new();
    let film = place.write("film.mp4", mp4());
    std::os::unix::fs::symlink(&film, place.folder().join("link.mp4")).unwrap();
    let ended = place.run(["publish", "link.mp4", "--user", "ana", "--move", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.json()["kept"].as_str().is_some_and(|kept| kept.ends_with("link.mp4")), "{ended:#?}");
    assert!(film.exists());
    let ended = place.run(["publish", "link.mp4", "--user", "ana", "--move"]);
    assert!(ended.stderr.contains("link.mp4: published, but it could not be deleted and stays"), "{ended:#?}");
    let ended = place.run(["publish", "film.mp4", "--user", "ana", "--move", "--json"]);
    assert!(ended.json()["kept"].is_null() && !film.exists(), "{ended:#?}");
}

#[test]
fn the_next_step_names_the_help_of_this_command() {
    let place = Filmgate::new();
    place.write("film.mp4", mp4());
    for wrong in [["--user", "a/b", "--slot", "video"], ["--user", "ana", "--layout", "cinema"]] {
        let ended = place.run(["publish", "film.mp4"].iter().chain(&wrong));
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains("; see `filmgate publish --help`"), "{ended:#?}");
    }
}

#[test]
fn c7_a_directory_is_published_once_and_only_what_failed_goes_up_again() {
    let place = Filmgate::new();
    fs::create_dir_all(place.folder().join("clips/deep/er")).unwrap();
    place.write("clips/b.mp4", sample::whole("mp4", 1001));
    place.write("clips/deep/er/a.mp4", sample::whole("mp4", 1002));
    place.write("clips/deep/page.mp4", "<!doctype html>");
    place.write("clips/.hidden.mp4", mp4());
    std::os::unix::fs::symlink("b.mp4", place.folder().join("clips/link.mp4")).unwrap();
    let arguments = ["publish", "clips", "--user", "ana", "--json"];
    let first = place.run(arguments);
    assert_eq!(first.code, Some(17), "{first:#?}");
    let first = first.json();
    let names: Vec<_> = first["files"].as_array().unwrap().iter().map(|file| file["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["clips/b.mp4", "clips/deep/er/a.mp4", "clips/deep/page.mp4"]);
    assert!(first["manifest"].is_null(), "{first}");

    place.write("clips/deep/page.mp4", sample::whole("mp4", 1003));
    place.write("clips/new.mp4", sample::whole("mp4", 1004));
    let second = place.run(arguments);
    assert_eq!(second.code, Some(0), "{second:#?}");
    let second = second.json();
    assert_eq!(second["files"].as_array().map(Vec::len), Some(4));
    for number in 0..2 {
        assert_eq!(first["files"][number]["publish_id"], second["files"][number]["publish_id"], "published twice");
    }
    // A changed file is another one.
    place.write("clips/new.mp4", sample::whole("mp4", 1005));
    let third = place.run(arguments).json();
    assert_ne!(second["files"][3]["publish_id"], third["files"][3]["publish_id"]);
    assert_eq!(second["files"][2]["publish_id"], third["files"][2]["publish_id"]);

    fs::create_dir(place.folder().join("empty")).unwrap();
    let empty = place.run(["publish", "empty", "--user", "ana"]);
    assert_eq!(empty.code, Some(2), "{empty:#?}");
    assert!(empty.stderr.contains("has no files in it"), "{empty:#?}");
}

#[test]
fn c7_a_large_set_has_a_manifest() {
    let place = Filmgate::new();
    fs::create_dir(place.folder().join("clips")).unwrap();
    for number in 0..101 {
        place.write(&format!("clips/{number:03}.mp4"), sample::whole("mp4", 1000 + number));
    }
    let arguments = ["publish", "clips", "--user", "ana", "--json"];
    let first = place.run(arguments);
    assert_eq!(first.code, Some(0), "{first:#?}");
    let first = first.json();
    let manifest = path_of(first["manifest"]["url"].as_str().unwrap());
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), 101);
    for (number, entry) in listed.iter().enumerate() {
        assert_eq!(entry["file"], format!("clips/{number:03}.mp4"));
        assert_eq!((&entry["key"], &entry["size"]), (&first["files"][number]["key"], &(1000 + number).into()));
    }
    let again = place.run(arguments).json();
    assert_eq!(again["manifest"]["publish_id"], first["manifest"]["publish_id"], "the same set has one manifest");
}

/// What an earlier try left and this one publishes is on record when the command ends, and its job has succeeded.
#[test]
fn c1_c7_what_a_directory_takes_up_again_is_on_record_at_once() {
    let bucket = Garage::shared().bucket();
    let place = Filmgate::new().with_bucket(&bucket).with("FILMGATE_S3_RETRIES", "0");
    let place = place.with("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    fs::create_dir(place.folder().join("clips")).unwrap();
    place.write("clips/a.mp4", sample::whole("mp4", 1001));
    let arguments = ["publish", "clips", "--user", "ana", "--json"];
    assert_eq!(place.run(arguments).code, Some(19));
    let here = place.with("AWS_ENDPOINT_URL_S3", bucket.endpoint.as_str());
    let published = here.run(arguments);
    assert_eq!(published.code, Some(0), "{published:#?}");
    let listed = here.run(["assets", "list", "--json"]).json();
    assert_eq!(listed["assets"].as_array().map(Vec::len), Some(1), "{listed}");
    let jobs = here.run(["jobs", "list", "--json"]).json();
    assert_eq!(jobs["jobs"][0]["state"], "succeeded", "{jobs}");
}
