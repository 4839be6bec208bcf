//! git's index: locked as git locks it, edited in a private copy, put in place by one rename.
//! Changes only the entries it is told to; every other one stays, staged or not.

use std::collections::HashSet;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

use git2::{IndexEntry, IndexEntryExtendedFlag, IndexTime, Oid};

use super::error::{Doing, WriteFailure, git};
use super::lock::{StateDir, remove_if_there};
use super::path::parents;
use super::sync::sync_all;
use super::worktree;

/// What our `index.lock` holds. Only we write this, and only under the writers' lock: whoever has
/// that and finds this knows that it was left over.
const TOKEN: &[u8] = b"fleetvault\n";

/// git's lock on the index, until this is dropped.
pub(super) struct IndexLock(PathBuf);

impl IndexLock {
    /// Waits for the lock; a living git holds it for moments only.
    pub fn acquire(state: &StateDir, git_dir: &Path) -> Result<Self, WriteFailure> {
        let lock = git_dir.join("index.lock");
        let token = state.file("index.token");
        let started = Instant::now();
        loop {
            match take(&token, &lock) {
                Ok(()) => return Ok(Self(lock)),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(error).doing("create", &lock);
                }
                Err(_) if started.elapsed() > state.patience() => {
                    return Err(WriteFailure::GitLocked(lock));
                }
                Err(_) => sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Removes the locks that killed runs left over, in all work trees.
    pub fn remove_stale(common_dir: &Path) -> Result<(), WriteFailure> {
        remove_if_ours(&common_dir.join("index.lock"))?;
        for entry in fs::read_dir(common_dir.join("worktrees")).into_iter().flatten() {
            let Ok(entry) = entry else { continue };
            remove_if_ours(&entry.path().join("index.lock"))?;
        }
        Ok(())
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        // If it stays, the next run removes it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the lock appear with its contents, so that no kill can leave one that is not known as ours.
/// On a file system without hard links it is empty for a moment: one that a kill leaves like that
/// stays and is named to the user, as one of git's own would be.
fn take(token: &Path, lock: &Path) -> io::Result<()> {
    let linked = fs::write(token, TOKEN).and_then(|()| fs::hard_link(token, lock));
    let _ = fs::remove_file(token);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without hard links; or no space, which shows again.
            let mut file = OpenOptions::new().write(true).create_new(true).open(lock)?;
            let written = file.write_all(TOKEN);
            if written.is_err() {
                let _ = fs::remove_file(lock);
            }
            written
        }
        linked => linked,
    }
}

fn remove_if_ours(lock: &Path) -> Result<(), WriteFailure> {
    let small = fs::metadata(lock).is_ok_and(|meta| meta.len() == TOKEN.len() as u64);
    if small && fs::read(lock).is_ok_and(|content| content == TOKEN) {
        remove_if_there(lock)?;
    }
    Ok(())
}

/// How an entry compares with the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staged {
    /// As in the commit.
    Same,
    /// As in the commit, and left out of the work tree (sparse checkout).
    SameOutside,
    /// Not as in the commit; the text says how.
    Different(&'static str),
}

/// An index, read into memory.
pub(super) struct Index {
    git: git2::Index,
    original: PathBuf,
    /// Of the original, before it was read.
    modified: Option<(i32, u32)>,
    /// The copy that is edited.
    private: Option<PathBuf>,
    /// What [`Index::set`] has set: compared with its file just now.
    set: HashSet<Vec<u8>>,
}

impl Drop for Index {
    fn drop(&mut self) {
        if let Some(private) = &self.private {
            // Gone already if it was put in place; if it stays, the next run removes it.
            let _ = fs::remove_file(private);
        }
    }
}

impl Index {
    /// Reads the index, to look at it.
    pub fn read(git_dir: &Path) -> Result<Self, WriteFailure> {
        let original = git_dir.join("index");
        Self::load(original, None)
    }

    /// Copies the index, to edit it. Needs the lock, so that it does not change meanwhile.
    pub fn copy(state: &StateDir, git_dir: &Path, _lock: &IndexLock) -> Result<Self, WriteFailure> {
        let original = git_dir.join("index");
        let private = state.file("index");
        remove_if_there(&private)?;
        match fs::copy(&original, &private) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let _ = fs::remove_file(&private);
                return Err(error).doing("copy", &original);
            }
            _ => {}
        }
        Self::load(original, Some(private))
    }

