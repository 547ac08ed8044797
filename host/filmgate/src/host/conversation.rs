//! What a runner may say. A runner executes strangers' code, so the host believes it nothing that it can check.

use std::time::Duration;

use filmgate_protocol::{Budget, FromRunner, Outcome, PluginError, Usage};
use tokio::time::Instant;

// The protocol's and the plugin world's limits, in bytes.
const LOG_TEXT_BYTES_MAX: usize = 8 * 1024;
const STAGE_BYTES_MAX: usize = 200;
const PATH_BYTES_MAX: usize = 4 * 1024;
const TEXT_BYTES_MAX: usize = 4 * 1024;
const SUMMARY_BYTES_MAX: usize = 64 * 1024;

/// A byte that is no UTF-8 becomes a character of three.
const LOSSY_GROWTH: u64 = 3;

/// Messages a second that are heard; more wait in the runner, which waits with them. An honest one sends some dozens.
const MESSAGES_PER_SECOND: u32 = 2_000;
/// How many may come at once.
const BURST: u32 = 2_000;

/// One job's conversation, as far as its rules need to remember it.
#[derive(Debug)]
pub(super) struct Conversation {
    budget: Budget,
    next_call: u32,
    log_bytes: u64,
    rate: Rate,
    /// The latest word on what the job used: all there is where a runner ends without a last one.
    pub(super) usage: Usage,
}

/// What no honest runner says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the runner broke the rules of its protocol: {0}")]
pub(super) struct Nonsense(&'static str);

impl Conversation {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            next_call: 0,
            log_bytes: 0,
            rate: Rate { tokens: f64::from(BURST), at: Instant::now() },
            usage: Usage::default(),
        }
    }

    /// When the next message may be heard.
    pub(super) fn hear_at(&mut self) -> Instant {
        self.rate.take(Instant::now())
    }

    /// Checks one message against the rules and what was said before.
    pub(super) fn check(&mut self, message: &FromRunner) -> Result<(), Nonsense> {
        match message {
            FromRunner::Log { text, .. } => {
                require(!text.is_empty() && text.len() <= LOG_TEXT_BYTES_MAX, "a log text has no or too many bytes")?;
                self.log_bytes += text.len() as u64;
                let allowed = self.budget.log_bytes.saturating_mul(LOSSY_GROWTH);
                require(self.log_bytes <= allowed, "more log than the budget allows")
            }
            FromRunner::Progress { fraction, stage } => {
                require((0.0..=1.0).contains(fraction), "progress is no share of one")?;
                require(stage.len() <= STAGE_BYTES_MAX, "the name of a stage is too long")
            }
            FromRunner::Usage(usage) => self.used(usage),
            FromRunner::Store(request) => {
                require(request.call == self.next_call, "calls are not numbered upwards")?;
                require(request.call < self.budget.store_calls, "more calls than the budget allows")?;
                self.next_call += 1;
                require(request.path.len() <= PATH_BYTES_MAX, "a path is too long")
            }
            FromRunner::Finished { outcome, usage } => {
                require(is_bounded(outcome), "the text of an outcome is too long")?;
                self.used(usage)
            }
        }
    }

    fn used(&mut self, usage: &Usage) -> Result<(), Nonsense> {
        let Budget { memory_bytes, outbox_bytes, outbox_entries, .. } = self.budget;
        let Budget { table_elements, outbox_depth, stores_in_flight, hostcall_bytes, handles, .. } = self.budget;
        require(usage.memory_bytes_peak <= memory_bytes, "more memory used than there is")?;
        require(usage.outbox_bytes_written <= outbox_bytes, "more bytes written than allowed")?;
        require(usage.outbox_entries_created <= outbox_entries, "more files made than allowed")?;
        require(usage.table_elements_peak <= table_elements, "more elements of tables used than there are")?;
        require(usage.outbox_depth_max <= outbox_depth, "a deeper place reached than there is")?;
        require(usage.stores_in_flight_peak <= stores_in_flight, "more publications under way than allowed")?;
        require(usage.hostcall_bytes_peak <= hostcall_bytes, "more bytes moved in a call than allowed")?;
        require(usage.handles_peak <= handles, "more handles held than allowed")?;
        self.usage = usage.clone();
        Ok(())
    }
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), Nonsense> {
    if holds { Ok(()) } else { Err(Nonsense(otherwise)) }
}

