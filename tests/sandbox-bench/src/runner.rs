use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use filmgate_protocol::{Budget, FromRunner, JobInput, Outcome, ToRunner, Usage};
use filmgate_runner::{Artifact, Engine, HostEnd, Plugin, Program, Setup, Spawner, spawn_in_process};

use crate::times;

/// A runner that waits has brought its guest to life by then.
const SETTLED: Duration = Duration::from_millis(20);

/// Runners of one program, for one component.
pub(crate) struct Bench {
    spawner: Arc<Spawner>,
    artifact: Artifact,
    loaded: Plugin,
    home: tempfile::TempDir,
    budget: Budget,
}

impl Bench {
    pub(crate) fn new(component: &[u8], program: Program) -> anyhow::Result<Self> {
        let engine = Engine::new()?;
        let artifact = Artifact::compile(&engine, component)?;
        let loaded = Plugin::load(&engine, &artifact)?;
        let home = tempfile::tempdir_in(std::env::current_dir()?)?;
        std::fs::create_dir(home.path().join("out"))?;
        std::fs::create_dir(home.path().join("in"))?;
        let budget = filmgate::default_budget();
        Ok(Self { spawner: Spawner::new(program)?, artifact, loaded, home, budget })
    }

    pub(crate) fn out(&self) -> std::path::PathBuf {
        self.home.path().join("out")
    }

    pub(crate) fn inputs(&self) -> std::path::PathBuf {
        self.home.path().join("in")
    }

    async fn start(&self) -> anyhow::Result<HostEnd> {
        let Setup { outbox, inputs, budget } = self.setup()?;
        let started = self.spawner.runner(&self.artifact, outbox.as_fd(), inputs.as_fd(), &budget, &[]).await;
        Ok(started?.0)
    }

    fn start_in_process(&self) -> anyhow::Result<HostEnd> {
        Ok(spawn_in_process(&self.loaded, self.setup()?)?)
    }

    fn setup(&self) -> anyhow::Result<Setup> {
        let (outbox, inputs) = (File::open(self.out())?.into(), File::open(self.inputs())?.into());
        Ok(Setup { outbox, inputs, budget: self.budget.clone() })
    }

    /// A runner that has everything but its job.
    pub(crate) async fn waiting(&self, jailed: bool) -> anyhow::Result<HostEnd> {
        let end = if jailed { self.start().await? } else { self.start_in_process()? };
        tokio::time::sleep(SETTLED).await;
        Ok(end)
    }

    /// Runs one job and answers its number, and what it used.
    pub(crate) async fn job(&self, words: &str, jailed: bool) -> anyhow::Result<(u64, Usage)> {
        let mut end = self.waiting(jailed).await?;
        end.send(&start_job(words, &[])).await?;
        let answer = number(&mut end).await;
        end.end().await;
        answer
    }

    /// From the moment before the job is sent to the clock that the guest reads first.
    pub(crate) async fn first_instruction(&self, name: &str, rounds: usize, jailed: bool) -> anyhow::Result<()> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let mut end = self.waiting(jailed).await?;
            let message = start_job("now", &[]);
            let sent = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            end.send(&message).await?;
            let (ran, _) = number(&mut end).await?;
            times.push(Duration::from_nanos(ran).saturating_sub(sent));
            end.end().await;
        }
        times::print(name, times);
        Ok(())
    }

    pub(crate) async fn cold_start(&self, rounds: usize) -> anyhow::Result<()> {
        let (mut ready, mut first) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (start, wall) = (Instant::now(), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?);
            let mut end = self.start().await?;
            ready.push(start.elapsed());
            end.send(&start_job("now", &[])).await?;
            first.push(Duration::from_nanos(number(&mut end).await?.0).saturating_sub(wall));
            end.end().await;
        }
        times::print("cold start to locked in and loaded", ready);
        times::print("cold start to first instruction", first);
        Ok(())
    }

    /// What is no file and no shared code: resident pages less the shared ones.
    pub(crate) async fn idle_memory(&self) -> anyhow::Result<()> {
        let end = self.start().await?;
        tokio::time::sleep(SETTLED).await;
        let id = end.process_id().context("a process")?;
        let statm = std::fs::read_to_string(format!("/proc/{id}/statm"))?;
        let pages: Vec<u64> = statm.split(' ').map_while(|number| number.trim().parse().ok()).collect();
        let [_, resident, shared, ..] = pages.as_slice() else { bail!("statm says {statm}") };
        let kib = |pages: u64| pages * rustix::param::page_size() as u64 / 1024;
        println!("{:50} private {} KiB of {} KiB resident", "idle warm runner", kib(resident - shared), kib(*resident));
        end.end().await;
        Ok(())
    }

    pub(crate) async fn cancel(&self, rounds: usize) -> anyhow::Result<()> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let mut end = self.start().await?;
            end.send(&start_job("spin", &[])).await?;
            tokio::time::sleep(SETTLED).await;
            let asked = Instant::now();
            end.send(&ToRunner::Cancel).await?;
            while !matches!(end.recv().await.context("an answer")?, FromRunner::Finished { .. }) {}
            times.push(asked.elapsed());
            end.end().await;
        }
        times::print("cancel to answer, guest computing", times);
        Ok(())
    }
}

/// A job with these parameters and inputs.
pub(crate) fn start_job(params: &str, inputs: &[&str]) -> ToRunner {
    ToRunner::Start(Box::new(JobInput {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        user_id: "ana".into(),
        period: None,
        params: params.into(),
        inputs: inputs.iter().map(|name| (*name).to_owned()).collect(),
        refs: Vec::new(),
    }))
}

async fn number(end: &mut HostEnd) -> anyhow::Result<(u64, Usage)> {
    let (text, usage) = answer(end).await?;
    Ok((text.parse()?, usage))
}

/// What the guest returned, and what it used.
pub(crate) async fn answer(end: &mut HostEnd) -> anyhow::Result<(String, Usage)> {
    loop {
        match end.recv().await.context("an answer")? {
            FromRunner::Finished { outcome: Outcome::Returned(text), usage } => return Ok((text, usage)),
            FromRunner::Finished { outcome, .. } => bail!("the job ended otherwise: {outcome:?}"),
            _ => {}
        }
    }
}
