//! `wasi:filesystem` with a budget: every function goes to `wasmtime-wasi`, those that create or grow something ask the
//! outbox's quota first.
//!
//! The trait is implemented in full instead of replacing single functions in the linker, so that a function added by a
//! later WASI version does not compile until someone has decided about it.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Filesize, Host, HostDescriptor,
    HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};

use crate::filesystem::depth::path_depth;
use crate::filesystem::stream::{OutboxStream, Position};

pub(crate) use crate::filesystem::outbox::Outbox;
use crate::filesystem::outbox::{Grant, OverQuota};

mod depth;
mod open;
mod outbox;
mod stream;

/// Names [`GuardedView`] to the linker.
pub(crate) struct GuardedFilesystem;

impl HasData for GuardedFilesystem {
    type Data<'a> = GuardedView<'a>;
}

/// WASI's file system and the budget it is held to.
pub(crate) struct GuardedView<'a> {
    pub(crate) wasi: WasiFilesystemCtxView<'a>,
    pub(crate) outbox: &'a mut Outbox,
}

impl GuardedView<'_> {
    /// The file behind a descriptor that may be written; WASI's own error otherwise.
    fn writable(&self, descriptor: &Resource<Descriptor>) -> FsResult<Arc<File>> {
        match self.wasi.table.get(descriptor)? {
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
            Descriptor::File(file) if file.perms.write_not_permitted() => Err(ErrorCode::NotPermitted.into()),
            Descriptor::File(file) => Ok(Arc::clone(&file.file)),
        }
    }

    fn new_stream(&mut self, descriptor: &Resource<Descriptor>, at: Position) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(descriptor)?;
        let stream: DynOutputStream = Box::new(OutboxStream::new(file, at, self.outbox.quota()));
        Ok(self.wasi.table.push(stream)?)
    }

    /// Opens without creating first, so that only entries that did not exist are charged: the host takes files out of
    /// the outbox at any time, and a look beforehand would race with it.
    async fn open_or_create(
        &mut self,
        directory: u32,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        if !open.contains(OpenFlags::EXCLUSIVE) {
            let existing = open & !OpenFlags::CREATE;
            let opened = self.wasi.open_at(borrow(directory), path_flags, path.clone(), existing, flags).await;
            match &opened {
                Err(error) if matches!(error.downcast_ref(), Some(ErrorCode::NoEntry)) => {}
                _ => return opened,
            }
        }
        let entry = self.outbox.quota().take_entry().map_err(refuse)?;
        let created = self.wasi.open_at(borrow(directory), path_flags, path, open, flags).await?;
        entry.keep();
        Ok(created)
    }
}

/// Another name of the same handle: WASI's functions take handles by value and only look them up.
fn borrow(handle: u32) -> Resource<Descriptor> {
    Resource::new_borrow(handle)
}

fn refuse(_: OverQuota) -> FsError {
    ErrorCode::Quota.into()
}

impl preopens::Host for GuardedView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        preopens::Host::get_directories(&mut self.wasi)
    }
}

impl Host for GuardedView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        if self.wasi.table.get(&error)?.is::<OverQuota>() {
            return Ok(Some(ErrorCode::Quota));
        }
        self.wasi.filesystem_error_code(error)
    }
}

/// What creates or grows something.
impl GuardedView<'_> {
    async fn resize(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let file = self.writable(&descriptor)?;
        let growth = Grant::for_end(&self.outbox.quota(), &file, size)?.map_err(refuse)?;
        let resized = self.wasi.set_size(descriptor, size).await;
        growth.settle(&file);
        resized
    }

    async fn write_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.outbox.quota().moved(bytes.len());
        let file = self.writable(&descriptor)?;
        let end = offset.checked_add(bytes.len() as u64).ok_or(ErrorCode::FileTooLarge)?;
        let growth = match bytes.is_empty() {
            true => None,
            false => Some(Grant::for_end(&self.outbox.quota(), &file, end)?.map_err(refuse)?),
        };
        let written = self.wasi.write(descriptor, bytes, offset).await;
        if let Some(growth) = growth {
            growth.settle(&file);
        }
        written
    }

    async fn create_directory(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<()> {
        let depth = path_depth(self.outbox.depth(directory.rep()), &path);
        self.outbox.check_depth(depth).map_err(refuse)?;
        let entry = self.outbox.quota().take_entry().map_err(refuse)?;
        self.wasi.create_directory_at(directory, path).await?;
        entry.keep();
        Ok(())
    }

    /// A directory may move to its own depth or upwards only: so nothing below it gets deeper than it was when it was
    /// checked, and the depth remembered with an open descriptor is never less than the real one.
    async fn rename(
        &mut self,
        from: Resource<Descriptor>,
        old_path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let old_depth = path_depth(self.outbox.depth(from.rep()), &old_path);
        let new_depth = path_depth(self.outbox.depth(to.rep()), &new_path);
        if new_depth > old_depth {
            let stat = self.wasi.stat_at(borrow(from.rep()), PathFlags::empty(), old_path.clone()).await?;
            if stat.type_ == DescriptorType::Directory {
                return Err(ErrorCode::NotPermitted.into());
            }
        }
        self.wasi.rename_at(from, old_path, to, new_path).await
    }

    async fn open(
        &mut self,
        directory: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let depth = path_depth(self.outbox.depth(directory.rep()), &path);
        self.outbox.check_open().map_err(refuse)?;
        let opened = if open.contains(OpenFlags::CREATE) {
            self.open_or_create(directory.rep(), path_flags, path, open, flags).await?
        } else {
            self.wasi.open_at(directory, path_flags, path, open, flags).await?
        };
        match self.wasi.table.get(&opened)? {
            Descriptor::File(file) => self.outbox.opened_file(&file.file),
            Descriptor::Dir(folder) => self.outbox.opened_folder(&folder.dir, opened.rep(), depth),
        }
        Ok(opened)
    }
}

