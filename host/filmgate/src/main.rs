//! The `filmgate` command.

mod cli;

fn main() -> std::process::ExitCode {
    // Before anything else: this process may be the one that runs a plugin.
    filmgate::enter();
    cli::main()
}
