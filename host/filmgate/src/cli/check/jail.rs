use std::sync::Arc;

use filmgate::LayerState;
use filmgate::config::{Config, RunnerMode};
use filmgate::outbox::DataDir;
use filmgate::report::JobFault;

use super::report::Line;

const NAME: &str = "plugins are locked in";

/// What a runner's jail is made of here: one is started and asked.
pub(super) async fn check(config: &Config) -> Vec<Line> {
    if config.runner.mode == RunnerMode::InProcess {
        let detail = "no: runner.mode is in-process, so a flaw in the WebAssembly runtime would reach the host's keys";
        return vec![Line::note(NAME, detail)];
    }
    // Its line says what is wrong with the directory.
    let Ok(data) = DataDir::open(&config.data_dir) else { return Vec::new() };
    let probed = filmgate::probe_jail(&config.runner.place(), &config.runner.allow_missing, &Arc::new(data)).await;
    match probed {
        Ok(measures) => measures
            .into_iter()
            .map(|measure| {
                let name = format!("jail: {}", measure.layer);
                match measure.state {
                    LayerState::Applied => Line::pass(name, measure.detail),
                    LayerState::Missing => {
                        Line::note(name, format!("missing, as runner.allow_missing allows: {}", measure.detail))
                    }
                }
            })
            .collect(),
        Err(JobFault::Jail { layer, reason }) => {
            let mend =
                format!("run on a Linux that has it, or accept less by name: runner.allow_missing = [\"{layer}\"]");
            vec![Line::jail_fail(format!("jail: {layer}"), reason, &mend)]
        }
        Err(fault) => vec![Line::fail(NAME, fault.to_string(), None)],
    }
}
