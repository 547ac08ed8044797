use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use filmgate_protocol::Budget;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::limits::{GIB, KEY_BYTES_MAX, MIB, OBJECT_BYTES_MAX, PARAMS_BYTES_MAX};
use crate::units::{ByteSize, Span};

/// One budget of a job, in the order of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// All linear memories together.
    Memory,
    /// All tables together.
    TableElements,
    /// CPU time.
    Cpu,
    /// Time from start to end.
    Wall,
    /// Bytes of the outbox.
    Outbox,
    /// Files and directories created.
    OutboxEntries,
    /// Depth of directories.
    OutboxDepth,
    /// Bytes of log.
    Log,
    /// Calls of `store-video` and `submit`.
    StoreCalls,
    /// Publications under way at once.
    StoresInFlight,
    /// Bytes of all published files.
    Published,
    /// Bytes one host call may move.
    Hostcall,
    /// Resource handles.
    Handles,
}

/// What a [`Limit`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, written like `64 MiB`.
    Bytes,
    /// Milliseconds, written like `15m`.
    Time,
    /// A bare number.
    Count,
}

/// What a job may use: every [`Limit`] has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What the runner enforces.
    pub budget: Budget,
    /// Bytes all files of the job together may publish; enforced by the host.
    pub published_bytes: u64,
}

/// Some limits with their values in bytes, milliseconds or numbers: what a manifest asks for, or what an operator grants
/// one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<Limit, u64>);

/// Everything about one limit that does not change.
struct Row {
    setting: &'static str,
    variable: &'static str,
    unit: Unit,
    range: RangeInclusive<u64>,
}

const MILLISECONDS_A_WEEK: u64 = 7 * 86_400_000;

impl Limit {
    /// Every limit, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Memory,
        Self::TableElements,
        Self::Cpu,
        Self::Wall,
        Self::Outbox,
        Self::OutboxEntries,
        Self::OutboxDepth,
        Self::Log,
        Self::StoreCalls,
        Self::StoresInFlight,
        Self::Published,
        Self::Hostcall,
        Self::Handles,
    ];

    const KEYS: &'static [&'static str] = &[
        "memory",
        "table_elements",
        "cpu",
        "wall",
        "outbox",
        "outbox_entries",
        "outbox_depth",
        "log",
        "store_calls",
        "stores_in_flight",
        "published",
        "hostcall",
        "handles",
    ];

    fn row(self) -> Row {
        let row = |setting, variable, unit, range| Row { setting, variable, unit, range };
        let times = 10..=MILLISECONDS_A_WEEK;
        // A job's parameters and the longest lists of paths must pass through one host call.
        let hostcall_min = (PARAMS_BYTES_MAX + 64 * KEY_BYTES_MAX) as u64;
        match self {
            // A page of WebAssembly memory is 64 KiB; nothing useful starts below 1 MiB.
            Self::Memory => row("budget.memory", "FILMGATE_BUDGET_MEMORY", Unit::Bytes, MIB..=64 * GIB),
            Self::TableElements => {
                row("budget.table_elements", "FILMGATE_BUDGET_TABLE_ELEMENTS", Unit::Count, 1_000..=100_000_000)
            }
            Self::Cpu => row("budget.cpu", "FILMGATE_BUDGET_CPU", Unit::Time, times),
            Self::Wall => row("budget.wall", "FILMGATE_BUDGET_WALL", Unit::Time, times),
            Self::Outbox => row("budget.outbox", "FILMGATE_BUDGET_OUTBOX", Unit::Bytes, 1..=OBJECT_BYTES_MAX),
            Self::OutboxEntries => {
                row("budget.outbox_entries", "FILMGATE_BUDGET_OUTBOX_ENTRIES", Unit::Count, 1..=10_000_000)
            }
            Self::OutboxDepth => row("budget.outbox_depth", "FILMGATE_BUDGET_OUTBOX_DEPTH", Unit::Count, 1..=128),
            Self::Log => row("budget.log", "FILMGATE_BUDGET_LOG", Unit::Bytes, 0..=GIB),
            Self::StoreCalls => row("budget.store_calls", "FILMGATE_BUDGET_STORE_CALLS", Unit::Count, 1..=10_000),
            // `plugin.wit` promises plugins at most eight.
            Self::StoresInFlight => {
                row("budget.stores_in_flight", "FILMGATE_BUDGET_STORES_IN_FLIGHT", Unit::Count, 1..=8)
            }
            Self::Published => row("budget.published", "FILMGATE_BUDGET_PUBLISHED", Unit::Bytes, 1..=OBJECT_BYTES_MAX),
            Self::Hostcall => row("budget.hostcall", "FILMGATE_BUDGET_HOSTCALL", Unit::Bytes, hostcall_min..=64 * MIB),
            // A plugin of the usual languages holds some dozen handles when it does nothing.
            Self::Handles => row("budget.handles", "FILMGATE_BUDGET_HANDLES", Unit::Count, 64..=1_000_000),
        }
    }

    /// Its key in `filmgate.toml`, for example `budget.memory`.
    pub fn setting(self) -> &'static str {
        self.row().setting
    }

    /// Its key in a manifest and in a plugin's table, for example `memory`.
    pub fn key(self) -> &'static str {
        self.row().setting.trim_start_matches("budget.")
    }

    /// Its environment variable.
    pub fn variable(self) -> &'static str {
        self.row().variable
    }

    /// What it counts.
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// The values that make sense.
    pub fn range(self) -> RangeInclusive<u64> {
        self.row().range
    }

    /// A value for people, with its unit.
    pub fn show(self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes => ByteSize(value).to_string(),
            Unit::Time => Span(Duration::from_millis(value)).to_string(),
            Unit::Count => value.to_string(),
        }
    }

    /// A value as it is written in a settings file.
    pub fn written(self, value: u64) -> String {
        match self.unit() {
            Unit::Count => self.show(value),
            Unit::Bytes | Unit::Time => format!("\"{}\"", self.show(value)),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.key() == key)
    }
}

