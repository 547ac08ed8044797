//! The messages between a Filmgate host and a runner.
