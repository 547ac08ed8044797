//! What looking into a file costs its publish.

use std::time::Instant;

use anyhow::ensure;
use filmgate_runner::Program;

use crate::runner::{Bench, answer, start_job};
use crate::{film, times};

/// The component that the host runs on every claimed file.
const FACTS: &[u8] = include_bytes!("../../../host/filmgate/assets/facts.wasm");

/// MP4 files of these sizes, in MiB. The media is not read: what counts is the length of the tables.
const SIZES: [u64; 2] = [1, 64];

/// From the job to the record, in a runner that waits as the host keeps one. Beside that an examination takes a directory
/// of its own and a second name for the file.
pub(crate) async fn measure(program: Program, rounds: usize) -> anyhow::Result<()> {
    let bench = Bench::new(FACTS, program)?;
    for mebibytes in SIZES {
        let frames = film::write(&bench.inputs().join("file"), mebibytes << 20)?;
        let message = start_job(r#"{"kind":"mp4"}"#, &["file"]);
        let mut taken = Vec::new();
        for _ in 0..rounds {
            let mut end = bench.waiting(true).await?;
            let sent = Instant::now();
            end.send(&message).await?;
            let (record, _) = answer(&mut end).await?;
            taken.push(sent.elapsed());
            end.end().await;
            let record: serde_json::Value = serde_json::from_str(&record)?;
            let is_sound = record["faults"].as_array().is_some_and(Vec::is_empty);
            ensure!(is_sound && record["video"][0]["frames"] == frames, "the film is not what it is to be: {record}");
        }
        times::print(&format!("examination of an MP4 of {mebibytes} MiB: job frame to record"), taken);
    }
    Ok(())
}
