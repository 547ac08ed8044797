//! Publishes folders, its own outbox, its inputs, and paths that are none.

use hostile_plugins::files::film;
use hostile_plugins::{failed, store, tell};

const PATHS: [&str; 16] = [
    "",
    ".",
    "..",
    "/",
    "/out",
    "/in/note.txt",
    "../in/note.txt",
    "folder",
    "folder/",
    "folder/.",
    "film.mp4/",
    "film.mp4/x",
    "./film.mp4",
    "film.mp4\0",
    "film.mp4\n",
    "file:///out/film.mp4",
];

hostile_plugins::plugin!(|_| {
    std::fs::create_dir("/out/folder").map_err(failed)?;
    film("film.mp4", 1000)?;
    for path in PATHS {
        tell(path, store(path));
    }
    Ok(String::new())
});
