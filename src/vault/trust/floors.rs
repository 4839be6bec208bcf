//! Floors: the highest serial of each file that was used here, and the digest it had (SPEC.md, section 16).
//!
//! One small file for each, so that a resolver reads only those of the files it uses.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use thiserror::Error;
use vault_format::Digest;

/// A file that is older than, or other than, what was seen here before.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FloorError {
    /// A lower serial than one that was used.
    #[error("it was rolled back: serial {seen} was seen here before, found serial {found}")]
    RolledBack {
        /// The highest serial used here.
        seen: u64,
        /// The serial of the file.
        found: u64,
    },
    /// The same serial with other bytes.
    #[error("it is not the serial {serial} that was seen here before: same serial, other contents")]
    Forked {
        /// The serial.
        serial: u64,
    },
    /// No file and no tombstone.
    #[error("it is gone without a tombstone: serial {seen} was seen here before")]
    Vanished {
        /// The highest serial used here.
        seen: u64,
    },
    /// The memory itself cannot be read. Refused, since nothing can be compared.
    #[error("the floor file {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The floors of one vault, and those to be written when all checks are through.
pub struct Floors {
    pub(super) directory: Option<PathBuf>,
    raised: RefCell<BTreeMap<String, Floor>>,
    /// Files that were found exactly at their floors, with their serials.
    held: RefCell<BTreeMap<String, u64>>,
    /// Floors that were told by the history.
    pub(super) told: RefCell<BTreeMap<String, Floor>>,
    /// When any floor of this vault was last written, before any was read.
    written: Cell<Option<SystemTime>>,
}

/// What is remembered of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) serial: u64,
    pub(super) digest: Digest,
}

