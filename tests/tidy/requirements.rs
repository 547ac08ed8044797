//! `tests/requirements.md` is complete and names tests that exist.

use std::path::Path;

use crate::sources::root;

/// One line of the table.
struct Requirement {
    id: String,
    state: String,
    tests: Vec<String>,
}

/// Letters and how many requirements each has.
const IDS: [(char, u32); 7] = [('A', 7), ('B', 15), ('C', 13), ('D', 6), ('E', 4), ('P', 4), ('M', 8)];

/// The first part of a test's name, and where its sources are.
const HOMES: &[(&str, &str)] = &[
    ("cancel", "tests/cancel"),
    ("claim", "tests/claim"),
    ("cli", "tests/cli"),
    ("e2e", "tests/e2e"),
    ("hostile", "tests/hostile"),
    ("kernel", "tests/kernel"),
    ("laboratory", "tests/laboratory"),
    ("storage", "tests/storage"),
    ("tidy", "tests/tidy"),
    ("sandbox", "host/runner/tests/sandbox"),
    ("filmgate", "host/filmgate/src"),
    ("facts", "guest/facts/tests/facts"),
    ("media", "guest/media/tests"),
    ("recap", "guest/recap/tests"),
    ("stub", "guest/stub/src"),
];

fn table() -> Vec<Requirement> {
    let text = std::fs::read_to_string(root().join("tests/requirements.md")).expect("read the table");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id "));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [id, words, state, tests] = cells.as_slice() else { panic!("not four cells: {row}") };
        assert!(words.len() > 10, "{id} says nothing");
        let tests = tests.split_whitespace().map(|name| name.trim_matches(['`', ',']).to_owned()).collect();
        Requirement { id: (*id).to_owned(), state: (*state).to_owned(), tests }
    })
    .collect()
}

#[test]
fn every_requirement_has_one_line() {
    let expected = IDS.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")));
    let found: Vec<_> = table().into_iter().map(|requirement| requirement.id).collect();
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn states_are_known_and_none_is_done_without_a_test() {
    for Requirement { id, state, tests } in table() {
        match state.as_str() {
            "done" | "part" => assert!(!tests.is_empty(), "{id} is {state} without a test"),
            "not yet" => assert!(tests.is_empty(), "{id} is not yet there, and has tests"),
            other => panic!("{id} is {other:?}; allowed: done, part, not yet"),
        }
    }
}

#[test]
fn every_named_test_exists() {
    for Requirement { id, tests, .. } in table() {
        for test in tests {
            assert!(exists(&test), "{id} names {test}, which is no test");
        }
    }
}

/// `home::module::…::function`: the function is in the module's file, or in the file of a module that holds it.
fn exists(test: &str) -> bool {
    let mut parts: Vec<_> = test.split("::").collect();
    let (Some(name), true) = (parts.pop(), parts.len() > 1) else { return false };
    let Some((_, home)) = HOMES.iter().find(|(home, _)| *home == parts[0]) else { return false };
    let file = |parts: &[&str]| root().join(home).join(parts.join("/")).with_extension("rs");
    let (inner, outer) = (&parts[1..], &parts[1..parts.len() - 1]);
    has_test(&file(inner), name) || (!outer.is_empty() && has_test(&file(outer), name))
}

fn has_test(file: &Path, name: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let named = |line: &str| {
        let line = line.trim_start_matches("async ");
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let marked = lines.windows(2).any(|pair| is_test(pair[0]) && named(pair[1]));
    // One suite for several storages is written once and named in a macro.
    let listed = format!("::{name},");
    marked || lines.iter().any(|line| line.ends_with(&listed))
}
