//! Looks for environment variables, arguments, a working directory and a terminal.

use hostile_plugins::bindings::wasi::cli::{environment, terminal_stderr, terminal_stdin, terminal_stdout};
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    let terminal = terminal_stdin::get_terminal_stdin().is_some()
        || terminal_stdout::get_terminal_stdout().is_some()
        || terminal_stderr::get_terminal_stderr().is_some();
    say(format_args!(
        "variables {:?} arguments {:?} folder {:?} terminal {terminal}",
        environment::get_environment(),
        environment::get_arguments(),
        environment::initial_cwd(),
    ));
    Ok(String::new())
});
