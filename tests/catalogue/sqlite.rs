//! What the catalogue in a file promises beyond the suite.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use filmgate::catalogue::{
    AssetFilter, Batch, Catalogue, CatalogueError, Cuts, LogAt, LogLine, LogSource, Page, SqliteCatalogue,
};
use filmgate::job::JobId;
use filmgate_tests::locks;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};

use crate::bench::{asset, asset_in};

async fn direct(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.expect("open the file")
}

async fn store_one(catalogue: &dyn Catalogue) -> Result<(), CatalogueError> {
    catalogue.project(&Batch { jobs: Vec::new(), assets: vec![asset()] }).await.map(drop)
}

async fn count(catalogue: &dyn Catalogue) -> usize {
    catalogue.assets(&AssetFilter::default(), Page::first(1000)).await.expect("list").len()
}

#[tokio::test]
async fn only_the_owner_may_read_it() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("catalogue.db");
    let catalogue = SqliteCatalogue::new(&path);
    assert!(!path.exists(), "nothing is made before it is used");
    store_one(&catalogue).await.expect("project");
    for file in ["catalogue.db", "catalogue.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("catalogue.db");
    store_one(&SqliteCatalogue::new(&path)).await.expect("project");
    direct(&path).await.execute("PRAGMA user_version = 999").await.expect("pretend");
    let error = SqliteCatalogue::new(&path).check().await.expect_err("too new");
    assert!(matches!(error, CatalogueError::Newer { found: 999, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("999") && error.next_step().is_some(), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a directory");
    for (name, setup) in [
        ("a.db", "CREATE TABLE theirs (x)"),
        ("b.db", "PRAGMA application_id = 7"),
        ("c.db", "PRAGMA user_version = 3"),
    ] {
        let path = folder.path().join(name);
        direct(&path).await.execute(setup).await.expect("set it up");
        let before = std::fs::read(&path).expect("read it");
        let error = store_one(&SqliteCatalogue::new(&path)).await.expect_err(setup);
        assert!(matches!(error, CatalogueError::Foreign { .. }), "{setup}: {error:?}");
        assert_eq!(std::fs::read(&path).expect("read it"), before, "{setup}");
    }
}

/// The system drops a process's locks of a file when it closes any descriptor of it; without them, another process takes the
/// log away under this one.
#[tokio::test]
async fn a_catalogue_keeps_its_locks_while_its_process_opens_it_again() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join(SqliteCatalogue::FILE);
    let first = SqliteCatalogue::new(&file);
    store_one(&first).await.expect("store");
    assert!(locks::own(&file) > 0, "an open catalogue is locked against its end");
    store_one(&SqliteCatalogue::new(&file)).await.expect("store in another one");
    assert!(locks::own(&file) > 0);
    assert_eq!(count(&first).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_and_readers_share_a_file() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("catalogue.db");
    // Each with a handle of its own, as processes have; all find no file.
    let writers = (0..8).map(|_| {
        let path = path.clone();
        tokio::spawn(async move {
            let catalogue = SqliteCatalogue::new(path);
            for _ in 0..10 {
                let batch = Batch { jobs: Vec::new(), assets: vec![asset_in("s1", Some("a"))] };
                catalogue.project(&batch).await.expect("project");
                count(&catalogue).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    let catalogue = SqliteCatalogue::new(&path);
    let records = catalogue.assets(&AssetFilter::default(), Page::first(1000)).await.expect("list");
    let mut versions: Vec<_> = records.iter().map(|record| record.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=80).collect::<Vec<_>>(), "each has a version of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_a_locked_file_is_away_for_writers_but_not_for_readers() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("catalogue.db");
    let catalogue = SqliteCatalogue::new(&path);
    store_one(&catalogue).await.expect("project");
    let mut other = direct(&path).await;
    other.execute("BEGIN IMMEDIATE").await.expect("lock");
    let error = store_one(&catalogue).await.expect_err("it is locked");
    assert!(matches!(error, CatalogueError::Away { .. }) && error.is_retryable(), "{error:?}");
    assert_eq!(count(&catalogue).await, 1);
    other.execute("ROLLBACK").await.expect("unlock");
    store_one(&catalogue).await.expect("it is free again");
    assert_eq!(count(&catalogue).await, 2);
}

#[tokio::test]
async fn a_damaged_file_is_told_and_a_backup_put_back_is_used_at_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let (path, backup) = (folder.path().join("catalogue.db"), folder.path().join("backup.db"));
    let catalogue = Arc::new(SqliteCatalogue::new(&path));
    store_one(&*catalogue).await.expect("project");
    let mut other = direct(&path).await;
    other.execute(sqlx::AssertSqlSafe(format!("VACUUM INTO '{}'", backup.display()))).await.expect("back up");
    other.close().await.expect("close");
    store_one(&*catalogue).await.expect("project");
    std::fs::write(&path, vec![0x5a; 64 * 1024]).expect("damage it");
    std::fs::remove_file(folder.path().join("catalogue.db-wal")).expect("with its log");
    let fresh = SqliteCatalogue::new(&path);
    let error = fresh.asset(asset().id).await.expect_err("it is damaged");
    assert!(matches!(error, CatalogueError::Damaged { .. }) && error.next_step().is_some(), "{error:?}");
    for file in ["catalogue.db", "catalogue.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    std::fs::rename(&backup, &path).expect("put the backup back");
    assert_eq!((count(&fresh).await, count(&*catalogue).await), (1, 1));
    store_one(&*catalogue).await.expect("the open handle uses the new file");
    assert_eq!(count(&fresh).await, 2);
}

#[tokio::test]
async fn c4_a_folder_that_is_not_there_is_away_until_it_is() {
    let folder = tempfile::tempdir().expect("a directory");
    let catalogue = SqliteCatalogue::new(folder.path().join("later/catalogue.db"));
    let error = store_one(&catalogue).await.expect_err("no folder");
    assert!(matches!(error, CatalogueError::Away { .. }), "{error:?}");
    std::fs::create_dir(folder.path().join("later")).expect("make it");
    store_one(&catalogue).await.expect("project");
    assert_eq!(count(&catalogue).await, 1);
}

#[tokio::test]
async fn what_is_forgotten_gives_its_space_back() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("catalogue.db");
    let catalogue = SqliteCatalogue::new(&path);
    store_one(&catalogue).await.expect("project");
    let job = JobId::generate();
    let line = |line| LogLine {
        job,
        place: LogAt { run: Timestamp::UNIX_EPOCH, line },
        at: Timestamp::UNIX_EPOCH,
        source: LogSource::Stdout,
        text: "x".repeat(4000),
    };
    catalogue.log(&(1..=1000).map(line).collect::<Vec<_>>()).await.expect("log");
    let pages = async || {
        let pages: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut direct(&path).await).await.expect("pages");
        pages
    };
    let full = pages().await;
    let now = Timestamp::now();
    let cuts = Cuts { logs: Some(now), ..Cuts::nothing(now) };
    assert_eq!(catalogue.forget(&cuts).await.expect("forget").logs, 1000);
    let left = pages().await;
    assert!(left * 4 < full, "{left} of {full} pages are left");
}
