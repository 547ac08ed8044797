//! What the peers have in common: files on the command line, the bucket in the environment, eight files at a time.
//!
//! Certificates are trusted by `SSL_CERT_FILE`, which all of them follow.

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use futures::TryStreamExt as _;

/// Files sent at a time; what else a library does at once is its own matter.
const FILES_AT_ONCE: usize = 8;

/// A file and the key it shall have.
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// The key.
    pub key: String,
}

/// A variable that must be set.
pub fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

/// The arguments: a prefix for keys, then files.
pub fn items() -> anyhow::Result<Vec<Item>> {
    let mut arguments = std::env::args().skip(1);
    let prefix = arguments.next().context("the first argument is a prefix for keys")?;
    let item = |(index, path): (usize, String)| Item { key: format!("{prefix}/{index}.mp4"), path: path.into() };
    Ok(arguments.enumerate().map(item).collect())
}

/// Sends them all.
pub async fn send_all<F>(items: Vec<Item>, send: impl Fn(Item) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let sends = items.into_iter().map(|item| Ok::<_, anyhow::Error>(send(item)));
    futures::stream::iter(sends).try_buffer_unordered(FILES_AT_ONCE).try_collect().await
}

/// The SDK's client as its defaults make it, for any endpoint.
pub async fn sdk_config() -> aws_sdk_s3::config::Builder {
    let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    aws_sdk_s3::config::Builder::from(&shared).force_path_style(true)
}
