//! Polls for ever what is always ready.

use hostile_plugins::bindings::wasi::cli::stdout::get_stdout;
use hostile_plugins::bindings::wasi::io::poll::poll;

hostile_plugins::plugin!(|_| {
    let stream = get_stdout();
    let ready = stream.subscribe();
    loop {
        poll(&[&ready, &ready, &ready]);
    }
});
