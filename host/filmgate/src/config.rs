//! Settings: `filmgate.toml` and the environment, checked as a whole into a [`Config`].
//!
//! The environment wins over the file, the command line over both. This is the only place that reads the environment
//! ([`Sources::of_process`]). Every fault is found before anything starts, and one [`ConfigError`] names them all.

mod budget;
mod choice;
mod compile;
mod error;
mod file;
mod open;
mod policy;
mod resolver;
mod retention;
mod runner;
mod s3;
mod secret;
mod sources;
mod timeouts;

#[cfg(test)]
mod tests;

pub use crate::units::{ByteSize, Span, Toggle};
pub use choice::StorageConfig;
pub use error::{ConfigError, Problem};
pub use resolver::{Origin, Setting};
pub use runner::{RunnerConfig, RunnerMode};
pub use s3::{CredentialSource, EncryptionConfig, ProxyConfig, S3Config};
pub use secret::Secret;
pub use sources::Sources;
pub use timeouts::TimeoutConfig;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use filmgate_protocol::Budget;
use serde::Deserialize;

use crate::CompileOptions;
use crate::archive::RetentionPolicy;
use crate::disk::DiskReserve;
use crate::job::InvalidValue;
use crate::layout::Layouts;
use crate::media::FactsPolicy;
use crate::policy::{Allowance, PluginPolicy};
use crate::url::{UrlClass, UrlPolicy};
use file::{ConfigFile, LogSection, UrlSection};
use resolver::Resolver;

/// Everything an operator can set, checked.
///
/// `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where jobs under way and claimed files live.
    pub data_dir: PathBuf,
    /// How much stays free on its file system.
    pub disk_reserve: DiskReserve,
    /// Where files are published to.
    pub storage: StorageConfig,
    /// Why it is this storage, for people: `S3_BUCKET_NAME is set`.
    pub storage_reason: String,
    /// Key layouts, the default among them.
    pub layouts: Layouts,
    /// Which URLs are handed out.
    pub urls: UrlPolicy,
    /// Whether `store-video` answers URLs to plugins.
    pub plugins_see_urls: bool,
    /// What a job may use.
    pub budget: Budget,
    /// Bytes all files of one job together may publish.
    pub published_bytes: u64,
    /// What single plugins are granted, and whether others may run.
    pub plugins: PluginPolicy,
    /// What compiling a plugin may use, and how much code is kept.
    pub compile: CompileOptions,
    /// Where plugins run.
    pub runner: RunnerConfig,
    /// How long records and old versions are kept; how long files are is part of [`Config::layouts`].
    pub retention: RetentionPolicy,
    /// Whether what is published is recorded file by file (C10); else when its job ends.
    pub record_on_write: bool,
    /// Whether files are examined before they are uploaded, and what is made of it.
    pub media_facts: FactsPolicy,
    /// What is logged.
    pub log: LogConfig,
    /// Every setting that has a value, with its origin, in the order of the documentation.
    pub settings: Vec<Setting>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Directives such as `info` or `filmgate=debug,warn`.
    pub filter: String,
    /// For people or for programs.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The data directory where nothing else is set.
pub const DEFAULT_DATA_DIR: &str = "filmgate-data";
/// The log filter where nothing else is set: what the operator must know, no more.
pub const DEFAULT_LOG_FILTER: &str = "warn";

impl Config {
    /// Finds the file, reads it and resolves every setting. Touches no file but `filmgate.toml` and the certificate
    /// bundle it names; reaches nothing over the network.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let (file, file_path) = ConfigFile::find(sources)?;
        let mut resolver = Resolver::new(sources, file_path);
        let config = Self::resolve(&mut resolver, file);
        resolver.refuse_unknown_variables();
        let (problems, settings) = resolver.finish();
        match config {
            Some(config) if problems.is_empty() => Ok(Self { settings, ..config }),
            _ => Err(ConfigError::new(problems)),
        }
    }

    /// `None` only where a problem was noted. Goes on after a problem, so that all are found.
    fn resolve(resolver: &mut Resolver<'_>, file: ConfigFile) -> Option<Self> {
        let data_dir = resolver.data_dir(file.data_dir);
        let reserve = &["FILMGATE_DISK_RESERVE"];
        let disk_reserve = resolver.pick_or("disk.reserve", reserve, file.disk.reserve, DiskReserve::default());
        let chosen = choice::resolve(resolver, file.storage, &data_dir);
        let mut layouts = resolve_layouts(resolver, file.layout, file.layouts, file.key_prefix);
        let (urls, plugins_see_urls) = resolve_urls(resolver, file.urls);
        let Allowance { budget, published_bytes } = budget::resolve(resolver, &file.budget);
        let plugins = policy::resolve(resolver, file.plugins);
        let runner = runner::resolve(resolver, file.runner);
        let compile = compile::resolve(resolver, &file.compile, &data_dir);
        let media_facts =
            resolver.pick_or("media.facts", &["FILMGATE_MEDIA_FACTS"], file.media.facts, FactsPolicy::default());
        let retention = retention::resolve(resolver, &file.retention, layouts.as_mut());
        let on_write = &["S3_UPLOAD_ON_WRITE"];
        let record_on_write = resolver.pick_or("catalogue.on_write", on_write, file.catalogue.on_write, Toggle(true)).0;
        let log = resolve_log(resolver, file.log);
        let (storage, storage_reason) = chosen?;
        Some(Self {
            data_dir,
            disk_reserve,
            storage,
            storage_reason,
            layouts: layouts?,
            urls,
            plugins_see_urls,
            budget,
            published_bytes,
            plugins: plugins?,
            compile,
            runner,
            retention,
            record_on_write,
            media_facts,
            log,
            settings: Vec::new(),
        })
    }
}

