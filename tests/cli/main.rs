//! The command line as scripts see it: the real binary, its exit codes, its answers, and that it shows no secret.

mod bad_input;
mod check;
mod components;
mod disk;
mod grants;
mod jobs;
mod keyed;
mod logs;
mod planted;
mod plugin_test;
mod policies;
mod publish;
mod reconcile;
mod records;
mod recovery;
mod settings;
mod stores;
mod surface;
mod verify;
