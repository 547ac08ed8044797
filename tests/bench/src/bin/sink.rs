//! A server that speaks enough S3 for uploads and throws the bytes away: see `sink.rs` of the library.
//!
//! Prints its address and runs until its standard input ends, so that it never outlives who started it.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use filmgate_bench::sink::{Line, Sink};

/// Answers S3 uploads and throws the bytes away.
#[derive(Debug, Parser)]
#[command(name = "filmgate-sink")]
struct Arguments {
    /// Speak HTTPS, and write the certificate to trust into this file
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Milliseconds before every answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    first_byte: u64,
    /// Megabytes a second that one connection carries; 0: all it can
    #[arg(long, value_name = "MB/S", default_value_t = 0)]
    per_connection: u64,
    /// Megabytes a second that all connections carry together; 0: all they can
    #[arg(long, value_name = "MB/S", default_value_t = 0)]
    line: u64,
    /// Every so-manieth part is answered late; 0: none
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    slow_every: u64,
    /// Milliseconds such a part takes
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    slow: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let line = Line {
        first_byte: Duration::from_millis(arguments.first_byte),
        per_connection: arguments.per_connection * 1_000_000,
        all: arguments.line * 1_000_000,
        slow_every: arguments.slow_every,
        slow: Duration::from_millis(arguments.slow),
    };
    let sink = match &arguments.certificate {
        None => Sink::plain(line)?,
        Some(path) => {
            let (sink, certificate) = Sink::tls(line)?;
            std::fs::write(path, certificate).with_context(|| format!("write {}", path.display()))?;
            sink
        }
    };
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", sink.url())?;
    stdout.flush()?;
    sink.serve_in_background();
    // Whoever started this keeps the other end open for as long as it is needed.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
