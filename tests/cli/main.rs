//! The command line as scripts see it: the real binary, its exit codes, its answers, and that it shows no secret.

mod bad_input;
mod check;
mod grants;
mod jobs;
mod publish;
mod settings;
mod surface;
