use std::time::Duration;

use crate::config::resolver::Resolver;
use crate::policy::{Allowance, Limit, Limits, Unit};
use crate::units::{ByteSize, Span};

/// Resolves what a job may use unless its plugin's own table says otherwise.
pub(super) fn resolve(resolver: &mut Resolver<'_>, file: &Limits) -> Allowance {
    let mut allowance = Allowance::default();
    for limit in Limit::ALL {
        let value = pick(resolver, limit, file.get(limit), allowance.get(limit));
        allowance.set(limit, value);
    }
    allowance
}

fn pick(resolver: &mut Resolver<'_>, limit: Limit, file: Option<u64>, default: u64) -> u64 {
    let (key, names, range) = (limit.setting(), &[limit.variable()], limit.range());
    let (min, max) = (*range.start(), *range.end());
    let time = |milliseconds| Span(Duration::from_millis(milliseconds));
    match limit.unit() {
        Unit::Bytes => {
            let value = resolver.pick_or(key, names, file.map(ByteSize), ByteSize(default));
            resolver.bound(key, &value, &ByteSize(min), &ByteSize(max));
            value.0
        }
        Unit::Time => {
            let value = resolver.pick_or(key, names, file.map(time), time(default));
            resolver.bound(key, &value, &time(min), &time(max));
            u64::try_from(value.0.as_millis()).unwrap_or(u64::MAX)
        }
        Unit::Count => {
            let value = resolver.pick_or(key, names, file, default);
            resolver.bound(key, &value, &min, &max);
            value
        }
    }
}
