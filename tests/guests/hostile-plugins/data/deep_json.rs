//! Answers JSON that is thirty thousand levels deep.

hostile_plugins::plugin!(|_| {
    hostile_plugins::store_honestly()?;
    Ok(format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)))
});
