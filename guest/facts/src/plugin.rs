use filmgate_plugin::{Error, Job};
use serde::Deserialize;

use crate::{Facts, Kind, examine};

/// The one input a job has.
const INPUT: &str = "file";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    kind: Kind,
}

fn render(job: &Job<Params>) -> Result<Facts, Error> {
    let mut file = job.inputs.open(INPUT)?;
    Ok(examine(&mut file, job.params.kind)?)
}

filmgate_plugin::plugin!(render);
