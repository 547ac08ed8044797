//! Reads, writes and publishes what belongs to another job, whose id it knows.

use hostile_plugins::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use hostile_plugins::files::{inputs, out};
use hostile_plugins::{say, store, tell};

hostile_plugins::plugin!(|job| {
    let other = job.params.trim_matches('"');
    let places = [
        format!("../../{other}/out/honest.mp4"),
        format!("../../{other}/out"),
        format!("../../{other}"),
        format!("/jobs/{other}/out/honest.mp4"),
        format!("../../../jobs/{other}/out/honest.mp4"),
        format!("./../../{other}/out/honest.mp4"),
        "../..".to_owned(),
        "../../../storage".to_owned(),
        "../../../staging".to_owned(),
    ];
    let mut reached = Vec::new();
    for place in &places {
        for root in [out(), inputs()] {
            for flags in [DescriptorFlags::READ, DescriptorFlags::READ | DescriptorFlags::WRITE] {
                if root.open_at(PathFlags::SYMLINK_FOLLOW, place, OpenFlags::empty(), flags).is_ok() {
                    reached.push(place);
                }
            }
            if root.rename_at(place, &out(), "stolen").is_ok() || root.stat_at(PathFlags::empty(), place).is_ok() {
                reached.push(place);
            }
        }
        tell("publish", store(place));
    }
    say(format_args!("reached {reached:?}"));
    Ok(String::new())
});
