//! A runner that a plugin has escaped into: native code in the real jail that does what its job's parameters say.
//!
//! Hosts start it in the place of their own runner. It locks itself in by the same function, then reads its job and turns
//! on its host: `say …` breaks the rules of the protocol, `try …` reaches for what lies outside of the jail. What was
//! tried and denied is answered as the plugin error `denied`, what succeeded as `escaped`; some attempts end the process.

mod reach;
mod socket;
mod talk;

use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;

use filmgate_protocol::{FromRunner, Outcome, PluginError, Prepare, Prepared, ToRunner, Usage, decode};
use filmgate_runner::jail::Jail;
use socket::Socket;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_none_or(|role| role != "runner") {
        return ExitCode::from(2);
    }
    let socket = Socket;
    let (frame, descriptors) = socket.receive();
    let prepare: Prepare = decode(&frame).expect("a frame of the host");
    let [_code, outbox, inputs] = <[OwnedFd; 3]>::try_from(descriptors).expect("three descriptors");
    let jail = Jail {
        host: prepare.host,
        outbox: outbox.as_fd(),
        inputs: inputs.as_fd(),
        budget: &prepare.budget,
        allow_missing: &[],
    };
    let measures = jail.lock().expect("be locked in");
    socket.send(&Prepared::Ready(measures));
    let (frame, _) = socket.receive();
    let Ok(ToRunner::Start(job)) = decode(&frame) else { return ExitCode::from(3) };
    // A JSON text; what is in it needs no more than this.
    let words = job.params.trim_matches('"').to_owned();
    let (verb, rest) = words.split_once(' ').unwrap_or((&words, ""));
    match verb {
        "say" => talk::talk(&socket, rest),
        "try" => {
            let (code, message) = match reach::reach(rest, prepare.host, &outbox, &inputs) {
                Ok(()) => ("escaped", rest.to_owned()),
                Err(error) => ("denied", error.to_string()),
            };
            let error = PluginError { code: code.into(), message, retryable: false };
            socket.send(&FromRunner::Finished { outcome: Outcome::Failed(error), usage: Usage::default() });
        }
        _ => return ExitCode::from(4),
    }
    // The host ends it.
    let _ = socket.receive();
    ExitCode::SUCCESS
}
