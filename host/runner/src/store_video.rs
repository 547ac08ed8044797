use std::sync::atomic::Ordering;

use filmgate_protocol::{FromRunner, PluginError, StoreOptions, StoreRequest};
use tokio::sync::watch;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::bindings::filmgate::plugin::store_video::{
    Error, Host, HostPublication, Options, Stored, add_to_linker as add,
};
use crate::calls::{Outcome, TooMany};
use crate::session::Session;
use crate::state::PluginState;

mod bounds;

/// What `store-video` sees of a job.
pub(crate) struct StoreVideoView<'a> {
    table: &'a mut ResourceTable,
    session: &'a Session,
    calls_max: u32,
}

/// Names [`StoreVideoView`] to the linker.
struct StoreVideo;

impl HasData for StoreVideo {
    type Data<'a> = StoreVideoView<'a>;
}

/// The WIT resource `publication`.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Publication {
    outcome: watch::Receiver<Option<Outcome>>,
}

#[async_trait::async_trait]
impl Pollable for Publication {
    async fn ready(&mut self) {
        // An error means that no outcome will come, which is as ready as it gets.
        let _ = self.outcome.wait_for(Option::is_some).await;
    }
}

impl StoreVideoView<'_> {
    /// Counts the call and checks everything that needs no look at the file.
    fn admit(&self, path: &str, options: &Options) -> Result<(), PluginError> {
        let made = self.session.meters.store_calls.load(Ordering::Relaxed);
        self.session.meters.store_calls.store(made.saturating_add(1), Ordering::Relaxed);
        self.session.meters.moved(bounds::bytes(path, options));
        if made >= self.calls_max {
            return Err(quota(format!("the job made its {} calls of store-video and submit", self.calls_max)));
        }
        if self.session.is_cancelled() {
            return Err(refusal("cancelled", "the job was cancelled".into()));
        }
        bounds::check(path, options)
    }

    fn ask(&self, call: u32, path: String, options: Options, wait: bool) {
        let options = StoreOptions {
            slot: options.slot,
            sequence: options.sequence,
            content_type: options.content_type,
            metadata: options.metadata,
        };
        self.session.outbound.request(FromRunner::Store(StoreRequest { call, path, options, wait }));
    }

    async fn store(&mut self, path: String, options: Options) -> Outcome {
        self.admit(&path, &options)?;
        let (call, answer) = self.session.calls.open_waiting().map_err(too_many)?;
        self.ask(call, path, options, true);
        answer.await.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn hand_over(&mut self, path: String, options: Options) -> Result<Publication, PluginError> {
        self.admit(&path, &options)?;
        let submission = self.session.calls.open_submitted().map_err(too_many)?;
        self.ask(submission.call, path, options, false);
        submission.claimed.await.unwrap_or_else(|_| Err(no_answer()))?;
        Ok(Publication { outcome: submission.outcome })
    }
}

impl Host for StoreVideoView<'_> {
    async fn store_video(&mut self, path: String, options: Options) -> wasmtime::Result<Result<Stored, Error>> {
        Ok(to_guest(self.store(path, options).await))
    }

    async fn submit(
        &mut self,
        path: String,
        options: Options,
    ) -> wasmtime::Result<Result<Resource<Publication>, Error>> {
        match self.hand_over(path, options).await {
            Ok(publication) => Ok(Ok(self.table.push(publication)?)),
            Err(error) => Ok(Err(error_to_guest(error))),
        }
    }
}

impl HostPublication for StoreVideoView<'_> {
    fn subscribe(&mut self, publication: Resource<Publication>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, publication)
    }

    fn get(&mut self, publication: Resource<Publication>) -> wasmtime::Result<Option<Result<Stored, Error>>> {
        let outcome = self.table.get(&publication)?.outcome.borrow().clone();
        Ok(outcome.map(to_guest))
    }

    fn drop(&mut self, publication: Resource<Publication>) -> wasmtime::Result<()> {
        self.table.delete(publication)?;
        Ok(())
    }
}

/// Links `store-video`.
pub(crate) fn add_to_linker(linker: &mut Linker<PluginState>) -> wasmtime::Result<()> {
    add::<_, StoreVideo>(linker, |state| {
        let (table, session, calls_max) = state.for_store_video();
        StoreVideoView { table, session, calls_max }
    })
}

fn to_guest(outcome: Outcome) -> Result<Stored, Error> {
    outcome.map_err(error_to_guest).map(|stored| Stored {
        id: stored.id,
        url: stored.url,
        expires_at: stored.expires_at,
        size: stored.size,
        checksum: stored.checksum,
        durability: stored.durability,
    })
}

fn error_to_guest(error: PluginError) -> Error {
    Error { code: error.code, message: error.message, retryable: error.retryable }
}

fn refusal(code: &str, message: String) -> PluginError {
    PluginError { code: code.into(), message, retryable: false }
}

fn quota(message: String) -> PluginError {
    refusal("quota-exceeded", message)
}

fn too_many(_: TooMany) -> PluginError {
    let message = "as many publications as the job may have are in flight".into();
    PluginError { code: "quota-exceeded".into(), message, retryable: true }
}

fn no_answer() -> PluginError {
    refusal("internal", "the host gave no answer".into())
}
