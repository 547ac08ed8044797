use std::fmt;

use crate::job::printable;

/// Settings that cannot be used: every fault that was found, in one message (A2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One fault: which setting, where it comes from, what is allowed. Shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, the key in the file with the file's name, or the option.
    pub place: String,
    /// What is wrong and what is allowed.
    pub fault: String,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    pub(super) fn single(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self::new(vec![Problem { place: place.into(), fault: fault.into() }])
    }

    /// Every fault; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One line for one problem, else a line each.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [problem] => problem.fmt(f),
            problems => {
                write!(f, "{} settings cannot be used:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.place), printable(&self.fault))
    }
}

impl std::error::Error for ConfigError {}