    fn load(original: PathBuf, private: Option<PathBuf>) -> Result<Self, WriteFailure> {
        let modified = fs::metadata(&original).ok().map(|meta| time(meta.modified()));
        let loaded = git2::Index::open(private.as_ref().unwrap_or(&original));
        if loaded.is_err()
            && let Some(private) = &private
        {
            let _ = fs::remove_file(private);
        }
        Ok(Self {
            git: loaded.map_err(git("read the index"))?,
            original,
            modified,
            private,
            set: HashSet::new(),
        })
    }

    /// Compares what is staged for a file with what the commit has.
    pub fn compare(&self, path: &str, committed: Option<Oid>) -> Staged {
        let at = |stage| self.git.get_path(Path::new(path), stage);
        if (1..=3).any(|stage| at(stage).is_some()) {
            return Staged::Different("has a merge conflict");
        }
        // A file staged in place of a directory of ours, or below ours, would be lost.
        let below = self.git.find_prefix(format!("{path}/")).is_ok();
        if below || parents(path).any(|parent| self.git.get_path(Path::new(parent), 0).is_some()) {
            return Staged::Different("collides with another name that is staged");
        }
        match (at(0), committed) {
            (None, None) => Staged::Same,
            (None, Some(_)) => Staged::Different("is staged for removal"),
            (Some(_), None) => Staged::Different("is staged, but not committed"),
            (Some(entry), Some(id)) if entry.id == id && entry.mode == 0o100644 => {
                if is_outside(&entry) {
                    Staged::SameOutside
                } else {
                    Staged::Same
                }
            }
            (Some(_), Some(_)) => Staged::Different("has staged changes"),
        }
    }

    /// Returns all entries, sorted by path and then by stage.
    pub fn entries(&self) -> impl Iterator<Item = IndexEntry> {
        self.git.iter()
    }

    /// Returns the files that are staged and in no conflict, as a commit of them would have them.
    pub fn settled(&self) -> impl Iterator<Item = IndexEntry> {
        let intended = IndexEntryExtendedFlag::INTENT_TO_ADD.bits();
        self.entries()
            .filter(move |entry| stage(entry) == 0 && entry.flags_extended & intended == 0)
    }

    /// Takes a file in conflict out, whose merged contents are then [`Index::set`].
    pub fn end_conflict(&mut self, path: &str) -> Result<(), WriteFailure> {
        self.git
            .conflict_remove(Path::new(path))
            .map_err(git("change the index"))
    }

    /// Returns the contents that are staged for a file.
    pub fn id(&self, path: &str) -> Option<Oid> {
        self.git.get_path(Path::new(path), 0).map(|entry| entry.id)
    }

    /// Stages a file; with its metadata git need not read it again to see that it is unchanged.
    pub fn set(&mut self, path: &str, id: Oid, metadata: Option<&Metadata>) -> Result<(), WriteFailure> {
        let before = self.git.get_path(Path::new(path), 0);
        let outside = before.as_ref().is_some_and(is_outside);
        let mut entry = plain_entry(path, id);
        if outside {
            entry.flags_extended = IndexEntryExtendedFlag::SKIP_WORKTREE.bits();
        }
        if let Some(metadata) = metadata {
            fill(&mut entry, metadata);
        }
        self.git.add(&entry).map_err(git("change the index"))?;
        self.set.insert(entry.path);
        Ok(())
    }

    /// Takes a file out.
    pub fn remove(&mut self, path: &str) -> Result<(), WriteFailure> {
        self.git.remove(Path::new(path), 0).map_err(git("change the index"))
    }

