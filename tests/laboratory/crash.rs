//! Processes that are killed, and what one recovery makes of what they left (M3).
//!
//! A world is a data directory and a store. In it a process publishes and is killed; a second one recovers, and may be
//! killed as well; a third one recovers to its end. Then everything must be in order, and the same identity, asked again
//! with another file, must have one answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use filmgate::job::JobId;
use filmgate::storage::Mode;
use filmgate_tests::embedder::{Act, Ended, Order, Place, Said, Victim};
use filmgate_tests::fault_proxy::Rule;
use filmgate_tests::film;

use crate::bench::{Bench, folder, hold, names, number};
use crate::policies::{check_directory, fetched, objects_in};

const PROGRAM: &str = env!("CARGO_BIN_EXE_embedder");
/// A process that does not end by then hangs.
const HANGS: Duration = Duration::from_secs(120);

/// When a life ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// At this edge of the journal.
    Edge(usize),
    /// At this request, before the server has it or after it was carried out.
    Request(usize, bool),
    /// After so long.
    After(Duration),
}

/// Where lives follow each other.
pub(crate) struct World<'a> {
    /// Absent: the store is a directory of its own.
    pub(crate) bench: Option<&'a Bench>,
    /// A directory beside the bucket, by this policy.
    mode: Option<Mode>,
    folder: tempfile::TempDir,
    job: JobId,
    pub(crate) prefix: String,
    bytes: usize,
    /// Files go up in the smallest parts that S3 takes, else from a thousand bytes on in one.
    large: bool,
    mark: u64,
}

impl<'a> World<'a> {
    pub(crate) fn new(bench: Option<&'a Bench>, bytes: usize, large: bool) -> Self {
        // A large file is not for the memory.
        let folder = if large { tempfile::tempdir().expect("a temporary directory") } else { folder() };
        Self::of_folder(folder, bench, bytes, large)
    }

    /// One with two stores.
    pub(crate) fn of_two(bench: &'a Bench, mode: Mode, bytes: usize) -> Self {
        Self { mode: Some(mode), ..Self::new(Some(bench), bytes, false) }
    }

    /// One whose data directory, and store where there is no bucket, are below `parent`.
    pub(crate) fn in_folder(parent: &Path, bench: Option<&'a Bench>, bytes: usize, large: bool) -> Self {
        let folder = tempfile::tempdir_in(parent).expect("a temporary directory");
        Self::of_folder(folder, bench, bytes, large)
    }

