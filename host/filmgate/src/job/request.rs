use std::path::{Path, PathBuf};

use crate::job::{InputName, InvalidValue, Params, Period, RefId, RefName, Refs, UserId};
use crate::layout::LayoutName;
use crate::limits::INPUTS_MAX;

/// What a caller asks for: one job for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRequest {
    user: UserId,
    period: Option<Period>,
    params: Params,
    inputs: Vec<(InputName, PathBuf)>,
    refs: Refs,
    layout: Option<LayoutName>,
}

impl JobRequest {
    /// A job for `user` with empty parameters, no inputs and the host's default layout.
    pub fn new(user: UserId) -> Self {
        Self { user, period: None, params: Params::default(), inputs: Vec::new(), refs: Refs::new(), layout: None }
    }

    /// The month to report on. Without one, keys use the month of the job's acceptance in UTC (A4).
    #[must_use]
    pub fn with_period(mut self, period: Period) -> Self {
        self.period = Some(period);
        self
    }

    /// The plugin's parameters.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    /// One more file for the plugin, to be found under `/in/{name}`. The file itself is looked at when the job starts.
    ///
    /// Refused: a name given twice, and more than 256 files.
    pub fn with_input(mut self, name: InputName, path: impl Into<PathBuf>) -> Result<Self, InvalidValue> {
        if self.inputs.len() >= INPUTS_MAX {
            return Err(InvalidValue::new("input", name.as_str(), "is one too many", "256 inputs"));
        }
        match self.inputs.binary_search_by(|(other, _)| other.cmp(&name)) {
            Ok(_) => Err(InvalidValue::new("input name", name.as_str(), "is given twice", "each name once")),
            Err(place) => {
                self.inputs.insert(place, (name, path.into()));
                Ok(self)
            }
        }
    }

    /// An id the layout's keys use. A name given twice is refused.
    pub fn with_ref(mut self, name: RefName, id: RefId) -> Result<Self, InvalidValue> {
        match self.refs.insert(name, id) {
            None => Ok(self),
            Some(_) => Err(InvalidValue::new("reference name", name.as_str(), "is given twice", "each name once")),
        }
    }

    /// The layout that chooses the keys.
    #[must_use]
    pub fn with_layout(mut self, layout: LayoutName) -> Self {
        self.layout = Some(layout);
        self
    }

    /// Who the job is for.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The month to report on.
    pub fn period(&self) -> Option<Period> {
        self.period
    }

    /// The plugin's parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The files for `/in`, sorted by name; at most 256, no name twice.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = (&InputName, &Path)> {
        self.inputs.iter().map(|(name, path)| (name, path.as_path()))
    }

    /// The ids given by the caller.
    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// The layout asked for, where one was.
    pub fn layout(&self) -> Option<&LayoutName> {
        self.layout.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> JobRequest {
        JobRequest::new("ana".parse().unwrap())
    }

    #[test]
    fn inputs_are_sorted_unique_and_bounded() {
        let request = request().with_input("b".parse().unwrap(), "/x").unwrap();
        let request = request.with_input("a".parse().unwrap(), "/y").unwrap();
        let names: Vec<_> = request.inputs().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let error = request.clone().with_input("a".parse().unwrap(), "/z").unwrap_err();
        assert_eq!(error.to_string(), "input name \"a\" is given twice; allowed: each name once");

        let mut full = request;
        for number in 2..INPUTS_MAX {
            full = full.with_input(format!("n{number}").parse().unwrap(), "/x").unwrap();
        }
        assert!(full.with_input("last".parse().unwrap(), "/x").is_err());
    }

    #[test]
    fn a_reference_is_given_once() {
        let request = request().with_ref(RefName::Scene, "s1".parse().unwrap()).unwrap();
        assert!(request.with_ref(RefName::Scene, "s2".parse().unwrap()).is_err());
    }
}
