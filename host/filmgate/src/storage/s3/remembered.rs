//! What an endpoint can do, noted for the next process.
//!
//! A note is only a short cut: one that is missing, old or damaged means that the endpoint is probed. An endpoint that
//! loses an ability within the hour is found out where it matters: a checksum that is refused fails the upload, one that is
//! not kept fails its proof.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::abilities::Abilities;

/// A store that is updated or set up anew is noticed after this time.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

impl Inner {
    /// The endpoint's abilities as an earlier process found them.
    pub(super) async fn remembered(self: &Arc<Self>) -> Option<Abilities> {
        let path = self.note()?;
        tokio::task::spawn_blocking(move || read(&path)).await.ok()?
    }

    /// Notes the endpoint's abilities. A note that cannot be written costs the next process a probe.
    pub(super) async fn remember(self: &Arc<Self>, abilities: &Abilities) {
        let (Some(path), abilities) = (self.note(), abilities.clone()) else { return };
        let written = tokio::task::spawn_blocking(move || write(&path, &abilities)).await;
        if let Ok(Err(error)) = written {
            tracing::debug!(%error, "note what the endpoint can do");
        }
    }

    /// One file for each endpoint, bucket and version of this program.
    fn note(&self) -> Option<PathBuf> {
        let mut name = DefaultHasher::new();
        (self.settings.place(), &self.settings.region, &self.settings.probe_prefix).hash(&mut name);
        let version = env!("CARGO_PKG_VERSION");
        Some(self.settings.remember.as_ref()?.join(format!("{:016x}-{version}.json", name.finish())))
    }
}

fn read(path: &Path) -> Option<Abilities> {
    let age = fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    if age > KEPT_FOR {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write(path: &Path, abilities: &Abilities) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    // Another process may do the same: each writes a file of its own, and the last one stays.
    let own = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&own, serde_json::to_vec(abilities)?)?;
    fs::rename(&own, path)
}
