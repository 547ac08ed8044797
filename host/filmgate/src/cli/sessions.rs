//! `filmgate sessions`: what belongs together by the caller's word.

use clap::{Args, Subcommand};
use filmgate::catalogue::{Page, SessionFilter, SessionId};
use serde_json::json;

use super::archive::{self, PageOptions, more, next, parsed};
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::Ended;
use super::table::{Table, or_dash, print_fields, size, time};
use super::terminal::{print_json, print_line};
use super::{SettingOptions, records};

#[derive(Debug, Subcommand)]
pub(super) enum SessionsCommand {
    /// List sessions, in order of users and ids
    List(ListArguments),
    /// Show a session and its scenes
    Show(OneArguments),
    /// Delete a session with all its assets: on record at once, then their objects in the store
    Delete(OneArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Those of this user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Those that were deleted, too
    #[arg(long)]
    deleted: bool,
    #[command(flatten)]
    page: PageOptions,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct OneArguments {
    /// The session, for example ana/s1
    #[arg(value_name = "USER/SESSION")]
    session: String,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(command: SessionsCommand) -> Ended {
    match command {
        SessionsCommand::List(arguments) => {
            let filter =
                SessionFilter { user: parsed("--user", arguments.user.as_deref())?, with_deleted: arguments.deleted };
            let after = parsed("--after", arguments.page.after.as_deref())?;
            let (page, as_json) = (Page { after, limit: arguments.page.limit }, arguments.settings.json);
            open::with_session(&arguments.settings, |session| list(session, filter, page, as_json))
        }
        SessionsCommand::Show(OneArguments { session, settings }) => {
            let id = super::job_options::parse("USER/SESSION", &session)?;
            open::with_session(&settings, |session| show(session, id, settings.json))
        }
        SessionsCommand::Delete(OneArguments { session, settings }) => {
            let id = super::job_options::parse("USER/SESSION", &session)?;
            open::with_session(&settings, |session| delete(session, id, settings.json))
        }
    }
}

impl SessionsCommand {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "sessions list",
            Self::Show(_) => "sessions show",
            Self::Delete(_) => "sessions delete",
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.settings.json,
            Self::Show(arguments) | Self::Delete(arguments) => arguments.settings.json,
        }
    }
}

async fn list(session: Session, filter: SessionFilter, page: Page<SessionId>, as_json: bool) -> Ended {
    let limit = page.limit as usize;
    let sessions = match archive::catalogue(&session.config) {
        Some(catalogue) => {
            catalogue.sessions(&filter, page).await.map_err(|error| archive::catalogue_problem(&error))?
        }
        None => Vec::new(),
    };
    let next = next(&sessions, limit, |last| last.id.to_string());
    if as_json {
        let sessions: Vec<_> = sessions.iter().map(records::session).collect();
        print_json(&json!({"sessions": sessions, "next": next}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["SESSION", "SCENES>", "ASSETS>", "SIZE>", "CREATED", "UPDATED", "DELETED"]);
    for record in &sessions {
        table.add(vec![
            record.id.to_string(),
            record.scenes.to_string(),
            record.assets.to_string(),
            size(record.bytes),
            time(record.created_at),
            time(record.updated_at),
            or_dash(record.deleted_at.map(time)),
        ]);
    }
    table.print()?;
    more(next);
    Ok(Exit::Done)
}

async fn show(session: Session, id: SessionId, as_json: bool) -> Ended {
    let unknown = || archive::unknown("session", &id.to_string());
    let catalogue = archive::catalogue(&session.config).ok_or_else(unknown)?;
    let found = catalogue.session(&id).await.map_err(|error| archive::catalogue_problem(&error))?;
    let record = found.ok_or_else(unknown)?;
    let scenes = catalogue.scenes(&id).await.map_err(|error| archive::catalogue_problem(&error))?;
    if as_json {
        let mut object = records::session(&record);
        object["scene_list"] = scenes.iter().map(records::scene).collect();
        print_json(&object)?;
    } else {
        print_fields(&[
            ("session", record.id.to_string()),
            ("assets", format!("{} stored, {}", record.assets, size(record.bytes))),
            ("created", time(record.created_at)),
            ("updated", time(record.updated_at)),
            ("deleted", or_dash(record.deleted_at.map(time))),
        ])?;
        if !scenes.is_empty() {
            print_line("")?;
            let mut table = Table::new(&["SCENE", "ASSETS>", "SIZE>", "CREATED"]);
            for scene in &scenes {
                let (assets, bytes) = (scene.assets.to_string(), size(scene.bytes));
                table.add(vec![scene.scene.to_string(), assets, bytes, time(scene.created_at)]);
            }
            table.print()?;
        }
    }
    if record.deleted_at.is_some() { Ok(Exit::Gone) } else { Ok(Exit::Done) }
}

async fn delete(session: Session, id: SessionId, as_json: bool) -> Ended {
    let archive = archive::open(&session.config).await?;
    let deletion = archive::deletion("its session was deleted by command");
    let removal = archive.delete_session(&id, &deletion).await.map_err(|error| archive::problem(&error))?;
    if let Some(problem) = archive::left(&removal) {
        return Err(problem);
    }
    if as_json {
        print_json(&json!({"session": id.to_string(), "removal": archive::removal_json(&removal)}))?;
    } else {
        print_line(&format!("deleted {id} and {} of its assets", removal.removed))?;
    }
    Ok(Exit::Done)
}
