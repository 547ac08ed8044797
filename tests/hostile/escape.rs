//! Reaching what is not granted: the rest of the file system, other jobs, inputs for writing, the process, the network (P1).

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use filmgate::job::JobId;
use filmgate::outbox::{DataDir, Outbox};
use tokio_util::sync::CancellationToken;

use crate::arena::{Arena, Outside};
use crate::corpus;
use crate::guests::{Guest, escape as guests};

/// Paths that are tried; `just hostile-paths` tries a million.
const PATHS: &str = "HOSTILE_PATHS";
const PATHS_IN_CI: u64 = 5_000;

fn paths() -> u64 {
    std::env::var(PATHS).map_or(PATHS_IN_CI, |count| count.parse().unwrap())
}

/// The guest reports that nothing it tried was done.
fn does_nothing(guest: Guest, line: &'static str) {
    Arena::of(guest).fight(move |fight| {
        fight.said(line);
        assert!(fight.ended.is_err() && fight.assets().is_empty(), "{:?}", fight.ended);
    });
}

/// Secrets beside the job's folders, up to the host's temporary directory, and a host's mistake: links to them from inside.
/// They must not help.
fn plant(outside: &Outside) {
    for folder in [outside.out(), outside.inputs()] {
        for above in folder.ancestors().skip(1).take(4) {
            fs::write(above.join("secret"), "SECRET").unwrap();
        }
        let home = folder.parent().unwrap();
        symlink(home, folder.join("link")).unwrap();
        symlink(home.join("secret"), folder.join("file-link")).unwrap();
        symlink("..", folder.join("up-link")).unwrap();
        symlink("/", folder.join("root-link")).unwrap();
        symlink("../loop-link/..", folder.join("loop-link")).unwrap();
    }
    outside.go();
}

/// Every file outside of jobs and storage, with its content.
fn surroundings(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let above = [data, data.parent().unwrap(), &data.join("staging"), &data.join("jobs")];
    let entries = above.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    // The host's own: its databases, and its note of when the latest job was accepted.
    files.retain(|path| !path.ends_with("accepted") && !path.to_string_lossy().contains(".db"));
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// P1: no path of a generated corpus leads anywhere, whatever is done with it.
#[test]
fn corpus_of_paths() {
    let arena = Arena::of(guests::CORPUS_OF_PATHS).params(&format!("[0, {}]", paths())).budget(|budget| {
        budget.cpu = Duration::from_secs(3600);
        budget.wall = Duration::from_secs(3600);
        budget.outbox_entries = 1_000_000_000;
    });
    arena.help(plant).fight(|fight| {
        fight.said(&format!("tried {}", paths()));
        assert!(!fight.log.contains("REACHED"), "{}", fight.log);
        let files = surroundings(&fight.data);
        assert!(files.len() >= 3, "the secrets are gone: {files:?}");
        assert!(files.iter().all(|(_, content)| content == b"SECRET"), "{files:?}");
        for (path, _) in files {
            fs::remove_file(path).unwrap();
        }
    });
}

#[test]
fn write_inputs() {
    does_nothing(guests::WRITE_INPUTS, "done false");
}

#[test]
fn truncate_inputs() {
    does_nothing(guests::TRUNCATE_INPUTS, "done false length 6");
}

#[test]
fn rename_across() {
    does_nothing(guests::RENAME_ACROSS, "done false");
}

#[test]
fn link_across() {
    does_nothing(guests::LINK_ACROSS, "done false");
}

#[test]
fn symbolic_links() {
    does_nothing(guests::SYMBOLIC_LINKS, "made false");
}

#[test]
fn moved_folder() {
    does_nothing(guests::MOVED_FOLDER, "reached []");
}

#[test]
fn process() {
    does_nothing(guests::PROCESS, "reached []");
}

#[test]
fn environment() {
    does_nothing(guests::ENVIRONMENT, "variables [] arguments [] folder None terminal false");
}

/// Two tenants: one knows the other's job, and reaches nothing of it.
#[test]
fn other_job() {
    let other = JobId::generate().to_string();
    let home = format!("jobs/{other}");
    let place = home.clone();
    let arena = Arena::of(guests::OTHER_JOB).params(&format!("{other:?}")).prepare(move |data| {
        fs::create_dir_all(data.join(&place).join("out")).unwrap();
        fs::write(data.join(&place).join("out/honest.mp4"), "honest").unwrap();
    });
    arena.fight(|fight| {
        fight.said("reached []");
        assert_eq!(fight.log.matches("\"publish\": invalid-path").count(), 9, "{}", fight.log);
        fight.refused("invalid-path");
        assert_eq!(fs::read(fight.data.join(&home).join("out/honest.mp4")).unwrap(), b"honest");
        fs::remove_dir_all(fight.data.join(&home)).unwrap();
    });
}

/// Listeners of this process would notice.
#[test]
fn network() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    tcp.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    Arena::of(guests::NETWORK).params(&tcp.local_addr().unwrap().port()).fight(|fight| {
        fight.said("reached []");
        fight.published_nothing();
        assert!(tcp.accept().is_err() && udp.recv(&mut [0; 8]).is_err(), "something arrived");
    });
}

/// The same corpus against the claim: what it takes lies inside, whatever the path says.
#[test]
fn p1_no_generated_path_is_claimed_from_outside() {
    let place = tempfile::tempdir().unwrap();
    let data = std::sync::Arc::new(DataDir::open(place.path().join("data")).unwrap());
    let outbox = Outbox::create(&data, JobId::generate(), &[]).unwrap();
    let out = outbox.out_path();
    for above in out.ancestors().skip(1).take(4) {
        fs::write(above.join("secret"), "SECRET").unwrap();
    }
    symlink(out.parent().unwrap(), out.join("link")).unwrap();
    symlink(out.parent().unwrap().join("secret"), out.join("file-link")).unwrap();
    symlink("..", out.join("up-link")).unwrap();
    symlink("/", out.join("root-link")).unwrap();
    fs::create_dir(out.join("x")).unwrap();
    fs::write(out.join("x/secret"), "inside").unwrap();
    let mut claimed = 0;
    for number in 0..paths() {
        let path = corpus::path(number);
        if let Ok(candidate) = outbox.open(&path, &CancellationToken::new()) {
            assert_eq!((candidate.size(), path.as_str()), (6, "x/secret"));
            claimed += 1;
        }
    }
    // The corpus has paths that lead inside, or it would prove nothing.
    assert!(claimed > 0 || paths() < 100_000, "no path led inside");
}
