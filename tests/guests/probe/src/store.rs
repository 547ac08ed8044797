use std::io;

use filmgate_plugin::{Error, Inputs, Outbox, Publication, Stored, store_video};
use serde_json::{Value, json};

use crate::outcome;
use crate::params::FileParams;

pub(crate) fn store(files: &[FileParams]) -> Result<Value, Error> {
    let mut outcomes = Vec::new();
    for file in files {
        outcomes.push(outcome::of_host(file.write()?.send()));
    }
    Ok(json!({ "files": outcomes }))
}

pub(crate) fn submit(files: &[FileParams], wait: bool) -> Result<Value, Error> {
    let publications = submit_all(files)?;
    let submitted: Vec<Value> = publications
        .iter()
        .map(|publication| outcome::of_host(publication.as_ref().map(|_| ()).map_err(Clone::clone)))
        .collect();
    let mut outcomes = Vec::new();
    if wait {
        for publication in publications {
            let stored: Result<Stored, Error> = publication.and_then(Publication::wait);
            outcomes.push(outcome::of_host(stored));
        }
    }
    Ok(json!({ "submitted": submitted, "files": outcomes }))
}

/// Writes every file before the first is submitted, so that the uploads overlap.
pub(crate) fn submit_all(files: &[FileParams]) -> Result<Vec<Result<Publication, Error>>, Error> {
    let mut stores = Vec::new();
    for file in files {
        stores.push(file.write()?);
    }
    Ok(stores.into_iter().map(|store| store.submit()).collect())
}

/// Stores an input as it is, so that a test can have a real video without a codec in here.
pub(crate) fn copy(inputs: &Inputs, name: &str, path: Option<&str>, slot: Option<&str>) -> Result<Value, Error> {
    let mut file = Outbox::new().create(path.unwrap_or(name))?;
    io::copy(&mut inputs.open(name)?, &mut file)?;
    let mut store = store_video(file.finish()?);
    if let Some(slot) = slot {
        store = store.slot(slot);
    }
    Ok(json!({ "stored": store.send()? }))
}
