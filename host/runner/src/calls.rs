use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use filmgate_protocol::{PluginError, Stored};
use tokio::sync::{Notify, oneshot, watch};

use crate::meters::Meters;

/// What became of a publish.
pub(crate) type Outcome = Result<Stored, PluginError>;

/// The calls of `store-video` and `submit` that the host has not answered yet.
pub(crate) struct Calls {
    state: Mutex<State>,
    in_flight_max: u32,
    meters: Arc<Meters>,
    settled: Notify,
}

#[derive(Default)]
struct State {
    next: u32,
    open: HashMap<u32, Open>,
}

enum Open {
    Waiting(oneshot::Sender<Outcome>),
    Submitted { claimed: Option<oneshot::Sender<Result<(), PluginError>>>, outcome: watch::Sender<Option<Outcome>> },
}

/// A call of `submit`: first the claim, later the outcome.
pub(crate) struct Submission {
    pub(crate) call: u32,
    pub(crate) claimed: oneshot::Receiver<Result<(), PluginError>>,
    pub(crate) outcome: watch::Receiver<Option<Outcome>>,
}

/// As many publications are under way as the budget allows.
pub(crate) struct TooMany;

/// The host answered a call that does not wait for such an answer.
#[derive(Debug, thiserror::Error)]
#[error("the host's answer to call {call} fits no open call")]
pub(crate) struct Unexpected {
    call: u32,
}

impl Calls {
    pub(crate) fn new(in_flight_max: u32, meters: Arc<Meters>) -> Self {
        Self { state: Mutex::default(), in_flight_max, meters, settled: Notify::new() }
    }

    /// Opens a call that waits for its outcome.
    pub(crate) fn open_waiting(&self) -> Result<(u32, oneshot::Receiver<Outcome>), TooMany> {
        let (sender, receiver) = oneshot::channel();
        Ok((self.open(Open::Waiting(sender))?, receiver))
    }

    /// Opens a call that waits for the claim only.
    pub(crate) fn open_submitted(&self) -> Result<Submission, TooMany> {
        let (claimed_sender, claimed) = oneshot::channel();
        let (outcome_sender, outcome) = watch::channel(None);
        let call = self.open(Open::Submitted { claimed: Some(claimed_sender), outcome: outcome_sender })?;
        Ok(Submission { call, claimed, outcome })
    }

    fn open(&self, call: Open) -> Result<u32, TooMany> {
        let mut state = self.lock();
        let open = u32::try_from(state.open.len()).unwrap_or(u32::MAX);
        if open >= self.in_flight_max {
            return Err(TooMany);
        }
        self.meters.stores_in_flight_peak.fetch_max(open + 1, Ordering::Relaxed);
        let number = state.next;
        state.next = state.next.wrapping_add(1);
        state.open.insert(number, call);
        Ok(number)
    }

    /// Takes in the host's answer to a claim.
    pub(crate) fn claimed(&self, call: u32, result: Result<(), PluginError>) -> Result<(), Unexpected> {
        let mut state = self.lock();
        let Some(Open::Submitted { claimed, .. }) = state.open.get_mut(&call) else { return Err(Unexpected { call }) };
        let waiting = claimed.take().ok_or(Unexpected { call })?;
        if result.is_err() {
            state.open.remove(&call);
            self.settled.notify_one();
        }
        // A guest that was stopped no longer listens.
        let _ = waiting.send(result);
        Ok(())
    }

    /// Takes in the outcome of a call.
    pub(crate) fn stored(&self, call: u32, result: Outcome) -> Result<(), Unexpected> {
        let mut state = self.lock();
        match state.open.remove(&call) {
            Some(Open::Waiting(waiting)) => drop(waiting.send(result)),
            Some(Open::Submitted { claimed: None, outcome }) => drop(outcome.send_replace(Some(result))),
            Some(Open::Submitted { claimed: Some(_), .. }) | None => return Err(Unexpected { call }),
        }
        self.settled.notify_one();
        Ok(())
    }

    /// Whether a call waits for the host.
    pub(crate) fn any_open(&self) -> bool {
        !self.lock().open.is_empty()
    }

    /// Waits until no call is open. For one caller at a time.
    pub(crate) async fn settled(&self) {
        while !self.lock().open.is_empty() {
            self.settled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
