//! How much is tried, and from which seed on: little by default, more where the environment says so.

/// Random schedules of each kind.
pub(crate) fn schedules() -> u64 {
    number("FILMGATE_LABORATORY_COUNT").unwrap_or(if has_seed() { 1 } else { 150 })
}

/// The first seed: given, or as good as new in each process.
pub(crate) fn first_seed() -> u64 {
    number("FILMGATE_LABORATORY_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros();
        u64::try_from(now).unwrap_or_default() / 1000 * 1000
    })
}

/// Bytes of the file whose upload is killed.
pub(crate) fn bytes() -> Option<u64> {
    number("FILMGATE_LABORATORY_BYTES")
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
