use std::time::Duration;

use filmgate_protocol::Budget;

use crate::config::file::BudgetSection;
use crate::config::resolver::Resolver;
use crate::config::{ByteSize, Span};
use crate::limits::{GIB, KEY_BYTES_MAX, MIB, OBJECT_BYTES_MAX, PARAMS_BYTES_MAX};

const DAY: Duration = Duration::from_secs(86_400);

/// Resolves the budget of a job and the bytes it may publish.
pub(super) fn resolve(resolver: &mut Resolver<'_>, file: &BudgetSection) -> (Budget, u64) {
    let default = crate::default_budget();
    let mut size = |key, name, file, default: u64, min: u64, max: u64| {
        let value = resolver.pick_or(key, &[name], file, ByteSize(default));
        resolver.bound(key, &value, &ByteSize(min), &ByteSize(max));
        value.0
    };
    // A page of WebAssembly memory is 64 KiB; nothing useful starts below 1 MiB.
    let memory_bytes =
        size("budget.memory", "FILMGATE_BUDGET_MEMORY", file.memory, default.memory_bytes, MIB, 64 * GIB);
    let outbox_bytes =
        size("budget.outbox", "FILMGATE_BUDGET_OUTBOX", file.outbox, default.outbox_bytes, 1, OBJECT_BYTES_MAX);
    let log_bytes = size("budget.log", "FILMGATE_BUDGET_LOG", file.log, default.log_bytes, 0, GIB);
    // A job's parameters must pass through one host call.
    let least = (PARAMS_BYTES_MAX + 64 * KEY_BYTES_MAX) as u64;
    let hostcall_bytes =
        size("budget.hostcall", "FILMGATE_BUDGET_HOSTCALL", file.hostcall, default.hostcall_bytes, least, 64 * MIB);
    let published = size(
        "budget.published",
        "FILMGATE_BUDGET_PUBLISHED",
        file.published,
        crate::DEFAULT_PUBLISHED_BYTES,
        1,
        OBJECT_BYTES_MAX,
    );

    let mut span = |key, name, file, default: Duration| {
        let value = resolver.pick_or(key, &[name], file, Span(default));
        resolver.bound(key, &value, &Span(Duration::from_millis(10)), &Span(7 * DAY));
        value.0
    };
    let cpu = span("budget.cpu", "FILMGATE_BUDGET_CPU", file.cpu, default.cpu);
    let wall = span("budget.wall", "FILMGATE_BUDGET_WALL", file.wall, default.wall);

    let mut count = |key, name, file: Option<u32>, default: u32, min: u32, max: u32| {
        let value = resolver.pick_or(key, &[name], file, default);
        resolver.bound(key, &value, &min, &max);
        value
    };
    let outbox_depth =
        count("budget.outbox_depth", "FILMGATE_BUDGET_OUTBOX_DEPTH", file.outbox_depth, default.outbox_depth, 1, 128);
    let store_calls =
        count("budget.store_calls", "FILMGATE_BUDGET_STORE_CALLS", file.store_calls, default.store_calls, 1, 10_000);
    // `plugin.wit` promises plugins at most eight.
    let in_flight = "FILMGATE_BUDGET_STORES_IN_FLIGHT";
    let stores_in_flight =
        count("budget.stores_in_flight", in_flight, file.stores_in_flight, default.stores_in_flight, 1, 8);
    // A plugin of the usual languages holds some dozen handles when it does nothing.
    let handles = count("budget.handles", "FILMGATE_BUDGET_HANDLES", file.handles, default.handles, 64, 1_000_000);

    let mut large = |key, name, file: Option<u64>, default: u64, min: u64, max: u64| {
        let value = resolver.pick_or(key, &[name], file, default);
        resolver.bound(key, &value, &min, &max);
        value
    };
    let entries = "FILMGATE_BUDGET_OUTBOX_ENTRIES";
    let outbox_entries =
        large("budget.outbox_entries", entries, file.outbox_entries, default.outbox_entries, 1, 10_000_000);
    let tables = "FILMGATE_BUDGET_TABLE_ELEMENTS";
    let table_elements =
        large("budget.table_elements", tables, file.table_elements, default.table_elements, 1_000, 100_000_000);

    let budget = Budget {
        memory_bytes,
        table_elements,
        cpu,
        wall,
        outbox_bytes,
        outbox_entries,
        outbox_depth,
        log_bytes,
        store_calls,
        stores_in_flight,
        hostcall_bytes,
        handles,
    };
    (budget, published)
}
