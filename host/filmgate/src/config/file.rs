use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::compile::CompileSection;
use crate::config::error::ConfigError;
use crate::config::policy::PluginsSection;
use crate::config::retention::RetentionSection;
use crate::config::runner::Layers;
use crate::config::{ByteSize, LogFormat, RunnerMode, Sources, Span, Toggle};
use crate::disk::DiskReserve;
use crate::layout::{LayoutDefinition, LayoutName};
use crate::media::FactsPolicy;
use crate::policy::Limits;
use crate::url::{PublicBase, UrlMode};

/// `filmgate.toml`. Keys of access are no part of it: they come from the environment (A2).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) layout: Option<LayoutName>,
    pub(super) key_prefix: Option<String>,
    #[serde(default)]
    pub(super) storage: StorageSection,
    #[serde(default)]
    pub(super) disk: DiskSection,
    #[serde(default)]
    pub(super) urls: UrlSection,
    #[serde(default)]
    pub(super) budget: Limits,
    #[serde(default)]
    pub(super) runner: RunnerSection,
    #[serde(default)]
    pub(super) media: MediaSection,
    #[serde(default)]
    pub(super) catalogue: CatalogueSection,
    #[serde(default)]
    pub(super) retention: RetentionSection,
    #[serde(default)]
    pub(super) log: LogSection,
    #[serde(default)]
    pub(super) compile: CompileSection,
    #[serde(default)]
    pub(super) plugins: PluginsSection,
    #[serde(default)]
    pub(super) layouts: BTreeMap<LayoutName, LayoutDefinition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StorageSection {
    pub(super) policy: Option<String>,
    #[serde(default)]
    pub(super) local: LocalSection,
    #[serde(default)]
    pub(super) s3: S3Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocalSection {
    pub(super) path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3Section {
    pub(super) bucket: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) path_style: Option<Toggle>,
    pub(super) credentials: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) retries: Option<u32>,
    pub(super) multipart_threshold: Option<ByteSize>,
    pub(super) part_size: Option<ByteSize>,
    pub(super) concurrency: Option<usize>,
    pub(super) connect_timeout: Option<Span>,
    pub(super) request_timeout: Option<Span>,
    pub(super) complete_timeout: Option<Span>,
    pub(super) slowest_line: Option<ByteSize>,
    pub(super) bandwidth: Option<ByteSize>,
    pub(super) bandwidth_per_user: Option<ByteSize>,
    pub(super) encryption: Option<EncryptionSection>,
    pub(super) storage_class: Option<String>,
    pub(super) cache_control: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

/// How the bucket encrypts: `{ mode = "sse-s3" }` or `{ mode = "sse-kms", key = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum EncryptionSection {
    SseS3 {},
    SseKms { key: Option<String> },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UrlSection {
    pub(super) mode: Option<UrlMode>,
    pub(super) public_base: Option<PublicBase>,
    pub(super) local_base: Option<PublicBase>,
    pub(super) verify_public: Option<Toggle>,
    pub(super) show_to_plugins: Option<Toggle>,
    #[serde(default)]
    pub(super) lifetimes: LifetimeSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LifetimeSection {
    pub(super) upload: Option<Span>,
    pub(super) preview: Option<Span>,
    pub(super) r#final: Option<Span>,
    pub(super) internal: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunnerSection {
    pub(super) mode: Option<RunnerMode>,
    pub(super) allow_missing: Option<Layers>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiskSection {
    pub(super) reserve: Option<DiskReserve>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MediaSection {
    pub(super) facts: Option<FactsPolicy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogueSection {
    pub(super) on_write: Option<Toggle>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogSection {
    pub(super) filter: Option<String>,
    pub(super) format: Option<LogFormat>,
}

/// Where the file is when nobody says otherwise.
const DEFAULT_FILE: &str = "filmgate.toml";

impl ConfigFile {
    /// The file that `--config` or `FILMGATE_CONFIG` names, which must be there; else `./filmgate.toml`, which need not.
    pub(super) fn find(sources: &Sources) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let named = match (&sources.config_file, sources.variable("FILMGATE_CONFIG")) {
            (Some(path), _) => Some(("--config", path.clone())),
            (None, Some(path)) => Some(("FILMGATE_CONFIG", PathBuf::from(path))),
            (None, None) => None,
        };
        let (place, path) = match &named {
            Some((place, path)) => (*place, sources.working_dir.join(path)),
            None => (DEFAULT_FILE, sources.working_dir.join(DEFAULT_FILE)),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((Self::parse(&text, &path)?, Some(path))),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok((Self::default(), None))
            }
            Err(error) => Err(ConfigError::single(place, format!("read {}: {error}", path.display()))),
        }
    }

    /// An error names file and line but does not quote the line: somebody may have written a secret there.
    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| format!(", line {}", before.matches('\n').count() + 1));
            ConfigError::single(format!("{}{}", path.display(), line.unwrap_or_default()), error.message())
        })
    }
}
