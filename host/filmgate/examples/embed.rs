//! Embeds Filmgate: runs a plugin once and prints where its video is.
//!
//! ```sh
//! cargo run --release --example embed -- target/wasm32-wasip2/release/recap.wasm
//! ```

#![expect(clippy::print_stdout, reason = "the answer of a command")]

use std::path::PathBuf;

use anyhow::Context as _;
use filmgate::job::{JobRequest, Params, Period};
use filmgate::{Host, Runner};

fn main() -> anyhow::Result<()> {
    // First of all, before there are threads: this program is also the locked-in process in which the plugin runs.
    filmgate::enter();
    tokio::runtime::Runtime::new()?.block_on(render())
}

async fn render() -> anyhow::Result<()> {
    let plugin = std::env::args_os().nth(1).map(PathBuf::from).context("name a plugin")?;
    let host = Host::builder().data_dir("filmgate-data").runner(Runner::SelfExec).build()?;
    let plugin = host.load_plugin(&plugin).await?;
    let request = JobRequest::new("ana".to_owned().try_into()?)
        .with_period(Period::new(2026, 3)?)
        .with_params(Params::try_from(r#"{"size": "480p", "duration": 5}"#.to_owned())?);
    let report = host.run(request, &plugin).await?;
    println!("{}", report.main_asset().context("a job that succeeds has a main asset")?.url.url);
    Ok(())
}
