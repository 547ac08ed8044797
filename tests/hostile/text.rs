//! Guests written as text: what stands in their files is completed to a whole component and assembled.
//!
//! A file holds definitions of a component. Where it has no core module `$main`, one is added whose `render` answers an
//! empty summary. `@job` stands for the parameters of `render`, `@repeat N` … `@end` for N copies in which `@i` is the
//! number of the copy and `@next` the one after, `@with` (to the end of the line) for what `$main` is instantiated with,
//! `@post-return` says that it cleans up, `@whole` that the file is complete, `@cut` that half of the component is missing,
//! `@nest N` that it is wrapped in as many components, deeper than text can be.

/// The binary form of a guest.
pub(crate) fn assemble(source: &str) -> Vec<u8> {
    let is_whole = source.lines().any(|line| line.trim() == "@whole");
    let is_cut = source.lines().any(|line| line.trim() == "@cut");
    let text = if is_whole { repeat(&without_marks(source)) } else { complete(source) };
    let mut binary = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    if is_cut {
        binary.truncate(binary.len() / 2);
    }
    let levels = source.lines().find_map(|line| line.strip_prefix("@nest "));
    let levels = levels.map_or(0, |levels| levels.trim().parse().unwrap());
    (0..levels).fold(binary, |inner, _: usize| wrap(&inner))
}

/// A component that holds another and nothing else.
fn wrap(inner: &[u8]) -> Vec<u8> {
    let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
    let mut size = inner.len();
    while size >= 0x80 {
        outer.push(u8::try_from(size & 0x7f).unwrap() | 0x80);
        size >>= 7;
    }
    outer.push(u8::try_from(size).unwrap());
    outer.extend_from_slice(inner);
    outer
}

fn without_marks(source: &str) -> String {
    let is_mark =
        |line: &&str| ["@whole", "@cut", "@nest", "@post-return", "@with"].iter().any(|mark| line.starts_with(mark));
    source.lines().filter(|line| !is_mark(line)).collect::<Vec<_>>().join("\n")
}

/// Writes out every `@repeat`, the inner ones first.
fn repeat(text: &str) -> String {
    let Some(start) = text.rfind("@repeat ") else { return text.to_owned() };
    let (before, rest) = text.split_at(start);
    let (head, rest) = rest.split_once('\n').unwrap();
    let (body, after) = rest.split_once("@end").unwrap();
    let count: usize = head["@repeat ".len()..].trim().parse().unwrap();
    let copies: String =
        (0..count).map(|i| body.replace("@i", &i.to_string()).replace("@next", &(i + 1).to_string())).collect();
    repeat(&format!("{before}{copies}{after}"))
}

/// What a guest does where it says nothing else: `ok("")` lies in its zeroed memory.
const MAIN: &str = r#"(core module $main
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "render") (param @job) (result i32) (i32.const 16)))"#;

fn complete(source: &str) -> String {
    let with = source.lines().find_map(|line| line.strip_prefix("@with ")).unwrap_or_default();
    let clean_up = if source.contains("@post-return") { r#"(post-return (func $main "post-return"))"# } else { "" };
    let main = if source.contains("(core module $main") { "" } else { MAIN };
    let definitions = repeat(&without_marks(source));
    let period = r#"(record (field "year" u16) (field "month" u8))"#;
    let job = r#"(record (field "id" string) (field "user-id" string) (field "period" (option $period))
        (field "params" string) (field "inputs" (list string)) (field "refs" (list (tuple string string))))"#;
    let error = r#"(record (field "code" string) (field "message" string) (field "retryable" bool))"#;
    let text = format!(
        r#"(component
        (type $types-type (instance
            (type $p {period}) (export "period" (type $period (eq $p)))
            (type $j {job}) (export "job" (type $job (eq $j)))
            (type $e {error}) (export "error" (type $error (eq $e)))))
        (import "filmgate:plugin/types@0.1.0" (instance $types (type $types-type)))
        (alias export $types "period" (type $period))
        (alias export $types "job" (type $job))
        (alias export $types "error" (type $error))
        {definitions}
        {main}
        (core instance $main (instantiate $main {with}))
        (func $render (param "job" $job) (result (result string (error $error)))
            (canon lift (core func $main "render") (memory $main "memory") (realloc (func $main "realloc")) {clean_up}))
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
    );
    text.replace("@job", &"i32 ".repeat(13))
}
