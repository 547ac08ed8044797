//! Runs a plugin once as a command, so that the wasmtime command line can test it.
