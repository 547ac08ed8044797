use filmgate::catalogue::{Cuts, Forgotten, JobHead, JobState, LogAt, LogLine, LogSource, Page};
use filmgate::job::JobId;

use crate::bench::{Bench, asset, end, head, moment, note};

fn line(job: JobId, run: i64, line: u32, text: &str) -> LogLine {
    let place = LogAt { run: moment(run), line };
    LogLine { job, place, at: moment(run + i64::from(line)), source: LogSource::Stdout, text: text.to_owned() }
}

async fn read(bench: &Bench, job: JobId) -> Vec<LogLine> {
    bench.reader.log_of_job(job, Page::first(100)).await.expect("read")
}

pub(super) async fn a_log_is_read_in_its_order_page_by_page(bench: &Bench) {
    let (job, other) = (JobId::generate(), JobId::generate());
    assert_eq!(read(bench, job).await, []);
    bench.writer.log(&[]).await.expect("nothing");
    let mut all: Vec<_> = (1..=5).map(|number| line(job, 10, number, "a")).collect();
    // Every source, a text that wants care, one that is empty, and a second run.
    (all[1].source, all[2].source) = (LogSource::Stderr, LogSource::Host);
    all[3].text = "it's \"x\" \\u{1b} \u{e9}\u{6f22} \t%s ?1".to_owned();
    all[4].text = String::new();
    all.push(line(job, 20, 1, "again"));
    bench.writer.log(&[line(other, 5, 1, "of another job"), all[5].clone()]).await.expect("write");
    bench.writer.log(&all[3..5]).await.expect("write");
    bench.writer.log(&all[..3]).await.expect("write");
    assert_eq!(read(bench, job).await, all);
    assert_eq!(read(bench, other).await.len(), 1);
    let (mut pages, mut page) = (Vec::new(), Page::first(4));
    loop {
        let lines = bench.reader.log_of_job(job, page).await.expect("read");
        let Some(last) = lines.last() else { break };
        page = Page::after(last.place, 4);
        pages.push(lines);
    }
    assert_eq!((pages.iter().map(Vec::len).collect::<Vec<_>>(), pages.concat()), (vec![4, 2], all));
}

pub(super) async fn lines_that_come_again_change_nothing(bench: &Bench) {
    let job = JobId::generate();
    // More than one statement takes.
    let lines: Vec<_> = (1..=2_500).map(|number| line(job, 10, number, &format!("line {number}"))).collect();
    for _ in 0..2 {
        bench.writer.log(&lines).await.expect("write");
    }
    bench.writer.log(&[LogLine { text: "another".to_owned(), ..lines[0].clone() }]).await.expect("write");
    let read = bench.reader.log_of_job(job, Page::first(10_000)).await.expect("read");
    assert!(read == lines, "{} lines, {:?}", read.len(), read.first());
}

pub(super) async fn old_lines_go_and_those_of_a_job_go_with_it(bench: &Bench) {
    const NOTHING: Cuts = Cuts::nothing(jiff::Timestamp::UNIX_EPOCH);
    let (old, young, kept) = (head(), head(), asset());
    let of_kept = JobHead { job: kept.job, ..head() };
    bench.store(&[&kept]).await;
    for (head, ended) in [(&old, 20), (&young, 200), (&of_kept, 20)] {
        bench.writer.project(&note(head, Some(end(JobState::Succeeded, ended)))).await.expect("project");
        // More than one step takes away.
        let lines: Vec<_> = (1..=1_200).map(|number| line(head.job, 0, number, "a")).collect();
        bench.writer.log(&lines).await.expect("write");
    }
    assert_eq!(bench.writer.forget(&NOTHING).await.expect("forget"), Forgotten::default());
    let forgotten = bench.writer.forget(&Cuts { jobs: Some(moment(100)), ..NOTHING }).await.expect("forget");
    assert_eq!(forgotten, Forgotten { jobs: 1, logs: 1_200, ..Forgotten::default() });
    assert_eq!(read(bench, old.job).await, []);
    assert_eq!((read(bench, young.job).await.len(), read(bench, kept.job).await.len()), (100, 100));
    // By age, whatever their job does: the line of this very moment stays.
    let forgotten = bench.writer.forget(&Cuts { logs: Some(moment(1_101)), ..NOTHING }).await.expect("forget");
    assert_eq!(forgotten, Forgotten { logs: 2 * 1_100, ..Forgotten::default() });
    let left = read(bench, young.job).await;
    assert_eq!(left.first().map(|line| line.place.line), Some(1_101));
}
