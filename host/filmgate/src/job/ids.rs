use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checksum::hexadecimal;
use crate::job::InvalidValue;
use crate::job::text::{first_outside, parsed_text};

parsed_text! {
    /// Who a job is for. Part of object keys and paths, so the alphabet is one that needs no escaping in either.
    ///
    /// Invariant: 1 to 128 characters of `A-Z a-z 0-9 . _ @ + = -`, never `.` or `..`.
    UserId,
    what: "user id",
    allowed: "1 to 128 characters of A-Z a-z 0-9 . _ @ + = -, but not \".\" or \"..\"",
    check: user_id_fault
}

parsed_text! {
    /// A place in a layout, for example `video` or `thumbnail`.
    ///
    /// Invariant: 1 to 32 characters of `a-z 0-9 -`.
    Slot,
    what: "slot",
    allowed: "1 to 32 characters of a-z 0-9 -",
    check: short_word_fault
}

parsed_text! {
    /// Name of a file under a plugin's `/in`.
    ///
    /// Invariant: one path segment of 1 to 255 bytes without `/`, `\` or control characters, never `.` or `..`.
    InputName,
    what: "input name",
    allowed: "1 to 255 bytes without / \\ or control characters, but not \".\" or \"..\"",
    check: input_name_fault
}

parsed_text! {
    /// A caller's own name for one job, however often it is asked for.
    ///
    /// Invariant: 1 to 255 printable ASCII characters without spaces.
    IdempotencyKey,
    what: "idempotency key",
    allowed: "1 to 255 printable ASCII characters without spaces",
    check: key_fault
}

/// Id of one job: a UUID version 7, so ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(uuid::Uuid);

/// Which of several files of a slot, 0 to 999: keys show three digits, so that they sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Sequence(u16);

/// The moment in a UUID version 7.
pub(crate) fn made_at(id: &uuid::Uuid) -> Option<jiff::Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    jiff::Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

impl JobId {
    /// A new id.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// As a database keeps it.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// When it was made, to the millisecond.
    pub(crate) fn made_at(self) -> Option<jiff::Timestamp> {
        made_at(&self.0)
    }
}

impl IdempotencyKey {
    /// The host's own key for what `content` describes: two contents have two keys. `kind` is a word of a few letters.
    pub fn derived(kind: &str, content: &str) -> Self {
        Self(format!("filmgate-{kind}-{}", hexadecimal(&Sha256::digest(content))))
    }
}

impl FromStr for JobId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refuse = |fault: &str| {
            InvalidValue::new("job id", text, fault, "a UUID version 7 of 36 lower-case characters with hyphens")
        };
        let id = uuid::Uuid::try_parse(text).map_err(|_| refuse("is no UUID"))?;
        if id.get_version_num() != 7 {
            return Err(refuse("is a UUID of another version"));
        }
        if id.hyphenated().to_string() != text {
            return Err(refuse("is not written in the usual form"));
        }
        Ok(Self(id))
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Sequence {
    /// The largest number: the last that three digits can show.
    pub const MAX: u16 = 999;

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for Sequence {
    type Error = InvalidValue;

    fn try_from(number: u32) -> Result<Self, InvalidValue> {
        match u16::try_from(number) {
            Ok(number) if number <= Self::MAX => Ok(Self(number)),
            _ => Err(InvalidValue::new("sequence", &number.to_string(), "is too large", "0 to 999")),
        }
    }
}

impl FromStr for Sequence {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let number: u32 =
            text.parse().map_err(|_| InvalidValue::new("sequence", text, "is no whole number", "0 to 999"))?;
        Self::try_from(number)
    }
}

impl From<Sequence> for u32 {
    fn from(sequence: Sequence) -> Self {
        Self::from(sequence.0)
    }
}

/// Three digits.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// The alphabet of ids that become part of keys: no escaping needed in a path, and none but `@ + =` in a URL.
pub(super) fn is_id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '+' | '=' | '-')
}

/// The rules that user ids and reference ids share.
pub(super) fn user_id_fault(text: &str) -> Option<String> {
    length_fault(text, 128).or_else(|| first_outside(text, is_id_char)).or_else(|| dots_fault(text))
}

/// The rules of short names that operators and plugins choose.
pub(crate) fn short_word_fault(text: &str) -> Option<String> {
    length_fault(text, 32).or_else(|| first_outside(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
}

fn key_fault(text: &str) -> Option<String> {
    length_fault(text, 255).or_else(|| first_outside(text, |c| c.is_ascii_graphic()))
}

fn input_name_fault(text: &str) -> Option<String> {
    length_fault(text, 255)
        .or_else(|| first_outside(text, |c| !c.is_control() && c != '/' && c != '\\'))
        .or_else(|| dots_fault(text))
}

fn length_fault(text: &str, bytes_max: usize) -> Option<String> {
    match text.len() {
        0 => Some("is empty".to_owned()),
        bytes if bytes > bytes_max => Some(format!("is {bytes} bytes long")),
        _ => None,
    }
}

fn dots_fault(text: &str) -> Option<String> {
    matches!(text, "." | "..").then(|| "is a relative path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_a_user_id_cannot_leave_its_place_in_a_key() {
        for good in ["u", "ana.b+c@example.org", "...", ".hidden", "a=b-c_d", &"x".repeat(128)] {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
        let two_kib = "x".repeat(2048);
        for bad in ["", ".", "..", "a/b", "../etc", "a%2fb", "a\0b", "a b", "é", "a\\b", "a\nb", "{user}", &two_kib] {
            let error = bad.parse::<UserId>().unwrap_err().to_string();
            assert!(error.starts_with("user id ") && error.contains("1 to 128 characters"), "{error}");
            assert!(error.len() < 400 && !error.contains(['\0', '\n']), "{error}");
            assert!(serde_json::from_value::<UserId>(bad.into()).is_err(), "serde lets {bad:?} in");
        }
        assert_eq!(
            "a/b".parse::<UserId>().unwrap_err().to_string(),
            "user id \"a/b\" has the character '/'; allowed: 1 to 128 characters of A-Z a-z 0-9 . _ @ + = -, but not \".\" or \"..\""
        );
    }

    #[test]
    fn an_input_name_is_one_path_segment() {
        for good in ["photo 1.jpg", "été.png", "-rf", &"x".repeat(255)] {
            assert!(good.parse::<InputName>().is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0", "a\u{7f}", &"é".repeat(128)] {
            assert!(bad.parse::<InputName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_slot_is_a_short_lower_case_word() {
        assert!("clip-thumbnail".parse::<Slot>().is_ok());
        for bad in ["", "Video", "a_b", "a/b", "..", &"x".repeat(33)] {
            assert!(bad.parse::<Slot>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_job_id_is_a_sortable_uuid() {
        let id = JobId::generate();
        assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
        assert!(JobId::generate() > id);
        for bad in ["", "x", "67e55044-10b1-426f-9247-bb680e5fe0c8", &id.to_string().to_uppercase()] {
            assert!(bad.parse::<JobId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_sequence_has_three_digits() {
        assert_eq!(Sequence::try_from(7).unwrap().to_string(), "007");
        assert_eq!(u32::from(Sequence::try_from(999).unwrap()), 999);
        for bad in [1000, 65_536, u32::MAX] {
            assert!(Sequence::try_from(bad).is_err(), "{bad}");
        }
    }
}
