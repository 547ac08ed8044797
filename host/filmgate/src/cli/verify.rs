use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use filmgate::archive::{Archive, ArchiveError, Mismatch};
use filmgate::catalogue::{AssetFilter, AssetRecord, AssetState, Page};
use filmgate::job::printable;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::assets::resolve;
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::table::size;
use super::terminal::{AnswerLost, JsonList, print_line};
use super::{SettingOptions, archive};

/// Objects that are read at once.
const AT_ONCE: usize = 4;
/// Records that are read at once.
const PAGE: u32 = 200;

const NOTES: &str = "\
Reads every byte of each object from the store and compares size and CRC64NVME with the record. Ends with 20 if an object is
missing, another one, or other bytes; with 19 if the store cannot be reached; of a deleted asset with 31.";

#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

/// Which assets.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// The assets: ids or keys
    #[arg(value_name = "ASSET")]
    assets: Vec<String>,
    /// Every asset that is stored; those that are whole are counted, not told
    #[arg(long)]
    all: bool,
}

pub(super) fn execute(arguments: VerifyArguments) -> Ended {
    let VerifyArguments { chosen, settings } = arguments;
    open::with_session(&settings, |session| verify(session, chosen, settings.json))
}

async fn verify(session: Session, chosen: Chosen, as_json: bool) -> Ended {
    let archive = Arc::new(archive::open(&session.config).await?);
    let mut told = Told::begin(as_json, chosen.all)?;
    let ended = if chosen.all {
        all(&session, &archive, &mut told).await
    } else {
        named(&session, &archive, chosen.assets, &mut told).await
    };
    told.end(&session, ended)
}

/// One after the other, in their order.
async fn named(session: &Session, archive: &Archive, names: Vec<String>, told: &mut Told) -> Result<(), Problem> {
    for name in names {
        let proved = async {
            let id = resolve(archive, &name).await?;
            let record = archive.asset(id).await.map_err(|error| archive::problem(&error))?;
            let found = archive.verify(&record).await.map_err(|error| archive::problem(&error))?;
            Ok::<_, Problem>((record, found))
        };
        let proved = tokio::select! {
            proved = proved => proved,
            () = session.signals.first() => return Ok(()),
        };
        match proved {
            Ok((record, found)) => told.tell(&record, found.as_ref())?,
            Err(problem) => told.problem(&name, &problem)?,
        }
    }
    Ok(())
}

/// The latest first, some at once. The first asset that the store does not answer for ends it.
async fn all(session: &Session, archive: &Arc<Archive>, told: &mut Told) -> Result<(), Problem> {
    let bar = session.bars.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let pages = futures::stream::unfold((VecDeque::new(), Some(Page::first(PAGE))), |(mut left, next)| async move {
        next_record(archive, &mut left, next).await.map(|(record, next)| (record, (left, next)))
    });
    let proved = pages.map(|record| async move {
        let record = record.map_err(|error| archive::problem(&error))?;
        let found = archive.verify(&record).await;
        Ok::<_, Problem>((record, found))
    });
    let mut proved = std::pin::pin!(proved.buffer_unordered(AT_ONCE));
    loop {
        let one = tokio::select! {
            one = proved.next() => one,
            () = session.signals.first() => None,
        };
        let Some(one) = one else { break };
        let (record, found) = one?;
        match found {
            Ok(found) => session.bars.suspend(|| told.tell(&record, found.as_ref()))?,
            // Deleted since it was listed.
            Err(ArchiveError::Gone { .. }) => {}
            Err(ArchiveError::Elsewhere { .. }) => told.elsewhere += 1,
            Err(error) => return Err(archive::problem(&error)),
        }
        bar.set_message(format!("{} verified, {}", told.verified, size(told.bytes)));
    }
    bar.finish_and_clear();
    Ok(())
}

type Next = (Result<AssetRecord, ArchiveError>, Option<Page<filmgate::storage::PublishId>>);

async fn next_record(
    archive: &Archive,
    left: &mut VecDeque<AssetRecord>,
    mut next: Option<Page<filmgate::storage::PublishId>>,
) -> Option<Next> {
    if left.is_empty() {
        let stored = AssetFilter { state: Some(AssetState::Stored), ..AssetFilter::default() };
        match archive.catalogue().assets(&stored, next?).await {
            Ok(page) => {
                next = page.last().map(|last| Page::after(last.asset.id, PAGE));
                left.extend(page);
            }
            Err(error) => return Some((Err(error.into()), None)),
        }
    }
    left.pop_front().map(|record| (Ok(record), next))
}

