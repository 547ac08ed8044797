use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::CompileOptions;
use crate::config::resolver::Resolver;
use crate::limits::{GIB, MIB};
use crate::units::{ByteSize, Span};

/// `[compile]`: what compiling a component may use, and how much compiled code is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompileSection {
    memory: Option<ByteSize>,
    cpu: Option<Span>,
    cache: Option<ByteSize>,
}

/// The folder of compiled components in the data directory.
const FOLDER: &str = "components";

pub(super) fn resolve(resolver: &mut Resolver<'_>, file: &CompileSection, data_dir: &Path) -> CompileOptions {
    let default = CompileOptions::default();
    let memory = ByteSize(default.memory_bytes);
    let memory = resolver.pick_or("compile.memory", &["FILMGATE_COMPILE_MEMORY"], file.memory, memory);
    // The compiler alone takes some dozen MiB.
    resolver.bound("compile.memory", &memory, &ByteSize(128 * MIB), &ByteSize(64 * GIB));
    let cpu = resolver.pick_or("compile.cpu", &["FILMGATE_COMPILE_CPU"], file.cpu, Span(default.cpu));
    // The system counts this in whole seconds.
    resolver.bound("compile.cpu", &cpu, &Span(Duration::from_secs(1)), &Span(Duration::from_secs(3600)));
    let cache = ByteSize(default.cache_bytes);
    let cache = resolver.pick_or("compile.cache", &["FILMGATE_COMPILE_CACHE"], file.cache, cache);
    resolver.bound("compile.cache", &cache, &ByteSize(0), &ByteSize(1024 * GIB));
    CompileOptions { memory_bytes: memory.0, cpu: cpu.0, cache_bytes: cache.0, cache_dir: Some(data_dir.join(FOLDER)) }
}
