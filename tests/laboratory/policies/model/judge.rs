//! What must hold after each step, and in the end.

use std::collections::BTreeMap;

use bytes::Bytes;
use filmgate::key::ObjectKey;
use filmgate::publish::{Journal as _, Which};
use filmgate::storage::{Durability, LeftBehind, Mode};

use super::{Fate, Play};
use crate::bench::{hold, wait_until_back};

impl Play<'_> {
    /// Every store has what the table says.
    pub(super) async fn check(&self) -> Result<(), String> {
        let mut s3: BTreeMap<_, _> = self.pair.bench.objects(&self.prefix).await.into_iter().collect();
        let mut directory: BTreeMap<_, _> = self.pair.in_directory(&self.prefix).into_iter().collect();
        for known in self.known.values() {
            let key = &known.key;
            let (there, here) = (s3.remove(key.as_str()), directory.remove(key.as_str()));
            let is_file = |object: &Option<Bytes>| object.as_ref().is_none_or(|object| *object == known.bytes);
            hold(is_file(&there) && is_file(&here), || format!("{key}: another object"))?;
            let entry = self.entry(known).await?.ok_or_else(|| format!("{key}: forgotten"))?;
            match &known.fate {
                Fate::Answered => {
                    let recorded = entry.recorded.as_ref().ok_or_else(|| format!("{key}: answered, not recorded"))?;
                    let needs_directory = recorded.durability == Durability::Local
                        || (recorded.durability == Durability::Both && self.pair.both.mode() == Mode::Mirror);
                    let needs_s3 = recorded.durability != Durability::Local;
                    let holds = (!needs_directory || here.is_some()) && (!needs_s3 || there.is_some());
                    hold(holds, || {
                        let (there, here) = (there.is_some(), here.is_some());
                        format!("{key}: {:?} on record; in S3: {there}, in the directory: {here}", recorded.durability)
                    })?;
                }
                Fate::HalfDeleted => hold(here.is_none(), || format!("{key}: deleted, and in the directory"))?,
                Fate::Deleted => {
                    hold(there.is_none() && here.is_none(), || format!("{key}: deleted, and there again"))?;
                }
                Fate::Failed { kept, left, lied_to } => {
                    let is_kept = std::fs::read(kept).is_ok_and(|kept| kept == known.bytes);
                    hold(is_kept, || format!("{kept:?} is not kept"))?;
                    let is_named = *left == Some(LeftBehind::Object);
                    hold(there.is_none() || left.is_some() || *lied_to, || format!("{key}: nobody named it in S3"))?;
                    hold(here.is_none() || is_named, || format!("{key}: failed, and in the directory"))?;
                }
                Fate::Killed { kept } => {
                    let is_kept = std::fs::read(kept).is_ok_and(|kept| kept == known.bytes);
                    hold(is_kept || entry.recorded.is_some(), || format!("{kept:?} is not kept"))?;
                }
            }
        }
        hold(s3.is_empty(), || format!("objects of nobody in S3: {:?}", s3.keys()))?;
        hold(directory.is_empty(), || format!("objects of nobody in the directory: {:?}", directory.keys()))
    }

    /// S3 is there: after one process more, everything is where it belongs.
    pub(super) async fn settle(&mut self) -> Result<(), String> {
        self.is_away = false;
        // A new process would ask at once; this one still has what its predecessors learnt.
        let any = ObjectKey::try_from(format!("{}any", self.prefix)).expect("a key");
        wait_until_back(&**self.pair.bench.host.storage(), &any).await?;
        for who in 0..4 {
            if self.known.get(&who).is_some_and(|known| matches!(known.fate, Fate::HalfDeleted)) {
                self.delete(who, &[]).await?;
            }
        }
        self.restart(&[], None).await?;
        self.check().await?;
        for (which, what) in [(Which::Unfinished, "not settled"), (Which::Pending, "still to be moved")] {
            let left = self.journal.entries(which, None, 100).await.map_err(|error| error.to_string())?;
            hold(left.is_empty(), || format!("{what}: {left:#?}"))?;
        }
        let (end, mut named) = (self.pair.end(), Vec::new());
        for known in self.known.values() {
            match &known.fate {
                Fate::Answered => {
                    let entry = self.entry(known).await?.ok_or("forgotten")?;
                    let recorded = entry.recorded.ok_or("not recorded")?;
                    hold(recorded.durability == end, || format!("{}: {:?}", known.key, recorded.durability))?;
                    self.pair.check_end(known.key.as_str(), &known.bytes).await?;
                }
                Fate::Failed { left: Some(LeftBehind::Upload(Some(id))), .. } => named.push(id.clone()),
                // Whichever is open of this key.
                Fate::Failed { left: Some(LeftBehind::Upload(None)), .. } => {
                    named.extend(self.pair.bench.open_uploads(known.key.as_str()).await);
                }
                _ => {}
            }
        }
        let mut open = self.pair.bench.open_uploads(&self.prefix).await;
        open.retain(|id| !named.contains(id));
        hold(open.is_empty() || self.hidden_upload, || format!("uploads of nobody: {open:?}"))
    }
}