/// The answer, told while it becomes known.
struct Told {
    list: Option<JsonList>,
    /// Of all assets only those are told that are not whole.
    only_faults: bool,
    verified: u64,
    bytes: u64,
    mismatches: u64,
    elsewhere: u64,
    exit: Exit,
}

impl Told {
    fn begin(as_json: bool, only_faults: bool) -> Result<Self, AnswerLost> {
        let list = if as_json { Some(JsonList::begin("assets")?) } else { None };
        Ok(Self { list, only_faults, verified: 0, bytes: 0, mismatches: 0, elsewhere: 0, exit: Exit::Done })
    }

    fn tell(&mut self, record: &AssetRecord, found: Option<&Mismatch>) -> Result<(), AnswerLost> {
        let asset = &record.asset;
        match found {
            None => {
                self.verified += 1;
                self.bytes += asset.size;
                if self.only_faults {
                    return Ok(());
                }
            }
            Some(_) => {
                self.mismatches += 1;
                self.fail(Exit::CheckFailed);
            }
        }
        let (word, note) = described(record, found);
        match &mut self.list {
            Some(list) => list.add(&json!({
                "asset": asset.id.to_string(),
                "key": asset.key,
                "result": word,
                "recorded": {"size": asset.size, "crc64nvme": asset.checksum.to_string()},
                "found": found.map(found_json),
            })),
            None => print_line(&printable(&format!("{word:<17} {} {}{note}", asset.key, asset.id)).replace('\n', " ")),
        }
    }

    /// A name that no asset to be read stands behind.
    fn problem(&mut self, name: &str, problem: &Problem) -> Result<(), AnswerLost> {
        self.fail(problem.exit());
        match &mut self.list {
            Some(list) => {
                let mut object = problem.to_json();
                object["asset"] = name.into();
                list.add(&object)
            }
            None => {
                problem.print(false);
                Ok(())
            }
        }
    }

    /// The first failure decides.
    fn fail(&mut self, exit: Exit) {
        if self.exit == Exit::Done {
            self.exit = exit;
        }
    }

    fn end(self, session: &Session, ended: Result<(), Problem>) -> Ended {
        let exit = session.signals.exit().unwrap_or(self.exit);
        let summary = json!({
            "verified": self.verified,
            "bytes": self.bytes,
            "mismatches": self.mismatches,
            "elsewhere": self.elsewhere,
            "complete": session.signals.exit().is_none(),
            "exit_code": exit.code(),
        });
        match (self.list, ended) {
            (Some(list), Err(problem)) => {
                list.end(&problem.to_json())?;
                Ok(problem.exit())
            }
            (Some(list), Ok(())) => {
                list.end(&summary)?;
                Ok(exit)
            }
            (None, Err(problem)) => Err(problem),
            (None, Ok(())) => {
                let elsewhere = match self.elsewhere {
                    0 => String::new(),
                    count => format!(", {count} in other stores"),
                };
                let (verified, bytes) = (self.verified, size(self.bytes));
                print_line(&format!("{verified} verified ({bytes}), {} mismatches{elsewhere}", self.mismatches))?;
                Ok(exit)
            }
        }
    }
}

fn described(record: &AssetRecord, found: Option<&Mismatch>) -> (&'static str, String) {
    let asset = &record.asset;
    match found {
        None => ("whole", format!("; {} bytes, crc64nvme {}", asset.size, asset.checksum)),
        Some(Mismatch::Missing) => ("missing-object", String::new()),
        Some(Mismatch::Other(other)) => ("other-object", format!("; the object is of publish {other}")),
        Some(Mismatch::Size(bytes)) => {
            ("size-mismatch", format!("; recorded: {} bytes; found: {bytes} bytes", asset.size))
        }
        Some(Mismatch::Checksum(found)) => {
            ("checksum-mismatch", format!("; recorded: crc64nvme {}; found: crc64nvme {found}", asset.checksum))
        }
        Some(Mismatch::Unreadable(why)) => ("unreadable", format!("; {why}")),
        Some(Mismatch::InDirectory(found)) => {
            let (word, note) = described(record, Some(found));
            (word, format!("{note}; that in the directory, the one in S3 is whole"))
        }
    }
}

fn found_json(found: &Mismatch) -> Value {
    match found {
        Mismatch::Missing => Value::Null,
        Mismatch::Other(other) => json!({"publish_id": other.to_string()}),
        Mismatch::Size(size) => json!({"size": size}),
        Mismatch::Checksum(checksum) => json!({"crc64nvme": checksum.to_string()}),
        Mismatch::Unreadable(why) => json!({"error": why}),
        Mismatch::InDirectory(found) => json!({"in_directory": found_json(found)}),
    }
}
