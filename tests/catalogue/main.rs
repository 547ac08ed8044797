//! The records: one suite that every catalogue passes, what the file promises beyond it, and hosts whose catalogue is away.

mod archive;
mod bench;
mod conformance;
mod host;
mod sqlite;
mod troubled;
