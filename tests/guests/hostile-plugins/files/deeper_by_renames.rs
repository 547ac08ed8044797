//! Puts shallow trees into one another, so that together they are deeper than one may be.

use std::fs::{create_dir_all, rename};

use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    let mut nested = 0;
    create_dir_all("/out/tree/a/b/c").map_err(failed)?;
    for round in 0..8 {
        create_dir_all("/out/next/a/b/c").map_err(failed)?;
        nested += usize::from(rename("/out/tree", "/out/next/a/b/c/tree").is_ok());
        let _ = rename("/out/next", format!("/out/tree{round}"));
    }
    say(format_args!("nested {nested}"));
    Ok(String::new())
});
