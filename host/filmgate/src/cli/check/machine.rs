use std::path::Path;

use filmgate::catalogue::{Catalogue as _, SqliteCatalogue};
use filmgate::config::{ByteSize, Config};
use filmgate::outbox::{Claimed, DataDir, DataDirError};
use filmgate::{DiskReserve, DiskSpace};
use tokio_util::sync::CancellationToken;

use super::report::Line;
use crate::cli::problem::DISK_LOW_STEP;

const DIRECTORY: &str = "data directory";
const FREE_SPACE: &str = "free space";

/// What the machine must offer: a directory of one's own, and a kernel that keeps paths and files safe.
pub(super) async fn check(config: &Config) -> Vec<Line> {
    let path = config.data_dir.clone();
    let checked = tokio::task::spawn_blocking(move || check_data_dir(&path)).await;
    let mut lines = checked.unwrap_or_else(|error| vec![Line::fail(DIRECTORY, error.to_string(), None)]);
    // Where the directory cannot be used, nothing in it can.
    if lines.iter().all(Line::is_no_failure) {
        lines.push(check_catalogue(config).await);
        lines.push(check_space(&config.data_dir, config.disk_reserve));
    }
    lines
}

/// Opens the records, or makes the file for them.
async fn check_catalogue(config: &Config) -> Line {
    let catalogue = SqliteCatalogue::new(config.data_dir.join(SqliteCatalogue::FILE));
    match catalogue.check().await {
        Ok(()) => Line::pass("catalogue", catalogue.describe()),
        Err(error) => Line::fail("catalogue", error.to_string(), error.next_step()),
    }
}

fn check_data_dir(path: &Path) -> Vec<Line> {
    let safe_paths = "paths stay inside (openat2)";
    match DataDir::open(path) {
        Ok(data) => {
            let place = data.path().display().to_string();
            let mut lines = vec![Line::pass(DIRECTORY, place), Line::pass(safe_paths, "available")];
            lines.push(check_leases(data.path()));
            lines
        }
        Err(error @ DataDirError::Unusable { .. }) => {
            vec![Line::fail(DIRECTORY, error.to_string(), Some(error.next_step()))]
        }
        Err(error @ DataDirError::NoOpenat2 { .. }) => {
            vec![
                Line::pass(DIRECTORY, path.display().to_string()),
                Line::fail(safe_paths, error.to_string(), Some(error.next_step())),
            ]
        }
    }
}

/// Leases tell whether a plugin still writes a file that it hands over.
fn check_leases(data_dir: &Path) -> Line {
    let name = "writers are seen (leases)";
    let probe = data_dir.join(format!(".check-{}", std::process::id()));
    let leased = std::fs::write(&probe, b"lease").map_err(|error| error.to_string()).and_then(|()| {
        let claimed = Claimed::open(&probe, &CancellationToken::new()).map_err(|error| error.to_string())?;
        Ok(claimed.is_leased())
    });
    let removed = std::fs::remove_file(&probe);
    match (leased, removed) {
        (Err(error), _) => Line::fail(name, error, Some("put the data directory on a local file system")),
        (_, Err(error)) => {
            Line::fail(name, error.to_string(), Some("allow this user to delete files in the directory"))
        }
        (Ok(true), _) => Line::pass(name, "available"),
        (Ok(false), _) => Line::note(name, "this file system has none: every claimed file is copied first"),
    }
}

fn check_space(data_dir: &Path, reserve: DiskReserve) -> Line {
    let space = match DiskSpace::of(data_dir, reserve) {
        Ok(space) => space,
        Err(error) => return Line::note(FREE_SPACE, format!("not known: {error}")),
    };
    // Whole MiB are enough to read.
    let shown = |bytes: u64| ByteSize(if bytes < 1 << 20 { bytes } else { bytes >> 20 << 20 });
    let detail = format!(
        "{} at {}; {} stay free (disk.reserve = {reserve})",
        shown(space.free),
        data_dir.display(),
        shown(space.reserve)
    );
    if space.is_low() { Line::fail(FREE_SPACE, detail, Some(DISK_LOW_STEP)) } else { Line::pass(FREE_SPACE, detail) }
}
