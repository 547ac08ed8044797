//! Answers an error whose code and message have 300 KiB each.

hostile_plugins::plugin!(|_| {
    let text = "é".repeat(150 << 10);
    Err(hostile_plugins::Error { code: text.clone(), message: text, retryable: true })
});
