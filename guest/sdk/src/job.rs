use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bindings::filmgate::plugin::types;
use crate::{Error, Inputs};

/// One call of the plugin for one user. The host checked every field except `params`, which [`plugin!`](crate::plugin)
/// parses before the plugin's function runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Job<P = NoParams> {
    /// Id of the job: a UUID in its 36-character form, unique per job.
    pub id: String,
    /// Id of the user the job is for: 1 to 128 characters of `A-Z a-z 0-9 . _ @ + = -`.
    pub user_id: String,
    /// The month to report on, where the job has one.
    pub period: Option<Period>,
    /// The caller's parameters.
    pub params: P,
    /// The job's input files.
    pub inputs: Inputs,
    /// Ids the key layout uses, by name: `generation`, `composition`, `upload`, `session`, `scene`.
    pub refs: BTreeMap<String, String>,
}

/// For plugins without parameters: takes `{}` and refuses any field by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

impl<P> Job<P> {
    /// A job for unit tests on the developer's own machine: user `test-user`, no period, no inputs, no refs. Set what
    /// the test needs afterwards.
    pub fn sample(params: P) -> Self {
        Self {
            id: "00000000-0000-7000-8000-000000000000".into(),
            user_id: "test-user".into(),
            period: None,
            params,
            inputs: Inputs::default(),
            refs: BTreeMap::new(),
        }
    }
}

impl<P: serde::de::DeserializeOwned> Job<P> {
    /// Fails with `invalid-params`, naming the field, when the parameters are not a `P`.
    pub(crate) fn from_wire(job: types::Job) -> Result<Self, Error> {
        Ok(Self {
            params: parse_params(&job.params)?,
            id: job.id,
            user_id: job.user_id,
            period: job.period.map(|period| Period { year: period.year, month: period.month }),
            inputs: Inputs::from_names(job.inputs),
            refs: job.refs.into_iter().collect(),
        })
    }
}

fn parse_params<P: serde::de::DeserializeOwned>(text: &str) -> Result<P, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let params = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // Broken JSON has no field, only a position.
        let place =
            if path == "." || !error.inner().is_data() { "params".to_owned() } else { format!("params.{path}") };
        Error::invalid_params(format!("{place}: {}", without_position(error.inner())))
    })?;
    json.end().map_err(|error| Error::invalid_params(format!("params: {error}")))?;
    Ok(params)
}

/// The position in the text helps with broken JSON; for a wrong value the field says more.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() {
        return text;
    }
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// A calendar month, written `2026-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Gregorian year, 1970 to 9999.
    pub year: u16,
    /// Month of the year, 1 to 12.
    pub month: u8,
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Period {
    type Err = Error;

    /// Fails with `invalid-period` unless the text is `YYYY-MM` with a year from 1970 and a month from 1 to 12.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::new("invalid-period", format!("'{text}' is not a month such as 2026-03"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or_else(refused)?;
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(refused());
        }
        let period = Self { year: year.parse().map_err(|_| refused())?, month: month.parse().map_err(|_| refused())? };
        if period.year < 1970 || !(1..=12).contains(&period.month) { Err(refused()) } else { Ok(period) }
    }
}

#[cfg(test)]
mod tests {
    use super::{NoParams, Period, parse_params};
    use crate::ErrorCode;

    #[derive(Debug, serde::Deserialize)]
    struct Params {
        #[expect(dead_code, reason = "only its parsing is looked at")]
        slides: Vec<Slide>,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Slide {
        #[expect(dead_code, reason = "only its parsing is looked at")]
        seconds: u32,
    }

    #[test]
    fn a_wrong_parameter_is_named_by_its_path() {
        let error = parse_params::<Params>(r#"{"slides":[{"seconds":3},{"seconds":"x"}]}"#).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidParams);
        assert_eq!(error.message, r#"params.slides[1].seconds: invalid type: string "x", expected u32"#);
        let error = parse_params::<Params>("{}").unwrap_err();
        assert_eq!(error.message, "params: missing field `slides`");
    }

    #[test]
    fn params_that_are_not_one_json_value_are_refused_with_the_position() {
        let error = parse_params::<NoParams>("{} {}").unwrap_err();
        assert_eq!(error.message, "params: trailing characters at line 1 column 4");
        assert!(parse_params::<NoParams>("{").unwrap_err().message.starts_with("params: EOF"));
        assert!(parse_params::<NoParams>(r#"{"fps":1}"#).unwrap_err().message.starts_with("params.fps: unknown field"));
    }

    #[test]
    fn a_period_is_four_and_two_digits() {
        assert_eq!("2026-03".parse(), Ok(Period { year: 2026, month: 3 }));
        assert_eq!(Period { year: 2026, month: 3 }.to_string(), "2026-03");
        for text in ["2026-13", "2026-00", "2026-3", "+026-03", "1969-01", "2026-03-01", ""] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
