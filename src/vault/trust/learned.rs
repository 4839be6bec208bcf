//! What git's history told of files that this machine had not seen, up to which commit it was asked, and what a person gave up by accepting another
//! version than the history has. Beside the floors, in files of their own.

use std::{fs, io, path::Path};

use vault_format::Digest;

use super::floors::{Floor, Floors, tell};
use crate::vault::git::CommitId;

/// Where the commit is noted up to which the history was asked. No file of a vault has this name.
const LEARNED: &str = "learned";

/// Where the versions are noted that a person gave up by accepting another, a line each: that the history has them is no news.
const ACCEPTED: &str = "accepted";

impl Floors {
    /// The commit up to which the history was last asked for what this machine has not seen; `None` where that never happened.
    pub fn learned(&self) -> Option<CommitId> {
        let text = fs::read_to_string(self.directory.as_ref()?.join(LEARNED)).ok()?;
        text.trim_end().parse().ok()
    }

    /// Takes what the history tells of a file for its floor, where that is higher. Nothing is written before [`Floors::learn`].
    pub fn note_later(&self, path: &str, serial: u64, digest: Digest) {
        self.told.borrow_mut().insert(path.into(), Floor { serial, digest });
    }

    /// Writes what the history told, and up to which commit it was asked; not where it was cut, since all of it may be there another time.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn learn(&self, commit: Option<CommitId>) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        for (path, floor) in self.told.borrow().iter() {
            self.raise(path, floor.serial, || floor.digest);
        }
        self.save()?;
        let Some(commit) = commit else { return Ok(()) };
        // Not synced to disk: where the note is lost, all of the history is asked again.
        super::replace_unsynced(&directory.join(LEARNED), format!("{commit}\n").as_bytes())
    }

    /// Takes a file as it is now for its floor, also where that is lower; `None` forgets it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn accept(&self, path: &str, now: Option<(u64, Digest)>) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let lock = super::lock(directory)?;
        if let Ok(Some(old)) = self.kept(path)
            && now.is_none_or(|(serial, _)| serial < old.serial)
        {
            give_up(directory, path, old)?;
        }
        match now {
            Some((serial, digest)) => {
                let line = Floor { serial, digest }.line();
                super::replace_all(&[(directory.join(path), line)])?;
            }
            None => match fs::remove_file(directory.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            },
        }
        tell(&lock)
    }

    /// Tells whether a person has accepted here that this version of a file is not the one that stands there; with `or_earlier`, also one with a
    /// lower serial than that.
    pub fn is_given_up(&self, path: &str, serial: u64, digest: Digest, or_earlier: bool) -> bool {
        let Some(directory) = &self.directory else {
            return false;
        };
        let version = Floor { serial, digest };
        let mut versions = given_up(directory).filter(|(other, _)| other == path);
        versions.any(|(_, other)| other == version || (or_earlier && serial <= other.serial))
    }
}

/// Notes that a person gave this version of a file up.
fn give_up(directory: &Path, path: &str, version: Floor) -> io::Result<()> {
    let others = given_up(directory).filter(|other| (&*other.0, other.1) != (path, version));
    let lines = others.chain([(path.to_owned(), version)]);
    let text = lines
        .map(|(path, floor)| format!("{} {} {path}\n", floor.serial, floor.digest))
        .collect();
    super::replace_all(&[(directory.join(ACCEPTED), text)])
}

/// The versions that were given up. A line that is none says nothing: then the history is believed.
fn given_up(directory: &Path) -> impl Iterator<Item = (String, Floor)> {
    let text = fs::read_to_string(directory.join(ACCEPTED)).unwrap_or_default();
    let line = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let (serial, digest) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((parts.next()?.to_owned(), Floor { serial, digest }))
    };
    Vec::from_iter(text.lines().filter_map(line)).into_iter()
}
