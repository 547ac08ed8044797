use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use filmgate_protocol::{FromRunner, LogStream, Usage};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::meters::Meters;
use crate::outbound::utf8::Decoder;

mod utf8;

/// Text in one log frame, in bytes; the protocol's limit.
const LOG_TEXT_BYTES_MAX: usize = 8 * 1024;

/// Messages waiting for the host beyond which the guest's log waits too: at most half a mebibyte.
const QUEUE_MAX: usize = 64;

/// Least time between two reports of progress: 20 a second, as the plugin world promises.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// The messages on their way to the host.
///
/// Bounded in each part: log by its queue and its budget, progress and usage by keeping only the latest report, requests by the
/// budget's publications in flight.
pub(crate) struct Outbound {
    state: Mutex<State>,
    /// Told when there may be something to send.
    filled: Notify,
    /// Told when something was taken.
    drained: Notify,
}

struct State {
    queue: VecDeque<FromRunner>,
    log_left: u64,
    stdout: Decoder,
    stderr: Decoder,
    usage: Option<Usage>,
    progress: Option<FromRunner>,
    progress_sent: Option<Instant>,
    finished: Option<FromRunner>,
}

/// What the sender is to do.
enum Next {
    Send(FromRunner),
    WaitUntil(Instant),
    Wait,
}

impl Outbound {
    pub(crate) fn new(log_bytes: u64) -> Self {
        let state = State {
            queue: VecDeque::new(),
            log_left: log_bytes,
            stdout: Decoder::default(),
            stderr: Decoder::default(),
            usage: None,
            progress: None,
            progress_sent: None,
            finished: None,
        };
        Self { state: Mutex::new(state), filled: Notify::new(), drained: Notify::new() }
    }

    /// Adds a request, after everything the guest wrote to its log before.
    pub(crate) fn request(&self, message: FromRunner) {
        self.lock().queue.push_back(message);
        self.filled.notify_one();
    }

    /// Replaces the report of progress that was not sent yet.
    pub(crate) fn progress(&self, fraction: f32, stage: String) {
        self.lock().progress = Some(FromRunner::Progress { fraction, stage });
        self.filled.notify_one();
    }

    /// Replaces the report of usage that was not sent yet.
    pub(crate) fn usage(&self, usage: Usage) {
        self.lock().usage = Some(usage);
        self.filled.notify_one();
    }

    /// Adds what fits into the log's budget and counts the rest as dropped.
    pub(crate) fn log(&self, stream: LogStream, bytes: &[u8], meters: &Meters) {
        let mut state = self.lock();
        let kept = usize::try_from(state.log_left).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, dropped) = bytes.split_at(kept);
        meters.log_dropped.fetch_add(dropped.len() as u64, Ordering::Relaxed);
        state.log_left -= kept.len() as u64;
        let text = state.decoder(stream).decode(kept);
        state.append(stream, &text);
        drop(state);
        self.filled.notify_one();
    }

    /// Whether the guest need not wait before it writes to its log.
    pub(crate) fn has_room_for_log(&self) -> bool {
        let state = self.lock();
        state.queue.len() < QUEUE_MAX || state.log_left == 0
    }

    pub(crate) async fn room_for_log(&self) {
        while !self.has_room_for_log() {
            self.drained.notified().await;
        }
    }

    /// Adds the last message; [`Outbound::next`] hands it out when all others are gone.
    pub(crate) fn finish(&self, message: FromRunner) {
        let mut state = self.lock();
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            let rest = state.decoder(stream).finish();
            state.append(stream, rest);
        }
        state.finished = Some(message);
        drop(state);
        self.filled.notify_one();
    }

    /// The next message to send. For one caller at a time.
    pub(crate) async fn next(&self) -> FromRunner {
        loop {
            let next = self.lock().next(Instant::now());
            match next {
                Next::Send(message) => {
                    self.drained.notify_one();
                    return message;
                }
                Next::WaitUntil(time) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(time) => {}
                        () = self.filled.notified() => {}
                    }
                }
                Next::Wait => self.filled.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self, now: Instant) -> Next {
        if let Some(message) = self.queue.pop_front() {
            return Next::Send(message);
        }
        if let Some(usage) = self.usage.take() {
            return Next::Send(FromRunner::Usage(usage));
        }
        let due = self.progress_sent.map_or(now, |sent| sent + PROGRESS_INTERVAL);
        if self.progress.is_some() && due > now && self.finished.is_none() {
            return Next::WaitUntil(due);
        }
        if let Some(report) = self.progress.take() {
            self.progress_sent = Some(now);
            return Next::Send(report);
        }
        self.finished.take().map_or(Next::Wait, Next::Send)
    }

    fn decoder(&mut self, stream: LogStream) -> &mut Decoder {
        match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        }
    }

    /// Fills up the last message if it is of the same stream, so that single characters do not make single messages.
    fn append(&mut self, of: LogStream, mut text: &str) {
        if let Some(FromRunner::Log { stream, text: last }) = self.queue.back_mut()
            && *stream == of
        {
            let (fits, rest) = text.split_at(text.floor_char_boundary(LOG_TEXT_BYTES_MAX - last.len()));
            last.push_str(fits);
            text = rest;
        }
        while !text.is_empty() {
            let (fits, rest) = text.split_at(text.floor_char_boundary(LOG_TEXT_BYTES_MAX));
            self.queue.push_back(FromRunner::Log { stream: of, text: fits.to_owned() });
            text = rest;
        }
    }
}
