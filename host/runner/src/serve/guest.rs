use std::sync::Arc;

use filmgate_protocol::{Budget, Outcome, PluginError, Start};
use wasmtime::{Store, UpdateDeadline};

use super::outcome;
use crate::bindings::filmgate::plugin::types::{Error, Job, Period};
use crate::cpu::CpuSpent;
use crate::plugin::Plugin;
use crate::session::Session;
use crate::state::PluginState;
use crate::text::cut;

// From the documentation of the plugin world, in bytes.
const SUMMARY_BYTES_MAX: usize = 64 * 1024;
const ERROR_CODE_BYTES_MAX: usize = 64;
const ERROR_MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// Runs the guest from instantiation to the end of `render`. Dropping the future drops the guest with all it holds.
pub(super) async fn run(plugin: &Plugin, start: Start, session: &Arc<Session>) -> Outcome {
    let _running = plugin.engine().running();
    let mut store = match store(plugin, &start, session) {
        Ok(store) => store,
        Err(error) => return Outcome::Fault(outcome::text(&error.context("open the job's directories"))),
    };
    let instance = match plugin.pre().instantiate_async(&mut store).await {
        Ok(instance) => instance,
        Err(error) => return outcome::not_instantiated(&error, &session.meters),
    };
    let job = job(start);
    match instance.filmgate_plugin_renderer().call_render(&mut store, &job).await {
        Ok(Ok(summary)) => returned(summary),
        Ok(Err(error)) => outcome::failed(plugin_error(error), &session.meters),
        Err(error) => outcome::trapped(&error, &session.meters),
    }
}

fn store(plugin: &Plugin, start: &Start, session: &Arc<Session>) -> wasmtime::Result<Store<PluginState>> {
    let state = PluginState::new(start, Arc::clone(session))?;
    let mut store = Store::new(plugin.engine().wasmtime(), state);
    let Budget { hostcall_bytes, handles, cpu, .. } = start.budget;
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(usize::try_from(hostcall_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(handles).unwrap_or(usize::MAX));
    // Every tick the guest lets the serving loop run, which hears the host and watches the clock.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |store| {
        if store.data().session.meters.cpu() >= cpu {
            return Err(CpuSpent.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    Ok(store)
}

fn job(start: Start) -> Job {
    let job = start.job;
    Job {
        id: job.id,
        user_id: job.user_id,
        period: job.period.map(|period| Period { year: period.year, month: period.month }),
        params: job.params,
        inputs: job.inputs,
        refs: job.refs,
    }
}

/// A summary that is too long is refused as a whole: half a JSON value is none.
fn returned(summary: String) -> Outcome {
    if summary.len() <= SUMMARY_BYTES_MAX {
        return Outcome::Returned(summary);
    }
    Outcome::Failed(PluginError {
        code: "summary-too-large".into(),
        message: format!("render answered {} bytes, at most {SUMMARY_BYTES_MAX} are allowed", summary.len()),
        retryable: false,
    })
}

fn plugin_error(error: Error) -> PluginError {
    PluginError {
        code: cut(error.code, ERROR_CODE_BYTES_MAX),
        message: cut(error.message, ERROR_MESSAGE_BYTES_MAX),
        retryable: error.retryable,
    }
}
