//! Runs a plugin once as a command, so that the wasmtime command line can test it.
//!
//! A component that exports `wasi:cli/run` and imports the plugin's `renderer`. Files in `/in` are the job's inputs. The
//! summary goes to standard output; where the plugin answers with an error, `code: message` goes to standard error and
//! the exit code is 1. Arguments that are none exit with 2.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod arguments;
#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    match arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => run(arguments),
        Ok(None) => {
            println!("{}", arguments::USAGE);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}\n\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}

#[cfg(target_family = "wasm")]
fn run(arguments: arguments::Arguments) -> ExitCode {
    match run::run(arguments) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn run(_: arguments::Arguments) -> ExitCode {
    eprintln!("the harness runs as a component: plug a plugin into it and start the result with wasmtime");
    ExitCode::from(2)
}
