use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job::InvalidValue;
use crate::limits::PRESIGN_SECONDS_MAX;

/// What a URL is for; decides how long it lives (B6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlClass {
    /// A user's upload: 15 minutes.
    Upload,
    /// A clip or picture to look at: 1 hour.
    Preview,
    /// A finished file to download: 6 hours.
    Final,
    /// Between services: 30 minutes.
    Internal,
}

/// How long presigned URLs live, by class.
///
/// Invariant: each 1 s to 7 days, which is Signature Version 4's limit; whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlLifetimes {
    upload: Duration,
    preview: Duration,
    r#final: Duration,
    internal: Duration,
}

impl UrlClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Upload, Self::Preview, Self::Final, Self::Internal];

    /// As it is written in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Preview => "preview",
            Self::Final => "final",
            Self::Internal => "internal",
        }
    }
}

impl Default for UrlLifetimes {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            upload: Duration::from_secs(15 * MINUTE),
            preview: Duration::from_secs(60 * MINUTE),
            r#final: Duration::from_secs(6 * 60 * MINUTE),
            internal: Duration::from_secs(30 * MINUTE),
        }
    }
}

impl UrlLifetimes {
    /// The lifetime of a class.
    pub fn of(&self, class: UrlClass) -> Duration {
        match class {
            UrlClass::Upload => self.upload,
            UrlClass::Preview => self.preview,
            UrlClass::Final => self.r#final,
            UrlClass::Internal => self.internal,
        }
    }

    /// The same lifetimes with one changed. Parts of a second are cut.
    pub fn with(mut self, class: UrlClass, lifetime: Duration) -> Result<Self, InvalidValue> {
        let seconds = lifetime.as_secs();
        if !(1..=PRESIGN_SECONDS_MAX).contains(&seconds) {
            return Err(InvalidValue::new("URL lifetime", &format!("{lifetime:?}"), "cannot be signed", "1s to 7d"));
        }
        let place = match class {
            UrlClass::Upload => &mut self.upload,
            UrlClass::Preview => &mut self.preview,
            UrlClass::Final => &mut self.r#final,
            UrlClass::Internal => &mut self.internal,
        };
        *place = Duration::from_secs(seconds);
        Ok(self)
    }
}
