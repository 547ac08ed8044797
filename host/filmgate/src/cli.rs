//! The command line: a thin shell over the library.
//!
//! Answers go to standard output, everything else to standard error. The last line of standard output is the URL; with
//! `--json` it is one object, also when something fails.

mod answer;
mod archive;
mod assets;
mod check;
mod clean;
mod complete;
mod events;
mod exit;
mod failed;
mod inspect;
mod job_options;
mod jobs;
mod logging;
mod open;
mod plugin_budgets;
mod plugin_facts;
mod plugin_grants;
mod plugin_precompile;
mod plugin_test;
mod problem;
mod publish;
mod reconcile;
mod records;
mod recover;
mod retry;
mod run;
mod sessions;
mod signals;
mod table;
mod terminal;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use exit::Exit;
use problem::Problem;

/// Runs untrusted video renderers in a sandbox and publishes what they render.
#[derive(Debug, Parser)]
#[command(name = "filmgate", version, propagate_version = true, max_term_width = 100, after_long_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a plugin for one user, publish what it renders and print the URL
    Run(run::RunArguments),
    /// Publish a finished file without a plugin and print the URL
    Publish(publish::PublishArguments),
    /// Go on with what an earlier process left unfinished
    Recover(recover::RecoverArguments),
    /// Try failed publishes again
    Retry(retry::RetryArguments),
    /// Give failed publishes up and delete their files
    Discard(retry::DiscardArguments),
    /// Look at a plugin without running it
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at published files, make their URLs anew, delete them
    #[command(subcommand)]
    Assets(assets::AssetsCommand),
    /// Look at sessions, delete them with their files
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Look at jobs
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Delete what is marked or older than it is kept, try again what failed
    Clean(clean::CleanArguments),
    /// Compare journal, catalogue, store and leftovers, and mend what disagrees
    Reconcile(reconcile::ReconcileArguments),
    /// Read objects again and prove that they are what was published
    Verify(verify::VerifyArguments),
    /// Show the settings, prove the data directory and the storage
    Check(check::CheckArguments),
    /// Print a completion script for a shell
    Completions(complete::CompletionArguments),
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Show imports, exports, digest, manifest and grants, and whether the plugin is accepted
    Inspect(inspect::InspectArguments),
    /// Run a plugin without publishing, and show what it used of what it was granted
    Test(plugin_test::TestArguments),
    /// Compile plugins ahead, so that the first job does not wait for it
    Precompile(plugin_precompile::PrecompileArguments),
}

/// Options of every command that reads settings.
#[derive(Debug, Clone, Args)]
struct SettingOptions {
    /// Settings file [default: $FILMGATE_CONFIG, else ./filmgate.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory for jobs under way and claimed files [default: ./filmgate-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Answer with one JSON object on standard output, failures included
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Examples:
  filmgate run recap.wasm --user ana --period 2026-03
  filmgate run recap.wasm --user ana --params @params.json --input photo=me.jpg --json
  filmgate publish video.mp4 --user ana
  filmgate assets list --user ana
  filmgate check

Without settings, files go to ./filmgate-data/storage. To publish to S3 set AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION and S3_BUCKET_NAME.

Exit codes:
    0  done                             14  wall-clock time used up
    2  usage, settings or input         15  memory used up
   10  plugin refused                   16  another budget used up
   11  plugin answered an error         17  a file of the plugin was refused
   12  plugin trapped                   18  upload failed, the file is kept
   13  CPU time used up                 19  storage unreachable
   20  a check failed                   21  plugins cannot be locked in
   22  under way in another process     23  too little free space
   30  not on record                    31  gone: it was deleted
   32  catalogue cannot be used         33  deleted, but objects are left
   70  fault of the host                74  done, but the answer could not be written
  130  SIGINT                          143  SIGTERM";

/// Parses, runs and tells how it ended.
pub(crate) fn main() -> ExitCode {
    // Before parsing there is only the bare argument to tell how the answer is wanted.
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_usage(&error, wants_json),
    };
    let (wants_json, name) = (cli.command.wants_json(), cli.command.name());
    let ended = match cli.command {
        Command::Run(arguments) => run::execute(arguments),
        Command::Publish(arguments) => publish::execute(arguments),
        Command::Recover(arguments) => recover::execute(&arguments),
        Command::Retry(arguments) => retry::retry(arguments),
        Command::Discard(arguments) => retry::discard(arguments),
        Command::Plugin(PluginCommand::Inspect(arguments)) => inspect::execute(arguments),
        Command::Plugin(PluginCommand::Test(arguments)) => plugin_test::execute(arguments),
        Command::Plugin(PluginCommand::Precompile(arguments)) => plugin_precompile::execute(arguments),
        Command::Assets(command) => assets::execute(command),
        Command::Sessions(command) => sessions::execute(command),
        Command::Jobs(command) => jobs::execute(command),
        Command::Clean(arguments) => clean::execute(arguments),
        Command::Reconcile(arguments) => reconcile::execute(&arguments),
        Command::Verify(arguments) => verify::execute(arguments),
        Command::Check(arguments) => check::execute(arguments),
        Command::Completions(arguments) => complete::execute(&arguments, &mut Cli::command()),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(problem) => {
            let problem = problem.of_command(name);
            problem.print(wants_json);
            problem.exit().into()
        }
    }
}

