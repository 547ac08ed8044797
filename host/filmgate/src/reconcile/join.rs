//! Objects and records side by side, in order of their keys, a page of each at a time.

use std::collections::VecDeque;

use super::ReconcileError;
use super::objects::Place;
use crate::catalogue::{AssetAt, AssetRecord, Catalogue, Page};
use crate::key::ObjectKey;
use crate::storage::ObjectInfo;

/// Records that are read at once.
pub(super) const PAGE: u32 = 500;

/// Everything about one key.
pub(super) struct Case {
    pub(super) key: ObjectKey,
    /// As it was listed.
    pub(super) object: Option<ObjectInfo>,
    /// Every asset that the key has had.
    pub(super) records: Vec<AssetRecord>,
}

pub(super) struct Join<'a> {
    catalogue: &'a dyn Catalogue,
    place: &'a Place<'a>,
    prefix: String,
    objects: VecDeque<ObjectInfo>,
    /// `None` before the first page.
    objects_after: Option<String>,
    objects_done: bool,
    records: VecDeque<AssetRecord>,
    records_after: Option<AssetAt>,
    records_done: bool,
}

impl<'a> Join<'a> {
    pub(super) fn new(catalogue: &'a dyn Catalogue, place: &'a Place<'a>, prefix: String) -> Self {
        Self {
            catalogue,
            place,
            prefix,
            objects: VecDeque::new(),
            objects_after: None,
            objects_done: false,
            records: VecDeque::new(),
            records_after: None,
            records_done: false,
        }
    }

    /// Whether the store lists nothing at all. To be asked before the first case.
    pub(super) async fn is_store_empty(&mut self) -> Result<bool, ReconcileError> {
        self.fill_objects().await?;
        Ok(self.objects.is_empty())
    }

    /// The next key.
    pub(super) async fn next(&mut self) -> Result<Option<Case>, ReconcileError> {
        self.fill_objects().await?;
        self.fill_records().await?;
        let object = self.objects.front().map(|info| &info.key);
        let record = self.records.front().map(|record| &record.asset.key);
        let Some(key) = [object, record].into_iter().flatten().min().cloned() else { return Ok(None) };
        let object = self.objects.pop_front_if(|info| info.key == key);
        let mut records = Vec::new();
        loop {
            self.fill_records().await?;
            let Some(record) = self.records.pop_front_if(|record| record.asset.key == key) else { break };
            records.push(record);
        }
        Ok(Some(Case { key, object, records }))
    }

    async fn fill_objects(&mut self) -> Result<(), ReconcileError> {
        while self.objects.is_empty() && !self.objects_done {
            let page = self.place.store.list(&self.prefix, self.objects_after.as_deref()).await?;
            self.objects.extend(page.objects);
            self.objects_done = page.next.is_none();
            self.objects_after = page.next;
        }
        Ok(())
    }

    async fn fill_records(&mut self) -> Result<(), ReconcileError> {
        if !self.records.is_empty() || self.records_done {
            return Ok(());
        }
        let page = Page { after: self.records_after.clone(), limit: PAGE };
        let records = self.catalogue.assets_by_key(&self.place.name, &self.prefix, page).await?;
        self.records_done = records.len() < PAGE as usize;
        let last = records.last().map(|last| AssetAt { key: last.asset.key.clone(), id: last.asset.id });
        self.records_after = last.or(self.records_after.take());
        self.records.extend(records);
        Ok(())
    }
}
