//! The files that are sent: MP4 by their first bytes, noise behind them.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// The first box of an MP4 file.
const HEAD: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";
const MIB: u64 = 1024 * 1024;

/// So many files of one size: `20x50MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Files.
    pub files: u64,
    /// Bytes of each.
    pub bytes: u64,
}

impl Workload {
    /// All bytes, in GiB.
    pub fn gibibytes(&self) -> f64 {
        (self.files * self.bytes) as f64 / (1024 * MIB) as f64
    }

    /// Makes the files below `folder`, or takes those that are there.
    ///
    /// # Errors
    /// Where the disk does not take them.
    pub fn prepare(&self, folder: &Path) -> anyhow::Result<(PathBuf, Vec<PathBuf>)> {
        let folder = folder.join(self.to_string());
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let paths: Vec<_> = (0..self.files).map(|index| folder.join(format!("{index:04}.mp4"))).collect();
        for (index, path) in paths.iter().enumerate() {
            if path.metadata().map(|metadata| metadata.len()).ok() != Some(self.bytes) {
                fill(path, self.bytes, index as u64).with_context(|| format!("write {}", path.display()))?;
            }
        }
        Ok((folder, paths))
    }
}

/// `1x1GiB`
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1024 * MIB), ("MiB", MIB), ("KiB", 1024)];
        let unit = units.iter().find(|(_, factor)| self.bytes.is_multiple_of(*factor));
        let (name, factor) = unit.copied().unwrap_or(("B", 1));
        write!(f, "{}x{}{name}", self.files, self.bytes / factor)
    }
}

impl FromStr for Workload {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || format!("{text:?} is no workload; allowed: COUNTxSIZE, for example 20x50MiB");
        let (files, size) = text.split_once('x').with_context(wrong)?;
        let size: filmgate::config::ByteSize = size.parse().ok().with_context(wrong)?;
        let files: u64 = files.parse().ok().with_context(wrong)?;
        if files == 0 || size.0 < HEAD.len() as u64 {
            bail!(wrong());
        }
        Ok(Self { files, bytes: size.0 })
    }
}

fn fill(path: &Path, bytes: u64, seed: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(HEAD)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (seed + 1);
    let mut left = bytes - HEAD.len() as u64;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(word.len());
        file.write_all(&word[..take])?;
        left -= take as u64;
    }
    // The disk must not be busy with it while something is measured.
    file.into_inner()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::Workload;

    #[test]
    fn workloads_are_read_and_shown() {
        for (text, files, bytes) in [("1x1GiB", 1, 1 << 30), ("20x50MiB", 20, 50 << 20), ("3x1000B", 3, 1000)] {
            let workload: Workload = text.parse().expect("a workload");
            assert_eq!((workload.files, workload.bytes, workload.to_string().as_str()), (files, bytes, text));
        }
        for bad in ["", "1GiB", "0x1MiB", "1x", "1x1", "axb"] {
            assert!(bad.parse::<Workload>().is_err(), "{bad}");
        }
    }
}
