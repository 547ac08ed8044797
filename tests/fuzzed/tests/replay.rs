//! Replays what is known to be interesting, and changes of it: the short form of `just fuzz`, in every test run.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fuzzed::TARGETS;

/// Changed inputs for each target in a usual run.
const CHANGED: u64 = 4_000;

/// A number of changed inputs, other ones each time: fuzzing for those who have no time to build the fuzzer.
const CHANGES: &str = "FUZZED_CHANGES";

/// How many changed inputs, and where the numbers begin that change them.
fn plan() -> (u64, u64) {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a later time").as_micros();
    match std::env::var(CHANGES) {
        Ok(count) => (count.parse().expect("a number"), SEED ^ u64::try_from(now()).expect("this age")),
        Err(_) => (CHANGED, SEED),
    }
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{target} has {} inputs", files.len());
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("read an input"))).collect()
}

/// The same numbers in every usual run: what fails there fails again.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("below a size")
    }
}

/// Some bytes set, a number of an edge set, a part cut out, doubled or replaced by another input's.
fn change(numbers: &mut Numbers, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    const EDGES: [u32; 9] = [0, 1, 7, 8, 0xff, 0x7fff_ffff, 0x8000_0000, u32::MAX - 7, u32::MAX];
    for _ in 0..=numbers.below(4) {
        let (one, two) = (numbers.below(bytes.len() + 1), numbers.below(bytes.len() + 1));
        let (from, to) = (one.min(two), one.max(two));
        match numbers.below(6) {
            0 | 1 => {
                let value = u8::try_from(numbers.next() % 256).expect("a byte");
                bytes.splice(from..(from + 1).min(bytes.len()), [value]);
            }
            2 => {
                let number = EDGES[numbers.below(EDGES.len())].to_be_bytes();
                bytes.splice(from..(from + 4).min(bytes.len()), number);
            }
            3 => drop(bytes.drain(from..to)),
            4 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(to..to, piece);
            }
            _ => {
                let start = numbers.below(other.len() + 1);
                let piece = other[start..].iter().take(64).copied().collect::<Vec<_>>();
                bytes.splice(from..to, piece);
            }
        }
    }
    bytes
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|(target, _)| *target == name).expect("a target").1;
    let corpus = corpus(name);
    corpus.iter().for_each(|(_, bytes)| target(bytes));
    let (count, seed) = plan();
    let mut numbers = Numbers(seed);
    for _ in 0..count {
        let (_, one) = &corpus[numbers.below(corpus.len())];
        let (_, other) = &corpus[numbers.below(corpus.len())];
        let changed = change(&mut numbers, one.clone(), other);
        if std::panic::catch_unwind(|| target(&changed)).is_err() {
            panic!("{name} fails with {:?}, which is {changed:?}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn p3_parts_of_a_job() {
    replay("job");
}

#[test]
fn b2_keys_and_templates() {
    replay("keys");
}

#[test]
fn p3_manifests_and_their_schemas() {
    replay("manifest");
}

#[test]
fn b10_media() {
    replay("media");
}

#[test]
fn p1_paths() {
    replay("paths");
}

#[test]
fn m2_frames_of_a_runner() {
    replay("protocol");
}

#[test]
fn d3_settings() {
    replay("settings");
}

/// The fuzzer has a program for each target, and no other.
#[test]
fn every_target_has_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let mut programs: Vec<_> = std::fs::read_dir(folder)
        .expect("open the folder")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    programs.sort();
    assert_eq!(programs, TARGETS.map(|(name, _)| name));
}
