use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::key::ObjectKey;

/// The URL under which a CDN or a file server shows the objects: an object is at `{base}/{key}`.
///
/// Invariant: `http` or `https`, a host, no user name, password, query or fragment; ends in `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicBase(url::Url);

/// Why a text is no [`PublicBase`]. Does not show the text: a URL with a password in it must not come back in a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("public base URL {fault}; allowed: http(s)://host[:port][/path] without user name, query or fragment")]
pub struct InvalidBase {
    fault: &'static str,
}

impl PublicBase {
    /// The URL of an object.
    pub fn join(&self, key: &ObjectKey) -> url::Url {
        let mut url = self.0.clone();
        let path = format!("{}{}", self.0.path(), encode_key(key));
        // Every `%` of the encoded key is kept by the setter, and a key has no `.` or `..` segment that it would resolve.
        url.set_path(&path);
        url
    }
}

impl FromStr for PublicBase {
    type Err = InvalidBase;

    fn from_str(text: &str) -> Result<Self, InvalidBase> {
        let refuse = |fault| Err(InvalidBase { fault });
        let Ok(mut url) = url::Url::parse(text) else { return refuse("is no URL") };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("is neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("has a user name or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("has a query or fragment");
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for PublicBase {
    type Error = InvalidBase;

    fn try_from(text: String) -> Result<Self, InvalidBase> {
        text.parse()
    }
}

impl From<PublicBase> for String {
    fn from(base: PublicBase) -> Self {
        base.0.into()
    }
}

impl fmt::Display for PublicBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key as the path of a URL: every byte but `A-Z a-z 0-9 - . _ ~ /` percent-encoded, as Signature Version 4 does.
///
/// The one encoder: what is signed is what is shown.
pub fn encode_key(key: &ObjectKey) -> String {
    let mut path = String::with_capacity(key.as_str().len());
    for byte in key.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => path.push(char::from(byte)),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                path.push('%');
                path.push(char::from(DIGITS[usize::from(byte >> 4)]));
                path.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    path
}
