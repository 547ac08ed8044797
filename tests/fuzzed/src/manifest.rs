use std::fs;
use std::sync::LazyLock;

use filmgate::job::Params;
use filmgate::manifest::{Manifest, ParamsFault};
use tempfile::TempDir;

/// Between a manifest and the parameters it is asked about.
const AND_PARAMS: &str = "\n====\n";

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

/// A plugin's manifest, with the schema of its parameters in it, and parameters behind a line of four equals signs.
///
/// A manifest is refused in one line, or is in its bounds; parameters are judged by it with a bound on the work, and alike
/// each time.
pub fn manifest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (manifest, params) = text.split_once(AND_PARAMS).unwrap_or((&text, "{}"));
    let path = FOLDER.path().join(format!("{:?}.toml", std::thread::current().id()));
    fs::write(&path, manifest).expect("write the manifest");
    let read = match Manifest::read(&path) {
        Ok(read) => read,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!((1..=64).contains(&read.id().as_str().len()) && (1..=64).contains(&read.version().as_str().len()));
    assert!(read.limits().iter().all(|(limit, value)| limit.range().contains(&value)));
    assert!(read.media().is_none_or(|kinds| !kinds.is_empty()));
    let (Some(schema), Ok(params)) = (read.params(), params.parse::<Params>()) else { return };
    let judged = schema.check(&params);
    if let Err(ParamsFault::Invalid(faults)) = &judged {
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.path.starts_with("params")), "{faults:?}");
    }
    assert_eq!(schema.check(&params), judged);
}
