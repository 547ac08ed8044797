//! Components written as text, for what no compiler would produce.

use filmgate_protocol::{Exhausted, Outcome};

use crate::support::{Job, MIB, Ran, compile};

#[test]
fn smallest_plugin_returns() {
    let ran = run("", RETURN_EMPTY);
    assert_eq!(ran.summary(), "");
    assert_eq!(ran.usage.memory_bytes_peak, 64 * 1024);
}

#[test]
fn memories_of_all_modules_are_summed() {
    let three = "(core module $big (memory 900))
        (core instance (instantiate $big)) (core instance (instantiate $big)) (core instance (instantiate $big))";
    let ran = run(three, RETURN_EMPTY);
    ran.exhausted(Exhausted::Memory);
    assert!(ran.usage.memory_bytes_peak > 112 * MIB && ran.usage.memory_bytes_peak <= 128 * MIB, "{ran:?}");
    let two = three.replacen("(core instance (instantiate $big))", "", 1);
    assert_eq!(run(&two, RETURN_EMPTY).summary(), "");
}

#[test]
fn very_many_memories_are_refused_even_when_empty() {
    let many = format!("(core module $small (memory 0)) {}", "(core instance (instantiate $small))".repeat(40));
    let outcome = run(&many, RETURN_EMPTY).outcome;
    assert!(matches!(outcome, Some(Outcome::NotInstantiated(_))), "{outcome:?}");
}

#[test]
fn tables_grow_to_the_budget() {
    // Grows by 1,000 until refused, then gives up.
    let grow = "(loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
        unreachable";
    let ran = run("", grow);
    ran.exhausted(Exhausted::Tables);
}

#[test]
fn trap_at_the_start_is_told_from_a_failed_job() {
    let trap = "(core module $bad (func $f unreachable) (start $f)) (core instance (instantiate $bad))";
    let outcome = run(trap, RETURN_EMPTY).outcome;
    assert!(matches!(&outcome, Some(Outcome::NotInstantiated(text)) if text.contains("unreachable")), "{outcome:?}");
}

#[test]
fn endless_start_ends_with_its_cpu_time() {
    let spin = "(core module $bad (func $f (loop $l (br $l))) (start $f)) (core instance (instantiate $bad))";
    run(spin, RETURN_EMPTY).exhausted(Exhausted::Cpu);
}

#[test]
fn answers_that_lie_outside_memory_trap() {
    for pointer in ["0xfffffffc", "65536", "65533"] {
        run("", &format!("(i32.const {pointer})")).trapped();
    }
    // ok(a string of 4 GiB at the end of memory)
    let long = "(i32.store8 (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 65528)) (i32.store (i32.const 24) (i32.const -1)) (i32.const 16)";
    let ran = run("", long);
    assert!(!matches!(ran.outcome, Some(Outcome::Returned(_) | Outcome::Fault(_))), "{ran:?}");
    // ok(bytes that are no text)
    let no_text = "(i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 40) (i32.const 255))
        (i32.store (i32.const 20) (i32.const 40)) (i32.store (i32.const 24) (i32.const 1)) (i32.const 16)";
    run("", no_text).trapped();
}

/// An answer in zeroed memory: `ok("")`.
const RETURN_EMPTY: &str = "(i32.const 16)";

/// A plugin whose `render` is `body`, with `extra` definitions beside it.
fn run(extra: &str, body: &str) -> Ran {
    let bytes = wat::parse_str(component(extra, body)).expect("assemble the text");
    let plugin = compile(&bytes);
    let job = Job::new("").budget(|budget| budget.cpu = std::time::Duration::from_millis(500));
    job.run_in(&plugin)
}

fn component(extra: &str, body: &str) -> String {
    let period = r#"(record (field "year" u16) (field "month" u8))"#;
    let job = r#"(record (field "id" string) (field "user-id" string) (field "period" (option $period))
        (field "params" string) (field "inputs" (list string)) (field "refs" (list (tuple string string))))"#;
    let error = r#"(record (field "code" string) (field "message" string) (field "retryable" bool))"#;
    let parameters = "i32 ".repeat(13);
    format!(
        r#"(component
        (type $types-type (instance
            (type $p {period}) (export "period" (type $period (eq $p)))
            (type $j {job}) (export "job" (type $job (eq $j)))
            (type $e {error}) (export "error" (type $error (eq $e)))))
        (import "filmgate:plugin/types@0.1.0" (instance $types (type $types-type)))
        (alias export $types "period" (type $period))
        (alias export $types "job" (type $job))
        (alias export $types "error" (type $error))
        {extra}
        (core module $main
            (memory (export "memory") 1)
            (table $t 1 funcref)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "render") (param {parameters}) (result i32) {body}))
        (core instance $main (instantiate $main))
        (func $render (param "job" $job) (result (result string (error $error)))
            (canon lift (core func $main "render") (memory $main "memory") (realloc (func $main "realloc"))))
        (component $renderer
            (type $p {period}) (import "period" (type $period (eq $p)))
            (type $j {job}) (import "job" (type $job (eq $j)))
            (type $e {error}) (import "error" (type $error (eq $e)))
            (import "render" (func $render (param "job" $job) (result (result string (error $error)))))
            (export $job2 "job" (type $job))
            (export $error2 "error" (type $error))
            (export "render" (func $render) (func (param "job" $job2) (result (result string (error $error2))))))
        (instance $renderer (instantiate $renderer
            (with "period" (type $period)) (with "job" (type $job)) (with "error" (type $error))
            (with "render" (func $render))))
        (export "filmgate:plugin/renderer@0.1.0" (instance $renderer)))"#
    )
}