impl Resolver<'_> {
    fn data_dir(&mut self, file: Option<PathBuf>) -> PathBuf {
        let file = file.map(|path| self.beside_file(&path));
        if let Some(path) = self.command_line_data_dir() {
            self.note("data_dir", path.display(), Origin::CommandLine("--data-dir"));
            return path;
        }
        let default = self.absolute(Path::new(DEFAULT_DATA_DIR));
        let path = self.path("data_dir", &["FILMGATE_DATA_DIR"], file);
        path.unwrap_or_else(|| {
            self.note("data_dir", default.display(), Origin::Default);
            default
        })
    }
}

fn resolve_layouts(
    resolver: &mut Resolver<'_>,
    default: Option<crate::layout::LayoutName>,
    own: std::collections::BTreeMap<crate::layout::LayoutName, crate::layout::LayoutDefinition>,
    prefix: Option<String>,
) -> Option<Layouts> {
    let prefix = resolver.pick::<String>("key_prefix", &["S3_KEY_PREFIX"], prefix);
    let prefix = prefix.and_then(|text| resolver.keep(text.parse(), "key_prefix"));
    let default = resolver.pick("layout", &["FILMGATE_LAYOUT"], default);
    let layouts = resolver.keep(Layouts::new(own, default, prefix.as_ref()), "layouts")?;
    if !resolver.is_noted("layout") {
        resolver.note("layout", layouts.default_name(), Origin::Default);
    }
    Some(layouts)
}

fn resolve_urls(resolver: &mut Resolver<'_>, file: UrlSection) -> (UrlPolicy, bool) {
    let mut policy = UrlPolicy::default();
    let mode = resolver.pick("urls.mode", &["FILMGATE_URL"], file.mode);
    policy.mode = mode.unwrap_or_default();
    policy.base = resolver.pick("urls.public_base", &["S3_PUBLIC_BASE_URL"], file.public_base);
    policy.local_base = resolver.pick("urls.local_base", &["FILMGATE_URL_LOCAL_BASE"], file.local_base);
    if mode.is_none() {
        let meaning = if policy.base.is_some() { "automatic: public base" } else { "automatic: presigned" };
        resolver.note("urls.mode", meaning, Origin::Default);
    }
    let verify = &["FILMGATE_URL_VERIFY"];
    policy.verify_public = resolver.pick_or("urls.verify_public", verify, file.verify_public, Toggle(false)).0;
    let lifetimes: [(&'static str, &'static str, UrlClass, Option<Span>); 4] = [
        ("urls.lifetimes.upload", "FILMGATE_URL_LIFETIME_UPLOAD", UrlClass::Upload, file.lifetimes.upload),
        ("urls.lifetimes.preview", "FILMGATE_URL_LIFETIME_PREVIEW", UrlClass::Preview, file.lifetimes.preview),
        ("urls.lifetimes.final", "FILMGATE_URL_LIFETIME_FINAL", UrlClass::Final, file.lifetimes.r#final),
        ("urls.lifetimes.internal", "FILMGATE_URL_LIFETIME_INTERNAL", UrlClass::Internal, file.lifetimes.internal),
    ];
    for (key, name, class, from_file) in lifetimes {
        let lifetime = resolver.pick_or(key, &[name], from_file, Span(policy.lifetimes.of(class)));
        if let Some(lifetimes) = resolver.keep(policy.lifetimes.with(class, lifetime.0), key) {
            policy.lifetimes = lifetimes;
        }
    }
    let shown = resolver.pick_or("urls.show_to_plugins", &["FILMGATE_URL_SHOW"], file.show_to_plugins, Toggle(true));
    (policy, shown.0)
}

fn resolve_log(resolver: &mut Resolver<'_>, file: LogSection) -> LogConfig {
    let default = DEFAULT_LOG_FILTER.to_owned();
    let filter: String = resolver.pick_or("log.filter", &["FILMGATE_LOG"], file.filter, default);
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&filter) {
        resolver.refuse("log.filter", format!("{error}; allowed: directives such as info or filmgate=debug,warn"));
    }
    let format = resolver.pick_or("log.format", &["FILMGATE_LOG_FORMAT"], file.format, LogFormat::Text);
    LogConfig { filter, format }
}

impl FromStr for LogFormat {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidValue::new("log format", text, "is unknown", "text, json")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
