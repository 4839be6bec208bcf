//! What git does for this program, and may go on doing when this program was killed: who comes next waits for it, and clears away what it left
//! where it was killed too. Its own locks cannot tell the two apart; a lock that a process holds as its standard input ends with it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Doing, WriteFailure};
use super::index::IndexLock;
use super::lock::{self, StateDir, remove_if_there};
use super::repository::Repository;
use super::sync::sync_all;

/// How long a git of a run before is waited for that changes files: as long as for another writer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a git does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It changes files of the work tree.
    Files,
    /// It talks to another repository.
    Remote,
}

impl Work {
    fn file(self, common_dir: &Path) -> PathBuf {
        let name = match self {
            Self::Files => "files-at-work",
            Self::Remote => "remote-at-work",
        };
        StateDir::path_in(common_dir).join("sync").join(name)
    }
}

impl Repository {
    /// What a git that does such work is to hold as its standard input, as long as it lives. One that is still at work is waited for, but not for
    /// the other side of a network.
    ///
    /// # Errors
    /// [`WriteFailure::Locked`]; those of the file system.
    pub fn at_work(&self, work: Work) -> Result<File, WriteFailure> {
        let path = work.file(self.common_dir());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).doing("create the directory", directory)?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.doing("open", &path)?;
        match work {
            Work::Files => lock::wait(&file, &path, PATIENCE)?,
            // One that is left over hinders nobody; its locks are its own then.
            Work::Remote => drop(file.try_lock()),
        }
        Ok(file)
    }

    /// Removes git's lock on a reference that only this program uses, where no git of it is at work any more.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_stale_lock(&self, reference: &str) -> Result<(), WriteFailure> {
        let lock = self.common_dir().join(format!("{reference}.lock"));
        if !lock.exists() {
            return Ok(());
        }
        let file = self.at_work(Work::Remote)?;
        match file.try_lock() {
            Ok(()) => remove_if_there(&lock),
            Err(_) => Ok(()),
        }
    }
}

/// Waits until no git of this program changes files of the work tree any more.
pub(super) fn wait_for_files(common_dir: &Path) -> Result<(), WriteFailure> {
    let path = Work::Files.file(common_dir);
    match File::open(&path) {
        Ok(file) => lock::wait(&file, &path, PATIENCE),
        // There never was one.
        Err(_) => Ok(()),
    }
}

/// Has git change files of the work tree with a copy of the index, which is put in place when it is done: git's own lock on the index would stay
/// where git is killed, and nobody could tell whose it was.
pub(super) fn with_index<E: From<WriteFailure>>(
    repository: &Repository,
    state: &StateDir,
    work: impl Fn(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let _lock = IndexLock::acquire(state, repository.git_dir())?;
    let (index, copy) = (repository.git_dir().join("index"), state.file("index"));
    copy_index(&index, &copy)?;
    let done = work(&copy);
    if done.is_err() || !copy.exists() {
        remove_if_there(&copy)?;
        return done;
    }
    sync_all(std::slice::from_ref(&copy))?;
    fs::rename(&copy, &index).doing("replace", &index)?;
    sync_all(&[repository.git_dir().to_owned()])?;
    Ok(())
}

impl Repository {
    /// Tries something with a copy of the index, which is thrown away.
    ///
    /// # Errors
    /// What the trial returns; those of the file system.
    pub fn on_trial<E: From<WriteFailure>>(&self, trial: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let directory = StateDir::path_in(self.common_dir()).join("sync");
        fs::create_dir_all(&directory).doing("create the directory", &directory)?;
        let copy = directory.join("index");
        // One sync at a time: what is there was left by a kill.
        remove_if_there(&directory.join("index.lock"))?;
        copy_index(&self.git_dir().join("index"), &copy)?;
        let tried = trial(&copy);
        remove_if_there(&copy)?;
        tried
    }
}

/// Copies an index with its time, by which git knows of files that were changed in the same moment.
fn copy_index(index: &Path, copy: &Path) -> Result<(), WriteFailure> {
    remove_if_there(copy)?;
    let Ok(metadata) = fs::metadata(index) else {
        return Ok(());
    };
    let copied = fs::copy(index, copy).and_then(|_| {
        let file = OpenOptions::new().write(true).open(copy)?;
        file.set_modified(metadata.modified()?)
    });
    copied.doing("copy", index)
}