impl Floors {
    /// Floors kept in `directory`; `None` on machines that keep no state, where only the anchor protects.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self {
            written: Cell::new(directory.as_deref().and_then(last_written)),
            directory,
            raised: RefCell::default(),
            told: RefCell::default(),
            held: RefCell::default(),
        }
    }

    /// Tells whether nobody else has written a floor of this vault since: what was checked then holds now.
    pub fn are_as_loaded(&self) -> bool {
        self.directory.as_deref().and_then(last_written) == self.written.get()
    }

    /// Checks a file against its floor. `path` is that inside the vault.
    ///
    /// # Errors
    /// [`FloorError`].
    pub fn check(&self, path: &str, serial: u64, digest: impl FnOnce() -> Digest) -> Result<(), FloorError> {
        match self.read(path)? {
            Some(floor) if serial < floor.serial => Err(FloorError::RolledBack {
                seen: floor.serial,
                found: serial,
            }),
            Some(floor) if serial == floor.serial && digest() != floor.digest => Err(FloorError::Forked { serial }),
            Some(floor) if serial == floor.serial => {
                self.held.borrow_mut().insert(path.into(), serial);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks a chain of files, of which each has one serial more than the one before, against the floor of its end: it must not end before
    /// that serial, and must have the same file there. Else who could write before could go around the floor by a longer chain.
    ///
    /// # Errors
    /// [`FloorError`].
    pub fn check_chain(&self, path: &str, digests: &[Digest]) -> Result<(), FloorError> {
        let Some(floor) = self.read(path)? else { return Ok(()) };
        let at = usize::try_from(floor.serial.saturating_sub(1)).ok();
        let last = digests.len() as u64;
        match at.and_then(|at| digests.get(at)) {
            None => Err(FloorError::RolledBack {
                seen: floor.serial,
                found: last,
            }),
            Some(digest) if *digest != floor.digest => Err(FloorError::Forked { serial: floor.serial }),
            Some(_) if last == floor.serial => {
                self.held.borrow_mut().insert(path.into(), last);
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks that a file which is not there was never used here.
    ///
    /// # Errors
    /// [`FloorError::Vanished`].
    pub fn check_absent(&self, path: &str) -> Result<(), FloorError> {
        match self.read(path)? {
            Some(floor) => Err(FloorError::Vanished { seen: floor.serial }),
            None => Ok(()),
        }
    }

    /// Returns the highest serial of a file that was used here.
    ///
    /// # Errors
    /// [`FloorError::Unreadable`].
    pub fn highest(&self, path: &str) -> Result<Option<u64>, FloorError> {
        Ok(self.read(path)?.map(|floor| floor.serial))
    }

    /// Notes that a file was used. Nothing is written before [`Floors::save`]. What was noted with a higher serial stays: a change reads a
    /// file and then writes its successor.
    pub fn raise(&self, path: &str, serial: u64, digest: impl FnOnce() -> Digest) {
        let noted = self.raised.borrow().get(path).map(|floor| floor.serial);
        // Most files are what they were at the last use: nothing to write, and no file to read again.
        if self.held.borrow().get(path) != Some(&serial) && noted.is_none_or(|noted| noted <= serial) {
            let digest = digest();
            self.raised.borrow_mut().insert(path.into(), Floor { serial, digest });
        }
    }

    /// Writes what was raised, atomically and never lower than what another process wrote meanwhile.
    ///
    /// # Errors
    /// Those of the file system; a directory that cannot be written is the caller's to judge.
    pub fn save(&self) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let raised = self.raised.take();
        if raised.is_empty() {
            return Ok(());
        }
        let higher = |path: &String, floor: &Floor| {
            self.kept(path)
                .ok()
                .flatten()
                .is_none_or(|old| old.serial < floor.serial)
        };
        if !raised.iter().any(|(path, floor)| higher(path, floor)) {
            return Ok(());
        }
        let lock = super::lock(directory)?;
        let alone = self.are_as_loaded();
        let files: Vec<_> = raised
            .iter()
            .filter(|(path, floor)| higher(path, floor))
            .map(|(path, floor)| (directory.join(path), floor.line()))
            .collect();
        super::replace_all(&files)?;
        tell(&lock)?;
        if alone {
            // Still under the lock: what was written is what is known here.
            self.written.set(last_written(directory));
        }
        Ok(())
    }

    /// The paths of all files with a floor, sorted, with the serial of each.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        if let Some(directory) = &self.directory {
            self.collect(directory, "", &mut found)?;
        }
        for (path, told) in self.told.borrow().iter() {
            match found.iter_mut().find(|(known, _)| known == path) {
                Some((_, serial)) => *serial = told.serial.max(*serial),
                None => found.push((path.clone(), told.serial)),
            }
        }
        found.sort();
        Ok(found)
    }

    fn collect(&self, directory: &Path, prefix: &str, found: &mut Vec<(String, u64)>) -> io::Result<()> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.collect(&entry.path(), &format!("{path}/"), found)?;
            } else if name.ends_with(".toml")
                && let Ok(Some(floor)) = self.read(&path)
            {
                found.push((path, floor.serial));
            }
        }
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Option<Floor>, FloorError> {
        let kept = self.kept(path)?;
        let told = self.told.borrow().get(path).copied();
        Ok(match (kept, told) {
            (Some(kept), Some(told)) if kept.serial < told.serial => Some(told),
            (None, told) => told,
            (kept, _) => kept,
        })
    }

    pub(super) fn kept(&self, path: &str) -> Result<Option<Floor>, FloorError> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let file = directory.join(path);
        let unreadable = |reason: String| FloorError::Unreadable {
            path: file.clone(),
            reason,
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let (serial, digest) = text.trim_end().split_once(' ').unwrap_or_default();
        match (serial.parse(), digest.parse()) {
            (Ok(serial), Ok(digest)) => Ok(Some(Floor { serial, digest })),
            _ => Err(unreadable("expected a serial and a digest".into())),
        }
    }
}

impl Floor {
    pub(super) fn line(self) -> String {
        format!("{} {}\n", self.serial, self.digest)
    }
}

/// When a floor in this directory was last written.
fn last_written(directory: &Path) -> Option<SystemTime> {
    fs::metadata(super::lock_file(directory)).ok()?.modified().ok()
}

