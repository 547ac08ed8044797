//! `filmgate assets`: what is on record of published files.

use clap::{Args, Subcommand};
use filmgate::archive::Archive;
use filmgate::catalogue::{AssetFilter, AssetRecord, AssetState, Page};
use filmgate::key::ObjectKey;
use filmgate::storage::PublishId;
use serde_json::json;

use super::archive::{self, PageOptions, more, next, parsed};
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::table::{Table, or_dash, print_fields, size, time};
use super::terminal::{print_json, print_line};
use super::{SettingOptions, failed, records};

#[derive(Debug, Subcommand)]
pub(super) enum AssetsCommand {
    /// List assets, the latest first
    List(ListArguments),
    /// Show everything that is on record of an asset
    Show(ShowArguments),
    /// Print a new URL of an asset
    Url(UrlArguments),
    /// Delete assets: on record at once, then their objects in the store
    Delete(DeleteArguments),
}

const LIST_EXAMPLES: &str = "\
Examples:
  filmgate assets list --user ana
  filmgate assets list --session s1 --slot video --json
  filmgate assets list --state deleting
  filmgate assets list --failed
  filmgate assets list --after 019a… --limit 200";

#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(super) struct ListArguments {
    /// Those of this user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Those of this job
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Those of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Those of this scene
    #[arg(long, value_name = "ID")]
    scene: Option<String>,
    /// Those in this place of the layout
    #[arg(long, value_name = "SLOT")]
    slot: Option<String>,
    /// Those in this state: stored, deleting or gone
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Files whose publish has failed instead: they are kept, and not on record
    #[arg(long, conflicts_with_all = ["user", "job", "session", "scene", "slot", "state"])]
    failed: bool,
    #[command(flatten)]
    page: PageOptions,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The asset: its id, which is the publish_id of an answer, or its key
    #[arg(value_name = "ASSET")]
    asset: String,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct UrlArguments {
    /// The asset: its id or its key
    #[arg(value_name = "ASSET")]
    asset: String,
    /// Let a presigned URL offer the file for download under this name
    #[arg(long, value_name = "NAME")]
    download: Option<String>,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// The assets: ids or keys
    #[arg(value_name = "ASSET", required = true)]
    assets: Vec<String>,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(command: AssetsCommand) -> Ended {
    match command {
        AssetsCommand::List(arguments) => {
            let (filter, page) = arguments.parse()?;
            let as_json = arguments.settings.json;
            if arguments.failed {
                let Page { after, limit } = page;
                return open::with_session(&arguments.settings, |session| async move {
                    failed::list(&session.config, after, limit, as_json).await
                });
            }
            open::with_session(&arguments.settings, |session| list(session, filter, page, as_json))
        }
        AssetsCommand::Show(ShowArguments { asset, settings }) => {
            open::with_session(&settings, |session| show(session, asset, settings.json))
        }
        AssetsCommand::Url(UrlArguments { asset, download, settings }) => {
            open::with_session(&settings, |session| url(session, asset, download, settings.json))
        }
        AssetsCommand::Delete(DeleteArguments { assets, settings }) => {
            open::with_session(&settings, |session| delete(session, assets, settings.json))
        }
    }
}

impl AssetsCommand {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "assets list",
            Self::Show(_) => "assets show",
            Self::Url(_) => "assets url",
            Self::Delete(_) => "assets delete",
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.settings.json,
            Self::Show(arguments) => arguments.settings.json,
            Self::Url(arguments) => arguments.settings.json,
            Self::Delete(arguments) => arguments.settings.json,
        }
    }
}

impl ListArguments {
    fn parse(&self) -> Result<(AssetFilter, Page<PublishId>), Problem> {
        let filter = AssetFilter {
            user: parsed("--user", self.user.as_deref())?,
            job: parsed("--job", self.job.as_deref())?,
            session: parsed("--session", self.session.as_deref())?,
            scene: parsed("--scene", self.scene.as_deref())?,
            slot: parsed("--slot", self.slot.as_deref())?,
            state: parsed("--state", self.state.as_deref())?,
            ..AssetFilter::default()
        };
        let after = parsed("--after", self.page.after.as_deref())?;
        Ok((filter, Page { after, limit: self.page.limit }))
    }
}

