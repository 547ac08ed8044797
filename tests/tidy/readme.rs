//! What the README promises is what the code does.

use std::collections::BTreeMap;
use std::time::Duration;

use filmgate::limits::{GIB, MIB};
use filmgate::{Budget, DEFAULT_PUBLISHED_BYTES, default_budget};

use crate::sources::root;

fn size(bytes: u64) -> String {
    if bytes.is_multiple_of(GIB) { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes / MIB) }
}

fn minutes(time: Duration) -> String {
    assert_eq!(time.as_secs() % 60, 0, "{time:?} is no number of minutes");
    format!("{} min", time.as_secs() / 60)
}

fn count(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

#[test]
fn the_table_of_budgets_is_true_and_whole() {
    // Taken apart without `..`: a new budget does not compile until it is here, and so in the table.
    let Budget {
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
    } = default_budget();
    let expected = BTreeMap::from([
        ("memory", size(memory_bytes)),
        ("table_elements", count(table_elements)),
        ("cpu", minutes(cpu)),
        ("wall", minutes(wall)),
        ("outbox", size(outbox_bytes)),
        ("outbox_entries", count(outbox_entries)),
        ("outbox_depth", count(outbox_depth.into())),
        ("log", size(log_bytes)),
        ("store_calls", count(store_calls.into())),
        ("stores_in_flight", count(stores_in_flight.into())),
        ("published", size(DEFAULT_PUBLISHED_BYTES)),
        ("hostcall", size(hostcall_bytes)),
        ("handles", count(handles.into())),
    ]);
    let readme = std::fs::read_to_string(root().join("README.md")).expect("read the README");
    let rows = readme.lines().skip_while(|line| !line.starts_with("| budget |")).skip(2);
    let found: BTreeMap<_, _> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(1);
            let name = cells.next().expect("a name").trim_matches('`');
            (name, cells.next().expect("a default").to_owned())
        })
        .collect();
    assert_eq!(found, expected);
}
