//! Which upload may send its next part.
//!
//! All uploads of a storage share one number of slots, a part each. Free slots go round the users, and round the uploads of
//! each user, so that neither a large file nor a user with many files keeps others waiting. How many slots there are is
//! found out while sending: see [`Trend`].

mod trend;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use trend::Trend;

/// The slots of a storage.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    uploads: AtomicU64,
}

#[derive(Debug)]
struct State {
    used: usize,
    trend: Trend,
    /// The users who wait, whose turn it is first.
    users: VecDeque<User>,
}

#[derive(Debug)]
struct User {
    name: String,
    uploads: VecDeque<Upload>,
}

#[derive(Debug)]
struct Upload {
    id: u64,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// Names an upload among those that share slots.
#[derive(Debug, Clone)]
pub(super) struct Place {
    user: String,
    upload: u64,
}

/// The right to send one part; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    shared: Option<Arc<Shared>>,
    sent: u64,
}

impl Slots {
    /// At most `most` at once.
    pub(super) fn new(most: usize) -> Self {
        let state = State { used: 0, trend: Trend::new(most), users: VecDeque::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), uploads: AtomicU64::new(0) }) }
    }

    /// A place in the queue for a new upload of this user.
    pub(super) fn place(&self, user: &str) -> Place {
        Place { user: user.to_owned(), upload: self.shared.uploads.fetch_add(1, Ordering::Relaxed) }
    }

    /// Waits for a slot.
    pub(super) async fn take(&self, place: &Place) -> Slot {
        let turn = {
            let mut state = self.shared.state();
            if state.used < state.trend.slots() && state.users.is_empty() {
                state.used += 1;
                return Slot::of(&self.shared);
            }
            let (sender, turn) = oneshot::channel();
            state.wait(place, sender);
            turn
        };
        // The state outlives this, and gives every sender a slot.
        turn.await.unwrap_or(Slot { shared: None, sent: 0 })
    }

    /// A slot, if one is free and nobody waits for it.
    #[cfg(test)]
    fn try_take(&self) -> Option<Slot> {
        let mut state = self.shared.state();
        let free = state.used < state.trend.slots() && state.users.is_empty();
        free.then(|| {
            state.used += 1;
            Slot::of(&self.shared)
        })
    }
}

impl Slot {
    fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Some(Arc::clone(shared)), sent: 0 }
    }

    /// Gives the slot back after so many bytes were acknowledged.
    pub(super) fn done(mut self, bytes: u64) {
        self.sent = bytes;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else { return };
        let mut state = shared.state();
        state.used -= 1;
        if self.sent > 0 {
            let is_wanted = !state.users.is_empty();
            state.trend.sent(self.sent, is_wanted, Instant::now());
        }
        drop(state);
        shared.hand_out();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free slots to those who wait.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            if state.used >= state.trend.slots() {
                return;
            }
            let Some(next) = state.next() else { return };
            state.used += 1;
            drop(state);
            // Who does not wait any more gives it back, without another round of this.
            if let Err(mut slot) = next.send(Slot::of(self)) {
                slot.shared = None;
                self.state().used -= 1;
            }
        }
    }
}

impl State {
    fn wait(&mut self, place: &Place, sender: oneshot::Sender<Slot>) {
        let user = match self.users.iter_mut().find(|user| user.name == place.user) {
            Some(user) => user,
            None => {
                self.users.push_back(User { name: place.user.clone(), uploads: VecDeque::new() });
                let last = self.users.len() - 1;
                &mut self.users[last]
            }
        };
        match user.uploads.iter_mut().find(|upload| upload.id == place.upload) {
            Some(upload) => upload.waiting.push_back(sender),
            None => user.uploads.push_back(Upload { id: place.upload, waiting: VecDeque::from([sender]) }),
        }
    }

    /// Who is next: the first part of the first upload of the first user; user and upload then go to the end of the line.
    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        let mut user = self.users.pop_front()?;
        let mut next = None;
        if let Some(mut upload) = user.uploads.pop_front() {
            next = upload.waiting.pop_front();
            if !upload.waiting.is_empty() {
                user.uploads.push_back(upload);
            }
        }
        if !user.uploads.is_empty() {
            self.users.push_back(user);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Slot, Slots};

    /// Lets everybody ask, in this order, for one slot each; answers the order in which they got it.
    async fn order(slots: &Slots, places: &[(&'static str, &Place)]) -> Vec<&'static str> {
        let held = slots.take(&slots.place("holder")).await;
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(&'static str, Slot)>();
        for (name, place) in places {
            let (slots, place, sender, name) = (slots.clone(), (*place).clone(), sender.clone(), *name);
            tokio::spawn(async move {
                let slot = slots.take(&place).await;
                sender.send((name, slot)).expect("somebody listens");
            });
            tokio::task::yield_now().await;
        }
        drop((held, sender));
        let mut got = Vec::new();
        while let Some((name, slot)) = receiver.recv().await {
            got.push(name);
            drop(slot);
        }
        got
    }

    #[tokio::test]
    async fn slots_go_round_users_and_their_uploads() {
        let slots = Slots::new(1);
        let (large, small, other) = (slots.place("ana"), slots.place("ana"), slots.place("bea"));
        let asked = [
            ("ana large 1", &large),
            ("ana large 2", &large),
            ("ana large 3", &large),
            ("ana small", &small),
            ("bea 1", &other),
            ("bea 2", &other),
        ];
        let expected = ["ana large 1", "bea 1", "ana small", "bea 2", "ana large 2", "ana large 3"];
        assert_eq!(order(&slots, &asked).await, expected);
    }

    #[tokio::test]
    async fn who_went_away_costs_no_slot() {
        let slots = Slots::new(1);
        let place = slots.place("ana");
        let held = slots.take(&place).await;
        assert!(slots.try_take().is_none());
        let mut gone = Box::pin(slots.take(&place));
        assert!(futures::poll!(gone.as_mut()).is_pending());
        drop(gone);
        drop(held);
        slots.take(&place).await.done(1);
        assert!(slots.try_take().is_some());
    }

    #[tokio::test]
    async fn a_slot_that_came_too_late_is_given_back() {
        let slots = Slots::new(1);
        let place = slots.place("ana");
        let held = slots.take(&place).await;
        let mut late = Box::pin(slots.take(&place));
        assert!(futures::poll!(late.as_mut()).is_pending());
        // It is handed over now, and never looked at.
        drop(held);
        drop(late);
        assert!(slots.try_take().is_some());
    }
}
