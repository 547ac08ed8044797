//! What a job used of what it was granted.

use std::time::Duration;

use filmgate::Usage;
use filmgate::policy::{Allowance, Limit, Unit};
use serde_json::{Value, json};

/// Every limit, with what was used of it.
pub(super) struct Budgets(Vec<Row>);

struct Row {
    limit: Limit,
    used: u64,
    granted: u64,
}

/// From this share on, a little more work ends the job.
const NEAR_PERCENT: u64 = 80;

impl Budgets {
    /// `published` and `log_bytes` are the host's own counts; what a runner dropped of the log counts as used.
    pub(super) fn new(allowance: &Allowance, usage: &Usage, published: u64, log_bytes: u64) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let used = |limit| match limit {
            Limit::Memory => usage.memory_bytes_peak,
            Limit::TableElements => usage.table_elements_peak,
            Limit::Cpu => milliseconds(usage.cpu),
            Limit::Wall => milliseconds(usage.wall),
            Limit::Outbox => usage.outbox_bytes_written,
            Limit::OutboxEntries => usage.outbox_entries_created,
            Limit::OutboxDepth => usage.outbox_depth_max.into(),
            Limit::Log => log_bytes.saturating_add(usage.log_bytes_dropped),
            Limit::StoreCalls => usage.store_calls.into(),
            Limit::StoresInFlight => usage.stores_in_flight_peak.into(),
            Limit::Published => published,
            Limit::Hostcall => usage.hostcall_bytes_peak,
            Limit::Handles => usage.handles_peak.into(),
        };
        Self(Limit::ALL.map(|limit| Row { limit, used: used(limit), granted: allowance.get(limit) }).into())
    }

    /// A line for each limit, with a heading.
    pub(super) fn lines(&self) -> Vec<String> {
        let heading = format!("{:9} {:16} {:>12} {:>12} {:>5}", "budget", "limit", "used", "granted", "");
        let rows = self.0.iter().map(|row| {
            let used = about(row.limit, row.used);
            let share = row.percent().map(|percent| format!("{percent} %")).unwrap_or_default();
            let granted = row.limit.show(row.granted);
            format!("{:9} {:16} {used:>12} {granted:>12} {share:>5}", "", row.limit.key())
        });
        [heading].into_iter().chain(rows).map(|line| line.trim_end().to_owned()).collect()
    }

    /// A text for each limit that is nearly used up.
    pub(super) fn warnings(&self) -> Vec<String> {
        let near = self.0.iter().filter_map(|row| Some((row, row.percent()?)));
        let near = near.filter(|(_, percent)| *percent >= NEAR_PERCENT);
        near.map(|(row, percent)| format!("{percent} % of the limit {} are used up", row.limit.key())).collect()
    }

    /// In bytes, milliseconds or numbers.
    pub(super) fn to_json(&self) -> Value {
        let rows = self.0.iter();
        let rows = rows.map(|row| (row.limit.key().to_owned(), json!({"used": row.used, "granted": row.granted})));
        Value::Object(rows.collect())
    }
}

impl Row {
    fn percent(&self) -> Option<u64> {
        let (used, granted) = (u128::from(self.used), u128::from(self.granted));
        (granted > 0).then(|| u64::try_from(used * 100 / granted).unwrap_or(u64::MAX))
    }
}

/// A measured value for people: three digits or more, not the exact number.
fn about(limit: Limit, value: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match limit.unit() {
        Unit::Count => value.to_string(),
        Unit::Time if value < 1_000 => format!("{value}ms"),
        Unit::Time => format!("{}.{}s", value / 1_000, value % 1_000 / 100),
        Unit::Bytes => match STEPS.iter().find(|(step, _)| value >= 10 * step) {
            Some((step, name)) => format!("{} {name}", value.div_ceil(*step)),
            None => format!("{value} B"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Budgets {
        let usage = Usage {
            cpu: Duration::from_millis(290_000),
            wall: Duration::from_millis(12_345),
            memory_bytes_peak: 100 << 20,
            log_bytes_dropped: 3 << 20,
            handles_peak: 25,
            ..Usage::default()
        };
        Budgets::new(&Allowance::default(), &usage, 5_000, 1 << 20)
    }

    #[test]
    fn used_stands_beside_granted() {
        let lines = budgets().lines();
        let line =
            |key: &str| lines.iter().find(|line| line.contains(key)).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(line("memory"), ["memory", "100", "MiB", "512", "MiB", "19", "%"]);
        assert_eq!(line("cpu"), ["cpu", "290.0s", "5m", "96", "%"]);
        assert_eq!(line("wall"), ["wall", "12.3s", "15m", "1", "%"]);
        assert_eq!(line("handles"), ["handles", "25", "1000", "2", "%"]);
        assert_eq!(line("published"), ["published", "5000", "B", "8", "GiB", "0", "%"]);
        assert_eq!(lines.len(), 1 + Limit::ALL.len());
    }

    #[test]
    fn what_is_nearly_used_up_is_warned_of() {
        let warnings = budgets().warnings();
        assert_eq!(warnings, ["96 % of the limit cpu are used up", "400 % of the limit log are used up"]);
    }
}
