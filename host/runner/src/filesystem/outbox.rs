use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use filmgate_protocol::{Budget, Exhausted};

use crate::filesystem::open::Open;
use crate::meters::Meters;

/// The state of the outbox that belongs to one guest.
pub(crate) struct Outbox {
    quota: Arc<Quota>,
    depth_max: u32,
    /// Depth of every open directory by its handle; the preopens are not in it and have 0.
    depths: HashMap<u32, u32>,
    open: Open,
}

impl Outbox {
    pub(crate) fn new(budget: &Budget, meters: Arc<Meters>) -> Self {
        let quota = Quota { meters, bytes_max: budget.outbox_bytes, entries_max: budget.outbox_entries };
        Self { quota: Arc::new(quota), depth_max: budget.outbox_depth, depths: HashMap::new(), open: Open::default() }
    }

    pub(crate) fn quota(&self) -> Arc<Quota> {
        Arc::clone(&self.quota)
    }

    /// Never less than the real depth: see the rule for renames.
    pub(crate) fn depth(&self, directory: u32) -> u32 {
        self.depths.get(&directory).copied().unwrap_or(0)
    }

    pub(crate) fn check_depth(&self, depth: u32) -> Result<(), OverQuota> {
        if depth <= self.depth_max {
            self.quota.meters.outbox_depth_max.fetch_max(depth, Ordering::Relaxed);
            return Ok(());
        }
        self.quota.meters.refuse_outbox(Exhausted::OutboxDepth);
        Err(OverQuota)
    }

    /// Asked before a file or folder is opened.
    pub(crate) fn check_open(&mut self) -> Result<(), OverQuota> {
        let has_room = self.open.has_room();
        self.within_handles(has_room)
    }

    /// Asked before the entries of a folder are read.
    pub(crate) fn check_listings(&self) -> Result<(), OverQuota> {
        self.within_handles(self.open.has_room_for_listing())
    }

    fn within_handles(&self, has_room: bool) -> Result<(), OverQuota> {
        if has_room {
            return Ok(());
        }
        self.quota.meters.refuse_outbox(Exhausted::Handles);
        Err(OverQuota)
    }

    pub(crate) fn opened_file(&mut self, file: &Arc<File>) {
        self.open.opened(file);
    }

    pub(crate) fn opened_folder(&mut self, folder: &Arc<File>, handle: u32, depth: u32) {
        self.open.opened(folder);
        self.depths.insert(handle, depth);
    }

    pub(crate) fn listed(&mut self) {
        self.open.listed();
    }

    pub(crate) fn listing_dropped(&mut self) {
        self.open.listing_dropped();
    }

    pub(crate) fn closed(&mut self, descriptor: u32) {
        self.depths.remove(&descriptor);
    }
}

/// Logical bytes and entries: what files would need without holes, and what is deleted stays counted.
///
/// Exact because one thread measures, charges and writes, one call after the other.
pub(crate) struct Quota {
    meters: Arc<Meters>,
    bytes_max: u64,
    entries_max: u64,
}

/// The outbox is full; which limit it was is in the meters.
#[derive(Debug, thiserror::Error)]
#[error("the job's budget for the outbox is used up")]
pub(crate) struct OverQuota;

impl Quota {
    /// Notes that one host call brought this much.
    pub(crate) fn moved(&self, bytes: usize) {
        self.meters.moved(bytes);
    }

    /// Counts one file or directory that is about to be created.
    pub(crate) fn take_entry(self: Arc<Self>) -> Result<Entry, OverQuota> {
        let entries = &self.meters.outbox_entries;
        if entries.load(Ordering::Relaxed) >= self.entries_max {
            self.meters.refuse_outbox(Exhausted::OutboxEntries);
            return Err(OverQuota);
        }
        entries.fetch_add(1, Ordering::Relaxed);
        Ok(Entry { quota: self, kept: false })
    }

    fn take_bytes(&self, growth: u64) -> Result<(), OverQuota> {
        let bytes = &self.meters.outbox_bytes;
        let used = bytes.load(Ordering::Relaxed);
        if growth > self.bytes_max.saturating_sub(used) {
            self.meters.refuse_outbox(Exhausted::OutboxBytes);
            return Err(OverQuota);
        }
        bytes.fetch_add(growth, Ordering::Relaxed);
        Ok(())
    }
}

/// One entry counted, given back unless it is kept.
pub(crate) struct Entry {
    quota: Arc<Quota>,
    kept: bool,
}

impl Entry {
    /// The entry exists now.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.kept {
            self.quota.meters.outbox_entries.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Bytes counted for a file that is about to grow.
pub(crate) struct Grant {
    quota: Arc<Quota>,
    before: u64,
    growth: u64,
}

impl Grant {
    /// Counts what `file` grows by when its end becomes `end`. The outer error: the file cannot be measured.
    pub(crate) fn for_end(quota: &Arc<Quota>, file: &File, end: u64) -> std::io::Result<Result<Self, OverQuota>> {
        let before = file.metadata()?.len();
        let growth = end.saturating_sub(before);
        Ok(quota.take_bytes(growth).map(|()| Self { quota: Arc::clone(quota), before, growth }))
    }

    /// Gives back what the file did not grow by, as after a full disk.
    pub(crate) fn settle(self, file: &File) {
        let Ok(metadata) = file.metadata() else { return };
        let unused = self.growth.saturating_sub(metadata.len().saturating_sub(self.before));
        self.quota.meters.outbox_bytes.fetch_sub(unused, Ordering::Relaxed);
    }
}
