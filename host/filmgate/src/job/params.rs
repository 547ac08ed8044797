use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::job::InvalidValue;
use crate::limits::PARAMS_BYTES_MAX;

/// The caller's parameters for a plugin: one JSON value, kept as the text it came in.
///
/// Invariant: valid JSON of at most 64 KiB. `Debug` and errors do not show the text: it may hold personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Params(String);

impl Params {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Params {
    /// `{}`.
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl FromStr for Params {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refuse = |fault: String| InvalidValue::without_value("params", fault, "one JSON value of at most 64 KiB");
        if text.len() > PARAMS_BYTES_MAX {
            return Err(refuse(format!("are {} bytes long", text.len())));
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(refuse(format!("are not JSON: {error}"))),
        }
    }
}

impl TryFrom<String> for Params {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<Params> for String {
    fn from(params: Params) -> Self {
        params.0
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_one_json_value() {
        assert_eq!(Params::default().as_str(), "{}");
        for good in ["{}", "null", " [1, \"\\u0000\"] ", "\"é\""] {
            assert_eq!(good.parse::<Params>().unwrap().as_str(), good);
        }
        for bad in ["", "{", "{} {}", "{'a': 1}", "nope", "{\"a\": 01}", "{\"a\": \"\0\"}"] {
            let error = bad.parse::<Params>().unwrap_err().to_string();
            assert!(error.starts_with("params are not JSON: ") && error.contains("line 1 column "), "{error}");
        }
    }

    #[test]
    fn params_are_bounded_and_deep_ones_do_not_overflow_the_stack() {
        let largest = format!("\"{}\"", "x".repeat(PARAMS_BYTES_MAX - 2));
        assert!(largest.parse::<Params>().is_ok());
        let error = format!("{largest} ").parse::<Params>().unwrap_err().to_string();
        assert_eq!(error, "params are 65537 bytes long; allowed: one JSON value of at most 64 KiB");
        assert!("[".repeat(60_000).parse::<Params>().is_err());
    }

    #[test]
    fn p1_params_stay_out_of_debug_and_errors() {
        let canary = "{\"token\": \"canary\"";
        assert!(!format!("{:?}", canary.parse::<Params>()).contains("canary"));
        let params: Params = format!("{canary}}}").parse().unwrap();
        assert!(!format!("{params:?}").contains("canary"));
    }
}
