use std::collections::{BTreeMap, HashMap};

use super::http::Head;

/// What the sink remembers of an object: everything but its bytes, unless it is tiny.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) etag: String,
    /// `content-type` and `x-amz-meta-…`, as they came.
    pub(super) headers: BTreeMap<String, String>,
    /// `x-amz-checksum-…`, as announced.
    pub(super) checksums: BTreeMap<String, String>,
    /// Of an object of at most 64 KiB.
    pub(super) bytes: Option<Vec<u8>>,
}

/// A multipart upload under way.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) parts: BTreeMap<u32, Part>,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) etag: String,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) objects: HashMap<String, Object>,
    pub(super) uploads: HashMap<String, Upload>,
    /// Upload parts answered so far.
    pub(super) parts: u64,
    counter: u64,
}

impl Store {
    /// Not 32 hexadecimal digits: nobody may take it for an MD5.
    pub(super) fn next_id(&mut self) -> String {
        self.counter += 1;
        format!("sink-{:08}", self.counter)
    }
}

/// The headers that a store keeps with an object.
pub(super) fn kept_headers(head: &Head) -> BTreeMap<String, String> {
    let kept = |name: &str| name == "content-type" || name.starts_with("x-amz-meta-");
    head.headers().filter(|(name, _)| kept(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The checksums that a request announces, of the body or, in a completion, of the object.
pub(super) fn announced(head: &Head) -> BTreeMap<String, String> {
    const NO_VALUES: [&str; 3] = ["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"];
    let is_value = |name: &str| name.starts_with("x-amz-checksum-") && !NO_VALUES.contains(&name);
    head.headers().filter(|(name, _)| is_value(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What stands between two tags of a small XML document, each time they come.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(open.as_str()).skip(1);
    parts.filter_map(|part| part.split_once(close.as_str()).map(|(text, _)| text)).collect()
}