async fn list(session: Session, filter: AssetFilter, page: Page<PublishId>, as_json: bool) -> Ended {
    let limit = page.limit as usize;
    let assets = match archive::catalogue(&session.config) {
        Some(catalogue) => catalogue.assets(&filter, page).await.map_err(|error| archive::catalogue_problem(&error))?,
        None => Vec::new(),
    };
    let next = next(&assets, limit, |last| last.asset.id.to_string());
    if as_json {
        let assets: Vec<_> = assets.iter().map(records::asset).collect();
        print_json(&json!({"assets": assets, "next": next}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["ASSET", "USER", "SLOT", "VERSION>", "SIZE>", "STORED", "STATE", "KEY"]);
    for record in &assets {
        let asset = &record.asset;
        table.add(vec![
            asset.id.to_string(),
            asset.user.to_string(),
            place(record),
            record.version.to_string(),
            size(asset.size),
            time(asset.stored_at),
            record.state.to_string(),
            asset.key.to_string(),
        ]);
    }
    table.print()?;
    more(next);
    Ok(Exit::Done)
}

/// Slot and sequence.
fn place(record: &AssetRecord) -> String {
    let sequence = record.asset.sequence.map(|sequence| format!(" {sequence}")).unwrap_or_default();
    format!("{}{sequence}", record.asset.slot)
}

async fn show(session: Session, name: String, as_json: bool) -> Ended {
    let named = Name::parse(&name)?;
    let Some(catalogue) = archive::catalogue(&session.config) else { return Err(archive::unknown("asset", &name)) };
    let found = match named {
        Name::Id(id) => catalogue.asset(id).await.map(|found| found.into_iter().collect()),
        Name::Key(key) => catalogue.assets_at(&key).await,
    };
    let found: Vec<_> = found.map_err(|error| archive::catalogue_problem(&error))?;
    let Some(record) = found.first() else { return Err(archive::unknown("asset", &name)) };
    if as_json {
        print_json(&records::asset(record))?;
    } else {
        print_fields(&fields(record))?;
    }
    if record.state == AssetState::Stored { Ok(Exit::Done) } else { Ok(Exit::Gone) }
}

fn fields(record: &AssetRecord) -> Vec<(&'static str, String)> {
    let asset = &record.asset;
    let mut fields = vec![
        ("asset", asset.id.to_string()),
        ("state", record.state.to_string()),
        ("user", asset.user.to_string()),
        ("job", asset.job.to_string()),
        ("session", or_dash(asset.session())),
        ("scene", or_dash(asset.scene())),
        ("slot", place(record)),
        ("version", record.version.to_string()),
        ("key", asset.key.to_string()),
        ("place", asset.place.clone()),
        ("size", format!("{} ({} bytes)", size(asset.size), asset.size)),
        ("type", asset.kind.content_type().to_owned()),
        ("checksum", format!("crc64nvme {}", asset.checksum)),
        ("version id", or_dash(asset.version_id.as_ref())),
        ("encryption", or_dash(asset.encryption.as_ref())),
        ("plugin", or_dash(asset.plugin)),
        ("accepted", time(asset.accepted_at)),
        ("stored", time(asset.stored_at)),
    ];
    if let Some(facts) = &asset.facts {
        fields.push(("facts", serde_json::to_string(facts).unwrap_or_default()));
    }
    if let Some(deletion) = &record.deletion {
        let asked = &deletion.asked;
        fields.push(("deleted", format!("{} by {}: {}", time(asked.at), asked.by, asked.reason)));
        if let Some(gone) = deletion.gone_at {
            fields.push(("gone", time(gone)));
        } else if let Some(error) = &deletion.last_error {
            let next = deletion.next_try.map(|next| format!(", again from {}", time(next))).unwrap_or_default();
            fields.push(("not removed", format!("{} tries{next}: {error}", deletion.attempts)));
        }
    }
    fields
}

async fn url(session: Session, name: String, download: Option<String>, as_json: bool) -> Ended {
    let archive = archive::open(&session.config).await?;
    let id = resolve(&archive, &name).await?;
    let made = archive.url(id, download.as_deref(), &archive::actor()).await;
    let url = made.map_err(|error| archive::problem(&error))?;
    if as_json {
        print_json(&json!({
            "asset": id.to_string(),
            "url": url.url.as_str(),
            "url_kind": url.kind,
            "url_verified": url.verified,
            "expires_at": url.expires_at.map(|time| time.to_string()),
        }))?;
    } else {
        print_line(url.url.as_str())?;
    }
    Ok(Exit::Done)
}

/// Answers for every asset, in their order; the exit code is that of the first failure.
async fn delete(session: Session, names: Vec<String>, as_json: bool) -> Ended {
    let archive = archive::open(&session.config).await?;
    let deletion = archive::deletion("deleted by command");
    let (mut exit, mut answers) = (Exit::Done, Vec::new());
    for name in &names {
        if session.signals.exit().is_some() {
            return Err(session.signals.stopped());
        }
        let problem = match resolve(&archive, name).await {
            Ok(id) => match archive.delete(id, &deletion).await {
                Ok(removal) => archive::left(&removal),
                Err(error) => Some(archive::problem(&error)),
            },
            Err(problem) => Some(problem),
        };
        let answer = match &problem {
            None => json!({"asset": name, "state": AssetState::Gone}),
            Some(problem) => {
                let mut object = problem.to_json();
                object["asset"] = name.as_str().into();
                object
            }
        };
        answers.push(answer);
        let Some(problem) = problem else {
            if !as_json {
                print_line(&format!("deleted {name}"))?;
            }
            continue;
        };
        if exit == Exit::Done {
            exit = problem.exit();
        }
        if !as_json {
            problem.print(false);
        }
    }
    if as_json {
        print_json(&json!({"exit_code": exit.code(), "assets": answers}))?;
    }
    Ok(exit)
}

/// How an asset is named on the command line.
enum Name {
    Id(PublishId),
    Key(ObjectKey),
}

impl Name {
    fn parse(text: &str) -> Result<Self, Problem> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let key = ObjectKey::try_from(text.to_owned());
        key.map(Self::Key).map_err(|error| Problem::input(format!("no asset has this id or key: {error}")))
    }
}

/// The asset of a key is the latest one, deleted or not.
pub(super) async fn resolve(archive: &Archive, name: &str) -> Result<PublishId, Problem> {
    match Name::parse(name)? {
        Name::Id(id) => Ok(id),
        Name::Key(key) => {
            let found = archive.catalogue().assets_at(&key).await;
            let found = found.map_err(|error| archive::catalogue_problem(&error))?;
            found.first().map(|record| record.asset.id).ok_or_else(|| archive::unknown("asset", name))
        }
    }
}