    /// Puts the edited copy in place, synced to disk together with `others`; the one before is kept until the next run.
    pub fn put_in_place(
        mut self,
        state: &StateDir,
        top: &Path,
        mut others: Vec<PathBuf>,
        _lock: &IndexLock,
    ) -> Result<(), WriteFailure> {
        self.doubt_recent(top)?;
        self.git.write().map_err(git("write the index"))?;
        let private = state.file("index");
        // libgit2 does not sync an index.
        others.push(private.clone());
        sync_all(&others)?;
        if let Ok(before) = fs::metadata(&self.original) {
            let _ = fs::set_permissions(&private, before.permissions());
            let _ = fs::hard_link(&self.original, Self::kept(state));
        }
        fs::rename(&private, &self.original).doing("replace", &self.original)?;
        match self.original.parent() {
            Some(directory) => sync_all(&[directory.to_owned()]),
            None => Ok(()),
        }
    }

    /// Returns where the index before the last change is kept.
    pub fn kept(state: &StateDir) -> PathBuf {
        state.file("index.old")
    }

    /// Marks entries that git could no longer see to be changed. A file written in the same moment
    /// as the index may have changed after git looked, with the same size and time; git knows by
    /// comparing with the index's own time, which we are about to renew. A size of zero makes it
    /// read the file, which is what git does itself ("racy git").
    fn doubt_recent(&mut self, top: &Path) -> Result<(), WriteFailure> {
        let Some(modified) = self.modified else {
            return Ok(());
        };
        let recent: Vec<IndexEntry> = self
            .git
            .iter()
            .filter(|entry| entry.mtime.seconds() >= modified.0)
            .filter(|entry| entry.file_size != 0 && stage(entry) == 0)
            .filter(|entry| !self.set.contains(&entry.path))
            .filter(|entry| matches!(entry.mode & 0o170000, 0o100000 | 0o120000))
            .filter(|entry| !is_surely_unchanged(entry, modified, top))
            .collect();
        for mut entry in recent {
            entry.file_size = 0;
            self.git.add(&entry).map_err(git("change the index"))?;
        }
        Ok(())
    }
}

/// Tells whether the file still is what git saw, by everything a file system says about it, and was last written before the index was. Where that
/// was in one tick of the clock, its contents tell: with a size of zero `git reset --keep` would take it for changed.
fn is_surely_unchanged(entry: &IndexEntry, index: (i32, u32), top: &Path) -> bool {
    let seen = (entry.mtime.seconds(), entry.mtime.nanoseconds());
    let Ok(path) = std::str::from_utf8(&entry.path) else {
        return false;
    };
    let Ok(metadata) = fs::symlink_metadata(top.join(path)) else {
        return false;
    };
    let mut now = IndexEntry {
        path: Vec::new(),
        ..*entry
    };
    fill(&mut now, &metadata);
    let is_as_seen = now.file_size == entry.file_size
        && now.ino == entry.ino
        && (now.mtime.seconds(), now.mtime.nanoseconds()) == seen
        && now.ctime.seconds() == entry.ctime.seconds()
        && now.ctime.nanoseconds() == entry.ctime.nanoseconds()
        && cfg!(unix);
    let has_contents =
        || metadata.is_file() && worktree::has_contents(&top.join(path), &metadata, entry.id).unwrap_or(false);
    is_as_seen && (seen < index || has_contents())
}

/// Fills in what `stat` says, cut to 32 bits as git does.
fn fill(entry: &mut IndexEntry, metadata: &Metadata) {
    let (seconds, nanoseconds) = time(metadata.modified());
    entry.mtime = IndexTime::new(seconds, nanoseconds);
    entry.file_size = metadata.len() as u32;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        entry.ctime = IndexTime::new(metadata.ctime() as i32, metadata.ctime_nsec() as u32);
        entry.dev = metadata.dev() as u32;
        entry.ino = metadata.ino() as u32;
        entry.uid = metadata.uid();
        entry.gid = metadata.gid();
    }
}

fn time(time: io::Result<std::time::SystemTime>) -> (i32, u32) {
    let since = time
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    (since.as_secs() as i32, since.subsec_nanos())
}

fn is_outside(entry: &IndexEntry) -> bool {
    entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0
}

/// Which side of a conflict an entry is, as git numbers them; 0 is none.
pub(super) fn stage(entry: &IndexEntry) -> u16 {
    (entry.flags >> 12) & 3
}

/// A regular file, of which nothing is known but its contents.
pub(super) fn plain_entry(path: &str, id: Oid) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: 0o100644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
