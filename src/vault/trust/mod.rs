//! What this machine remembers of vaults, outside of any repository: floors, and the vaults it has accepted.
//!
//! Takes its directory from the caller; never looks for one itself.

mod floors;
mod known;
mod learned;
mod places;

pub use floors::{FloorError, Floors};
pub use known::KnownVaults;
pub use places::Places;

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
};

/// Takes the lock of a state directory, making the directory where it is missing. Dropping the file releases it.
fn lock(directory: &Path) -> io::Result<File> {
    create_private_directory(directory)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock_file(directory))?;
    file.lock()?;
    Ok(file)
}

fn lock_file(directory: &Path) -> PathBuf {
    directory.join("lock")
}

/// Makes a directory that only its owner can look into, and those above it that are missing.
///
/// # Errors
/// Those of the file system.
pub fn create_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Replaces a file in one step: a reader sees the old text or the new one, also after a crash.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let file = beside(path, contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// How many files are replaced together: each is open until it is in its place.
const BATCH: usize = 256;

/// How many of them are synced at once.
const AT_ONCE: usize = 16;

/// Replaces many files, each in one step. A journaling file system commits together what it is asked for together: one after the other, the
/// thousand floors of a large group would take seconds.
fn replace_all(files: &[(PathBuf, String)]) -> io::Result<()> {
    for batch in files.chunks(BATCH) {
        let written: io::Result<Vec<_>> = batch.iter().map(|(path, text)| beside(path, text.as_bytes())).collect();
        let written = written?;
        sync_all(&written)?;
        for (file, (path, _)) in written.into_iter().zip(batch) {
            file.persist(path).map_err(|error| error.error)?;
        }
    }
    Ok(())
}

fn sync_all(files: &[tempfile::NamedTempFile]) -> io::Result<()> {
    let sync = |part: &[tempfile::NamedTempFile]| part.iter().try_for_each(|file| file.as_file().sync_all());
    let size = files.len().div_ceil(AT_ONCE);
    if size <= 1 {
        return sync(files);
    }
    thread::scope(|scope| {
        let start = |part| {
            thread::Builder::new()
                .spawn_scoped(scope, move || sync(part))
                .map_err(|_| part)
        };
        let running: Vec<_> = files.chunks(size).map(start).collect();
        running.into_iter().try_for_each(|part| match part {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread stopped unexpectedly"))),
            // The system has no thread left: it takes longer.
            Err(part) => sync(part),
        })
    })
}

/// The same without waiting for the disk: after a crash the file may be empty.
fn replace_unsynced(path: &Path, contents: &[u8]) -> io::Result<()> {
    beside(path, contents)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a temporary file next to `path`.
fn beside(path: &Path, contents: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("."));
    create_private_directory(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut file, contents)?;
    Ok(file)
}
