//! Gives files times that no clock shows.

use hostile_plugins::bindings::wasi::clocks::wall_clock::Datetime;
use hostile_plugins::bindings::wasi::filesystem::types::{NewTimestamp, PathFlags};
use hostile_plugins::files::{create, film, out};
use hostile_plugins::{failed, say, store};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let (file, out) = (create("film.mp4").map_err(failed)?, out());
    for seconds in [0, u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1, 1 << 40] {
        for nanoseconds in [0, 999_999_999, 1_000_000_000, u32::MAX] {
            let time = NewTimestamp::Timestamp(Datetime { seconds, nanoseconds });
            let _ = file.set_times(time, time);
            let _ = out.set_times_at(PathFlags::empty(), "film.mp4", time, NewTimestamp::Now);
            let _ = out.set_times_at(PathFlags::SYMLINK_FOLLOW, ".", NewTimestamp::NoChange, time);
            let _ = (file.stat(), out.stat_at(PathFlags::empty(), "film.mp4"));
        }
    }
    drop(file);
    store("film.mp4").map_err(failed)?;
    say("published");
    Ok(String::new())
});
