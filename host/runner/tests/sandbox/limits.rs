//! Time, memory, stack, handles: every limit stops what it is there for and is named in the outcome (P3).

use std::time::Duration;

use filmgate_protocol::{Exhausted, Outcome};

use crate::support::{Job, MIB, block_on, hostile, run, run_with};

#[test]
fn endless_loop_ends_with_its_cpu_time() {
    let ran = run_with("spin", |budget| budget.cpu = Duration::from_millis(200));
    assert!(ran.exhausted(Exhausted::Cpu).contains("in hostile::compute::run"), "{ran:?}");
    assert!(ran.usage.cpu >= Duration::from_millis(200), "{ran:?}");
}

#[test]
fn memory_instructions_cost_cpu_time_too() {
    run_with("fill-memory-forever", |budget| budget.cpu = Duration::from_millis(200)).exhausted(Exhausted::Cpu);
}

#[test]
fn waiting_costs_no_cpu_time() {
    let ran = run_with("sleep 600", |budget| budget.cpu = Duration::from_millis(300));
    assert_eq!(ran.summary(), "awake");
    assert!(ran.usage.wall >= Duration::from_millis(600) && ran.usage.cpu < Duration::from_millis(300), "{ran:?}");
}

#[test]
fn endless_sleep_ends_with_the_wall_clock() {
    run_with("sleep 100000000", |budget| budget.wall = Duration::from_millis(200)).exhausted(Exhausted::Wall);
}

#[test]
fn endless_loop_ends_with_the_wall_clock() {
    run_with("spin", |budget| budget.wall = Duration::from_millis(200)).exhausted(Exhausted::Wall);
}

#[test]
fn memory_growth_stops_at_the_budget() {
    let ran = run_with("allocate 200", |budget| budget.memory_bytes = 32 * MIB);
    ran.exhausted(Exhausted::Memory);
    assert!(ran.usage.memory_bytes_peak > 24 * MIB && ran.usage.memory_bytes_peak <= 32 * MIB, "{ran:?}");
    assert_eq!(run("allocate 20").summary(), "20");
}

#[test]
fn refused_memory_is_the_guests_to_handle() {
    assert_eq!(run("try-allocate 2000").summary(), "refused");
    assert_eq!(run("try-allocate 20").summary(), "granted");
}

#[test]
fn memory_too_small_to_start_is_named() {
    run_with("echo", |budget| budget.memory_bytes = 64 * 1024).exhausted(Exhausted::Memory);
}

#[test]
fn tables_too_small_to_start_are_named() {
    run_with("echo", |budget| budget.table_elements = 1).exhausted(Exhausted::Tables);
}

#[test]
fn deep_recursion_traps() {
    let ran = run("recurse-in-locals 5");
    assert!(ran.trapped().contains("call stack exhausted"), "{ran:?}");
    let ran = run("recurse");
    assert!(ran.trapped().contains("out of bounds memory access"), "{ran:?}");
    assert!(ran.trapped().contains("in hostile::compute::recurse (32 times)"), "{ran:?}");
}

#[test]
fn handles_stop_at_the_budget() {
    run("handles").exhausted(Exhausted::Handles);
    run("stdout-handles").exhausted(Exhausted::Handles);
}

#[test]
fn data_of_one_call_stops_at_the_budget() {
    run("huge-path 4000000").exhausted(Exhausted::HostcallBytes);
    run("summary 4000000").exhausted(Exhausted::HostcallBytes);
}

#[test]
fn random_bytes_of_one_call_are_limited() {
    assert_eq!(run("random 65536").summary(), "65536");
    let ran = run("random 1000000000");
    assert!(ran.trapped().contains("exceeds limit 65536"), "{ran:?}");
}

#[test]
fn trap_says_where() {
    let ran = run("unreachable");
    let (cause, place) = ran.trapped().split_once('\n').expect("two parts");
    assert!(cause.contains("unreachable"), "{cause}");
    assert!(place.contains("  in hostile::compute::run\n"), "{place}");
}

#[test]
fn panic_traps_and_its_words_are_in_the_log() {
    let ran = run("panic");
    ran.trapped();
    assert!(ran.stderr.contains("the guest's own words"), "{ran:?}");
}

#[test]
fn exit_is_told_from_returning() {
    assert_eq!(run("exit 0").outcome, Some(Outcome::Exited(0)));
    assert_eq!(run("exit 1").outcome, Some(Outcome::Exited(1)));
}

#[test]
fn error_texts_are_cut_between_characters() {
    let Some(Outcome::Failed(error)) = run("long-error 100000").outcome else { panic!("expected an error") };
    assert_eq!((error.code.len(), error.message.len(), error.retryable), (64, 4096, true));
    let Some(Outcome::Failed(error)) = run("long-error 33").outcome else { panic!("expected an error") };
    assert_eq!((error.code.len(), error.message.len()), (64, 66));
}

#[test]
fn summary_over_its_limit_is_refused_whole() {
    assert_eq!(run("summary 65536").summary().len(), 65536);
    let Some(Outcome::Failed(error)) = run("summary 65537").outcome else { panic!("expected an error") };
    assert_eq!(error.code, "summary-too-large");
}

#[test]
fn honest_job_beside_hostile_ones_is_unharmed() {
    let hostile_jobs = ["spin", "fill-memory-forever", "allocate 1000", "fill-disk 1000", "print 100000000"];
    let _ = hostile();
    std::thread::scope(|scope| {
        let attacks = hostile_jobs
            .map(|params| scope.spawn(move || run_with(params, |budget| budget.cpu = Duration::from_millis(1500))));
        for _ in 0..3 {
            let job = Job::new("write-honest 300");
            assert_eq!(job.run().summary(), "written");
            let bytes = std::fs::read(job.outbox().join("honest.bin")).expect("read the honest file");
            assert!(bytes.len() == 300 * 1024 && bytes.iter().all(|byte| *byte == 5));
        }
        for attack in attacks {
            let ran = attack.join().expect("the runner outlives its guest");
            assert!(!matches!(ran.outcome, Some(Outcome::Fault(_)) | None), "{:?}", ran.outcome);
        }
    });
}

#[test]
fn one_plugin_runs_many_jobs_at_once() {
    block_on(async {
        let jobs: Vec<Job> = (0..8).map(|_| Job::new("spin-for-ms 50")).collect();
        let mut hosts = Vec::new();
        for job in &jobs {
            hosts.push(job.begin().await);
        }
        for mut host in hosts {
            let mut ran = crate::support::Ran::default();
            while ran.take(host.recv().await.expect("a message")) {}
            assert_eq!(ran.summary(), "done");
        }
    });
}
