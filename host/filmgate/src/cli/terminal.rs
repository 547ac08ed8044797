//! The only place that writes to the standard streams.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use filmgate::job::is_steering;

/// A line of the answer, on standard output. Whoever reads it may have gone away: that is no fault of the job.
pub(super) fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The answer as one JSON object, on standard output.
pub(super) fn print_json(object: &serde_json::Value) {
    print_line(&harmless_json(&object.to_string()));
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
