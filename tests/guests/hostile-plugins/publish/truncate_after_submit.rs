//! Submits its file and then truncates, replaces and deletes whatever is at its path, and reads on through a kept handle.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use hostile_plugins::files::{file, film, out};
use hostile_plugins::{failed, options, say};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let out = out();
    let kept =
        out.open_at(PathFlags::empty(), "film.mp4", OpenFlags::empty(), DescriptorFlags::READ).map_err(failed)?;
    let publication = submit("film.mp4", &options())?;
    let done = [
        kept.set_size(0).is_ok(),
        kept.write(b"x", 0).is_ok(),
        std::fs::metadata("/out/film.mp4").is_ok(),
        std::fs::remove_file("/out/film.mp4").is_ok(),
    ];
    file("film.mp4", b"another")?;
    std::fs::rename("/out/film.mp4", "/out/other.mp4").map_err(failed)?;
    say(format_args!("done {}", done.contains(&true)));
    while publication.get().is_none() {
        publication.subscribe().block();
    }
    Ok(String::new())
});
