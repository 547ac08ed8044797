use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use filmgate_protocol::Budget;

use crate::calls::Calls;
use crate::meters::Meters;
use crate::outbound::Outbound;

/// What the guest's host functions and the serving loop share for one job.
pub(crate) struct Session {
    pub(crate) meters: Arc<Meters>,
    pub(crate) outbound: Outbound,
    pub(crate) calls: Calls,
    cancelled: AtomicBool,
}

impl Session {
    /// Starts the CPU clock; see [`Meters::new`].
    pub(crate) fn new(budget: &Budget) -> Self {
        let meters = Arc::new(Meters::new());
        Self {
            outbound: Outbound::new(budget.log_bytes),
            calls: Calls::new(budget.stores_in_flight, Arc::clone(&meters)),
            meters,
            cancelled: AtomicBool::new(false),
        }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
