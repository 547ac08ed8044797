//! Between columns and types, and between the driver's errors and ours.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::catalogue::CatalogueError;
use crate::job::JobId;
use crate::storage::PublishId;

/// What went wrong below the seam.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(sqlx::Error),
    /// A column holds what its type cannot be.
    Value(String),
    File(std::io::Error),
    Known(Box<CatalogueError>),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<CatalogueError> for Fault {
    fn from(error: CatalogueError) -> Self {
        Self::Known(Box::new(error))
    }
}

/// SQLite's primary result codes (sqlite3.h).
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const NOT_A_DATABASE: i32 = 26;
    pub(super) const CONSTRAINT: i32 = 19;
    /// Also of a table that is not there: then the schema is not ours any more.
    pub(super) const ERROR: i32 = 1;
}

impl Fault {
    /// Whether opening the file anew may help.
    pub(super) fn may_be_the_files(&self) -> bool {
        match self {
            Self::Sql(error) => !matches!(primary_code(error), Some(code::BUSY | code::LOCKED | code::CONSTRAINT)),
            Self::File(_) => true,
            Self::Value(_) | Self::Known(_) => false,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sql(error) if matches!(primary_code(error), Some(code::BUSY | code::LOCKED)))
    }

    /// The error that callers see.
    pub(super) fn named(self, operation: &'static str, path: &Path) -> CatalogueError {
        let place = path.display().to_string();
        match self {
            Self::Known(known) => *known,
            Self::Value(message) => CatalogueError::Damaged { operation, place, message },
            Self::File(error) => CatalogueError::Away { operation, place, message: error.to_string() },
            Self::Sql(error) => {
                let message = error.to_string();
                match (primary_code(&error), error) {
                    (Some(code::CORRUPT | code::NOT_A_DATABASE | code::ERROR), _) => {
                        CatalogueError::Damaged { operation, place, message }
                    }
                    (Some(code::CONSTRAINT), _) => CatalogueError::Refused { operation, place, message },
                    (
                        None,
                        sqlx::Error::ColumnDecode { .. }
                        | sqlx::Error::Decode(_)
                        | sqlx::Error::ColumnNotFound(_)
                        | sqlx::Error::RowNotFound,
                    ) => CatalogueError::Damaged { operation, place, message },
                    _ => CatalogueError::Away { operation, place, message },
                }
            }
        }
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(error) = error else { return None };
    let extended: i32 = error.code()?.parse().ok()?;
    Some(extended & 0xff)
}

pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond()
}

/// The word of an enum or a parsed text.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("a word serialises as a string: {other:?}"),
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain data serialises: {error}"))
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Value(format!("column {column}: {error}")))
}

/// Reads columns of a row by name.
pub(super) struct Columns<'r>(pub(super) &'r SqliteRow);

impl Columns<'_> {
    pub(super) fn number(&self, column: &str) -> Result<i64, Fault> {
        Ok(self.0.try_get::<i64, _>(column)?)
    }

    pub(super) fn count(&self, column: &str) -> Result<u64, Fault> {
        let number = self.number(column)?;
        u64::try_from(number).map_err(|_| Fault::Value(format!("column {column} is {number}")))
    }

    pub(super) fn count32(&self, column: &str) -> Result<u32, Fault> {
        let number = self.number(column)?;
        u32::try_from(number).map_err(|_| Fault::Value(format!("column {column} is {number}")))
    }

    pub(super) fn maybe_number(&self, column: &str) -> Result<Option<i64>, Fault> {
        Ok(self.0.try_get::<Option<i64>, _>(column)?)
    }

    pub(super) fn moment(&self, column: &str) -> Result<Timestamp, Fault> {
        moment(self.number(column)?, column)
    }

    pub(super) fn maybe_moment(&self, column: &str) -> Result<Option<Timestamp>, Fault> {
        self.maybe_number(column)?.map(|millis| moment(millis, column)).transpose()
    }

    pub(super) fn text(&self, column: &str) -> Result<String, Fault> {
        Ok(self.0.try_get::<String, _>(column)?)
    }

    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<String>, Fault> {
        Ok(self.0.try_get::<Option<String>, _>(column)?)
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, Fault> {
        parse(&self.text(column)?, column)
    }

    pub(super) fn maybe_parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.maybe_text(column)?.map(|text| parse(&text, column)).transpose()
    }

    /// What [`word`] wrote.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fault> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|error| Fault::Value(format!("column {column}: {error}")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Fault> {
        from_json(&self.text(column)?, column)
    }

    pub(super) fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, Fault> {
        self.maybe_text(column)?.map(|text| from_json(&text, column)).transpose()
    }

    pub(super) fn asset(&self, column: &str) -> Result<PublishId, Fault> {
        bytes(&self.0.try_get::<Vec<u8>, _>(column)?, column).map(PublishId::from_bytes)
    }

    pub(super) fn maybe_asset(&self, column: &str) -> Result<Option<PublishId>, Fault> {
        let found = self.0.try_get::<Option<Vec<u8>>, _>(column)?;
        found.map(|found| bytes(&found, column).map(PublishId::from_bytes)).transpose()
    }

    pub(super) fn job(&self, column: &str) -> Result<JobId, Fault> {
        bytes(&self.0.try_get::<Vec<u8>, _>(column)?, column).map(JobId::from_bytes)
    }

    pub(super) fn maybe_job(&self, column: &str) -> Result<Option<JobId>, Fault> {
        let found = self.0.try_get::<Option<Vec<u8>>, _>(column)?;
        found.map(|found| bytes(&found, column).map(JobId::from_bytes)).transpose()
    }
}

fn moment(millis: i64, column: &str) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(millis).map_err(|error| Fault::Value(format!("column {column}: {error}")))
}

fn parse<T: FromStr<Err: Display>>(text: &str, column: &str) -> Result<T, Fault> {
    text.parse().map_err(|error| Fault::Value(format!("column {column}: {error}")))
}

fn bytes(found: &[u8], column: &str) -> Result<[u8; 16], Fault> {
    found.try_into().map_err(|_| Fault::Value(format!("column {column} has {} bytes, not 16", found.len())))
}
