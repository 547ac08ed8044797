use clap::Args;
use clap_complete::Shell;

use super::exit::Exit;
use super::problem::Ended;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  filmgate completions bash > ~/.local/share/bash-completion/completions/filmgate")]
pub(super) struct CompletionArguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn execute(arguments: &CompletionArguments, command: &mut clap::Command) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "filmgate", &mut script);
    super::terminal::print_line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}
