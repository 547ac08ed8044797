//! `filmgate-bench`: see the README beside.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints tables, and what it is at")]

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use filmgate_bench::contender::{Contender, NAMES, Places};
use filmgate_bench::files::Workload;
use filmgate_bench::run::{Comparison, compare};
use filmgate_bench::server::Server;
use filmgate_bench::{interrupted, micro, records, scenes, table};
use serde_json::{Value, json};

/// Measures `filmgate publish` beside other upload tools.
#[derive(Debug, Parser)]
#[command(name = "filmgate-bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    compare: CompareOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare contenders (the default)
    Compare(CompareOptions),
    /// Measure the small parts: checksum, keys, claim, state machine, a publish of 1 KiB
    Micro(CommonOptions),
    /// Measure a long line, limits of bandwidth, a cancelled upload, fifty publishes at once, and local storage
    Scenes(CommonOptions),
    /// Measure how long a hundred interrupted publishes take to be recovered
    Recovery {
        /// How many
        #[arg(long, default_value_t = 100)]
        publishes: u64,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Measure the catalogue with many assets in it: recording, lists, URLs
    Catalogue {
        /// How many
        #[arg(long, default_value_t = 1_000_000)]
        assets: usize,
        /// Keep the catalogue in this folder; one that is there is gone on with [default: a temporary folder]
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        #[command(flatten)]
        common: CommonOptions,
    },
    /// Publish files at the same time, for the scene of fifty
    #[command(hide = true)]
    PublishAtOnce {
        /// The server
        url: String,
        /// The files
        files: Vec<PathBuf>,
        /// Bytes a second of each of the five users
        #[arg(long)]
        per_user: Option<NonZeroU64>,
        /// The data directory [default: a temporary one]
        #[arg(long)]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct CompareOptions {
    /// Files and their size, for example 1x10GiB
    #[arg(long, value_delimiter = ',', default_values = ["1x1GiB", "20x50MiB", "200x1MiB"])]
    workload: Vec<Workload>,
    /// sink, garage
    #[arg(long, value_delimiter = ',', default_values = ["sink"])]
    server: Vec<String>,
    /// http, https; Garage speaks http only
    #[arg(long, value_delimiter = ',', default_values = ["http", "https"])]
    scheme: Vec<String>,
    /// Who takes part
    #[arg(long, value_delimiter = ',', default_values = NAMES)]
    contender: Vec<String>,
    /// How often each workload is sent
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Options of the sink, for example --sink=--first-byte=30
    #[arg(long, allow_hyphen_values = true)]
    sink: Vec<String>,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, Args)]
struct CommonOptions {
    /// Write all figures into this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the test files are kept [default: a folder of the cache]
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// The filmgate binary [default: beside this one]
    #[arg(long, value_name = "FILE")]
    filmgate: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        None => run_compare(&cli.compare),
        Some(Command::Compare(options)) => run_compare(&options),
        Some(Command::Micro(options)) => run_micro(&options),
        Some(Command::Scenes(options)) => run_scenes(&options),
        Some(Command::Recovery { publishes, common }) => run_recovery(publishes, &common),
        Some(Command::Catalogue { assets, keep, common }) => run_catalogue(assets, keep.as_deref(), &common),
        Some(Command::PublishAtOnce { url, files, per_user, data_dir }) => {
            scenes::publish_at_once(&url, &files, per_user, data_dir.as_deref())
        }
    }
}

fn run_compare(options: &CompareOptions) -> anyhow::Result<()> {
    let places = places(&options.common)?;
    let mut contenders = Vec::new();
    for name in &options.contender {
        if !NAMES.contains(&name.as_str()) {
            bail!("there is no contender {name:?}; known: {}", NAMES.join(", "));
        }
        match Contender::find(name, &places) {
            Some(contender) => contenders.push(contender),
            None => println!("{name}: not installed"),
        }
    }
    let mut comparisons = Vec::new();
    for (kind, scheme) in servers(options)? {
        for workload in &options.workload {
            // A server a workload: what one leaves in memory or on disk does not burden the next.
            let server = match kind.as_str() {
                "sink" => Server::sink(&beside("filmgate-sink")?, scheme == "https", &options.sink)?,
                _ => Server::garage(&cache().join("tools/bin/garage"))?,
            };
            let name = format!("{kind} {scheme}");
            let folder = files_folder(&options.common);
            let tell = |line: &str| eprintln!("{line}");
            let one = compare(&contenders, &places, &server, &name, *workload, &folder, options.rounds, &tell)?;
            println!("{}", table::markdown(&one));
            comparisons.push(one);
        }
    }
    write_json(&options.common, &machine(&comparisons.iter().map(table::to_json).collect::<Vec<_>>()))?;
    if failed(&comparisons) { bail!("not every contender came through: see the tables") } else { Ok(()) }
}

