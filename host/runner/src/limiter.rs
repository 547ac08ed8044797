use std::sync::Arc;
use std::sync::atomic::Ordering;

use filmgate_protocol::{Budget, Exhausted};
use wasmtime::ResourceLimiter;

use crate::meters::Meters;

/// Core instances of one component. The largest known (Python with its adapters) has about 40.
const INSTANCES_MAX: usize = 256;
/// Linear memories of one component; each reserves 4 GiB of address space.
const MEMORIES_MAX: usize = 32;
/// Tables of one component.
const TABLES_MAX: usize = 128;

/// Sums all memories and all tables of a guest against its budget.
pub(crate) struct Limiter {
    meters: Arc<Meters>,
    memory: Sum,
    tables: Sum,
}

/// A total that never passes its limit.
struct Sum {
    used: u64,
    limit: u64,
    /// The last growth granted, taken back if wasmtime then fails to carry it out.
    granted: u64,
}

impl Limiter {
    pub(crate) fn new(budget: &Budget, meters: Arc<Meters>) -> Self {
        Self { meters, memory: Sum::new(budget.memory_bytes), tables: Sum::new(budget.table_elements) }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.memory.grow(current, desired);
        if granted {
            self.meters.memory_peak.fetch_max(self.memory.used, Ordering::Relaxed);
        } else {
            self.meters.refuse_memory(Exhausted::Memory);
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.tables.grow(current, desired);
        if granted {
            self.meters.table_elements_peak.fetch_max(self.tables.used, Ordering::Relaxed);
        } else {
            self.meters.refuse_memory(Exhausted::Tables);
        }
        Ok(granted)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

impl Sum {
    fn new(limit: u64) -> Self {
        Self { used: 0, limit, granted: 0 }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        // A refusal grants nothing, and a failure report may follow it.
        self.granted = 0;
        let growth = desired.saturating_sub(current) as u64;
        match self.used.checked_add(growth) {
            Some(used) if used <= self.limit => {
                self.used = used;
                self.granted = growth;
                true
            }
            _ => false,
        }
    }

    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.granted);
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn growth_of_all_is_summed() {
        let mut sum = Sum::new(100);
        assert!(sum.grow(0, 60));
        assert!(!sum.grow(0, 41), "a second one on top of the first");
        assert!(sum.grow(0, 40));
        assert!(!sum.grow(60, 61));
        assert!(!sum.grow(0, usize::MAX));
        assert_eq!(sum.used, 100);
    }

    #[test]
    fn failed_growth_is_taken_back_once() {
        let mut sum = Sum::new(100);
        assert!(sum.grow(0, 60) && sum.grow(0, 30));
        sum.take_back();
        sum.take_back();
        assert_eq!(sum.used, 60);
        assert!(!sum.grow(0, 50));
        sum.take_back();
        assert_eq!(sum.used, 60, "a refusal leaves nothing to take back");
    }
}