impl Allowance {
    /// The value of a limit, in its unit.
    pub fn get(&self, limit: Limit) -> u64 {
        let budget = &self.budget;
        match limit {
            Limit::Memory => budget.memory_bytes,
            Limit::TableElements => budget.table_elements,
            Limit::Cpu => milliseconds(budget.cpu),
            Limit::Wall => milliseconds(budget.wall),
            Limit::Outbox => budget.outbox_bytes,
            Limit::OutboxEntries => budget.outbox_entries,
            Limit::OutboxDepth => budget.outbox_depth.into(),
            Limit::Log => budget.log_bytes,
            Limit::StoreCalls => budget.store_calls.into(),
            Limit::StoresInFlight => budget.stores_in_flight.into(),
            Limit::Published => self.published_bytes,
            Limit::Hostcall => budget.hostcall_bytes,
            Limit::Handles => budget.handles.into(),
        }
    }

    /// Sets a limit, in its unit. Numbers that do not fit mean the largest that does.
    pub fn set(&mut self, limit: Limit, value: u64) {
        let budget = &mut self.budget;
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        match limit {
            Limit::Memory => budget.memory_bytes = value,
            Limit::TableElements => budget.table_elements = value,
            Limit::Cpu => budget.cpu = Duration::from_millis(value),
            Limit::Wall => budget.wall = Duration::from_millis(value),
            Limit::Outbox => budget.outbox_bytes = value,
            Limit::OutboxEntries => budget.outbox_entries = value,
            Limit::OutboxDepth => budget.outbox_depth = count,
            Limit::Log => budget.log_bytes = value,
            Limit::StoreCalls => budget.store_calls = count,
            Limit::StoresInFlight => budget.stores_in_flight = count,
            Limit::Published => self.published_bytes = value,
            Limit::Hostcall => budget.hostcall_bytes = value,
            Limit::Handles => budget.handles = count,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Allowance {
    fn default() -> Self {
        Self { budget: crate::default_budget(), published_bytes: crate::DEFAULT_PUBLISHED_BYTES }
    }
}

impl Limits {
    /// The value of a limit, where it is named.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(&limit).copied()
    }

    /// The same with one more value, or another one.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: u64) -> Self {
        self.0.insert(limit, value);
        self
    }

    /// Every limit that is named, with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> {
        self.0.iter().map(|(limit, value)| (*limit, *value))
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with the first value that makes no sense.
    pub(crate) fn fault(&self) -> Option<String> {
        let (limit, value) = self.iter().find(|(limit, value)| !limit.range().contains(value))?;
        let range = limit.range();
        let (min, max) = (limit.show(*range.start()), limit.show(*range.end()));
        Some(format!("{} {} is out of range; allowed: {min} to {max}", limit.key(), limit.show(value)))
    }
}

/// By its key, so that a fault is told with the key's place.
impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::of_key(&key).ok_or_else(|| de::Error::unknown_field(&key, Self::KEYS))
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LimitsVisitor)
    }
}

struct LimitsVisitor;

impl<'de> Visitor<'de> for LimitsVisitor {
    type Value = Limits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Limits, A::Error> {
        let mut limits = BTreeMap::new();
        while let Some(limit) = table.next_key::<Limit>()? {
            let value = match limit.unit() {
                Unit::Bytes => table.next_value::<ByteSize>()?.0,
                Unit::Time => milliseconds(table.next_value::<Span>()?.0),
                Unit::Count => table.next_value()?,
            };
            limits.insert(limit, value);
        }
        Ok(Limits(limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_key_and_a_place_of_its_own() {
        assert_eq!(Limit::ALL.map(Limit::key), Limit::KEYS);
        let mut allowance = Allowance::default();
        for (number, limit) in (100..).zip(Limit::ALL) {
            assert!(limit.range().contains(&allowance.get(limit)), "the default of {}", limit.key());
            assert_eq!(limit.variable(), format!("FILMGATE_BUDGET_{}", limit.key().to_uppercase()));
            assert_eq!(limit.setting(), format!("budget.{}", limit.key()));
            allowance.set(limit, number);
        }
        for (number, limit) in (100..).zip(Limit::ALL) {
            assert_eq!(allowance.get(limit), number, "{}", limit.key());
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for limit in Limit::ALL {
            let value = *limit.range().start() + 1;
            let text = format!("{} = {}", limit.key(), limit.written(value));
            assert_eq!(toml::from_str::<Limits>(&text).unwrap(), Limits::default().with(limit, value), "{text}");
        }
    }

    #[test]
    fn limits_have_units_and_ranges() {
        let fault = |text: &str| match toml::from_str::<Limits>(text) {
            Ok(limits) => limits.fault().unwrap(),
            Err(error) => error.message().to_owned(),
        };
        assert_eq!(fault("memory = \"1 KiB\""), "memory 1 KiB is out of range; allowed: 1 MiB to 64 GiB");
        assert_eq!(fault("cpu = \"1ms\""), "cpu 1ms is out of range; allowed: 10ms to 7d");
        assert!(fault("memory = 512").contains("expected a string"), "{}", fault("memory = 512"));
        assert!(fault("handles = \"many\"").contains("expected u64"), "{}", fault("handles = \"many\""));
        let unknown = fault("mem = \"1 MiB\"");
        assert!(unknown.starts_with("unknown field `mem`, expected one of `memory`, `table_elements`"), "{unknown}");
    }
}
