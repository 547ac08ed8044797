//! The outbox's budget is exact whichever way a guest writes (P3), and nothing outside the two directories can be reached
//! (P1).

use std::os::unix::fs::symlink;

use filmgate_protocol::Exhausted;

use crate::support::{Job, KIB, MIB, run, run_with};

#[test]
fn disk_fills_up_to_the_budget_and_the_outcome_names_it() {
    let job = Job::new("fill-disk 100");
    let ran = job.run();
    assert!(ran.exhausted(Exhausted::OutboxBytes).contains("write"), "{ran:?}");
    let size = std::fs::metadata(job.outbox().join("full")).expect("measure the file").len();
    assert!(size <= 16 * MIB && size > 14 * MIB, "{size}");
    assert_eq!(ran.usage.outbox_bytes_written, size);
}

#[test]
fn guest_that_copes_with_a_full_disk_succeeds() {
    let ran = run("fill-disk-and-carry-on 100");
    assert!(ran.summary().starts_with("saw"), "{ran:?}");
}

#[test]
fn budget_is_met_to_the_byte() {
    let ran = run("fill-disk 16");
    assert_eq!((ran.summary(), ran.usage.outbox_bytes_written), ("filled", 16 * MIB));
    run_with("fill-disk 16", |budget| budget.outbox_bytes -= 1).exhausted(Exhausted::OutboxBytes);
}

#[test]
fn holes_count() {
    run("sparse 8000000").exhausted(Exhausted::OutboxBytes);
    assert_eq!(run("sparse 16").usage.outbox_bytes_written, 16 * MIB);
    let ran = run("far-write 16");
    assert!(ran.exhausted(Exhausted::OutboxBytes).contains("quota"), "{ran:?}");
    assert_eq!(run("far-write 15").usage.outbox_bytes_written, 15 * MIB + 1);
}

#[test]
fn offsets_that_overflow_are_refused() {
    let ran = run("offset-overflow");
    assert_eq!(ran.summary(), "direct false resized false streamed false empty false size 0");
    assert_eq!(ran.usage.outbox_bytes_written, 0);
}

#[test]
fn rewriting_does_not_grow() {
    let ran = run("rewrite 40");
    assert_eq!((ran.summary(), ran.usage.outbox_bytes_written), ("rewritten", MIB));
}

#[test]
fn deleted_and_truncated_bytes_stay_counted() {
    run("delete-and-repeat 17").exhausted(Exhausted::OutboxBytes);
    assert_eq!(run("delete-and-repeat 16").usage.outbox_bytes_written, 16 * MIB);
    run("truncate-and-repeat 33").exhausted(Exhausted::OutboxBytes);
    assert_eq!(run("truncate-and-repeat 32").usage.outbox_bytes_written, 16 * MIB);
}

#[test]
fn many_handles_to_one_file_share_the_budget() {
    run("many-handles 33").exhausted(Exhausted::OutboxBytes);
    let ran = run("many-handles 32");
    assert_eq!((ran.summary(), ran.usage.outbox_bytes_written), ("16777216", 16 * MIB));
}

#[test]
fn overlapping_streams_count_once() {
    let ran = run("overlapping-streams 256");
    assert_eq!((ran.summary(), ran.usage.outbox_bytes_written), ("262144", 256 * KIB));
}

#[test]
fn large_writes_and_zeroes_count() {
    assert_eq!(run("large-stream-writes 16").usage.outbox_bytes_written, 16 * MIB);
    run("large-stream-writes 17").exhausted(Exhausted::OutboxBytes);
    assert_eq!(run("zeroes 4096").usage.outbox_bytes_written, 16 * MIB);
    run("zeroes 4097").exhausted(Exhausted::OutboxBytes);
}

#[test]
fn write_larger_than_allowed_traps_and_writes_nothing() {
    let ran = run("write-unasked 1000000");
    assert!(ran.trapped().contains("check-write"), "{ran:?}");
    assert_eq!(ran.usage.outbox_bytes_written, 0);
}

#[test]
fn renamed_file_keeps_counting() {
    assert_eq!(run("rename-and-append 256").usage.outbox_bytes_written, 16 * MIB);
    run("rename-and-append 257").exhausted(Exhausted::OutboxBytes);
}

#[test]
fn files_and_directories_stop_at_the_budget() {
    let ran = run("many-files 51");
    assert!(ran.exhausted(Exhausted::OutboxEntries).starts_with("hostile: file 50"), "{ran:?}");
    assert_eq!(run("many-files 50").usage.outbox_entries_created, 50);
    run("many-directories 51").exhausted(Exhausted::OutboxEntries);
    assert_eq!(run("many-directories 50").usage.outbox_entries_created, 50);
}

#[test]
fn only_new_entries_count() {
    let ran = run("reopen-files 500");
    assert_eq!((ran.summary(), ran.usage.outbox_entries_created), ("reopened", 1));
    let ran = run("failed-creations 100");
    assert_eq!((ran.summary(), ran.usage.outbox_entries_created), ("400", 1));
}

#[test]
fn trees_stop_at_their_depth() {
    let ran = run("deep-tree 4");
    assert!(ran.exhausted(Exhausted::OutboxDepth).starts_with("hostile: level 4"), "{ran:?}");
    for ran in [run("deep-tree 3"), run("deep-by-handles 3")] {
        assert_eq!((ran.summary(), ran.usage.outbox_depth_max), ("deep", 3));
    }
    run("deep-by-handles 4").exhausted(Exhausted::OutboxDepth);
}

#[test]
fn renames_make_no_tree_deeper() {
    assert_eq!(run("deep-by-renames").summary(), "down false up true below true file true");
    assert_eq!(run("rename-within").summary(), "renamed");
}

#[test]
fn links_are_denied() {
    let job = Job::new("links");
    assert_eq!(job.run().summary(), "hard false from-inputs false symbolic false outside false");
    assert_eq!(std::fs::read_dir(job.outbox()).expect("list the outbox").count(), 1);
}

#[test]
fn inputs_are_readable_and_stay_as_they_are() {
    assert_eq!(run("read-input").summary(), "a note");
    let job = Job::new("write-inputs");
    let ran = job.run();
    // Opening for reading is the one thing that works, and `File::create` in the outbox is not among the answers.
    assert_eq!(ran.summary(), ["false"; 11].join(" "));
    let names: Vec<_> = std::fs::read_dir(&job.inputs).expect("list the inputs").collect();
    assert_eq!(names.len(), 1);
    assert_eq!(std::fs::read_to_string(job.inputs.join("note.txt")).expect("read the input"), "a note");
}

#[test]
fn nothing_outside_the_directories_is_reached() {
    let job = Job::new("escape");
    for directory in [job.outbox(), &job.inputs] {
        // A host's mistake: links that point outside. They must not help.
        symlink(job.home.path(), directory.join("link")).expect("link a directory");
        symlink(job.home.path().join("secret.txt"), directory.join("file-link")).expect("link a file");
    }
    assert_eq!(job.run().summary(), "nothing");
    assert_eq!(std::fs::read_to_string(job.home.path().join("secret.txt")).expect("read the secret"), "a secret");
    assert_eq!(std::fs::read_dir(job.home.path()).expect("list").count(), 3);
}
