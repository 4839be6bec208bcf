//! What this machine remembers of vaults, outside of any repository: floors, and the vaults it has accepted.
//!
//! Takes its directory from the caller; never looks for one itself.

mod floors;
mod known;
mod places;

pub use floors::{FloorError, Floors};
pub use known::KnownVaults;
pub use places::Places;

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
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
