use std::sync::Arc;

use filmgate_protocol::{Budget, LogStream};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::bindings::filmgate::plugin::types;
use crate::filesystem::{GuardedView, Outbox};
use crate::limiter::Limiter;
use crate::log::LogCapture;
use crate::session::Session;
use crate::setup::{Setup, path_of};

/// Random bytes a guest may ask for in one call.
const RANDOM_BYTES_MAX: u64 = 64 * 1024;

/// Everything that belongs to one guest and dies with it.
pub(crate) struct PluginState {
    table: ResourceTable,
    wasi: WasiCtx,
    outbox: Outbox,
    store_calls_max: u32,
    pub(crate) limiter: Limiter,
    pub(crate) session: Arc<Session>,
}

impl PluginState {
    /// Opens the job's two directories.
    pub(crate) fn new(setup: &Setup, session: Arc<Session>) -> wasmtime::Result<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(table_capacity(&setup.budget));
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(LogCapture::new(LogStream::Stdout, Arc::clone(&session)))
            .stderr(LogCapture::new(LogStream::Stderr, Arc::clone(&session)))
            .max_random_size(RANDOM_BYTES_MAX)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            // The job has this thread to itself.
            .allow_blocking_current_thread(true);
        wasi.preopened_dir(path_of(&setup.outbox), "/out", FsPerms::ReadWrite)?;
        wasi.preopened_dir(path_of(&setup.inputs), "/in", FsPerms::ReadOnly)?;
        Ok(Self {
            table,
            wasi: wasi.build(),
            outbox: Outbox::new(&setup.budget, Arc::clone(&session.meters)),
            store_calls_max: setup.budget.store_calls,
            limiter: Limiter::new(&setup.budget, Arc::clone(&session.meters)),
            session,
        })
    }

    /// Counts the most resources that were held at once: a table hands out the room of what is gone before it grows. Takes
    /// what room there is, so the guest must have ended.
    pub(crate) fn count_handles(&mut self) -> usize {
        self.table.set_max_capacity(0);
        while self.table.push(()).is_ok() {}
        self.table.iter_mut().count()
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn for_store_video(&mut self) -> (&mut ResourceTable, &Session, u32) {
        (&mut self.table, &self.session, self.store_calls_max)
    }

    pub(crate) fn guarded_filesystem(&mut self) -> GuardedView<'_> {
        let wasi = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        GuardedView { wasi, outbox: &mut self.outbox }
    }
}

/// A handle of the guest has one entry here; errors and pollables that belong to others need some more.
fn table_capacity(budget: &Budget) -> usize {
    usize::try_from(budget.handles).unwrap_or(usize::MAX).saturating_mul(2)
}

/// The interface has records only.
impl types::Host for PluginState {}

impl WasiView for PluginState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
