//! A child that runs one job, locked in.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use filmgate_protocol::{Prepare, Prepared, decode, encode};

use crate::artifact::Artifact;
use crate::child::watchdog;
use crate::engine::Engine;
use crate::jail::{Jail, JailError};
use crate::packets::{Packets, receive_with, send_with};
use crate::plugin::Plugin;
use crate::serve::{BLOCKING_THREADS_MAX, serve};
use crate::setup::Setup;

/// Locks itself in, loads the component, runs one job.
pub(super) fn run(socket: OwnedFd) -> io::Result<()> {
    // Its descriptors are made here: the jail allows no sockets.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()?;
    let Some((frame, descriptors)) = receive_with(socket.as_fd())? else { return Ok(()) };
    let prepare: Prepare = decode(&frame).map_err(io::Error::other)?;
    let mut descriptors = descriptors.into_iter().rev();
    let (Some(inputs), Some(outbox)) = (descriptors.next(), descriptors.next()) else {
        return Err(io::Error::other("the directories did not come along"));
    };
    let jail = Jail {
        host: prepare.host,
        outbox: Some(outbox.as_fd()),
        inputs: Some(inputs.as_fd()),
        budget: &prepare.budget,
        allow_missing: &prepare.allow_missing,
    };
    let measures = match jail.lock() {
        Ok(measures) => measures,
        Err(JailError { layer, reason }) => return answer(&socket, &Prepared::Missing { layer, reason }),
    };
    // Nothing to run: only asked what the jail is made of.
    let Some(code) = descriptors.next() else { return answer(&socket, &Prepared::Ready(measures)) };
    let plugin = match load(code) {
        Ok(plugin) => plugin,
        Err(reason) => return answer(&socket, &Prepared::Failed(reason)),
    };
    watchdog::start(socket.try_clone()?)?;
    answer(&socket, &Prepared::Ready(measures))?;
    let setup = Setup { outbox, inputs, budget: prepare.budget };
    runtime.block_on(async {
        let packets = Packets::new(socket)?;
        serve(&plugin, &setup, packets.clone(), packets).await;
        Ok(())
    })
}

fn load(code: OwnedFd) -> Result<Plugin, String> {
    // SAFETY: the host, which holds the keys, sent it: it could not trust a child less than a child must trust it.
    #[expect(unsafe_code, reason = "native code is mapped; its host vouches for it")]
    let artifact = unsafe { Artifact::from_trusted_memfd(code) }.map_err(|error| error.to_string())?;
    let engine = Engine::new().map_err(|error| format!("{error:?}"))?;
    Plugin::load(&engine, &artifact).map_err(|error| format!("{error:?}"))
}

fn answer(socket: &OwnedFd, prepared: &Prepared) -> io::Result<()> {
    send_with(socket.as_fd(), &encode(prepared).map_err(io::Error::other)?, &[])
}
