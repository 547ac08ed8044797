//! Which URL an asset is handed out with (A5, A7, B6, C2).

mod base;
mod class;

pub use base::{InvalidBase, PublicBase, encode_key};
pub use class::{UrlClass, UrlLifetimes};

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::InvalidValue;
use crate::key::ObjectKey;
use crate::storage::{Durability, GetOptions, Storage, StorageError};

/// How URLs are made. The same for every asset of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlPolicy {
    /// Which kind.
    pub mode: UrlMode,
    /// Where a CDN or a file server shows the bucket, or the directory where that is all there is (`S3_PUBLIC_BASE_URL`).
    pub base: Option<PublicBase>,
    /// Where a file server shows the directory that is there beside a bucket (E1).
    pub local_base: Option<PublicBase>,
    /// How long presigned URLs live.
    pub lifetimes: UrlLifetimes,
    /// With [`UrlMode::Public`]: ask for each object without credentials and say whether that worked.
    pub verify_public: bool,
}

/// The setting `FILMGATE_URL` (A7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlMode {
    /// Not set: below the public base where there is one, else presigned.
    #[default]
    Automatic,
    /// Presigned, even where there is a public base.
    Presigned,
    /// The object's plain address: below the public base where there is one, else the bucket's own. Needs a bucket that
    /// anyone may read.
    Public,
}

impl FromStr for UrlMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "presigned" => Ok(Self::Presigned),
            "public" => Ok(Self::Public),
            _ => Err(InvalidValue::new("URL mode", text, "is unknown", "automatic, presigned, public")),
        }
    }
}

impl fmt::Display for UrlMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "automatic",
            Self::Presigned => "presigned",
            Self::Public => "public",
        })
    }
}

/// What an [`AssetUrl`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlKind {
    /// Below the public base. Does not expire.
    Base,
    /// Signed: whoever has it, has the object until it expires.
    Presigned,
    /// The bucket's own address of a public object. Does not expire.
    Public,
    /// A `file:` URL of local storage.
    File,
}

/// Where an asset can be fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct AssetUrl {
    /// The URL. May carry a signature.
    pub url: url::Url,
    /// When it stops working; absent: it does not.
    pub expires_at: Option<Timestamp>,
    /// What it is.
    pub kind: UrlKind,
    /// Whether the object answered without credentials; absent: that was not tried.
    pub verified: Option<bool>,
}

impl UrlPolicy {
    /// A URL for an object that was stored.
    ///
    /// `download_name` makes a presigned URL offer the file for download under this name, instead of showing it; the other
    /// kinds cannot carry a name. Fails like [`Storage::presign_get`] and [`Storage::is_public`].
    pub async fn url_for(
        &self,
        storage: &dyn Storage,
        key: &ObjectKey,
        class: UrlClass,
        download_name: Option<&str>,
    ) -> Result<AssetUrl, StorageError> {
        if let Some(base) = self.base.as_ref().filter(|_| self.mode != UrlMode::Presigned) {
            return Ok(AssetUrl { url: base.join(key), expires_at: None, kind: UrlKind::Base, verified: None });
        }
        if self.mode == UrlMode::Public {
            return self.public_address(storage, key).await;
        }
        let options = GetOptions { download_name: download_name.map(str::to_owned) };
        let signed = storage.presign_get(key, self.lifetimes.of(class), &options).await?;
        let kind = if signed.url.scheme() == "file" { UrlKind::File } else { UrlKind::Presigned };
        Ok(AssetUrl { url: signed.url, expires_at: signed.expires_at, kind, verified: None })
    }

    /// The same for an object that is recorded to be in one store or the other: one that S3 has not yet is fetched where it
    /// is, below [`UrlPolicy::local_base`] or as a file.
    pub async fn url_at(
        &self,
        storage: &dyn Storage,
        durability: Durability,
        key: &ObjectKey,
        class: UrlClass,
        download_name: Option<&str>,
    ) -> Result<AssetUrl, StorageError> {
        match storage.as_both() {
            Some(both) if durability == Durability::Local => {
                self.of_directory().url_for(both.local(), key, class, download_name).await
            }
            Some(both) => self.url_for(both.s3(), key, class, download_name).await,
            None => self.url_for(storage, key, class, download_name).await,
        }
    }

    /// The policy for what is in the directory beside a bucket.
    pub fn of_directory(&self) -> Self {
        Self { base: self.local_base.clone(), ..self.clone() }
    }

    async fn public_address(&self, storage: &dyn Storage, key: &ObjectKey) -> Result<AssetUrl, StorageError> {
        let url = storage.address(key)?;
        if url.scheme() == "file" {
            return Ok(AssetUrl { url, expires_at: None, kind: UrlKind::File, verified: None });
        }
        let verified = if self.verify_public { Some(storage.is_public(key).await?) } else { None };
        Ok(AssetUrl { url, expires_at: None, kind: UrlKind::Public, verified })
    }
}

/// The signature stays out of logs.
impl fmt::Debug for AssetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.url.query().is_some() { "?…" } else { "" };
        let shown = format!("{}://{}{}{query}", self.url.scheme(), self.url.authority(), self.url.path());
        f.debug_struct("AssetUrl")
            .field("url", &shown)
            .field("expires_at", &self.expires_at.map(|time| time.to_string()))
            .field("kind", &self.kind)
            .field("verified", &self.verified)
            .finish()
    }
}

#[cfg(test)]
mod tests;
