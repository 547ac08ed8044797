use std::io::{self, Write};

use filmgate::config::{LogConfig, LogFormat};
use filmgate::job::printable;
use indicatif::MultiProgress;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::problem::Problem;
use super::terminal::harmless_json;

/// Starts logging to standard error, above the progress bars.
pub(super) fn start(config: &LogConfig, bars: &MultiProgress) -> Result<(), Problem> {
    let fault = |error: String| Problem::internal(format!("start logging: {error}"));
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| fault(error.to_string()))?;
    let writer = EventWriter { bars: bars.clone(), format: config.format };
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let layer = match config.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let layer = layer.with_filter(filter_fn(may_be_logged)).with_filter(filter);
    tracing_subscriber::registry().with(layer).try_init().map_err(|error| fault(error.to_string()))
}

/// Below info level the SDK and its HTTP client write requests with their headers, signatures among them: no filter an
/// operator sets lets them out.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    const TALKATIVE: [&str; 6] = ["aws_", "hyper", "h2", "rustls", "reqwest", "tower"];
    let is_talkative = TALKATIVE.iter().any(|target| metadata.target().starts_with(target));
    !is_talkative || *metadata.level() <= Level::INFO
}

/// Writes one event at a time, as one line that cannot steer the terminal, and takes the bars away meanwhile.
///
/// What plugins and stores say becomes part of events: a line end in it would forge an event.
#[derive(Clone)]
struct EventWriter {
    bars: MultiProgress,
    format: LogFormat,
}

impl EventWriter {
    fn harmless(&self, event: &[u8]) -> String {
        let event = String::from_utf8_lossy(event);
        match self.format {
            LogFormat::Text => {
                let line = event.strip_suffix('\n').unwrap_or(&event);
                format!("{}\n", printable(&line.replace('\n', "\\n")))
            }
            LogFormat::Json => harmless_json(&event),
        }
    }
}

impl Write for EventWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = self.harmless(bytes);
        self.bars.suspend(|| io::stderr().lock().write_all(line.as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for EventWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