impl HostDescriptor for GuardedView<'_> {
    async fn open_at(
        &mut self,
        directory: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        self.open(directory, path_flags, path, open, flags).await
    }

    async fn create_directory_at(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.create_directory(directory, path).await
    }

    async fn rename_at(
        &mut self,
        from: Resource<Descriptor>,
        old_path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.rename(from, old_path, to, new_path).await
    }

    async fn set_size(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.resize(descriptor, size).await
    }

    async fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.write_at(descriptor, bytes, offset).await
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.new_stream(&descriptor, Position::At(offset))
    }

    fn append_via_stream(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.new_stream(&descriptor, Position::End)
    }

    /// Denied: a second name would let a file change after it was claimed.
    async fn link_at(
        &mut self,
        _from: Resource<Descriptor>,
        _flags: PathFlags,
        _old_path: String,
        _to: Resource<Descriptor>,
        _new_path: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    /// Denied: nothing in an outbox may point elsewhere.
    async fn symlink_at(&mut self, _directory: Resource<Descriptor>, _old: String, _new: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.outbox.closed(descriptor.rep());
        HostDescriptor::drop(&mut self.wasi, descriptor)
    }

    // From here on, nothing is created and nothing grows.

    async fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
        len: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.wasi.advise(descriptor, offset, len, advice).await
    }

    async fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync_data(descriptor).await
    }

    async fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi.get_flags(descriptor).await
    }

    async fn get_type(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi.get_type(descriptor).await
    }

    async fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi.set_times(descriptor, access, modification).await
    }

    async fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        len: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.wasi.read(descriptor, len, offset).await
    }

    async fn read_directory(&mut self, directory: Resource<Descriptor>) -> FsResult<Resource<ReaddirIterator>> {
        self.outbox.check_listings().map_err(refuse)?;
        let listing = self.wasi.read_directory(directory).await?;
        self.outbox.listed();
        Ok(listing)
    }

    async fn sync(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync(descriptor).await
    }

    async fn stat(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.wasi.stat(descriptor).await
    }

    async fn stat_at(
        &mut self,
        directory: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.wasi.stat_at(directory, flags, path).await
    }

    async fn set_times_at(
        &mut self,
        directory: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi.set_times_at(directory, flags, path, access, modification).await
    }

    async fn readlink_at(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.wasi.readlink_at(directory, path).await
    }

    async fn remove_directory_at(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.wasi.remove_directory_at(directory, path).await
    }

    async fn unlink_file_at(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.wasi.unlink_file_at(directory, path).await
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.wasi.read_via_stream(descriptor, offset)
    }

    async fn is_same_object(
        &mut self,
        left: Resource<Descriptor>,
        right: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.wasi.is_same_object(left, right).await
    }

    async fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.wasi.metadata_hash(descriptor).await
    }

    async fn metadata_hash_at(
        &mut self,
        directory: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.wasi.metadata_hash_at(directory, flags, path).await
    }
}

impl HostDirectoryEntryStream for GuardedView<'_> {
    async fn read_directory_entry(&mut self, stream: Resource<ReaddirIterator>) -> FsResult<Option<DirectoryEntry>> {
        self.wasi.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.wasi, stream)?;
        self.outbox.listing_dropped();
        Ok(())
    }
}
