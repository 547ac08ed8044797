use std::io;

use filmgate_plugin::Error;
use serde::Serialize;
use serde_json::{Value, json};

/// `{"ok": …}` or `{"error": {"code", "message", "retryable"}}`.
pub(crate) fn of_host<T: Serialize>(result: Result<T, Error>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(Error { code, message, retryable, .. }) => {
            json!({ "error": { "code": code.as_str(), "message": message, "retryable": retryable } })
        }
    }
}

/// `{"ok": …}` or `{"error": text}`.
pub(crate) fn of_file<T: Serialize>(result: io::Result<T>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
