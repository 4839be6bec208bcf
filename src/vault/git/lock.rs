//! One writer at a time: a lock that dies with its holder, in git's directory, next to the private
//! files of whoever holds it. Knows nothing of what is written.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::{Doing, WriteFailure};

/// How long another git process may hold a lock before it is called stuck. Where git is alive, its
/// locks last for moments.
const GIT_LOCK_WAIT: Duration = Duration::from_secs(8);

/// How often a lock is looked at while it is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The directory `fleetvault/` in git's common directory, locked until this is dropped.
pub(super) struct StateDir {
    path: PathBuf,
    patience: Duration,
    _lock: File,
}

impl StateDir {
    /// Waits for the lock, up to `limit`.
    pub fn lock(common_dir: &Path, limit: Duration) -> Result<Self, WriteFailure> {
        let path = Self::path_in(common_dir);
        create(&path, common_dir)?;
        let lock_path = path.join("lock");
        let lock = open(&lock_path).doing("open", &lock_path)?;
        wait(&lock, &lock_path, limit)?;
        Ok(Self {
            path,
            patience: limit.min(GIT_LOCK_WAIT),
            _lock: lock,
        })
    }

    /// Returns where the private files are, locked or not.
    pub fn path_in(common_dir: &Path) -> PathBuf {
        common_dir.join("fleetvault")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns how long another git process may hold a lock of its own.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directory, as open to a group as git's own are (`core.sharedRepository`).
fn create(path: &Path, common_dir: &Path) -> Result<(), WriteFailure> {
    match fs::create_dir(path) {
        Ok(()) => {
            if let Ok(like) = fs::metadata(common_dir.join("objects")) {
                // Failing to widen it only shows when somebody else writes, and is told then.
                let _ = fs::set_permissions(path, like.permissions());
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).doing("create the directory", path),
    }
}

/// Opens the lock file. One that another user of a shared repository made is locked all the same.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        opened => opened,
    }
}

/// Removes a file that may not be there.
pub(super) fn remove_if_there(path: &Path) -> Result<(), WriteFailure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing("remove", path),
        _ => Ok(()),
    }
}

/// Waits for a lock, up to `limit`.
pub(super) fn wait(file: &File, path: &Path, limit: Duration) -> Result<(), WriteFailure> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error).doing("lock", path),
            Err(TryLockError::WouldBlock) if started.elapsed() >= limit => {
                let seconds = limit.as_secs();
                return Err(WriteFailure::Locked { seconds });
            }
            Err(TryLockError::WouldBlock) => sleep(LOOK_AGAIN),
        }
    }
}
