//! Publishes to a storage that takes for ever: its time ends during the upload.

hostile_plugins::plugin!(|_| {
    hostile_plugins::store_honestly()?;
    Ok(String::new())
});
