//! What a caller can ask for.

mod check;
mod model;

pub use check::ParamsError;
pub(crate) use check::{missing_input, parse_colour, parse_period};
pub use model::{Chart, ChartKind, Language, Music, Params, Photo, Quality, Size, Stat};

use serde_json::Value;

/// The JSON Schema of the parameters, as shipped beside the plugin.
pub const SCHEMA: &str = include_str!("../params.schema.json");

impl Params {
    /// Reads and checks parameters; `null` counts as `{}`.
    ///
    /// Fails on the first thing that is wrong with one error that names the field, its value and what is allowed.
    pub fn from_json(value: &Value) -> Result<Params, ParamsError> {
        if value.is_null() {
            return Ok(Params::default());
        }
        check::against_schema(value)?;
        let params: Params =
            serde_path_to_error::deserialize(value).map_err(|error| ParamsError::unreadable(&error))?;
        check::across_fields(&params)?;
        Ok(params)
    }
}
