use std::time::Duration;

use filmgate_protocol::{FromRunner, LogStream, Outcome, StoreOptions, StoreRequest, Usage, encode};

use crate::socket::Socket;

/// Breaks one rule of the protocol and then waits for what comes of it.
pub(crate) fn talk(socket: &Socket, how: &str) {
    let finished = FromRunner::Finished { outcome: Outcome::Returned("null".into()), usage: Usage::default() };
    match how {
        "garbage" => socket.send_raw(&[0xff; 100]),
        "too-much" => socket.send_raw(&vec![0; 180_000]),
        "trailing" => {
            let mut frame = encode(&finished).expect("encode");
            frame.push(0);
            socket.send_raw(&frame);
        }
        "long-log" => socket.send(&log("x".repeat(100_000))),
        "nan" => socket.send(&FromRunner::Progress { fraction: f32::NAN, stage: String::new() }),
        "call-7" => socket.send(&store(7)),
        "call-twice" => {
            socket.send(&store(0));
            socket.send(&store(0));
        }
        "calls" => (0..100_000).for_each(|call| socket.send(&store(call))),
        "log" => (0..u64::MAX).for_each(|_| socket.send(&log("x".into()))),
        "lies" => socket.send(&FromRunner::Usage(Usage { memory_bytes_peak: u64::MAX, ..Usage::default() })),
        "descriptors" => {
            // The kernel lets no more be under way than a process may have open.
            let frame = encode(&log("here you are".into())).expect("encode");
            (0..200).for_each(|_| socket.send_with_descriptors(&frame));
            socket.send(&finished);
        }
        "twice" => {
            socket.send(&finished);
            socket.send(&finished);
        }
        "crash" => std::process::abort(),
        "nothing" => std::thread::sleep(Duration::from_secs(3600)),
        other => panic!("no such words: {other}"),
    }
}

fn log(text: String) -> FromRunner {
    FromRunner::Log { stream: LogStream::Stdout, text }
}

fn store(call: u32) -> FromRunner {
    let options = StoreOptions::default();
    FromRunner::Store(StoreRequest { call, path: "../../secret.mp4".into(), options, wait: true })
}
