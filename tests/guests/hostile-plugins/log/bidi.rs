//! Prints what reads backwards, is invisible, or ends lines in other ways.

use hostile_plugins::{Error, say};

hostile_plugins::plugin!(|_| {
    for _ in 0..200 {
        say("user\u{202e}gpj.\u{2066}exe\u{2069}\u{200b}\u{feff}\u{2028}next\u{2029}\u{e0041}\u{85}");
    }
    Err(Error { code: "\u{202e}edoc".into(), message: "\u{2066}x\u{2028}y".into(), retryable: false })
});
