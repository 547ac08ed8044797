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

fn has_seed() -> bool {
    number("FILMGATE_LABORATORY_SEED").is_some()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no whole number")))
}
