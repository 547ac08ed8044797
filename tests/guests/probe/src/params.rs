use std::collections::BTreeMap;

use serde::Deserialize;

/// One behaviour and its fields; the list is in the crate's documentation.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Behaviour {
    Store {
        files: Vec<FileParams>,
    },
    Submit {
        files: Vec<FileParams>,
        #[serde(default = "yes")]
        wait: bool,
    },
    Copy {
        name: String,
        path: Option<String>,
        slot: Option<String>,
    },
    Echo {},
    Progress(ProgressParams),
    Sleep {
        ms: u64,
    },
    Clock {},
    Random {
        #[serde(default = "few")]
        bytes: u64,
    },
    Log {
        #[serde(default)]
        stdout: Vec<String>,
        #[serde(default)]
        stderr: Vec<String>,
    },
    ReadInput {
        name: String,
    },
    Error {
        code: String,
        message: String,
        #[serde(default)]
        retryable: bool,
    },
    Answer {
        text: String,
    },

    Loop {},
    Recurse {
        #[serde(default)]
        stack: Stack,
    },
    SleepForever {},
    Trap {},
    Panic {
        #[serde(default)]
        message: String,
    },
    Exit {
        #[serde(default)]
        code: i32,
    },
    Alloc {
        mib: Option<usize>,
    },
    Handles {
        count: usize,
    },
    TrapAfterStore {
        files: Vec<FileParams>,
        #[serde(default)]
        submit: bool,
    },
    LogFlood {
        mib: usize,
        #[serde(default)]
        to: Stdio,
        #[serde(default)]
        style: LogStyle,
    },

    FillDisk {
        mib: Option<u64>,
    },
    Sparse {
        #[serde(default = "eight_tib")]
        bytes: u64,
        #[serde(default)]
        by: SparseBy,
        #[serde(default)]
        store: bool,
    },
    ManyFiles {
        count: u64,
    },
    DeepTree {
        depth: u64,
    },
    WriteIn {
        name: String,
    },
    EscapeRead {
        #[serde(default)]
        paths: Vec<String>,
    },

    StorePath {
        paths: Vec<String>,
    },
    StoreDir {},
    StoreEmpty {},
    Symlink {
        target: String,
        #[serde(default = "link_name")]
        name: String,
    },
    Hardlink {},
    LinkedFolder {},
    OpenWhileStore {
        #[serde(default)]
        ms: u64,
    },
    LateWrite {
        #[serde(default = "hundred")]
        ms: u64,
    },
    Unflushed {
        #[serde(default = "many")]
        bytes: usize,
    },
    StoreMany {
        count: u64,
        #[serde(default)]
        real: bool,
    },

    HugeString {
        at: Place,
        #[serde(default = "thousand")]
        kib: usize,
    },
    HugeList {
        #[serde(default = "million")]
        count: usize,
    },
    HugeRandom {
        #[serde(default = "four_gib")]
        bytes: u64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileParams {
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default = "thousand")]
    pub(crate) bytes: usize,
    pub(crate) path: Option<String>,
    pub(crate) slot: Option<String>,
    pub(crate) sequence: Option<u32>,
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Mp4,
    Mov,
    Webm,
    Png,
    Jpeg,
    Gif,
    Mp3,
    Wav,
    Json,
    Html,
    Svg,
    Elf,
    Zeros,
}

#[derive(Deserialize)]
pub(crate) struct ProgressParams {
    #[serde(default = "ten")]
    pub(crate) steps: u32,
    #[serde(default)]
    pub(crate) pause_ms: u64,
    #[serde(default)]
    pub(crate) stage: String,
    #[serde(default)]
    pub(crate) odd: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stack {
    #[default]
    Hidden,
    Memory,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stdio {
    #[default]
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogStyle {
    #[default]
    Plain,
    Ansi,
    Bidi,
    Line,
    Binary,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SparseBy {
    #[default]
    SetSize,
    Seek,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    Message,
    Code,
    Summary,
    Stage,
    Path,
    Slot,
    ContentType,
    Metadata,
}

fn yes() -> bool {
    true
}
fn few() -> u64 {
    32
}
fn ten() -> u32 {
    10
}
fn hundred() -> u64 {
    100
}
fn thousand() -> usize {
    1000
}
fn million() -> usize {
    1_000_000
}
fn many() -> usize {
    64 << 20
}
fn four_gib() -> u64 {
    u64::from(u32::MAX)
}
fn eight_tib() -> u64 {
    8 << 40
}
fn link_name() -> String {
    "link.mp4".into()
}
