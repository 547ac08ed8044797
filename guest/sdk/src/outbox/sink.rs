use std::io::{self, ErrorKind, Seek, SeekFrom, Write};

use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

/// Bytes handed over in one call. The host copies them before it writes, and limits how much one call may make it copy.
const CALL_BYTES_MAX: usize = 256 << 10;

/// A file written by `descriptor.write`, which names the position with each call.
///
/// Against `std::fs::File`, which goes through a stream that is opened and flushed for every 64 KiB: more than twice as
/// fast (see [`OutboxFile`](crate::OutboxFile)), and a full disk or budget has its own error instead of `EIO`.
#[derive(Debug)]
pub(crate) struct Sink {
    descriptor: Descriptor,
    position: u64,
}

impl Sink {
    /// Creates or empties the file at an absolute path below a preopened folder.
    pub(crate) fn create(place: &str) -> io::Result<Self> {
        for (folder, name) in preopens::get_directories() {
            let below = place.strip_prefix(name.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
            if let Some(path) = below {
                let open = OpenFlags::CREATE | OpenFlags::TRUNCATE;
                let opened = folder.open_at(PathFlags::SYMLINK_FOLLOW, path, open, DescriptorFlags::WRITE);
                return Ok(Self { descriptor: opened.map_err(as_io_error)?, position: 0 });
            }
        }
        Err(io::Error::new(ErrorKind::NotFound, "no such folder was given to the plugin"))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(CALL_BYTES_MAX)];
        let written = self.descriptor.write(bytes, self.position).map_err(as_io_error)?;
        self.position += written;
        // Not more than was given, so it fits.
        Ok(usize::try_from(written).unwrap_or(bytes.len()))
    }

    /// Nothing to do: a write that returned has reached the file.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sink {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.descriptor.stat().map_err(as_io_error)?.size.checked_add_signed(distance),
        };
        let before_start = || io::Error::new(ErrorKind::InvalidInput, "seek before the start of the file");
        self.position = position.ok_or_else(before_start)?;
        Ok(self.position)
    }
}

fn as_io_error(code: ErrorCode) -> io::Error {
    let kind = match code {
        ErrorCode::Access | ErrorCode::NotPermitted => ErrorKind::PermissionDenied,
        ErrorCode::ReadOnly => ErrorKind::ReadOnlyFilesystem,
        ErrorCode::InsufficientSpace => ErrorKind::StorageFull,
        ErrorCode::Quota => ErrorKind::QuotaExceeded,
        ErrorCode::FileTooLarge => ErrorKind::FileTooLarge,
        ErrorCode::IsDirectory => ErrorKind::IsADirectory,
        ErrorCode::NoEntry => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, code.name())
}
