//! What a job's plugin logs, on its way to the record: whole lines, harmless, no more than the job's budget.

use filmgate_protocol::LogStream;
use jiff::Timestamp;

use super::recorder::Recorder;
use crate::catalogue::{LogAt, LogLine, LogSource};
use crate::job::{JobId, LineBuffer, printable, without_signatures};

/// What a line costs of the budget beside its text: what its row and its place in the index have beside it. Empty lines are
/// not for nothing.
const LINE_COST: u64 = 80;

/// The log of one run of a job.
#[derive(Debug)]
pub(super) struct JobLog {
    job: JobId,
    run: Timestamp,
    stdout: LineBuffer,
    stderr: LineBuffer,
    lines: u32,
    /// What is left of the budget.
    left: u64,
    /// Bytes beyond it.
    cut: u64,
    /// Lines since the last one that the recorder took.
    missed: u64,
}

impl JobLog {
    /// Of a run that begins now and may log so many bytes.
    pub(super) fn new(job: JobId, bytes: u64) -> Self {
        let (stdout, stderr) = (LineBuffer::default(), LineBuffer::default());
        Self { job, run: Timestamp::now(), stdout, stderr, lines: 0, left: bytes, cut: 0, missed: 0 }
    }

    /// The plugin wrote text: hostile, and it may end anywhere. Does not wait.
    pub(super) fn add(&mut self, stream: LogStream, text: &str, recorder: &Recorder) {
        let (lines, source) = match stream {
            LogStream::Stdout => (self.stdout.add(text), LogSource::Stdout),
            LogStream::Stderr => (self.stderr.add(text), LogSource::Stderr),
        };
        for line in lines {
            self.keep(source, &line, 1, recorder);
        }
    }

    /// The run is over: the last lines, and a word on what is missing. `dropped` bytes never came here.
    pub(super) fn end(&mut self, dropped: u64, recorder: &Recorder) {
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        for (source, lines) in [(LogSource::Stdout, stdout), (LogSource::Stderr, stderr)] {
            lines.iter().for_each(|line| self.keep(source, line, 0, recorder));
        }
        self.tell_missed(recorder);
        let dropped = dropped + self.cut;
        if dropped > 0 {
            let text = format!("{dropped} bytes more were logged and are not kept: budget.log is used up");
            self.push(LogSource::Host, text, recorder);
        }
    }

    /// Once the budget is used up, nothing more is kept: a log with holes would mislead.
    fn keep(&mut self, source: LogSource, line: &str, end: u64, recorder: &Recorder) {
        let text = without_signatures(&printable(line));
        let cost = text.len() as u64 + LINE_COST;
        if cost > self.left {
            self.left = 0;
            self.cut += line.len() as u64 + end;
            return;
        }
        self.left -= cost;
        if self.missed > 0 && recorder.has_room_for_log() {
            self.tell_missed(recorder);
        }
        if !self.push(source, text, recorder) {
            self.missed += 1;
        }
    }

    fn tell_missed(&mut self, recorder: &Recorder) {
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            tracing::warn!(job = %self.job, lines = missed, "the catalogue does not keep up: lines of a job's log are dropped");
            self.push(
                LogSource::Host,
                format!("{missed} lines are missing here: the catalogue did not take them"),
                recorder,
            );
        }
    }

    fn push(&mut self, source: LogSource, text: String, recorder: &Recorder) -> bool {
        let place = LogAt { run: self.run, line: self.lines + 1 };
        let line = LogLine { job: self.job, place, at: Timestamp::now(), source, text };
        let is_taken = recorder.logged(line);
        self.lines += u32::from(is_taken);
        is_taken
    }
}
