//! Stands in for the host when a plugin is tested with the wasmtime command line.
