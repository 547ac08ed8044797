//! Makes links that lead out, and publishes through them.

use hostile_plugins::files::{film, out};
use hostile_plugins::{say, store, tell};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let out = out();
    let targets = ["/etc/passwd", "../in/note.txt", "film.mp4", "/", ".", "/proc/self/fd"];
    let mut made = false;
    for (number, target) in targets.into_iter().enumerate() {
        made |= out.symlink_at(target, &format!("link{number}")).is_ok();
        tell(target, store(&format!("link{number}")));
    }
    say(format_args!("made {made}"));
    Ok(String::new())
});
