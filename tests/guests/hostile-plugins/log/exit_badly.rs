//! Ends its process with a failure, after it has published.

use hostile_plugins::bindings::wasi::cli::exit::exit;

hostile_plugins::plugin!(|_| {
    hostile_plugins::store_honestly()?;
    exit(Err(()));
    Ok(String::new())
});
