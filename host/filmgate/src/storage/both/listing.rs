//! Two listings as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BothStorage;
use crate::storage::{Listing, Storage, StorageError, StorageFault};

/// How a listing goes on: pages that both stores answered, and the last key that was handed out.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Continuation {
    /// Of S3's page at hand; absent: the first.
    s3: Option<String>,
    /// Keys up to this one were handed out.
    last: String,
}

/// One page. Where a page of S3 is only half used, it is asked for again: pages of the two do not end at the same keys.
pub(super) async fn merged(both: &BothStorage, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
    let mut at: Continuation = match after {
        None => Continuation::default(),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            StorageError::new(StorageFault::Other, "list objects", both.describe(), format!("continuation: {error}"))
        })?,
    };
    let mut s3 = both.s3.list(prefix, at.s3.as_deref()).await?;
    // A page that was handed out whole.
    while let Some(next) = s3.next.take_if(|_| s3.objects.last().is_none_or(|info| info.key.as_str() <= &*at.last)) {
        s3 = both.s3.list(prefix, Some(&next)).await?;
        at.s3 = Some(next);
    }
    // The directory continues behind any key.
    let local = both.local.list(prefix, (!at.last.is_empty()).then_some(&at.last)).await?;
    let end = |page: &Listing| page.next.as_ref().and_then(|_| page.objects.last()).map(|info| info.key.clone());
    // Behind the end of either page, keys of that store may be missing.
    let end = [end(&s3), end(&local)].into_iter().flatten().min();
    let has_more = end.is_some();
    let mut objects = BTreeMap::new();
    for info in local.objects.into_iter().chain(s3.objects) {
        if info.key.as_str() > &*at.last && end.as_ref().is_none_or(|end| info.key <= *end) {
            objects.insert(info.key.clone(), info);
        }
    }
    let mut objects: Vec<_> = objects.into_values().collect();
    let is_cut = objects.len() > PAGE;
    objects.truncate(PAGE);
    let last = if is_cut { objects.last().map(|info| info.key.clone()) } else { end };
    let last = last.map(|key| key.as_str().to_owned()).unwrap_or_default();
    let next =
        (has_more || is_cut).then(|| serde_json::to_string(&Continuation { s3: at.s3, last }).unwrap_or_default());
    Ok(Listing { objects, next })
}

/// Keys a page holds, as S3's.
const PAGE: usize = 1000;
