//! Changes its inputs: writes, appends, creates, removes, gives them other times.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::time::SystemTime;

use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    let done = [
        fs::write("/in/note.txt", "changed").is_ok(),
        fs::write("/in/new", "new").is_ok(),
        OpenOptions::new().append(true).open("/in/note.txt").is_ok(),
        OpenOptions::new().read(true).write(true).open("/in/note.txt").is_ok(),
        fs::remove_file("/in/note.txt").is_ok(),
        fs::create_dir("/in/new").is_ok(),
        fs::rename("/in/note.txt", "/in/other").is_ok(),
        File::open("/in/note.txt").is_ok_and(|file| file.set_times(times).is_ok()),
        fs::read_to_string("/in/note.txt").is_ok_and(|text| text != "a note"),
    ];
    say(format_args!("done {}", done.contains(&true)));
    Ok(String::new())
});
