//! A plugin without SDK that calls every import in ways no honest plugin would, for the runner's tests.
//!
//! A job's `params` are words here, not JSON: the first names the behaviour, the others are its arguments. The answer is
//! one line a step. Behaviours that touch files use WASI directly where the standard library would hide something.

mod bindings;
mod compute;
mod files;
mod host;
mod tree;

use bindings::exports::filmgate::plugin::renderer::{Error, Guest, Job};

struct Plugin;

/// What a behaviour answers: the summary, or the message of an error with the code `hostile`.
type Answer = Result<String, String>;

impl Guest for Plugin {
    fn render(job: Job) -> Result<String, Error> {
        let mut words = job.params.split_whitespace();
        let behaviour = words.next().unwrap_or_default();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        if behaviour == "echo" {
            return Ok(format!("{job:?}"));
        }
        if behaviour == "long-error" {
            let text = "é".repeat(number);
            return Err(Error { code: text.clone(), message: text, retryable: true });
        }
        let answer = compute::run(behaviour, number)
            .or_else(|| files::run(behaviour, number))
            .or_else(|| tree::run(behaviour, number))
            .or_else(|| host::run(behaviour, number))
            .unwrap_or_else(|| Err(format!("no behaviour {behaviour:?}")));
        answer.map_err(|message| Error { code: "hostile".into(), message, retryable: false })
    }
}
