use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use filmgate::job::{JobRequest, Params};
use filmgate::limits::PARAMS_BYTES_MAX;

use super::problem::Problem;

/// What is said about a job, with and without a plugin.
#[derive(Debug, Args)]
pub(super) struct JobOptions {
    /// User the job is for: 1 to 128 characters of A-Z a-z 0-9 . _ @ + = -
    #[arg(long, value_name = "ID")]
    user: String,
    #[command(flatten)]
    more: MoreJobOptions,
}

/// The same where the user does not matter.
#[derive(Debug, Args)]
pub(super) struct TestJobOptions {
    /// User the job is for: 1 to 128 characters of A-Z a-z 0-9 . _ @ + = -
    #[arg(long, value_name = "ID", default_value = "test-user")]
    user: String,
    #[command(flatten)]
    more: MoreJobOptions,
}

#[derive(Debug, Args)]
struct MoreJobOptions {
    /// Month the job reports on; keys use the current one in UTC where it is missing
    #[arg(long, value_name = "YYYY-MM")]
    period: Option<String>,
    /// Id the layout's keys use: generation, composition, upload, session or scene
    #[arg(long = "ref", value_name = "NAME=ID")]
    refs: Vec<String>,
    /// Key layout: recap, pipeline, jobs or one of the settings file [default: recap]
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
}

/// What only a plugin is told.
#[derive(Debug, Args)]
pub(super) struct PluginOptions {
    /// The plugin's parameters: JSON, @FILE, or @- for standard input; at most 64 KiB
    #[arg(long, value_name = "JSON|@FILE")]
    params: Option<String>,
    /// File the plugin finds as /in/NAME; may be given up to 256 times
    #[arg(long = "input", value_name = "NAME=PATH")]
    inputs: Vec<String>,
}

impl JobOptions {
    /// Parses them all into a request.
    pub(super) fn request(&self) -> Result<JobRequest, Problem> {
        self.more.request(&self.user)
    }
}

impl TestJobOptions {
    /// Parses them all into a request.
    pub(super) fn request(&self) -> Result<JobRequest, Problem> {
        self.more.request(&self.user)
    }
}

impl MoreJobOptions {
    fn request(&self, user: &str) -> Result<JobRequest, Problem> {
        let mut request = JobRequest::new(parse("--user", user)?);
        if let Some(period) = &self.period {
            request = request.with_period(parse("--period", period)?);
        }
        if let Some(layout) = &self.layout {
            request = request.with_layout(parse("--layout", layout)?);
        }
        for text in &self.refs {
            let (name, id) = pair("--ref", text, "NAME=ID")?;
            request = keep("--ref", request.with_ref(parse("--ref", name)?, parse("--ref", id)?))?;
        }
        Ok(request)
    }
}

impl PluginOptions {
    pub(super) fn add_to(&self, mut request: JobRequest) -> Result<JobRequest, Problem> {
        if let Some(params) = &self.params {
            request = request.with_params(parse_params(params)?);
        }
        for text in &self.inputs {
            let (name, path) = pair("--input", text, "NAME=PATH")?;
            let path = PathBuf::from(path);
            if !path.is_file() {
                let fault = if path.exists() { "is not a file" } else { "does not exist" };
                return Err(option("--input", &format!("{} {fault}", path.display())));
            }
            request = keep("--input", request.with_input(parse("--input", name)?, path))?;
        }
        Ok(request)
    }
}

/// Parses an option's value; the message names the option.
pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    keep(name, text.parse())
}

fn keep<T, E: std::fmt::Display>(name: &str, result: Result<T, E>) -> Result<T, Problem> {
    result.map_err(|error| option(name, &error.to_string()))
}

fn option(name: &str, fault: &str) -> Problem {
    Problem::input(format!("{name}: {fault}")).with_next_step(format!("correct {name}"))
}

fn pair<'a>(name: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str), Problem> {
    let parts = text.split_once('=').filter(|(first, second)| !first.is_empty() && !second.is_empty());
    parts.ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        option(name, &format!("{shown:?} is not written as {form}"))
    })
}

fn parse_params(text: &str) -> Result<Params, Problem> {
    let Some(path) = text.strip_prefix('@') else { return parse("--params", text) };
    // One byte more than allowed is read, so that a longer file is refused, whatever its size.
    let limit = PARAMS_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let read = match path {
        "-" => std::io::stdin().lock().take(limit).read_to_end(&mut bytes),
        _ => std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| option("--params", &format!("read {path}: {error}")))?;
    if bytes.len() > PARAMS_BYTES_MAX {
        return Err(option("--params", &format!("{path} is longer than 64 KiB")));
    }
    let text = String::from_utf8(bytes).map_err(|_| option("--params", &format!("{path} is not UTF-8")))?;
    parse("--params", &text)
}
