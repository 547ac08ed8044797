//! What this process holds, before and after.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Memory that allocators, stacks and pools of threads may keep, in KiB. Every attack on memory takes more.
const SLACK_KIB: u64 = 40 * 1024;

/// How long things that were let go may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process holds.
#[derive(Debug, Clone)]
pub(super) struct Level {
    descriptors: Vec<PathBuf>,
    job_threads: usize,
    children: usize,
    memory_kib: u64,
}

impl Level {
    pub(super) fn now() -> Self {
        let links = fs::read_dir("/proc/self/fd").unwrap();
        // The one that lists them is gone when it is looked at.
        let mut descriptors: Vec<_> = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok()).collect();
        descriptors.retain(|target| !target.starts_with("/proc"));
        let tasks: Vec<_> =
            fs::read_dir("/proc/self/task").unwrap().filter_map(|task| Some(task.ok()?.path())).collect();
        let named =
            |task: &&PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "filmgate-job");
        let children = |task: &PathBuf| {
            fs::read_to_string(task.join("children")).map_or(0, |list| list.split_whitespace().count())
        };
        Self {
            descriptors,
            job_threads: tasks.iter().filter(named).count(),
            children: tasks.iter().map(children).sum(),
            memory_kib: status("RssAnon:"),
        }
    }

    /// Waits until this process holds no more than then.
    ///
    /// # Panics
    /// If it goes on holding more.
    pub(super) fn settle(&self) {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            let settled = now.descriptors.len() <= self.descriptors.len()
                && now.job_threads <= self.job_threads
                && now.children <= self.children
                && now.memory_kib <= self.memory_kib + SLACK_KIB;
            if settled {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the host holds more than before\nbefore {self:#?}\nnow {now:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts to watch for the most memory held at once.
    pub(super) fn watch_peak() {
        fs::write("/proc/self/clear_refs", "5").unwrap();
    }

    /// How much more memory than now was held at most since [`Level::watch_peak`], in bytes.
    pub(super) fn peak_above(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.memory_kib + status("RssFile:")) * 1024
    }
}

/// A line of this process's status, in KiB.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
