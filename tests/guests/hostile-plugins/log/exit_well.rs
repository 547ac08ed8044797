//! Ends its process as if all were well.

use hostile_plugins::bindings::wasi::cli::exit::exit;

hostile_plugins::plugin!(|_| {
    exit(Ok(()));
    Ok(String::new())
});
