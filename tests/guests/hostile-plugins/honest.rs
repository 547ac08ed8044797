//! The honest neighbour: writes a film of 300,000 bytes that anyone can foretell, and publishes it.

use hostile_plugins::files::{FILM_HEAD, file};
use hostile_plugins::{failed, plugin, store};

plugin!(|_| {
    let mut film: Vec<u8> = (0..300_000_u32).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    film[..FILM_HEAD.len()].copy_from_slice(FILM_HEAD);
    file("honest.mp4", &film)?;
    store("honest.mp4").map(|stored| format!("{}", stored.size)).map_err(failed)
});
