//! Contenders beside each other: same files, same server, in alternating order.

use std::path::Path;

use anyhow::Context as _;

use crate::child::{self, Usage};
use crate::contender::{Contender, Places};
use crate::files::Workload;
use crate::server::Server;

/// What one contender needed for one workload.
#[derive(Debug, Clone)]
pub struct Row {
    /// Who.
    pub contender: &'static str,
    /// Each round, or why it failed.
    pub runs: Result<Vec<Usage>, String>,
}

/// All contenders on one workload and one server.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The files.
    pub workload: Workload,
    /// `sink http`, `sink https` or `garage http`.
    pub server: String,
    /// In the order in which they were named.
    pub rows: Vec<Row>,
    /// CPU seconds of the server per run, at an average: they come off the same machine.
    pub server_cpu: f64,
}

/// Measures.
///
/// # Errors
/// Where the files cannot be made. A contender that fails is told in its row. `tell` hears what goes on.
#[expect(clippy::too_many_arguments, reason = "each is one word of the command line")]
pub fn compare(
    contenders: &[Contender],
    places: &Places,
    server: &Server,
    name: &str,
    workload: Workload,
    folder: &Path,
    rounds: usize,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Comparison> {
    let (folder, files) = workload.prepare(folder)?;
    // Everybody finds the files in memory.
    for file in &files {
        std::io::copy(&mut std::fs::File::open(file)?, &mut std::io::sink()).context("read the files")?;
    }
    let empty = |contender: &Contender| Row { contender: contender.name, runs: Ok(Vec::new()) };
    let mut rows: Vec<_> = contenders.iter().map(empty).collect();
    let (cpu, mut runs) = (server.cpu(), 0);
    for round in 0..rounds {
        for step in 0..rows.len() {
            // Forwards and backwards: nobody always follows the same one.
            let index = if round % 2 == 0 { step } else { rows.len() - 1 - step };
            let prefix = format!("{}-{workload}-{round}", rows[index].contender);
            let mut command = contenders[index].command(server, &prefix, &folder, &files, places);
            tell(&format!("{name} {workload} round {} of {rounds}: {}", round + 1, rows[index].contender));
            let row = &mut rows[index];
            if let Ok(done) = &mut row.runs {
                match child::run(&mut command) {
                    Ok(usage) => done.push(usage),
                    Err(error) => row.runs = Err(format!("{error:#}")),
                }
                runs += 1;
            }
        }
    }
    let server_cpu = (server.cpu() - cpu) / f64::from(runs.max(1));
    Ok(Comparison { workload, server: name.to_owned(), rows, server_cpu })
}