fn is_bounded(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Returned(summary) => summary.len() <= SUMMARY_BYTES_MAX,
        Outcome::Failed(PluginError { code, message, .. }) => code.len() + message.len() <= TEXT_BYTES_MAX + 64,
        Outcome::Trapped(text) | Outcome::NotInstantiated(text) | Outcome::Fault(text) => text.len() <= TEXT_BYTES_MAX,
        Outcome::Exhausted { detail, .. } => detail.len() <= TEXT_BYTES_MAX,
        Outcome::Exited(_) | Outcome::Cancelled => true,
    }
}

/// A bucket of tokens.
#[derive(Debug)]
struct Rate {
    tokens: f64,
    at: Instant,
}

impl Rate {
    /// When the next token is there; it is taken.
    fn take(&mut self, now: Instant) -> Instant {
        let refilled = now.duration_since(self.at).as_secs_f64() * f64::from(MESSAGES_PER_SECOND);
        self.tokens = (self.tokens + refilled).min(f64::from(BURST)) - 1.0;
        self.at = now;
        if self.tokens >= 0.0 {
            now
        } else {
            now + Duration::from_secs_f64(-self.tokens / f64::from(MESSAGES_PER_SECOND))
        }
    }
}

#[cfg(test)]
mod tests {
    use filmgate_protocol::{LogStream, StoreOptions, StoreRequest};

    use super::*;

    fn conversation() -> Conversation {
        Conversation::new(&crate::default_budget())
    }

    fn store(call: u32) -> FromRunner {
        let options = StoreOptions::default();
        FromRunner::Store(StoreRequest { call, path: "video.mp4".into(), options, wait: true })
    }

    fn log(bytes: usize) -> FromRunner {
        FromRunner::Log { stream: LogStream::Stdout, text: "x".repeat(bytes) }
    }

    fn finished(outcome: Outcome) -> FromRunner {
        FromRunner::Finished { outcome, usage: Usage::default() }
    }

    #[test]
    fn what_an_honest_runner_says_passes() {
        let mut conversation = conversation();
        let progress = FromRunner::Progress { fraction: 1.0, stage: "x".repeat(200) };
        for message in [store(0), log(8192), store(1), progress, finished(Outcome::Returned("x".repeat(65536)))] {
            assert_eq!(conversation.check(&message), Ok(()), "{message:?}");
        }
    }

    #[test]
    fn p3_nonsense_is_recognised() {
        let usage = |change: fn(&mut Usage)| {
            let mut usage = Usage::default();
            change(&mut usage);
            FromRunner::Usage(usage)
        };
        let said = [
            log(0),
            log(8193),
            FromRunner::Progress { fraction: f32::NAN, stage: String::new() },
            FromRunner::Progress { fraction: -0.1, stage: String::new() },
            FromRunner::Progress { fraction: 0.5, stage: "x".repeat(201) },
            store(1),
            store(u32::MAX),
            usage(|usage| usage.memory_bytes_peak = u64::MAX),
            usage(|usage| usage.outbox_bytes_written = u64::MAX),
            usage(|usage| usage.outbox_entries_created = u64::MAX),
            usage(|usage| usage.table_elements_peak = u64::MAX),
            usage(|usage| usage.outbox_depth_max = u32::MAX),
            usage(|usage| usage.stores_in_flight_peak = u32::MAX),
            usage(|usage| usage.hostcall_bytes_peak = u64::MAX),
            usage(|usage| usage.handles_peak = u32::MAX),
            finished(Outcome::Returned("x".repeat(65537))),
            finished(Outcome::Trapped("x".repeat(4097))),
        ];
        for message in said {
            assert!(conversation().check(&message).is_err(), "{message:?}");
        }
    }

    #[test]
    fn calls_are_numbered_upwards_and_counted() {
        let mut conversation = conversation();
        for call in 0..crate::default_budget().store_calls {
            assert_eq!(conversation.check(&store(call)), Ok(()));
        }
        assert!(conversation.check(&store(crate::default_budget().store_calls)).is_err());
    }

    #[test]
    fn log_ends_at_its_budget() {
        let mut conversation = conversation();
        let said = (0..1000).take_while(|_| conversation.check(&log(8192)).is_ok()).count();
        assert_eq!(said, 3 * 1024 * 1024 / 8192);
    }

    #[test]
    fn a_flood_is_heard_slowly() {
        let now = Instant::now();
        let mut rate = Rate { tokens: f64::from(BURST), at: now };
        let mut last = now;
        for _ in 0..5 * BURST {
            last = rate.take(now);
        }
        assert_eq!((last - now).as_secs_f64().round(), 4.0);
        assert_eq!(rate.take(now + Duration::from_secs(10)), now + Duration::from_secs(10));
    }
}
