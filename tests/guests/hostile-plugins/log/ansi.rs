//! Prints what steers a terminal: clears it, sets its title, hides text, answers for the user.

use hostile_plugins::{Error, say};

hostile_plugins::plugin!(|_| {
    for _ in 0..200 {
        say("\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[8mhidden\x1b[6n\u{9b}2J\r\x1b[K\x08\x08");
    }
    Err(Error { code: "\x1b[2J".into(), message: "\x1b]0;title\x07\r\x1b[K".into(), retryable: false })
});
