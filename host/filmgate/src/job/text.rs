use std::fmt;

/// Why a text, or a number, is none of the type it was meant for: what it is, what is wrong, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    what: &'static str,
    value: Option<String>,
    fault: String,
    allowed: &'static str,
}

/// Characters of a refused value that a message shows.
const SHOWN_CHARS_MAX: usize = 60;

impl InvalidValue {
    /// Shows the value, shortened and with everything unprintable escaped.
    pub(crate) fn new(what: &'static str, value: &str, fault: impl Into<String>, allowed: &'static str) -> Self {
        let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self { what, value: Some(shown), fault: fault.into(), allowed }
    }

    /// For values that may hold what is nobody's business.
    pub(crate) fn without_value(what: &'static str, fault: impl Into<String>, allowed: &'static str) -> Self {
        Self { what, value: None, fault: fault.into(), allowed }
    }

    /// What the value was meant to be, for example `user id`.
    pub fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(value) = &self.value {
            write!(f, " {value:?}")?;
        }
        write!(f, " {}; allowed: {}", self.fault, self.allowed)
    }
}

impl std::error::Error for InvalidValue {}

/// What a presigned URL must not leave behind: whoever has it has the file.
const SECRET_PARAMETERS: [&str; 2] = ["X-Amz-Signature=", "X-Amz-Security-Token="];

/// `text` without what makes presigned URLs in it work.
pub(crate) fn without_signatures(text: &str) -> String {
    let mut rest = text;
    let mut safe = String::with_capacity(text.len());
    let next = |rest: &str| SECRET_PARAMETERS.iter().filter_map(|name| Some(rest.find(name)? + name.len())).min();
    while let Some(end) = next(rest) {
        let (before, value) = rest.split_at(end);
        safe.push_str(before);
        safe.push('…');
        rest = value.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "%-._~+/=".contains(c));
    }
    safe.push_str(rest);
    safe
}

/// `text` with everything escaped that could steer a terminal or reorder what is read: control characters except line
/// feed and tab, and Unicode's invisible formatting characters (bidirectional overrides among them).
///
/// For every text of a plugin, a file name or a store that is shown to people.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || c == '\t' || !is_steering(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_unicode());
        }
    }
    safe
}

/// Whether a character can steer a terminal or reorder what is read; line feed and tab among them.
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Puts lines together from texts that end anywhere.
#[derive(Debug, Default)]
pub struct LineBuffer(String);

/// A line that is longer and has no end yet is given out in pieces.
const LINE_BYTES_MAX: usize = 8 * 1024;

impl LineBuffer {
    /// Takes more text, and answers the lines that it ends, without their ends.
    pub fn add(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let (ended, rest) = match text.rsplit_once('\n') {
            Some((ended, rest)) => (Some(ended), rest),
            None => (None, text),
        };
        for line in ended.into_iter().flat_map(|ended| ended.split('\n')) {
            self.0.push_str(line);
            lines.push(std::mem::take(&mut self.0).trim_end_matches('\r').to_owned());
        }
        self.0.push_str(rest);
        if self.0.len() > LINE_BYTES_MAX {
            lines.push(std::mem::take(&mut self.0));
        }
        lines
    }

    /// What came last and has no end.
    pub fn rest(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.0)).filter(|rest| !rest.is_empty())
    }
}

/// Says what a character outside an allow-list is.
pub(crate) fn first_outside(text: &str, is_allowed: fn(char) -> bool) -> Option<String> {
    let stranger = text.chars().find(|c| !is_allowed(*c))?;
    Some(format!("has the character {stranger:?}"))
}

/// Defines a text type with a private field whose every door runs `$check: fn(&str) -> Option<String>` (the fault).
macro_rules! parsed_text {
    ($(#[$doc:meta])* $name:ident, what: $what:literal, allowed: $allowed:literal, check: $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::job::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match $check(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(fault) => Err($crate::job::InvalidValue::new($what, text, fault, $allowed)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::job::InvalidValue;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use parsed_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_log_text_becomes_whole_lines_of_bounded_length() {
        let mut buffer = LineBuffer::default();
        assert!(buffer.add("one ").is_empty());
        assert_eq!(buffer.add("line\r\ntwo\n\nthr"), ["one line", "two", ""]);
        assert_eq!(buffer.rest().as_deref(), Some("thr"));
        assert_eq!(buffer.rest(), None);
        let lines = buffer.add(&"x".repeat(LINE_BYTES_MAX + 1));
        assert_eq!((lines.len(), buffer.rest()), (1, None));
    }

    #[test]
    fn urls_in_a_log_open_nothing() {
        let url = "at https://b.s3/k?X-Amz-Date=1&X-Amz-Signature=0aF9%2B&response=a X-Amz-Security-Token=a/b+c==, end";
        let safe = "at https://b.s3/k?X-Amz-Date=1&X-Amz-Signature=…&response=a X-Amz-Security-Token=…, end";
        assert_eq!(without_signatures(url), safe);
        assert_eq!(without_signatures("X-Amz-Signature="), "X-Amz-Signature=…");
        assert_eq!(without_signatures("no secret é"), "no secret é");
    }

    #[test]
    fn text_for_people_cannot_steer_a_terminal() {
        assert_eq!(printable("a\tb\nc é 漢"), "a\tb\nc é 漢");
        assert_eq!(printable("\u{1b}[31mred\u{7}\r"), "\\u{1b}[31mred\\u{7}\\u{d}");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{9b}d"), "a\\u{202e}b\\u{2066}c\\u{9b}d");
    }
}
