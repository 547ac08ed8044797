use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use filmgate_runner::Engine;

use super::*;
use crate::plugin::PluginDigest;

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new().unwrap())
}

fn id(component: &str) -> EntryId {
    EntryId::new(PluginDigest::of(component.as_bytes()), engine(), true)
}

/// No code, and never loaded: the cache does not look at what it keeps.
fn artifact(bytes: &[u8]) -> Artifact {
    // SAFETY: nothing here maps it.
    #[expect(unsafe_code, reason = "stands for compiled code")]
    unsafe { Artifact::from_trusted_reader(bytes) }.unwrap()
}

fn bytes(artifact: &Artifact) -> Vec<u8> {
    let mut bytes = Vec::new();
    artifact.write_to(&mut bytes).unwrap();
    bytes
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("components")
    }

    fn open(&self) -> ComponentCache {
        ComponentCache::open(&self.folder(), 1 << 20).unwrap()
    }

    fn entry(&self, id: EntryId) -> PathBuf {
        self.folder().join(id.file_name())
    }

    fn entries(&self) -> usize {
        fs::read_dir(self.folder()).unwrap().filter(|e| e.as_ref().unwrap().path().extension().is_some()).count()
    }
}

/// Keeps `code` for a component that the cache must not have.
fn fill(cache: &ComponentCache, id: EntryId, code: &[u8]) {
    let Cached::Miss(turn) = cache.get(id).unwrap() else { panic!("it is there") };
    cache.keep(turn, &artifact(code)).unwrap();
}

fn hit(cache: &ComponentCache, id: EntryId) -> Option<Vec<u8>> {
    match cache.get(id).unwrap() {
        Cached::Hit(artifact) => Some(bytes(&artifact)),
        Cached::Miss(_) => None,
    }
}

#[test]
fn what_was_kept_is_found_by_every_process() {
    let place = Place::new();
    fill(&place.open(), id("a"), b"code of a");
    assert_eq!(hit(&place.open(), id("a")).unwrap(), b"code of a");
    assert_eq!(hit(&place.open(), id("b")), None);
    let own = EntryId::new(PluginDigest::of(b"a"), engine(), false);
    assert_eq!(hit(&place.open(), own), None, "what a child compiled is not for a host that runs plugins itself");
    assert_eq!(hit(&place.open(), id("a").of_another_engine()), None, "another version, machine or setting");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(place.folder()), mode(place.folder().join("key"))), (0o700, 0o600));
    assert_eq!(mode(place.entry(id("a"))), 0o600);
}

#[test]
fn p1_no_bit_of_an_entry_can_be_changed() {
    let place = Place::new();
    let cache = place.open();
    fill(&cache, id("a"), b"code of a");
    let good = fs::read(place.entry(id("a"))).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.entry(id("a")), bad).unwrap();
        assert_eq!(hit(&cache, id("a")), None, "bit {bit}");
        assert!(!place.entry(id("a")).exists(), "what cannot be used is deleted");
    }
    for length in 0..good.len() {
        fs::write(place.entry(id("a")), &good[..length]).unwrap();
        assert_eq!(hit(&cache, id("a")), None, "{length} bytes");
    }
    fs::write(place.entry(id("a")), [&good[..], b"x"].concat()).unwrap();
    assert_eq!(hit(&cache, id("a")), None, "longer");
    fill(&cache, id("a"), b"code of a");
    assert_eq!(fs::read(place.entry(id("a"))).unwrap(), good, "made anew");
}

#[test]
fn p1_a_foreign_entry_is_not_used() {
    let (place, other) = (Place::new(), Place::new());
    let cache = place.open();
    fill(&other.open(), id("a"), b"evil");
    fs::copy(other.entry(id("a")), place.entry(id("a"))).unwrap();
    assert_eq!(hit(&cache, id("a")), None, "with another key");
    // With the right key, but for something else.
    fill(&cache, id("b"), b"code of b");
    fs::copy(place.entry(id("b")), place.entry(id("a"))).unwrap();
    assert_eq!(hit(&cache, id("a")), None, "of another component");
    let renamed = id("b").of_another_engine();
    fs::copy(place.entry(id("b")), place.entry(renamed)).unwrap();
    assert_eq!(hit(&cache, renamed), None, "for another engine");
    std::os::unix::fs::symlink(place.entry(id("b")), place.entry(id("a"))).unwrap();
    assert_eq!(hit(&cache, id("a")), None, "behind a link");
    fs::create_dir(place.entry(id("c"))).unwrap();
    assert_eq!(hit(&cache, id("c")), None, "a directory");
    assert_eq!(hit(&cache, id("b")).unwrap(), b"code of b");
}

#[test]
fn p1_a_key_that_others_could_know_is_replaced() {
    let place = Place::new();
    fill(&place.open(), id("a"), b"code of a");
    let key = place.folder().join("key");
    let before = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(hit(&place.open(), id("a")), None, "what the old key proved is worth nothing");
    let after = fs::read(&key).unwrap();
    assert!(after != before && after.len() == 32 && after != [0; 32]);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    for broken in [&b""[..], b"short", &[7; 33]] {
        fs::write(&key, broken).unwrap();
        place.open();
        assert_eq!(fs::read(&key).unwrap().len(), 32);
    }
    assert!(!format!("{:?}", place.open()).contains(&format!("{}", after[0])), "the key is not shown");
}

#[test]
fn one_compiles_and_the_others_wait() {
    let place = Place::new();
    let compiled = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Each as a process would: a folder handle and locks of its own.
                let cache = place.open();
                match cache.get(id("a")).unwrap() {
                    Cached::Hit(artifact) => assert_eq!(bytes(&artifact), b"code"),
                    Cached::Miss(turn) => {
                        compiled.fetch_add(1, Ordering::Relaxed);
                        cache.keep(turn, &artifact(b"code")).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(compiled.into_inner(), 1);
}

#[test]
fn a_turn_that_came_to_nothing_is_the_next_ones() {
    let place = Place::new();
    let cache = place.open();
    drop(cache.get(id("a")).unwrap());
    fill(&cache, id("a"), b"code");
}

#[test]
fn what_was_not_used_for_long_makes_room() {
    let place = Place::new();
    let cache = ComponentCache::open(&place.folder(), 10_000).unwrap();
    for (name, age) in [("a", 300), ("b", 200), ("c", 100)] {
        fill(&cache, id(name), &[0; 3_000]);
        let used = SystemTime::now() - Duration::from_secs(age);
        File::open(place.entry(id(name))).unwrap().set_modified(used).unwrap();
    }
    assert_eq!(place.entries(), 3);
    assert!(hit(&cache, id("a")).is_some(), "used now");
    fill(&cache, id("d"), &[0; 3_000]);
    assert_eq!(hit(&cache, id("b")), None);
    assert!(hit(&cache, id("a")).is_some() && hit(&cache, id("c")).is_some() && hit(&cache, id("d")).is_some());
    // More than there is room for is not kept, and drives nothing out.
    let Cached::Miss(turn) = cache.get(id("e")).unwrap() else { panic!("it is there") };
    cache.keep(turn, &artifact(&[0; 10_000])).unwrap();
    assert_eq!((hit(&cache, id("e")), place.entries()), (None, 3));
}

#[test]
fn what_a_killed_process_left_is_deleted_after_a_day() {
    let place = Place::new();
    let cache = place.open();
    for (name, hours) in [(".new-old", 25), (".new-young", 23)] {
        let file = File::create(place.folder().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    }
    fill(&cache, id("a"), b"code");
    assert!(!place.folder().join(".new-old").exists() && place.folder().join(".new-young").exists());
}