    fn of_folder(folder: tempfile::TempDir, bench: Option<&'a Bench>, bytes: usize, large: bool) -> Self {
        let job = JobId::generate();
        Self { bench, mode: None, folder, job, prefix: format!("crash/{job}/"), bytes, large, mark: number() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The first life: publishes the file. Its answer leads to the file's bytes at once.
    pub(crate) async fn publish(&self, death: Death, faults: &[Rule]) -> Ended {
        let ended = self.publish_file(self.mark, death, faults).await;
        match self.check_answer(&ended).await {
            Ok(()) => ended,
            Err(said) => Ended::Broke(format!("{said}, after {ended:?}")),
        }
    }

    async fn check_answer(&self, ended: &Ended) -> Result<(), String> {
        let (Ended::Said(Said::Answer { url, .. }) | Ended::Killed(Some(Said::Answer { url, .. }))) = ended else {
            return Ok(());
        };
        let url = url.parse().map_err(|error| format!("{url}: {error}"))?;
        hold(fetched(&url).await? == film::of(self.bytes, self.mark), || "the URL leads to other bytes".to_owned())
    }

    async fn publish_file(&self, mark: u64, death: Death, faults: &[Rule]) -> Ended {
        // Every try has a key of its own: a second object would show.
        let key = format!("{}{}.mp4", self.prefix, number());
        self.live(Act::Publish { job: self.job, key, bytes: self.bytes, mark }, death, faults).await
    }

    /// The first life, and what happens at its end: just before, where it is a time that ends it.
    pub(crate) async fn publish_until(&self, death: Death, end: &(dyn Fn() + Sync)) -> Ended {
        let key = format!("{}{}.mp4", self.prefix, number());
        let act = Act::Publish { job: self.job, key, bytes: self.bytes, mark: self.mark };
        let done = AtomicBool::new(false);
        let once = || {
            if !done.swap(true, Ordering::SeqCst) {
                end();
            }
        };
        let ended = self.live_until(act, death, &[], &once).await;
        once();
        ended
    }

    /// A recovery that comes to its end; the proxy's list of requests is not touched.
    pub(crate) async fn taken_up_watched(&self) -> Ended {
        let order = self.order(Act::Recover);
        let victim = Victim::default();
        let life = order.live(Path::new(PROGRAM), &victim);
        tokio::time::timeout(HANGS, life).await.expect("a process does not end")
    }

    pub(crate) async fn recover(&self, death: Death, faults: &[Rule]) -> Ended {
        self.live(Act::Recover, death, faults).await
    }

    fn order(&self, act: Act) -> Order {
        let storage = match self.bench {
            None => Place::Directory(self.store()),
            Some(bench) => {
                let bucket = Place::bucket(&bench.proxy.bucket(), &bench.remember(), self.large);
                match self.mode {
                    None => bucket,
                    Some(mode) => Place::both(bucket, self.store(), mode),
                }
            }
        };
        Order { data: self.data(), storage, act, die_at: None }
    }

    async fn live(&self, act: Act, death: Death, faults: &[Rule]) -> Ended {
        self.live_until(act, death, faults, &|| {}).await
    }

    async fn live_until(&self, act: Act, death: Death, faults: &[Rule], before: &(dyn Fn() + Sync)) -> Ended {
        let mut order = self.order(act);
        if let Death::Edge(edge) = death {
            order.die_at = Some(edge);
        }
        let victim = Arc::new(Victim::default());
        if let (Death::Request(at, after_commit), Some(bench)) = (death, self.bench) {
            let victim = Arc::clone(&victim);
            bench.proxy.trip(at, after_commit, move || victim.kill());
        }
        if let Some(bench) = self.bench {
            bench.proxy.add(faults.iter().copied());
        }
        let life = order.live(Path::new(PROGRAM), &victim);
        let killer = async {
            if let Death::After(time) = death {
                tokio::time::sleep(time).await;
                before();
                victim.kill();
            }
            std::future::pending::<()>().await;
        };
        let lived = async {
            tokio::select! {
                ended = life => ended,
                () = killer => unreachable!("it waits for ever"),
            }
        };
        let ended = tokio::time::timeout(HANGS, lived).await.expect("a process does not end");
        if let Some(bench) = self.bench {
            bench.proxy.plan([]);
        }
        ended
    }

    /// Recovers to the end and asks again: answers what is wrong.
    pub(crate) async fn settle(&self, first: &Ended) -> Result<(), String> {
        self.settle_after(first, false).await
    }

    /// The same after a power cut, which takes away what no disk had yet: a file that nobody has an answer for may be lost,
    /// if that is told.
    pub(crate) async fn settle_after(&self, first: &Ended, power_cut: bool) -> Result<(), String> {
        let recovered = self.taken_up(Act::Recover).await?;
        // What the store's faults had failed is tried again, now that it is well.
        let retried = self.taken_up(Act::Retry).await?;
        let told = format!("after {first:?}, recovery {recovered:?}, retry {retried:?}");
        let is_lost = |publish: &str| power_cut && publish.starts_with("lost");
        let is_done = |publish: &String| publish == "published" || publish == "moved" || is_lost(publish);
        hold(retried.iter().all(is_done), || format!("not published, {told}"))?;
        let is_settled = |publish: &String| is_done(publish) || publish.starts_with("failed");
        hold(recovered.iter().all(is_settled), || format!("not settled, {told}"))?;
        self.check_leftovers().await.map_err(|said| format!("{said}, {told}"))?;

        let objects = self.objects().await;
        hold(objects.len() <= 1, || format!("{} objects, {told}", objects.len()))?;
        let film: Bytes = film::of(self.bytes, self.mark).into();
        hold(objects.iter().all(|(_, object)| *object == film), || format!("another object, {told}"))?;
        self.check_beside(&objects).map_err(|said| format!("{said}, {told}"))?;
        let first_answer = match first {
            Ended::Killed(said) => said.as_ref(),
            Ended::Said(said) => Some(said),
            Ended::Broke(_) if power_cut => None,
            Ended::Broke(said) => return Err(format!("the first life ended so: {said}")),
        };
        if let Some(Said::Answer { key, .. }) = first_answer {
            hold(objects.iter().any(|(object, _)| object == key), || format!("an answered object is lost, {told}"))?;
        }

        // The same identity with another file.
        let mark = number();
        let again = self.publish_file(mark, Death::Never, &[]).await;
        let Ended::Said(answer @ Said::Answer { key, .. }) = &again else {
            return Err(format!("asked again: {again:?}, {told}"));
        };
        if let Some(first @ Said::Answer { .. }) = first_answer {
            hold(first.is_same_answer(answer), || format!("another answer: {answer:?}, {told}"))?;
        }
        let now = self.objects().await;
        hold(now.len() == 1, || format!("asked again, {} objects, {told}", now.len()))?;
        let expected = if objects.is_empty() { film::of(self.bytes, mark).into() } else { film };
        hold(now[0] == (key.clone(), expected), || format!("asked again, another object, {told}"))?;
        self.check_beside(&now).map_err(|said| format!("asked again: {said}, {told}"))?;
        // What asking again has left goes with the next recovery.
        self.taken_up(Act::Recover).await?;
        self.check_leftovers().await.map_err(|said| format!("asked again: {said}, {told}"))
    }

    /// What became of each publish, in a life that comes to its end; none is left unsettled.
    async fn taken_up(&self, act: Act) -> Result<Vec<String>, String> {
        let ended = self.live(act, Death::Never, &[]).await;
        match ended {
            Ended::Said(Said::Recovered { publishes, unfinished: 0 }) => Ok(publishes),
            ended => Err(format!("not everything is settled: {ended:?}")),
        }
    }

    /// Nothing is left of what was worked on.
    async fn check_leftovers(&self) -> Result<(), String> {
        for folder in ["jobs", "staging"] {
            let left = names(&self.data().join(folder));
            hold(left.is_empty(), || format!("{folder} has {left:?}"))?;
        }
        // Directories that were made within the last minute may be somebody's; an older one is deleted by whoever starts next.
        let waiting = self.data().join("waiting");
        if !names(&waiting).is_empty() {
            for name in names(&waiting) {
                let folder = std::fs::File::open(waiting.join(name)).expect("open a directory");
                folder.set_modified(SystemTime::now() - Duration::from_secs(120)).expect("make it old");
            }
            self.taken_up(Act::Recover).await?;
            hold(names(&waiting).is_empty(), || "waiting is not empty".to_owned())?;
        }
        // s3s-fs lists no uploads: one whose id came to no journal is a lifecycle rule's.
        if let Some(bench) = self.bench.filter(|bench| bench.lists_uploads()) {
            let open = bench.open_uploads(&self.prefix).await;
            hold(open.is_empty(), || format!("open uploads {open:?}"))?;
        }
        Ok(())
    }

    /// Every object of this world, past the code under test.
    pub(crate) async fn objects(&self) -> Vec<(String, Bytes)> {
        if let Some(bench) = self.bench {
            return bench.objects(&self.prefix).await;
        }
        let folder = self.store().join(&self.prefix);
        let object = |name: String| {
            let bytes = std::fs::read(folder.join(&name)).expect("read an object");
            (format!("{}{name}", self.prefix), bytes.into())
        };
        names(&folder).into_iter().map(object).collect()
    }

    /// What is in the directory beside the bucket, where there is one.
    fn check_beside(&self, objects: &[(String, Bytes)]) -> Result<(), String> {
        let Some(mode) = self.mode else { return Ok(()) };
        check_directory(mode, objects, &objects_in(&self.store(), &self.prefix))
    }

    pub(crate) async fn clear(&self) {
        if let Some(bench) = self.bench {
            bench.clear(&self.prefix).await;
        }
    }
}
