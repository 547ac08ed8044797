//! Films that differ from each other, made in no time.

use std::sync::OnceLock;

use crate::sample;

/// A film of so many bytes whose last eight are its mark.
///
/// # Panics
/// Where there are fewer than a thousand bytes.
pub fn of(bytes: usize, mark: u64) -> Vec<u8> {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| (0..251u8).collect::<Vec<_>>().repeat(4096));
    let mut film = Vec::with_capacity(bytes + pattern.len());
    while film.len() < bytes {
        film.extend_from_slice(pattern);
        // No two megabytes are the same: parts that are mixed up show.
        let place = film.len().to_be_bytes();
        let end = film.len() - place.len();
        film[end..].copy_from_slice(&place);
    }
    film.truncate(bytes);
    let head = sample::head("mp4", bytes);
    film[..head.len()].copy_from_slice(&head);
    let end = bytes - 8;
    film[end..].copy_from_slice(&mark.to_be_bytes());
    film
}