impl Command {
    /// As it is typed.
    fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Publish(_) => "publish",
            Self::Recover(_) => "recover",
            Self::Retry(_) => "retry",
            Self::Discard(_) => "discard",
            Self::Plugin(PluginCommand::Inspect(_)) => "plugin inspect",
            Self::Plugin(PluginCommand::Test(_)) => "plugin test",
            Self::Plugin(PluginCommand::Precompile(_)) => "plugin precompile",
            Self::Assets(command) => command.name(),
            Self::Sessions(command) => command.name(),
            Self::Jobs(command) => command.name(),
            Self::Clean(_) => "clean",
            Self::Reconcile(_) => "reconcile",
            Self::Verify(_) => "verify",
            Self::Check(_) => "check",
            Self::Completions(_) => "completions",
        }
    }

    fn wants_json(&self) -> bool {
        match self {
            Self::Run(arguments) => arguments.settings.json,
            Self::Publish(arguments) => arguments.settings.json,
            Self::Recover(arguments) => arguments.settings.json,
            Self::Retry(arguments) => arguments.settings.json,
            Self::Discard(arguments) => arguments.settings.json,
            Self::Plugin(PluginCommand::Inspect(arguments)) => arguments.settings.json,
            Self::Plugin(PluginCommand::Test(arguments)) => arguments.settings.json,
            Self::Plugin(PluginCommand::Precompile(arguments)) => arguments.settings.json,
            Self::Assets(command) => command.wants_json(),
            Self::Sessions(command) => command.wants_json(),
            Self::Jobs(command) => command.wants_json(),
            Self::Clean(arguments) => arguments.settings.json,
            Self::Reconcile(arguments) => arguments.settings.json,
            Self::Verify(arguments) => arguments.settings.json,
            Self::Check(arguments) => arguments.settings.json,
            Self::Completions(_) => false,
        }
    }
}

/// Help and version are no failure; clap prints them, and plain usage errors, in its own way.
fn refuse_usage(error: &clap::Error, wants_json: bool) -> ExitCode {
    if wants_json && error.use_stderr() {
        let text = error.to_string();
        let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let detail = lines.join(" ");
        let detail = detail.trim_start_matches("error: ");
        let problem = Problem::new(Exit::Usage, "usage", detail).with_next_step("see `filmgate --help`");
        problem.print(true);
        return Exit::Usage.into();
    }
    match error.print() {
        Ok(()) if !error.use_stderr() => Exit::Done.into(),
        Err(_) if !error.use_stderr() => Exit::AnswerLost.into(),
        _ => Exit::Usage.into(),
    }
}
