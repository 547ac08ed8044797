use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use filmgate::job::{LineBuffer, Sequence, Slot, printable};
use filmgate::report::JobEvent;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::terminal::print_error;

/// Shows what a job tells: bars on a terminal, else plain lines; always on standard error.
#[derive(Debug)]
pub(super) struct Display {
    bars: MultiProgress,
    is_terminal: bool,
    render: Option<ProgressBar>,
    uploads: HashMap<(Slot, Option<Sequence>), ProgressBar>,
    log: LineBuffer,
    shown: Option<(String, u8)>,
}

/// Steps of a bar that shows a share.
const STEPS: u64 = 1_000;

/// Without a terminal, progress is told again after this many per cent.
const PERCENT_BETWEEN_LINES: u8 = 10;

impl Display {
    pub(super) fn new(bars: MultiProgress) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { bars, is_terminal, render: None, uploads: HashMap::new(), log: LineBuffer::default(), shown: None }
    }

    /// Shows events until the job has ended.
    pub(super) async fn follow(mut self, mut events: broadcast::Receiver<JobEvent>) {
        loop {
            match events.recv().await {
                Ok(event) => self.show(event),
                Err(RecvError::Lagged(missed)) => self.line(&format!("({missed} messages of the job were not shown)")),
                Err(RecvError::Closed) => break,
            }
        }
        let rest = self.log.rest();
        self.plugin_lines(rest);
        let _ = self.bars.clear();
    }

    fn show(&mut self, event: JobEvent) {
        match event {
            JobEvent::Log { text, .. } => {
                let lines = self.log.add(&text);
                self.plugin_lines(lines);
            }
            JobEvent::Progress { fraction, stage } => self.progress(fraction, &one_line(&stage)),
            JobEvent::Usage(usage) => self.written(usage.outbox_bytes_written),
            JobEvent::Uploading { slot, sequence, sent, total, .. } => self.uploading(slot, sequence, sent, total),
            JobEvent::Stored(asset) => {
                let place = (asset.identity.slot.clone(), asset.identity.sequence);
                if let Some(bar) = self.uploads.remove(&place) {
                    bar.finish_and_clear();
                }
                self.line(&format!("stored {} ({} bytes) as {}", asset.identity.slot, asset.size, asset.key));
            }
        }
    }

    fn progress(&mut self, fraction: f32, stage: &str) {
        let percent = percent(fraction);
        if self.is_terminal {
            let bar = self.render.get_or_insert_with(|| self.bars.add(bar("render", "{bar:30} {percent:>3} % {msg}")));
            bar.set_length(100);
            bar.set_position(percent.into());
            bar.set_message(stage.to_owned());
            return;
        }
        let is_news = self.shown.as_ref().is_none_or(|(shown, at)| {
            shown != stage || percent >= at.saturating_add(PERCENT_BETWEEN_LINES) || (percent == 100 && *at < 100)
        });
        if is_news {
            self.line(&format!("progress {percent} % {stage}"));
            self.shown = Some((stage.to_owned(), percent));
        }
    }

    /// Beside the share that the plugin claims to have done: what it really wrote.
    fn written(&mut self, bytes: u64) {
        if let Some(bar) = &self.render {
            bar.set_prefix(format!("render, {} written", HumanBytes(bytes)));
        }
    }

    fn uploading(&mut self, slot: Slot, sequence: Option<Sequence>, sent: u64, total: u64) {
        if self.is_terminal {
            let name = sequence.map_or_else(|| slot.to_string(), |sequence| format!("{slot} {sequence}"));
            let bars = &self.bars;
            let bar = self
                .uploads
                .entry((slot, sequence))
                .or_insert_with(|| bars.add(bar(&name, "{bar:30} {decimal_bytes} of {decimal_total_bytes}")));
            bar.set_length(total);
            bar.set_position(sent);
        }
    }

    fn plugin_lines(&self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.line(&format!("plugin: {}", printable(&line)));
        }
    }

    fn line(&self, line: &str) {
        self.bars.suspend(|| print_error(line));
    }
}

fn bar(name: &str, rest: &str) -> ProgressBar {
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{prefix:10}} {rest}")) {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Hostile numbers included.
fn percent(fraction: f32) -> u8 {
    let clamped = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.0 to 100.0")]
    let percent = (clamped * 100.0) as u8;
    percent
}

fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_hostile_progress_is_clamped_and_cannot_steer_the_terminal() {
        for (fraction, expected) in [(f32::NAN, 0), (-1.0, 0), (f32::INFINITY, 100), (0.5, 50), (1.5, 100)] {
            assert_eq!(percent(fraction), expected);
        }
        assert_eq!(one_line("a\nb\u{1b}[2J"), "a b\\u{1b}[2J");
    }
}
