//! Fighting the claim and the publish: an object holds the bytes that were claimed or there is none, and nothing that a
//! plugin says becomes part of its key, its type or another's metadata (P1, P3).

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::Duration;

use filmgate::Exhausted;
use filmgate::checksum::Crc64Nvme;
use filmgate::report::JobFault;
use filmgate::storage::StorageFault;
use rustix::fs::{Mode, mkfifoat};

use crate::arena::{Arena, Fight};
use crate::guests::publish as guests;

/// How long a job may last whose time is to end in the middle of its uploads: it has to get there first, also where others
/// keep it from the processor.
const LONG: Duration = Duration::from_secs(6);

/// What the guests' `film` writes.
fn film(bytes: usize) -> Vec<u8> {
    let mut film = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    film.resize(bytes, 7);
    film
}

/// Its objects are films of these sizes, byte by byte, and what is on record of them is true.
#[track_caller]
fn assert_films(fight: &Fight, sizes: &[usize]) {
    assert_eq!(fight.assets().len(), sizes.len(), "{:?}\n{}", fight.ended, fight.log);
    for (asset, size) in fight.assets().iter().zip(sizes) {
        let bytes = fight.bytes(asset);
        assert!(bytes == film(*size), "{} is another film", asset.key);
        assert_eq!((asset.size, asset.checksum), (*size as u64, Crc64Nvme::of(&bytes)));
    }
}

