use std::path::{Path, PathBuf};

use crate::config::Toggle;
use crate::config::file::StorageSection;
use crate::config::resolver::{Origin, Resolver};
use crate::config::s3::{self, S3Config};
use crate::storage::Mode;

/// Where files are published to (B1, E1).
#[derive(Debug, Clone)]
pub enum StorageConfig {
    /// A directory.
    Local {
        /// Its root, absolute.
        root: PathBuf,
    },
    /// A bucket.
    S3(Box<S3Config>),
    /// Both.
    Both {
        /// The directory, absolute.
        root: PathBuf,
        /// The bucket.
        s3: Box<S3Config>,
        /// How they share the work.
        mode: Mode,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Local,
    S3,
    Both(Mode),
}

impl Policy {
    /// Whether one who says no more than `self` may mean `other`: a switch that wants S3 says nothing against a directory
    /// beside it.
    fn agrees_with(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::S3, Self::Both(_)))
    }
}

/// A statement about the policy and who made it.
type Said = (Policy, String);

/// Chooses the storage, says why, and resolves its settings. `None` where a fault was noted.
pub(super) fn resolve(
    resolver: &mut Resolver<'_>,
    file: StorageSection,
    data_dir: &Path,
) -> Option<(StorageConfig, String)> {
    let local_path = file.local.path.map(|path| resolver.beside_file(&path));
    s3::mark_known(resolver);
    let (policy, reason) = choose(resolver, file.policy, file.s3.bucket.is_some())?;
    let storage = match policy {
        Policy::Local => StorageConfig::Local { root: local(resolver, local_path, data_dir)? },
        Policy::Both(mode) => {
            // Both are resolved, so that every fault is found.
            let (root, s3) = (local(resolver, local_path, data_dir), s3::resolve(resolver, file.s3, data_dir));
            StorageConfig::Both { root: root?, s3: Box::new(s3?), mode }
        }
        Policy::S3 => StorageConfig::S3(Box::new(s3::resolve(resolver, file.s3, data_dir)?)),
    };
    Some((storage, reason))
}

/// `FILMGATE_STORAGE`, else `storage.policy`, else `USE_S3` and `USE_LOCAL_STORAGE`, else `s3` where a bucket is set,
/// else `local`. Statements that disagree are a fault.
fn choose(resolver: &mut Resolver<'_>, file: Option<String>, file_has_bucket: bool) -> Option<Said> {
    let key = "storage.policy";
    let named = resolver.pick::<String>(key, &["FILMGATE_STORAGE"], file);
    let use_s3 = switch(resolver, "USE_S3", Policy::S3, Policy::Local);
    let use_local = switch(resolver, "USE_LOCAL_STORAGE", Policy::Local, Policy::S3);
    let mut said: Vec<Said> = Vec::new();
    if let Some(text) = named {
        let policy = parse_policy(&text).map_err(|fault| resolver.refuse(key, fault)).ok()?;
        let place = match resolver.origin(key) {
            Some(Origin::Environment(name)) => format!("{name}={text}"),
            _ => format!("{key} = {text:?}"),
        };
        said.push((policy, place));
    }
    said.extend([use_s3?, use_local?].into_iter().flatten());
    if let Some((policy, reason)) = said.first().cloned() {
        if let Some((_, other)) = said.iter().find(|(said, _)| !said.agrees_with(policy)) {
            resolver.refuse_at(&format!("{reason} and {other}"), "disagree about the storage; keep one of them");
            return None;
        }
        return Some((policy, format!("{reason} says so")));
    }
    let bucket = s3::BUCKET_NAMES.into_iter().find(|name| resolver.is_set(name));
    let said = match bucket {
        Some(name) => (Policy::S3, format!("{name} is set")),
        None if file_has_bucket => (Policy::S3, "storage.s3.bucket is set".to_owned()),
        None => (Policy::Local, "no bucket is set".to_owned()),
    };
    let name = if said.0 == Policy::S3 { "s3" } else { "local" };
    resolver.note(key, name, Origin::Default);
    Some(said)
}

/// What a variable of another product says about the storage. `None`: it says nonsense, which was noted.
#[expect(clippy::option_option, reason = "the outer option is the fault, the inner one the absence")]
fn switch(resolver: &mut Resolver<'_>, name: &'static str, yes: Policy, no: Policy) -> Option<Option<Said>> {
    let Some((name, text)) = resolver.variable(&[name]) else { return Some(None) };
    match text.parse() {
        Ok(Toggle(on)) => Some(Some((if on { yes } else { no }, format!("{name}={text}")))),
        Err(error) => {
            resolver.refuse_at(name, error.to_string());
            None
        }
    }
}

fn parse_policy(text: &str) -> Result<Policy, String> {
    match text {
        "local" => Ok(Policy::Local),
        "s3" => Ok(Policy::S3),
        "s3-with-local-fallback" => Ok(Policy::Both(Mode::Fallback)),
        "mirror" => Ok(Policy::Both(Mode::Mirror)),
        _ => Err(format!("the policy {text:?} is unknown; allowed: local, s3, s3-with-local-fallback, mirror")),
    }
}

fn local(resolver: &mut Resolver<'_>, file: Option<PathBuf>, data_dir: &Path) -> Option<PathBuf> {
    let key = "storage.local.path";
    let path = resolver.path(key, &["LOCAL_STORAGE_PATH"], file);
    let root = path.unwrap_or_else(|| {
        let root = data_dir.join("storage");
        resolver.note(key, root.display(), Origin::Default);
        root
    });
    let work = ["jobs", "staging"].map(|folder| data_dir.join(folder));
    if data_dir.starts_with(&root) || work.iter().any(|folder| root.starts_with(folder)) {
        let fault = format!(
            "{} mixes finished files with the work of the data directory {}; choose a directory of its own",
            root.display(),
            data_dir.display()
        );
        resolver.refuse(key, fault);
        return None;
    }
    Some(root)
}
