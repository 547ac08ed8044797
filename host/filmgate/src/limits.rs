//! Ceilings, each with its reason. A setting may lower one; nothing raises it.

/// One mebibyte.
pub const MIB: u64 = 1024 * 1024;
/// One gibibyte.
pub const GIB: u64 = 1024 * MIB;

/// S3 refuses smaller parts, except the last.
pub const PART_BYTES_MIN: u64 = 5 * MIB;
/// S3 refuses larger parts.
pub const PART_BYTES_MAX: u64 = 5 * GIB;
/// S3 numbers parts 1 to 10,000.
pub const PARTS_MAX: u64 = 10_000;
/// The largest S3 object: 10,000 parts of 5 GiB, 48.8 TiB.
pub const OBJECT_BYTES_MAX: u64 = PARTS_MAX * PART_BYTES_MAX;
/// S3 refuses longer object keys (bytes of UTF-8).
pub const KEY_BYTES_MAX: usize = 1024;
/// Signature Version 4 refuses longer lives of presigned URLs: seven days, in seconds.
pub const PRESIGN_SECONDS_MAX: u64 = 604_800;
/// S3 refuses more user metadata: names and values together, in bytes.
pub const METADATA_BYTES_MAX: usize = 2048;
/// What a plugin may take of [`METADATA_BYTES_MAX`]; the rest is the host's (`plugin.wit`, `store-video.options`).
pub const PLUGIN_METADATA_BYTES_MAX: usize = 1024;
/// Metadata pairs a plugin may give (`plugin.wit`).
pub const PLUGIN_METADATA_PAIRS_MAX: usize = 16;
/// Bytes of a path a plugin may hand over (`plugin.wit`).
pub const OUTBOX_PATH_BYTES_MAX: usize = 1024;
/// Bytes of a job's parameters (`plugin.wit`); a frame of the runner protocol must hold them.
pub const PARAMS_BYTES_MAX: usize = 64 * 1024;
/// Files a job may be given under `/in` (`plugin.wit`).
pub const INPUTS_MAX: usize = 256;
/// Ids a job may name for its layout (`plugin.wit`).
pub const REFS_MAX: usize = 16;
/// Bytes of a compiled component. The largest components have 64 MiB and compile to three times that.
pub const ARTIFACT_BYTES_MAX: u64 = GIB;
/// Bytes of a plugin's manifest, which is a stranger's file; the reference plugin's has less than 1 KiB.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of the JSON Schema of a plugin's parameters, a stranger's file too; the reference plugin's has 7 KiB.
pub const SCHEMA_BYTES_MAX: u64 = 64 * 1024;
/// Work that checking a job's parameters may take, in units of about a nanosecond: a second at worst, where the
/// reference plugin's schema needs some thousand.
pub const SCHEMA_WORK_MAX: u64 = 500_000_000;
