use clap::Args;
use filmgate::Host;
use filmgate::publish::{Entry, Patience, Recovered};
use filmgate::storage::PublishId;
use serde_json::json;

use super::SettingOptions;
use super::exit::Exit;
use super::job_options::parse;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::recover::{exit_of_one, line, object};
use super::terminal::{print_json, print_line};

/// Failed publishes that are listed at once.
const PAGE: usize = 1_000;

/// Which failed publishes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// Ids of failed publishes
    #[arg(value_name = "PUBLISH")]
    publishes: Vec<String>,
    /// Every failed publish
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct RetryArguments {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct DiscardArguments {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn retry(arguments: RetryArguments) -> Ended {
    let RetryArguments { chosen, settings } = arguments;
    let ids = chosen.ids()?;
    open::with_session(&settings, |session| retry_all(session, ids, settings.json))
}

pub(super) fn discard(arguments: DiscardArguments) -> Ended {
    let DiscardArguments { chosen, settings } = arguments;
    let ids = chosen.ids()?;
    open::with_session(&settings, |session| discard_all(session, ids, settings.json))
}

impl Chosen {
    /// Absent: all of them.
    fn ids(&self) -> Result<Option<Vec<PublishId>>, Problem> {
        if self.all {
            return Ok(None);
        }
        self.publishes.iter().map(|id| parse("PUBLISH", id)).collect::<Result<_, _>>().map(Some)
    }
}

async fn ids_of(host: &Host, ids: Option<Vec<PublishId>>) -> Result<Vec<PublishId>, Problem> {
    if let Some(ids) = ids {
        return Ok(ids);
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = host.failed(after, PAGE).await.map_err(|error| Problem::internal(error.to_string()))?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.publish);
        all.extend(page.iter().map(|entry: &Entry| entry.publish));
    }
}

/// One after the other: the storage uses all of the line for one already.
async fn retry_all(session: Session, ids: Option<Vec<PublishId>>, as_json: bool) -> Ended {
    let host = open::host_unreached(&session.config).await?;
    let cancel = session.signals.token();
    let (mut exit, mut objects, patience) = (Exit::Done, Vec::new(), Patience::default());
    for publish in ids_of(&host, ids).await? {
        if cancel.is_cancelled() {
            return Err(session.signals.stopped());
        }
        let retry = || async { host.retry(publish, cancel).await.map_err(|error| Problem::of_recovery(&error)) };
        let (entry, mut recovered) = retry().await?;
        while recovered.waited(&patience, cancel).await {
            (_, recovered) = retry().await?;
        }
        let code = match recovered {
            Recovered::UnderWay => Exit::UnderWay,
            _ => exit_of_one(&recovered),
        };
        if exit == Exit::Done {
            exit = session.signals.exit().unwrap_or(code);
        }
        if as_json {
            objects.push(object(&entry, &recovered));
        } else {
            print_line(&line(&entry, &recovered)).map_err(|lost| Problem::answer_lost(&lost))?;
        }
    }
    if as_json {
        let object = json!({ "exit_code": exit.code(), "publishes": objects });
        print_json(&object).map_err(|lost| Problem::answer_lost(&lost))?;
    }
    Ok(exit)
}

async fn discard_all(session: Session, ids: Option<Vec<PublishId>>, as_json: bool) -> Ended {
    let host = open::host_unreached(&session.config).await?;
    let mut discarded = Vec::new();
    for publish in ids_of(&host, ids).await? {
        let entry = host.discard(publish).await.map_err(|error| Problem::of_recovery(&error))?;
        if !as_json {
            let told = print_line(&format!("discarded  {publish} {}", entry.intent.key));
            told.map_err(|lost| Problem::answer_lost(&lost))?;
        }
        discarded.push(publish.to_string());
    }
    if as_json {
        let object = json!({ "exit_code": 0, "discarded": discarded });
        print_json(&object).map_err(|lost| Problem::answer_lost(&lost))?;
    }
    Ok(Exit::Done)
}
