//! The only place that writes to the standard streams.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use filmgate::job::is_steering;

/// Standard output did not take the answer: it is full, or whoever read it has gone away.
#[derive(Debug)]
pub(super) struct AnswerLost(pub(super) io::Error);

/// Whether the one object of `--json` was begun.
static OBJECT_BEGUN: AtomicBool = AtomicBool::new(false);

/// A line of the answer, on standard output. `Ok` means that the system has taken it.
pub(super) fn print_line(line: &str) -> Result<(), AnswerLost> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(AnswerLost)
}

/// The answer as one JSON object, on standard output.
pub(super) fn print_json(object: &serde_json::Value) -> Result<(), AnswerLost> {
    OBJECT_BEGUN.store(true, Ordering::SeqCst);
    print_line(&harmless_json(&object.to_string()))
}

/// The one object of `--json`, begun with a list that is written while it grows.
pub(super) struct JsonList {
    is_empty: bool,
}

impl JsonList {
    /// Begins the object; its first field is the list.
    pub(super) fn begin(name: &str) -> Result<Self, AnswerLost> {
        OBJECT_BEGUN.store(true, Ordering::SeqCst);
        print_line(&format!("{{\"{name}\": ["))?;
        Ok(Self { is_empty: true })
    }

    /// Adds to the list.
    pub(super) fn add(&mut self, value: &serde_json::Value) -> Result<(), AnswerLost> {
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        print_line(&format!("{comma}{}", harmless_json(&value.to_string())))
    }

    /// Ends list and object; `rest` has the object's other fields.
    pub(super) fn end(self, rest: &serde_json::Value) -> Result<(), AnswerLost> {
        let rest = harmless_json(&rest.to_string());
        print_line(&format!("], {}", rest.strip_prefix('{').unwrap_or(&rest)))
    }
}

/// Whether [`print_json`] was called: another object must not follow.
pub(super) fn object_begun() -> bool {
    OBJECT_BEGUN.load(Ordering::SeqCst)
}

/// A line for people, on standard error.
pub(super) fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// JSON text with every character escaped that could steer a terminal: the same values for programs. JSON's own line
/// ends, outside of strings, stay.
pub(super) fn harmless_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_steering(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(safe, "\\u{unit:04x}");
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::harmless_json;

    #[test]
    fn p3_json_keeps_its_values_and_steers_no_terminal() {
        let value = serde_json::json!({"a": "\u{1b}[2J\u{202e}\u{9b}\u{e0001} é 漢 \n"});
        let text = harmless_json(&value.to_string());
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{e0001}']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