/// Lets others see that floors were written. Said last: whoever has read the new time reads the new floors.
pub(super) fn tell(lock: &fs::File) -> io::Result<()> {
    lock.set_modified(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn a_floor_refuses_what_is_lower_other_or_gone_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        let floors = || Floors::new(Some(state.path().join("floors")));
        let path = "credentials/prod/db.toml";
        assert_eq!(floors().check_absent(path), Ok(()));
        let first = floors();
        first.raise(path, 4, || digest("four"));
        first.save().unwrap();
        assert_eq!(floors().check(path, 4, || digest("four")), Ok(()));
        assert_eq!(floors().check(path, 5, || digest("five")), Ok(()));
        assert_eq!(
            floors().check(path, 4, || digest("other")),
            Err(FloorError::Forked { serial: 4 })
        );
        assert_eq!(
            floors().check(path, 3, || digest("three")),
            Err(FloorError::RolledBack { seen: 4, found: 3 })
        );
        assert_eq!(floors().check_absent(path), Err(FloorError::Vanished { seen: 4 }));
        let late = floors();
        late.raise(path, 2, || digest("two"));
        late.save().unwrap();
        assert_eq!(floors().list().unwrap(), [(path.to_string(), 4)]);
        floors().accept(path, Some((3, digest("three")))).unwrap();
        assert_eq!(floors().check(path, 3, || digest("three")), Ok(()));
        floors().accept(path, None).unwrap();
        assert_eq!(floors().check_absent(path), Ok(()));
    }

    #[test]
    fn a_chain_must_pass_through_its_floor() {
        let state = tempfile::tempdir().unwrap();
        let floors = || Floors::new(Some(state.path().join("floors")));
        let [one, two, fork, three] = ["one", "two", "fork", "three"].map(digest);
        assert_eq!(floors().check_chain("root.toml", &[one]), Ok(()));
        let first = floors();
        first.raise("root.toml", 2, || two);
        // A change reads the chain after it has noted its successor.
        first.raise("root.toml", 1, || one);
        first.save().unwrap();
        assert_eq!(floors().check_chain("root.toml", &[one, two]), Ok(()));
        assert_eq!(floors().check_chain("root.toml", &[one, two, three]), Ok(()));
        let forked = Err(FloorError::Forked { serial: 2 });
        assert_eq!(floors().check_chain("root.toml", &[one, fork]), forked);
        assert_eq!(floors().check_chain("root.toml", &[one, fork, three]), forked);
        let shorter = floors().check_chain("root.toml", &[one]);
        assert_eq!(shorter, Err(FloorError::RolledBack { seen: 2, found: 1 }));
    }

    #[test]
    fn floors_that_another_process_writes_are_noticed() {
        let state = tempfile::tempdir().unwrap();
        let floors = || Floors::new(Some(state.path().join("floors")));
        let first = floors();
        first.raise("members/b.toml", 1, || digest("one"));
        first.save().unwrap();
        let (early, other) = (floors(), floors());
        other.raise("members/a.toml", 1, || digest("one"));
        assert!(early.are_as_loaded());
        other.save().unwrap();
        assert!(!early.are_as_loaded());
        assert!(other.are_as_loaded(), "its own");
        early.raise("members/c.toml", 1, || digest("one"));
        early.save().unwrap();
        assert!(!early.are_as_loaded(), "what the other wrote was not seen");
        let late = floors();
        assert!(late.are_as_loaded());
        other.accept("members/a.toml", None).unwrap();
        assert!(!late.are_as_loaded());
        assert!(Floors::new(None).are_as_loaded());
    }

    /// More than are written together.
    #[test]
    fn many_are_written_and_none_is_left_half() {
        let state = tempfile::tempdir().unwrap();
        let floors = || Floors::new(Some(state.path().join("floors")));
        let first = floors();
        let paths: Vec<String> = (0..600).map(|n| format!("grants/all/m{n}.toml")).collect();
        for path in &paths {
            first.raise(path, 2, || digest(path));
        }
        first.save().unwrap();
        let late = floors();
        late.raise(&paths[7], 1, || digest("old"));
        late.raise(&paths[8], 3, || digest("new"));
        late.save().unwrap();
        let known: BTreeMap<String, u64> = floors().list().unwrap().into_iter().collect();
        assert_eq!(known.len(), paths.len());
        assert_eq!((known[&paths[7]], known[&paths[8]]), (2, 3));
        let files = fs::read_dir(state.path().join("floors/grants/all")).unwrap();
        assert_eq!(files.count(), paths.len());
    }

    #[test]
    fn a_damaged_memory_refuses() {
        let state = tempfile::tempdir().unwrap();
        fs::create_dir_all(state.path().join("members")).unwrap();
        fs::write(state.path().join("members/a.toml"), "nonsense").unwrap();
        let floors = Floors::new(Some(state.path().into()));
        assert!(matches!(
            floors.check("members/a.toml", 1, || digest("")),
            Err(FloorError::Unreadable { .. })
        ));
    }
}