/// Filmgate's own failure is a failure of the bench; somebody else's is a line in the table.
fn failed(comparisons: &[Comparison]) -> bool {
    let mut rows = comparisons.iter().flat_map(|comparison| &comparison.rows);
    rows.any(|row| row.contender == "filmgate" && row.runs.is_err())
}

fn servers(options: &CompareOptions) -> anyhow::Result<Vec<(String, String)>> {
    let mut servers = Vec::new();
    for kind in &options.server {
        for scheme in &options.scheme {
            match (kind.as_str(), scheme.as_str()) {
                ("sink", "http" | "https") | ("garage", "http") => servers.push((kind.clone(), scheme.clone())),
                ("garage", "https") => {}
                _ => bail!("there is no server {kind:?} over {scheme:?}; known: sink, garage; http, https"),
            }
        }
    }
    Ok(servers)
}

fn run_micro(options: &CommonOptions) -> anyhow::Result<()> {
    let server = Server::sink(&beside("filmgate-sink")?, false, &[])?;
    let figures = micro::run(&server)?;
    println!("{}", micro::markdown(&figures));
    write_json(options, &machine(&figures.iter().map(micro::to_json).collect::<Vec<_>>()))
}

fn run_scenes(options: &CommonOptions) -> anyhow::Result<()> {
    let (sink, folder) = (beside("filmgate-sink")?, files_folder(options));
    let filmgate = places(options)?.filmgate;
    let mut figures = Vec::new();
    let scenes: [&dyn Fn() -> anyhow::Result<Value>; 5] = [
        &|| scenes::line(&sink, &filmgate, &folder, Workload { files: 1, bytes: 1 << 30 }),
        &|| scenes::limits(&sink, &filmgate, &folder),
        &|| scenes::cancel(&sink, &filmgate, &folder, 10),
        &|| scenes::parallel(&sink, &folder, 50),
        &|| scenes::local(&filmgate, &folder),
    ];
    for scene in scenes {
        let figure = scene()?;
        println!("{figure:#}");
        figures.push(figure);
    }
    write_json(options, &machine(&figures))
}

fn run_recovery(publishes: u64, options: &CommonOptions) -> anyhow::Result<()> {
    if publishes == 0 {
        bail!("--publishes is 0: there is nothing to measure");
    }
    let (sink, folder) = (beside("filmgate-sink")?, files_folder(options));
    let filmgate = places(options)?.filmgate;
    let mut figures = Vec::new();
    // A store in the next room, and one across a line.
    for first_byte in [0, 30] {
        let figure = interrupted::recovery(&sink, &filmgate, &folder, publishes, first_byte)?;
        println!("{figure:#}");
        figures.push(figure);
    }
    write_json(options, &machine(&figures))
}

fn run_catalogue(assets: usize, keep: Option<&Path>, options: &CommonOptions) -> anyhow::Result<()> {
    if assets == 0 {
        bail!("--assets is 0: there is nothing to measure");
    }
    let parent = files_folder(options);
    std::fs::create_dir_all(&parent).with_context(|| format!("make {}", parent.display()))?;
    let folder = tempfile::tempdir_in(&parent).context("make a directory for the catalogue")?;
    let measured = records::run(keep.unwrap_or(folder.path()), assets, &|line| eprintln!("{line}"))?;
    println!("{}", measured.markdown());
    write_json(options, &machine(&[measured.to_json()]))
}

fn places(options: &CommonOptions) -> anyhow::Result<Places> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(Places {
        filmgate: options.filmgate.clone().map_or_else(|| beside("filmgate"), Ok)?,
        peers: cache().join("bench/peers/release"),
        venv: cache().join("bench/venv"),
        boto: project.join("peers/boto.py"),
    })
}

/// Another binary of the same build.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let path = own.with_file_name(name);
    if path.is_file() { Ok(path) } else { bail!("{} is missing; `just bench` builds it", path.display()) }
}

/// The folder that tests/tools/install.sh uses as well.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("filmgate")
}

fn files_folder(options: &CommonOptions) -> PathBuf {
    options.files.clone().unwrap_or_else(|| cache().join("bench/files"))
}

/// The figures mean nothing without the machine they come from.
fn machine(figures: &[Value]) -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "date": jiff::Timestamp::now().to_string(),
        "cpu": model.trim_start_matches([' ', '\t', ':']),
        "cores": cores,
        "figures": figures,
    })
}

fn write_json(options: &CommonOptions, value: &Value) -> anyhow::Result<()> {
    let Some(path) = &options.json else { return Ok(()) };
    std::fs::write(path, format!("{value:#}\n")).with_context(|| format!("write {}", path.display()))
}
