//! The runner as a program of its own: much smaller than a host, for hosts that name its path.

fn main() -> std::process::ExitCode {
    filmgate_runner::child::enter();
    #[expect(clippy::print_stderr, reason = "the only thing to say to a person who starts it by hand")]
    {
        eprintln!("filmgate-runner runs plugins for a filmgate host, which starts it: it has no command line");
    }
    std::process::ExitCode::from(2)
}
