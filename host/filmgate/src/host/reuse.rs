//! What was rendered before need not be rendered again (B11).

use std::fs::File;
use std::io;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use super::keyed::described;
use super::{Host, Keyed};
use crate::archive::ArchiveError;
use crate::catalogue::AssetState;
use crate::checksum::hexadecimal;
use crate::job::{IdempotencyKey, JobRequest, Period};
use crate::plugin::{Plugin, PluginDigest};
use crate::publish::Asset;
use crate::report::{JobError, JobFault};
use crate::storage::Presence;

/// How often the same can be rendered anew because what there was is gone.
const GENERATIONS: u32 = 1_000;

impl Host {
    /// Starts a job, or answers what an equal one has brought before and is still there: the same plugin by digest, user,
    /// period, parameters as JSON values, inputs by content, ids and layout. Without a period the current month counts.
    ///
    /// Only jobs that were started this way are found, for as long as the journal remembers them
    /// ([`SqliteJournal::KEPT_DAYS`](crate::publish::SqliteJournal::KEPT_DAYS)). Of equal jobs at the same time one runs;
    /// the others end with [`JobFault::UnderWay`] and are to be asked for again. Whether a plugin renders the same from the
    /// same is the caller's to know: nothing here makes clocks and randomness repeat.
    pub async fn start_reusing(&self, request: JobRequest, plugin: &Plugin) -> Result<Keyed, JobError> {
        let (asked, digest) = (request.clone(), plugin.digest());
        let content = spawn_blocking(move || content_of(&asked, digest)).await;
        let content = content.unwrap_or_else(|error| Err(JobFault::Internal(error.to_string())));
        let content = content.map_err(JobError::early)?;
        for generation in 0..GENERATIONS {
            let key = IdempotencyKey::derived("reuse", &format!("{generation} {content}"));
            match self.start_keyed(&key, request.clone(), plugin).await {
                Err(JobError { fault: JobFault::Gone(_) | JobFault::Elsewhere(_), .. }) => {}
                Ok(Keyed::Done(report)) if !report.gone.is_empty() || !self.are_there(&report.assets).await? => {}
                found => return found,
            }
        }
        Err(JobError::early(JobFault::Internal("the same was rendered anew too often".to_owned())))
    }

    /// Whether every asset is on record as stored, where the record can be asked, and its object is under its key.
    async fn are_there(&self, assets: &[Asset]) -> Result<bool, JobError> {
        for asset in assets {
            match self.archive().asset(asset.publish).await {
                Ok(record) if record.state != AssetState::Stored => return Ok(false),
                // A catalogue that is away, or has not caught up, says nothing.
                Ok(_) | Err(ArchiveError::Unknown { .. } | ArchiveError::Catalogue(_)) => {}
                Err(error) => return Err(JobError::early(JobFault::Internal(error.to_string()))),
            }
            let found = self.storage().head(&asset.key).await;
            let found = found.map_err(|error| JobError::early(JobFault::Storage(error)))?;
            let Presence::Present(info) = found else { return Ok(false) };
            if !info.is_of(asset.publish, asset.size) {
                return Ok(false);
            }
        }
        Ok(!assets.is_empty())
    }
}

/// Everything that a result depends on, as one text. Reads the inputs. Blocks.
fn content_of(request: &JobRequest, plugin: PluginDigest) -> Result<String, JobFault> {
    let period = request.period().unwrap_or_else(|| Period::of(Timestamp::now()));
    let mut inputs = Vec::new();
    for (name, path) in request.inputs() {
        let read = digest_of(path)
            .map_err(|error| JobFault::Invalid(format!("read input {name} from {}: {error}", path.display())))?;
        inputs.push((name, read));
    }
    Ok(described(request, Some(plugin), Some(period), &inputs))
}

fn digest_of(path: &std::path::Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest)?;
    Ok(hexadecimal(&digest.finalize()))
}
