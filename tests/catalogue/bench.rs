//! What a test of a catalogue starts from.

use std::collections::BTreeMap;
use std::sync::Arc;

use filmgate::catalogue::{Batch, Catalogue, JobEnd, JobHead, JobNote, JobState, NewAsset, SqliteCatalogue};
use filmgate::checksum::Crc64Nvme;
use filmgate::job::{JobId, RefName, Refs};
use filmgate::key::ObjectKey;
use filmgate::media::{MediaFacts, MediaKind};
use filmgate::storage::{Durability, Integrity, PublishId};
use filmgate::url::UrlClass;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

/// A catalogue under test: what is written through one handle is read through the other.
pub(crate) struct Bench {
    pub(crate) writer: Arc<dyn Catalogue>,
    pub(crate) reader: Arc<dyn Catalogue>,
    _folder: TempDir,
}

pub(crate) fn sqlite() -> Bench {
    let folder = tempfile::tempdir().expect("a directory");
    let catalogue: Arc<dyn Catalogue> = Arc::new(SqliteCatalogue::new(folder.path().join("catalogue.db")));
    Bench { writer: Arc::clone(&catalogue), reader: catalogue, _folder: folder }
}

/// Two handles on one file, as two processes have them.
pub(crate) fn shared() -> Bench {
    let bench = sqlite();
    let reader = Arc::new(SqliteCatalogue::new(bench._folder.path().join("catalogue.db")));
    Bench { reader, ..bench }
}

impl Bench {
    /// Takes over some assets, all of them new.
    pub(crate) async fn store(&self, assets: &[&NewAsset]) {
        let batch = Batch { jobs: Vec::new(), assets: assets.iter().map(|asset| (*asset).clone()).collect() };
        let projected = self.writer.project(&batch).await.expect("project");
        assert_eq!((projected.assets, projected.disagreements), (assets.len() as u64, Vec::new()));
    }
}

/// A round moment: records keep milliseconds.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a moment")
}

pub(crate) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

pub(crate) fn refs(session: &str, scene: Option<&str>) -> Refs {
    let mut refs = Refs::from([(RefName::Session, session.parse().expect("an id"))]);
    refs.extend(scene.map(|scene| (RefName::Scene, scene.parse().expect("an id"))));
    refs
}

/// A video of `ana`, outside of sessions.
pub(crate) fn asset() -> NewAsset {
    let id = PublishId::generate();
    NewAsset {
        id,
        job: JobId::generate(),
        slot: "video".parse().expect("a slot"),
        sequence: None,
        user: "ana".parse().expect("a user"),
        refs: Refs::new(),
        layout: Some("recap".parse().expect("a layout")),
        plugin: Some(format!("sha256:{}", "ab".repeat(32)).parse().expect("a digest")),
        key: ObjectKey::try_from(format!("videos/ana/{id}.mp4")).expect("a key"),
        place: "local".to_owned(),
        durability: Durability::Local,
        kind: MediaKind::Mp4,
        size: 1000,
        checksum: Crc64Nvme(u64::MAX - 1),
        integrity: Integrity::FullObject,
        version_id: None,
        encryption: None,
        class: UrlClass::Final,
        facts: None,
        metadata: BTreeMap::from([("filmgate-slot".to_owned(), "video".to_owned())]),
        accepted_at: moment(0),
        stored_at: moment(10),
    }
}

pub(crate) fn asset_in(session: &str, scene: Option<&str>) -> NewAsset {
    NewAsset { refs: refs(session, scene), ..asset() }
}

pub(crate) fn facts() -> MediaFacts {
    let facts = r#"{"container":"mp4","duration_ms":5000,"video":[{"codec":"h264","codec_id":"avc1","width":1280,
        "height":720,"fps":29.97}],"audio":[],"other_tracks":0,"fast_start":true,"faults":[]}"#;
    MediaFacts::parse(facts, MediaKind::Mp4).expect("facts")
}

pub(crate) fn head() -> JobHead {
    JobHead {
        job: JobId::generate(),
        user: "ana".parse().expect("a user"),
        layout: Some("recap".parse().expect("a layout")),
        plugin: None,
        refs: Refs::new(),
        accepted_at: moment(0),
        lease_until: Some(moment(1000)),
    }
}

pub(crate) fn end(state: JobState, at: i64) -> JobEnd {
    let code = (state != JobState::Succeeded).then(|| "trap".to_owned());
    let message = code.as_ref().map(|_| "it trapped".to_owned());
    JobEnd { at: moment(at), state, code, message, usage: Some(serde_json::json!({"cpu_seconds": 1.5})) }
}

pub(crate) fn note(head: &JobHead, end: Option<JobEnd>) -> Batch {
    Batch { jobs: vec![JobNote { head: head.clone(), end }], assets: Vec::new() }
}
