//! Asks for its folders for ever and keeps every answer.

use hostile_plugins::bindings::wasi::filesystem::preopens::get_directories;

hostile_plugins::plugin!(|_| {
    let mut kept = Vec::new();
    loop {
        kept.push(get_directories());
    }
});
