//! Starts a read on each of many streams at once: each may take a thread of the host.

use hostile_plugins::bindings::wasi::io::poll::poll;
use hostile_plugins::files::{create, file};
use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    file("read", &[7; 4096])?;
    let read = create("read").map_err(failed)?;
    for _ in 0..20 {
        let streams: Vec<_> = (0..300).filter_map(|_| read.read_via_stream(0).ok()).collect();
        let pollables: Vec<_> = streams.iter().map(|stream| stream.subscribe()).collect();
        poll(&pollables.iter().collect::<Vec<_>>());
    }
    say("read");
    Ok(String::new())
});
