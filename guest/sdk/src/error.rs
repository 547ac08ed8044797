use std::fmt;

use crate::bindings::filmgate::plugin::types;

/// The most bytes of an error message that reach the caller; the host cuts longer ones.
const MESSAGE_BYTES_MAX: usize = 4096;
/// The most characters of an error code.
const CODE_CHARS_MAX: usize = 64;

/// Declares the codes once, with their spelling in the world.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What went wrong, for programs. The host answers with the documented codes; a plugin may add its own as
        /// [`ErrorCode::Unknown`].
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A code this version of the crate has no name for: one of a plugin's own, or of a newer host. Treat one
            /// that comes from the host like [`ErrorCode::Internal`].
            Unknown(String),
        }

        impl ErrorCode {
            /// The code as it is written in the world, for example `invalid-path`.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(code) => code,
                }
            }
        }

        impl From<&str> for ErrorCode {
            /// Text that is no code (1 to 64 characters of `a-z 0-9 -`, starting with a letter) is made one: capitals
            /// become small, anything else becomes `-`.
            fn from(code: &str) -> Self {
                match code {
                    $($text => Self::$variant,)*
                    other => Self::Unknown(spelled_as_code(other)),
                }
            }
        }
    };
}

error_codes! {
    /// The path is absolute, leaves the outbox, has a `.`, `..` or empty segment or a control character, is longer than
    /// 1,024 bytes, or goes through a symbolic link.
    InvalidPath = "invalid-path",
    /// Nothing is at that path.
    NotFound = "not-found",
    /// A directory, symbolic link or the like is at that path.
    NotAFile = "not-a-file",
    /// The file has more than one hard link.
    Linked = "linked",
    /// The file has no bytes.
    EmptyFile = "empty-file",
    /// The file was still open for writing. It was left where it is: close it and ask again.
    Busy = "busy",
    /// The file is larger than the job may publish.
    TooLarge = "too-large",
    /// The first bytes are of no kind that the slot allows.
    UnsupportedMedia = "unsupported-media",
    /// The slot is unknown to the layout, the declared type is not that of the bytes, or the metadata is over its limits.
    InvalidOptions = "invalid-options",
    /// This slot and sequence was published before in this job.
    AlreadyPublished = "already-published",
    /// A budget of the job is used up.
    QuotaExceeded = "quota-exceeded",
    /// The storage refused the file or went away while it was sent. The operator has the file.
    UploadFailed = "upload-failed",
    /// The job was cancelled or ran out of time.
    Cancelled = "cancelled",
    /// A fault of the host, or a call that only works inside a component.
    Internal = "internal",
    /// The job's parameters are not what the plugin takes. Plugins answer with this, the host never does.
    InvalidParams = "invalid-params",
    /// The plugin could not read an input or write a file.
    Io = "io",
}

fn spelled_as_code(text: &str) -> String {
    let mut code: String = text
        .chars()
        .take(CODE_CHARS_MAX)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    if !code.starts_with(|c: char| c.is_ascii_lowercase()) {
        code.insert_str(0, "error-");
        code.truncate(CODE_CHARS_MAX);
    }
    code
}

impl From<String> for ErrorCode {
    fn from(code: String) -> Self {
        Self::from(code.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal or failure: the host's answer to a call, or the plugin's own answer to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people. The caller sees at most 4 KiB of it.
    pub message: String,
    /// Whether the same job may succeed later without a change.
    pub retryable: bool,
}

impl Error {
    /// An error that is not worth a retry. `code` is an [`ErrorCode`] or text such as `"no-photos"`.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false }
    }

    /// An error in the job's parameters that their type cannot express, for example two fields that disagree. Start
    /// the message with the field: `params.fps: 0 is not allowed`.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams, message)
    }

    /// Says whether the same job may succeed later without a change.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// Puts what was being done before the message, for example `read photo.jpg`.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    /// The code is `io`. An outbox that is over its budget shows up here too; the host then names the budget itself.
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorCode::Io, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    /// The code is `invalid-json`.
    fn from(error: serde_json::Error) -> Self {
        Self::new("invalid-json", error.to_string())
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        Self { code: error.code.into(), message: error.message, retryable: error.retryable }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let mut message = error.message;
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        // Built by hand, `Unknown` can hold any text; the world cannot.
        let code = ErrorCode::from(error.code.as_str()).as_str().to_owned();
        Self { code, message, retryable: error.retryable }
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorCode, types};

    #[test]
    fn a_code_survives_the_world_and_a_new_one_stays_readable() {
        assert_eq!(ErrorCode::from("not-a-file"), ErrorCode::NotAFile);
        assert_eq!(ErrorCode::NotAFile.to_string(), "not-a-file");
        assert_eq!(ErrorCode::from("from-the-future"), ErrorCode::Unknown("from-the-future".into()));
    }

    #[test]
    fn text_that_is_no_code_becomes_one() {
        assert_eq!(ErrorCode::from("No Photos!").as_str(), "no-photos-");
        assert_eq!(ErrorCode::from("").as_str(), "error-");
        assert_eq!(ErrorCode::from("9lives").as_str(), "error-9lives");
        assert_eq!(ErrorCode::from("x".repeat(100)).as_str().len(), 64);
        let raw = Error::new(ErrorCode::Unknown("Ünder".into()), "");
        assert_eq!(types::Error::from(raw).code, "error--nder");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let wire = types::Error::from(Error::new("x", "é".repeat(5000)));
        assert_eq!(wire.message.len(), 4096);
        let wire = types::Error::from(Error::new("x", format!("a{}", "é".repeat(5000))));
        assert_eq!(wire.message.len(), 4095);
    }
}
