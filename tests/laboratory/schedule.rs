//! How much is tried, and from which seed on: little by default, more where the environment says so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Tries to make a schedule that fails smaller.
const SHRINKS: usize = 60;

/// Random schedules of each kind.
pub(crate) fn schedules() -> u64 {
    schedules_or(150)
}

/// The same, where the usual number is this.
pub(crate) fn schedules_or(usual: u64) -> u64 {
    number("FILMGATE_LABORATORY_COUNT").unwrap_or(if has_seed() { 1 } else { usual })
}

/// Whether all is to be tried that there is, however long it takes.
pub(crate) fn is_torture() -> bool {
    number("FILMGATE_LABORATORY_COUNT").is_some()
}

/// What a seed makes, as a tree that can be made smaller, and as it is.
pub(crate) fn tree_of<S: Strategy>(seed: u64, strategy: &S) -> (S::Tree, S::Value) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let tree = strategy.new_tree(&mut TestRunner::new_with_rng(Config::default(), random)).expect("a value");
    let value = tree.current();
    (tree, value)
}

/// The first seed: given, or as good as new in each process.
pub(crate) fn first_seed() -> u64 {
    number("FILMGATE_LABORATORY_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros();
        u64::try_from(now).unwrap_or_default() / 1000 * 1000
    })
}

/// Tries so many seeds, several at once, each of those with a place of its own. The first violation ends it.
pub(crate) async fn try_all<P>(
    (first, count): (u64, u64),
    at_once: u64,
    place: impl AsyncFn() -> P,
    one: impl AsyncFn(&P, u64) -> Result<(), String>,
) -> Result<(), String> {
    let next = AtomicU64::new(0);
    let failed: OnceLock<String> = OnceLock::new();
    let runs = (0..at_once.min(count)).map(|_| async {
        let place = place().await;
        loop {
            let offset = next.fetch_add(1, Ordering::Relaxed);
            if offset >= count || failed.get().is_some() {
                return;
            }
            if let Err(said) = one(&place, first.wrapping_add(offset)).await {
                failed.get_or_init(|| said);
            }
        }
    });
    futures::future::join_all(runs).await;
    failed.into_inner().map_or(Ok(()), Err)
}

/// Plays what a seed makes; a violation comes with the smallest thing that was found to have one.
pub(crate) async fn play<S: Strategy>(
    seed: u64,
    strategy: &S,
    play: impl AsyncFn(&S::Value) -> Result<(), String>,
) -> Result<(), String> {
    let (mut tree, value) = tree_of(seed, strategy);
    let Err(violation) = play(&value).await else { return Ok(()) };
    let mut smallest = (value, violation);
    let mut goes_on = tree.simplify();
    for _ in 0..SHRINKS {
        if !goes_on {
            break;
        }
        let value = tree.current();
        goes_on = match play(&value).await {
            Ok(()) => tree.complicate(),
            Err(violation) => {
                smallest = (value, violation);
                tree.simplify()
            }
        };
    }
    let (value, violation) = smallest;
    Err(format!("FILMGATE_LABORATORY_SEED={seed}: {violation}\nthe smallest schedule found: {value:#?}"))
}

/// Bytes of the file whose upload is killed.
pub(crate) fn bytes() -> Option<u64> {
    number("FILMGATE_LABORATORY_BYTES")
}

/// The row of random trials, whose seeds follow each other.
pub(crate) fn trials(what: &str, first: u64, count: u64, outcomes: &str) {
    row(what, &format!("{count}, seeds from {first}"), outcomes, Some(count));
}

/// A row of the table that `just torture` shows: what, how much, its outcomes, and for random trials how many there were.
#[expect(clippy::print_stdout, reason = "the table")]
pub(crate) fn row(what: &str, count: &str, outcomes: &str, trials: Option<u64>) {
    // The rule of three: after n trials without a violation, with 95 % certainty fewer than 3 in n are.
    let bound = trials.map_or_else(|| "–".to_owned(), |trials| format!("{:.1e}", 3.0 / trials as f64));
    println!("| {what} | {count} | {outcomes} | 0 | {bound} |");
}

/// Says so where nobody can overlook it.
#[expect(clippy::print_stderr, reason = "a test that proves nothing here must say so")]
pub(crate) fn skipped(what: &str) {
    eprintln!("SKIPPED, and nothing was proven: {what}");
}

fn has_seed() -> bool {
    number("FILMGATE_LABORATORY_SEED").is_some()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no whole number")))
}
