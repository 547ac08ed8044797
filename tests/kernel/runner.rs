//! M2, by the kernel's own evidence: `strace` watches a whole job of the real binary, and its record says what the runner
//! asked the kernel for from the moment it was locked in.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use filmgate_tests::cli::{self, Filmgate};

/// One system call of the record.
struct Call<'a> {
    process: u32,
    text: &'a str,
}

impl<'a> Call<'a> {
    /// `123 openat(AT_FDCWD</>, "/proc/self/fd/4", …) = 5</tmp/…>`
    fn parse(line: &'a str) -> Option<Self> {
        let (process, text) = line.split_once(' ')?;
        Some(Self { process: process.parse().ok()?, text: text.trim_start() })
    }

    /// Also of the second half of a call that another process interrupted: `<... openat resumed>) = 5</tmp/…>`.
    fn name(&self) -> &'a str {
        let text = self.text.strip_prefix("<... ").unwrap_or(self.text);
        text.split(['(', ' ']).next().unwrap_or_default()
    }

    fn failed(&self) -> bool {
        self.text.rsplit_once(" = ").is_some_and(|(_, answer)| answer.starts_with('-'))
    }
}

#[test]
fn m2_a_runner_opens_no_socket_and_no_file_outside_its_grants() {
    let place = Filmgate::new();
    let record = place.folder().join("record");
    let job = place.folder().join("filmgate-data/jobs");
    let params = r#"{"do": "store", "files": [{"bytes": 3000000}, {"kind": "png", "slot": "thumbnail"}]}"#;
    let run = place.command(["run", &cli::probe().display().to_string(), "--user", "ana", "--params", params]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-s", "300", "-e", "trace=%file,%network,%process,openat2,seccomp", "-o"]).arg(&record);
    traced.arg(run.get_program()).args(run.get_args()).current_dir(place.folder()).env_clear();
    let ended = traced.output().expect("start strace; tests/tools/install.sh system_packages installs it");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    let record = std::fs::read_to_string(&record).expect("read the record");
    let calls: Vec<_> = record.lines().filter_map(Call::parse).collect();
    let after_lock = of_runner(&calls);
    assert!(after_lock.len() > 10, "the record misses the runner's calls:\n{record}");
    for call in after_lock {
        check(&call, &job);
    }
}

/// What the runner and its threads called after the last of its three filters was in place.
fn of_runner<'a>(calls: &'a [Call<'a>]) -> Vec<Call<'a>> {
    let begins = |call: &&Call<'_>| call.name() == "execve" && call.text.contains("\"filmgate-child\", \"runner\"");
    let runner = calls.iter().find(begins).expect("a runner is started").process;
    let mut family = BTreeSet::from([runner]);
    let mut filters = 0;
    let mut after = Vec::new();
    for call in calls.iter().filter(|call| call.process >= runner) {
        if !family.contains(&call.process) {
            continue;
        }
        if matches!(call.name(), "clone" | "clone3") {
            let answer = call.text.rsplit_once(" = ").and_then(|(_, answer)| answer.split(['<', ' ']).next());
            family.extend(answer.and_then(|id| id.parse::<u32>().ok()));
        }
        if filters == 3 {
            after.push(Call { process: call.process, text: call.text });
        }
        filters += usize::from(call.name() == "seccomp" && call.text.ends_with(" = 0"));
    }
    assert_eq!(filters, 3, "the runner has three filters");
    after
}

fn check(call: &Call<'_>, job: &Path) {
    const FORBIDDEN: [&str; 9] = ["socket", "connect", "bind", "listen", "accept", "execve", "fork", "vfork", "sendto"];
    assert!(!FORBIDDEN.contains(&call.name()), "{}", call.text);
    if !call.name().starts_with("open") || call.failed() {
        return;
    }
    // What was opened, by the kernel's own word: `= 7</path>`.
    let opened = call.text.rsplit_once(" = ").and_then(|(_, answer)| answer.split_once('<'));
    let Some((_, path)) = opened else { return };
    let path = path.trim_end_matches('>');
    let waiting = job.with_file_name("waiting");
    let own = [job, &waiting].iter().any(|folder| Path::new(path).starts_with(folder));
    assert!(own || path.starts_with("/memfd:filmgate-artifact"), "opened {path}: {}", call.text);
}
