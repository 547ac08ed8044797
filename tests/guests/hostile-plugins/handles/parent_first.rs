//! Gives a stream back while a pollable of it is still there.

use hostile_plugins::bindings::wasi::cli::stdout::get_stdout;

hostile_plugins::plugin!(|_| {
    let stream = get_stdout();
    let pollable = stream.subscribe();
    drop(stream);
    pollable.block();
    Ok(String::new())
});
