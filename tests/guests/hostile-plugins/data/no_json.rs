//! Answers a summary that is no JSON.

hostile_plugins::plugin!(|_| {
    hostile_plugins::store_honestly()?;
    Ok("{\"url\": \"https://example.com/mine\"".into())
});
