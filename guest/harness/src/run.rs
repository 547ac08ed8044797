use std::fs;
use std::io;

use crate::arguments::{Arguments, Params};
use crate::bindings::filmgate::plugin::renderer::{self, Job};
use crate::bindings::filmgate::plugin::types::Period;

/// Calls the plugin once. Fails with the text for the developer.
pub(crate) fn run(arguments: Arguments) -> Result<String, String> {
    let job = Job {
        id: uuid::Uuid::now_v7().to_string(),
        user_id: arguments.user,
        period: arguments.period.map(|(year, month)| Period { year, month }),
        params: match arguments.params {
            Params::Text(text) => text,
            Params::File(name) => {
                fs::read_to_string(format!("/in/{name}")).map_err(|error| format!("read /in/{name}: {error}"))?
            }
        },
        inputs: inputs().map_err(|error| format!("list /in: {error}"))?,
        refs: arguments.refs,
    };
    match renderer::render(&job) {
        Ok(summary) if summary.is_empty() => Ok("null".into()),
        Ok(summary) => Ok(summary),
        Err(error) => {
            let hint = if error.retryable { " (retryable)" } else { "" };
            Err(format!("{}: {}{hint}", error.code, error.message))
        }
    }
}

/// The names in `/in`, sorted; none without that folder.
fn inputs() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let Ok(entries) = fs::read_dir("/in") else { return Ok(names) };
    for entry in entries {
        let name = entry?.file_name().into_string();
        names.push(name.map_err(|name| io::Error::other(format!("the name {name:?} is not UTF-8")))?);
    }
    names.sort();
    Ok(names)
}
