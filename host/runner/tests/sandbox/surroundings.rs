//! What a guest finds around it: its job and nothing else (P1).

use crate::support::run;

#[test]
fn environment_arguments_and_input_are_empty() {
    assert_eq!(run("surroundings").summary(), "env 0 args 0 cwd None stdin Ok(0)");
}

#[test]
fn no_network_whatever_it_imports() {
    assert_eq!(run("network").summary(), "false false false false");
}

#[test]
fn job_arrives_complete() {
    let ran = run("echo");
    let summary = ran.summary();
    for part in ["01890a5d-ac96-774b-bcce-b302099a8057", "u-1", "year: 2026", "month: 3", "note.txt", "session", "s1"] {
        assert!(summary.contains(part), "{part} is missing in {summary}");
    }
}
