use std::fmt;

use serde::Serialize;

use crate::Error;
use crate::bindings::filmgate::plugin::store_video as wire;

/// Starts handing the finished file at `path` (relative to the outbox, at most 1,024 bytes) to the host. Nothing
/// happens before [`StoreVideo::send`] or [`StoreVideo::submit`].
///
/// The file must be closed. From the moment the host claims it, it no longer exists for the plugin, whether or not the
/// upload succeeds.
pub fn store_video(path: impl Into<String>) -> StoreVideo {
    let options = wire::Options { slot: None, sequence: None, content_type: None, metadata: Vec::new() };
    StoreVideo { path: path.into(), options }
}

/// A publish being described; see [`store_video`].
#[derive(Clone, Debug)]
#[must_use = "nothing is stored before send or submit"]
pub struct StoreVideo {
    path: String,
    options: wire::Options,
}

impl StoreVideo {
    /// The place in the layout that the file fills, for example `thumbnail`: at most 32 characters of `a-z 0-9 -`.
    /// Without it: `video`.
    pub fn slot(mut self, slot: impl Into<String>) -> Self {
        self.options.slot = Some(slot.into());
        self
    }

    /// Which of several files of the slot this is, 0 to 999. Without it: the only one.
    pub fn sequence(mut self, sequence: u32) -> Self {
        self.options.sequence = Some(sequence);
        self
    }

    /// The type the file should have, for example `video/mp4`. The host goes by the bytes and refuses a publish whose
    /// declared type disagrees with them; without it, there is nothing to disagree with.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.options.content_type = Some(content_type.into());
        self
    }

    /// Adds text to keep beside the stored file: at most 16 pairs, names of 1 to 64 characters of `a-z 0-9 -`, values
    /// of printable ASCII, together at most 1,024 bytes.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.metadata.push((name.into(), value.into()));
        self
    }

    /// Publishes the file and waits until it is stored.
    ///
    /// Fails with the host's refusal: [`ErrorCode`](crate::ErrorCode) lists them. After `busy`, `not-found` and the
    /// other refusals before the claim, the file is still in the outbox. Outside a component: `internal`.
    pub fn send(self) -> Result<Stored, Error> {
        #[cfg(target_family = "wasm")]
        return Ok(wire::store_video(&self.path, &self.options)?.into());
        #[cfg(not(target_family = "wasm"))]
        Err(no_host(&self.path))
    }

    /// Publishes the file without waiting, so that rendering can go on while it is uploaded.
    ///
    /// At most 8 publications are in flight at once; one more fails with `quota-exceeded`. Fails like
    /// [`StoreVideo::send`] when the file cannot be claimed.
    pub fn submit(self) -> Result<Publication, Error> {
        #[cfg(target_family = "wasm")]
        return Ok(Publication(wire::submit(&self.path, &self.options)?));
        #[cfg(not(target_family = "wasm"))]
        Err(no_host(&self.path))
    }
}

#[cfg(not(target_family = "wasm"))]
fn no_host(path: &str) -> Error {
    let message = format!("'{path}' cannot be stored here: there is no host outside a component");
    Error::new(crate::ErrorCode::Internal, message)
}

/// An upload under way. Dropping it neither stops the upload nor hides its failure from the job: the host waits for it
/// when the plugin returns, and the job succeeds only if it does.
#[must_use = "wait() tells whether the file was stored"]
pub struct Publication(wire::Publication);

impl Publication {
    /// The outcome, if there is one yet.
    pub fn poll(&self) -> Option<Result<Stored, Error>> {
        let outcome = self.0.get()?;
        Some(outcome.map(Stored::from).map_err(Error::from))
    }

    /// Waits for the outcome.
    pub fn wait(self) -> Result<Stored, Error> {
        loop {
            if let Some(outcome) = self.poll() {
                return outcome;
            }
            self.0.subscribe().block();
        }
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publication")
    }
}

/// What became of a published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stored {
    /// Id of the publish: a UUID.
    pub id: String,
    /// Where the file can be fetched, unless the operator withholds URLs from plugins.
    pub url: Option<String>,
    /// When `url` stops working, in seconds since 1970. `None`: it does not expire.
    pub expires_at: Option<u64>,
    /// Size in bytes.
    pub size: u64,
    /// Checksum of the whole file: `crc64nvme:` and 16 hexadecimal digits.
    pub checksum: String,
    /// Where the bytes are safe now: `local`, `s3` or `both`.
    pub durability: String,
}

impl From<wire::Stored> for Stored {
    fn from(stored: wire::Stored) -> Self {
        let wire::Stored { id, url, expires_at, size, checksum, durability } = stored;
        Self { id, url, expires_at, size, checksum, durability }
    }
}
