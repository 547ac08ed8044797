mod jail;
mod machine;
mod report;
mod storage;

use clap::Args;

use super::SettingOptions;
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use report::{Line, Report};

#[derive(Debug, Args)]
#[command(after_help = "\
Stores one small object, reads it back, compares it and deletes it. Nothing else is changed.
Exit code 0: every line passed. 2: the settings cannot be used. 19: the storage cannot. 20: something else failed.
21: plugins cannot be locked in on this machine.")]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: CheckArguments) -> Ended {
    let CheckArguments { settings } = arguments;
    open::with_session(&settings, |session| check(session, settings.json))
}

async fn check(session: Session, as_json: bool) -> Ended {
    let Session { config, signals, .. } = &session;
    let work = async {
        let mut lines = vec![Line::pass("settings", format!("{} have a value", config.settings.len()))];
        lines.extend(machine::check(config).await);
        lines.extend(jail::check(config).await);
        let (storage, lines_of_storage) = storage::check(config).await;
        lines.extend(lines_of_storage);
        lines.iter_mut().for_each(|line| line.name_origins(&config.settings));
        Report { storage, reason: config.storage_reason.clone(), lines, settings: config.settings.clone() }
    };
    let report = tokio::select! {
        report = work => report,
        () = signals.first() => {
            let exit = signals.exit().unwrap_or(Exit::Interrupted);
            return Err(Problem::new(exit, "cancelled", "stopped; the small object of the check may be left behind"));
        }
    };
    report.print(as_json)?;
    Ok(report.exit())
}
