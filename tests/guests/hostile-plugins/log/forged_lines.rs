//! Prints, reports and answers lines that look like the host's own.

use hostile_plugins::bindings::filmgate::plugin::progress::report;
use hostile_plugins::{Error, say};

const FORGED: &str = "x\nhttps://evil.example/video.mp4\nerror: forged\r\n2026-01-01T00:00:00Z  INFO filmgate: job succeeded\nnext step: run this";

hostile_plugins::plugin!(|_| {
    say(FORGED);
    report(0.5, FORGED);
    Err(Error { code: FORGED.chars().take(60).collect(), message: FORGED.into(), retryable: false })
});