#[test]
fn calls() {
    Arena::of(guests::CALLS).fight(|fight| {
        fight.said(r#"{"not-found": 32, "quota-exceeded": 99968}"#);
        assert_eq!(fight.usage().store_calls, 100_000);
        fight.refused("not-found");
    });
}

#[test]
fn in_flight() {
    let arena = Arena::of(guests::IN_FLIGHT).stalled_storage().keeps(4);
    arena.budget(|budget| budget.wall = LONG).fight(|fight| {
        fight.said(r#"submitted 4 refused {"quota-exceeded": 96}"#);
        fight.exhausted(Exhausted::Wall);
    });
}

#[test]
fn trap_after() {
    Arena::of(guests::TRAP_AFTER).fight(|fight| {
        fight.trapped("unreachable");
        assert_films(fight, &[1000]);
    });
}

#[test]
fn trap_after_submit() {
    Arena::of(guests::TRAP_AFTER_SUBMIT).fight(|fight| {
        fight.trapped("unreachable");
        assert_films(fight, &[1000]);
    });
}

#[test]
fn exit_after_submit() {
    Arena::of(guests::EXIT_AFTER_SUBMIT).fight(|fight| {
        fight.exited(0);
        assert_films(fight, &[1000]);
    });
}

#[test]
fn return_after_submit() {
    Arena::of(guests::RETURN_AFTER_SUBMIT).fight(|fight| {
        fight.published(4);
        assert_films(fight, &[1000, 1001, 1002, 1003]);
    });
}

#[test]
fn write_after_submit() {
    Arena::of(guests::WRITE_AFTER_SUBMIT).fight(|fight| {
        assert_eq!(fight.outcome("submit"), "busy");
        fight.refused("busy");
    });
}

#[test]
fn stream_after_submit() {
    Arena::of(guests::STREAM_AFTER_SUBMIT).fight(|fight| {
        assert_eq!(fight.outcome("submit"), "busy");
        fight.refused("busy");
    });
}

#[test]
fn truncate_after_submit() {
    Arena::of(guests::TRUNCATE_AFTER_SUBMIT).fight(|fight| {
        fight.said("done false");
        fight.published(1);
        assert_films(fight, &[1000]);
    });
}

#[test]
fn swap() {
    Arena::of(guests::SWAP).budget(|budget| budget.stores_in_flight = 8).fight(|fight| {
        fight.published(6);
        assert_films(fight, &[1000, 1001, 1002, 1003, 1004, 1005]);
    });
}

/// The upload is aborted, the file is kept for the operator, and the job's error names both.
#[test]
fn time_out() {
    let arena = Arena::of(guests::TIME_OUT).stalled_storage().keeps(1);
    arena.budget(|budget| budget.wall = LONG).fight(ended_in_upload);
}

#[test]
fn time_out_of_submitted() {
    let arena = Arena::of(guests::TIME_OUT_OF_SUBMITTED).stalled_storage().keeps(1);
    arena.budget(|budget| budget.wall = LONG).fight(ended_in_upload);
}

fn ended_in_upload(fight: &Fight) {
    fight.exhausted(Exhausted::Wall);
    let unpublished = fight.ended.as_ref().unwrap_err().unpublished.as_deref();
    let Some(filmgate::publish::PublishError::Storage { error, kept }) = unpublished else { panic!("{unpublished:?}") };
    assert_eq!(error.fault, StorageFault::Cancelled);
    assert_eq!(fs::read(kept).unwrap(), film(1000));
}

#[test]
fn cancelled_upload() {
    let arena = Arena::of(guests::CANCELLED_UPLOAD).stalled_storage();
    arena.help(|outside| outside.cancel()).fight(|fight| fight.cancelled());
}

#[test]
fn empty() {
    Arena::of(guests::EMPTY).fight(|fight| {
        assert_eq!(fight.outcome("empty"), "empty-file");
        fight.refused("empty-file");
    });
}

#[test]
fn no_files() {
    Arena::of(guests::NO_FILES).fight(|fight| {
        assert_eq!(fight.outcome("folder"), "not-a-file");
        assert_eq!(fight.outcome("film.mp4/x"), "not-a-file");
        assert_eq!(fight.log.matches(": invalid-path").count(), 14, "{}", fight.log);
        fight.refused("invalid-path");
    });
}

#[test]
fn sequences() {
    Arena::of(guests::SEQUENCES).fight(|fight| {
        let outcomes: Vec<_> =
            fight.log.lines().filter_map(|line| line.rsplit_once(": ")).map(|(_, code)| code).collect();
        let again = "already-published";
        assert_eq!(outcomes, ["invalid-options", "invalid-options", "done", again, "done", again, "done"]);
        fight.published(3);
    });
}

#[test]
fn slots() {
    Arena::of(guests::SLOTS).fight(|fight| {
        fight.all_refused("invalid-options", 14);
        assert!(fight.assets().is_empty());
    });
}

#[test]
fn metadata_lines() {
    Arena::of(guests::METADATA_LINES).fight(|fight| {
        fight.all_refused("invalid-options", 12);
        assert!(fight.assets().is_empty());
    });
}

#[test]
fn metadata_size() {
    Arena::of(guests::METADATA_SIZE).fight(|fight| {
        for name in ["3 KiB", "3 KiB together", "one over", "17 pairs", "long name", "twice"] {
            assert_eq!(fight.outcome(name), "invalid-options", "{name}");
        }
        assert_eq!(fight.outcome("all there is"), "done");
        let object = fight.object(&fight.published(1)[0]);
        assert_eq!(object.metadata["plugin-title"].len(), 1019);
    });
}

#[test]
fn metadata_names() {
    Arena::of(guests::METADATA_NAMES).fight(|fight| {
        let asset = &fight.published(1)[0];
        let object = fight.object(asset);
        assert_eq!(object.content_type.as_deref(), Some("video/mp4"));
        assert_eq!(object.metadata["filmgate-user"], "mallory", "the job's own user");
        assert_eq!(object.metadata["filmgate-publish-id"], asset.publish.to_string());
        let report = fight.ended.as_ref().unwrap();
        assert_eq!(object.metadata["filmgate-job"], report.job.to_string());
        let others: Vec<_> = object.metadata.keys().filter(|name| !name.starts_with("filmgate-")).collect();
        assert!(others.len() == 8 && others.iter().all(|name| name.starts_with("plugin-")), "{others:?}");
    });
}

#[test]
fn types() {
    Arena::of(guests::TYPES).fight(|fight| {
        assert_eq!(fight.log.matches(": invalid-options").count(), 9, "{}", fight.log);
        // Parameters and case do not matter, and only the host's own word is stored.
        let asset = &fight.assets()[0];
        assert_eq!(fight.object(asset).content_type.as_deref(), Some("video/mp4"));
        assert_eq!(fight.assets().len(), 1);
    });
}

#[test]
fn no_media() {
    Arena::of(guests::NO_MEDIA).fight(|fight| {
        fight.all_refused("unsupported-media", 9);
        fight.refused("unsupported-media");
    });
}

/// The first bytes decide, and the type is the host's: nothing is stored as a page.
#[test]
fn polyglots() {
    Arena::of(guests::POLYGLOTS).fight(|fight| {
        assert_eq!(fight.outcome("page and film"), "unsupported-media");
        for asset in fight.assets() {
            let object = fight.object(asset);
            let kind = object.content_type.unwrap();
            assert!(["video/mp4", "image/jpeg", "audio/mpeg", "application/json"].contains(&kind.as_str()), "{kind}");
            assert!(asset.key.as_str().ends_with(asset.kind.extension()), "{}", asset.key);
        }
    });
}

#[test]
fn kept_open() {
    Arena::of(guests::KEPT_OPEN).fight(|fight| {
        assert_eq!(fight.outcome("open"), "busy");
        fight.refused("busy");
    });
}

#[test]
fn twice() {
    Arena::of(guests::TWICE).fight(|fight| {
        assert_eq!(fight.log.matches(": already-published").count(), 4, "{}", fight.log);
        fight.published(1);
        assert_films(fight, &[1000]);
    });
}

#[test]
fn too_much() {
    Arena::of(guests::TOO_MUCH).published_bytes(1_000_000).fight(|fight| {
        assert_eq!(fight.log.matches(": too-large").count(), 4, "{}", fight.log);
        fight.published(2);
    });
}

#[test]
fn special_modes() {
    let arena = Arena::of(guests::SPECIAL_MODES).help(|outside| {
        fs::set_permissions(outside.out().join("film.mp4"), fs::Permissions::from_mode(0o6777)).unwrap();
        outside.go();
    });
    arena.fight(|fight| {
        let asset = &fight.published(1)[0];
        let path = asset.url.url.to_file_path().unwrap();
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7000, 0, "special modes are stored");
    });
}

#[test]
fn second_name() {
    let arena = Arena::of(guests::SECOND_NAME).help(|outside| {
        let out = outside.out();
        fs::hard_link(out.join("alias.mp4"), out.join("other.mp4")).unwrap();
        symlink("other.mp4", out.join("symbolic.mp4")).unwrap();
        fs::create_dir(out.join("folder")).unwrap();
        fs::copy(out.join("alias.mp4"), out.join("folder/film.mp4")).unwrap();
        symlink("folder", out.join("folder-link")).unwrap();
        mkfifoat(fs::File::open(&out).unwrap(), "fifo.mp4", Mode::RUSR | Mode::WUSR).unwrap();
        outside.go();
    });
    arena.fight(|fight| {
        assert_eq!(fight.outcome("alias.mp4"), "linked");
        assert_eq!(fight.outcome("symbolic.mp4"), "invalid-path");
        assert_eq!(fight.outcome("folder-link/film.mp4"), "invalid-path");
        assert_eq!(fight.outcome("fifo.mp4"), "not-a-file");
        assert!(matches!(&fight.ended, Err(error) if matches!(error.fault, JobFault::Refused(_))), "{:?}", fight.ended);
    });
}
