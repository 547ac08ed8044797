use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Manifest, ManifestError, ParamsSchema, PluginId, PluginVersion};
use crate::limits::{MANIFEST_BYTES_MAX, SCHEMA_BYTES_MAX};
use crate::media::MediaKind;
use crate::policy::Limits;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    id: PluginId,
    version: PluginVersion,
    world: PluginVersion,
    media: Option<BTreeSet<MediaKind>>,
    params_schema: Option<SchemaPlace>,
    #[serde(default)]
    limits: Limits,
}

/// A schema in a file of its own, or in the manifest.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of a JSON file beside the manifest, or a table")]
enum SchemaPlace {
    Beside(String),
    Here(serde_json::Map<String, Value>),
}

pub(super) fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let text = read_text(path, MANIFEST_BYTES_MAX).map_err(|fault| fault.at(path))?;
    let invalid =
        |place: &str, fault: String| ManifestError::Invalid { path: path.to_owned(), place: place.to_owned(), fault };
    let file: ManifestFile = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| format!(", line {}", before.matches('\n').count() + 1));
        invalid(&line.unwrap_or_default(), error.message().to_owned())
    })?;
    if let Some(fault) = file.limits.fault() {
        return Err(invalid(", limits", fault));
    }
    if file.media.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(invalid(", media", "names no kind; allowed: one kind or more, or leave it out".to_owned()));
    }
    let params = file.params_schema.map(|place| read_schema(path, place)).transpose()?;
    let ManifestFile { id, version, world, limits, media, .. } = file;
    Ok(Manifest { path: path.to_owned(), id, version, world, limits, media, params })
}

fn read_schema(manifest: &Path, place: SchemaPlace) -> Result<ParamsSchema, ManifestError> {
    let invalid = |path: &Path, place: &str, fault: String| ManifestError::Invalid {
        path: path.to_owned(),
        place: place.to_owned(),
        fault,
    };
    let (path, value) = match place {
        SchemaPlace::Here(schema) => (manifest.to_owned(), Value::Object(schema)),
        SchemaPlace::Beside(name) => {
            let path = beside(manifest, &name).ok_or_else(|| {
                let fault =
                    format!("{name:?} is not allowed; allowed: the name of a file in the manifest's own folder");
                invalid(manifest, ", params_schema", fault)
            })?;
            let text = read_text(&path, SCHEMA_BYTES_MAX).map_err(|fault| match fault {
                ReadFault::Io(error) => invalid(manifest, ", params_schema", format!("read {name:?}: {error}")),
                fault @ ReadFault::Content(_) => fault.at(&path),
            })?;
            let value = serde_json::from_str(&text).map_err(|error| invalid(&path, "", error.to_string()))?;
            (path, value)
        }
    };
    ParamsSchema::new(&value).map_err(|error| invalid(&path, ", params schema", error.to_string()))
}

/// A manifest is a stranger's: it names no file outside of its folder.
fn beside(manifest: &Path, name: &str) -> Option<PathBuf> {
    let is_name = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != "..";
    is_name.then(|| manifest.with_file_name(name))
}

enum ReadFault {
    Io(io::Error),
    Content(&'static str),
}

impl ReadFault {
    fn at(self, path: &Path) -> ManifestError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => ManifestError::Read { path, source },
            Self::Content(fault) => ManifestError::Invalid { path, place: String::new(), fault: fault.to_owned() },
        }
    }
}

/// Reads a small file. Does not wait for what is none, a pipe for example.
fn read_text(path: &Path, bytes_max: u64) -> Result<String, ReadFault> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(ReadFault::Io)?;
    if !file.metadata().map_err(ReadFault::Io)?.is_file() {
        return Err(ReadFault::Content("is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(ReadFault::Io)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ReadFault::Content("is longer than 64 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| ReadFault::Content("is not UTF-8"))
}
