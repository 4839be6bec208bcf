//! What git's history knows of a vault and the commit that is read does not show: later versions of its files, which somebody with push rights,
//! or an honest `git revert`, has put back.

use std::collections::BTreeMap;

use vault_format::{Authority, Credential, Digest, Entry, FilePath, Grant, Group, Member, Parsed, ROOT_FILE, Root};

use super::{CommitId, FileError, FileProblem, History, MAX_FILE, Repository, Vault, Versions};

/// The folders whose files say to whom a value is sealed.
const SEALED_TO: [&str; 3] = ["members", "groups", "roots"];

/// A version of a file that the history has and the commit that is read has not, although it is later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// The file.
    pub path: FilePath,
    /// The serial and digest of the version.
    pub serial: u64,
    /// See `serial`.
    pub digest: Digest,
    /// The earliest commit that has it.
    pub commit: CommitId,
    /// The serial of the file now.
    pub now: u64,
}

/// Has something done with the commits that lead to the one that is read.
///
/// # Errors
/// [`FileError`] where they cannot be read at all, and what `work` returns.
pub(crate) fn with_history<T>(
    vault: &Vault<'_>,
    work: impl FnOnce(&Repository, &History<'_, '_>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let place = vault.snapshot().place();
    let repository = place.open().map_err(|error| failed(vault, error))?;
    let snapshot = repository.snapshot_at(&place).map_err(|error| failed(vault, error))?;
    let history = History::of(&repository, &snapshot, false).map_err(|error| failed(vault, error))?;
    work(&repository, &history)
}

/// Picks from versions those later ones that an author of now signed: any other could be made by whoever wants a file to look put back.
///
/// # Errors
/// [`FileError`] where the file of now cannot be read.
pub(crate) fn later(
    vault: &Vault<'_>,
    repository: &Repository,
    versions: &Versions,
    wanted: impl Fn(&FilePath) -> bool,
) -> Result<Vec<Later>, FileError> {
    let mut latest: BTreeMap<FilePath, (u64, Digest, CommitId)> = BTreeMap::new();
    for version in versions.files.iter().filter(|version| !version.current) {
        let Some(path) = FilePath::parse(&version.file.path).filter(&wanted) else {
            continue;
        };
        let bytes = repository.contents(version.file.id, MAX_FILE).ok().flatten();
        let Some((serial, digest)) = bytes.and_then(|bytes| signed(vault.authority(), &path, &bytes)) else {
            continue;
        };
        if latest.get(&path).is_none_or(|(known, ..)| *known < serial) {
            latest.insert(path, (serial, digest, version.since.commit));
        }
    }
    let mut found = Vec::new();
    for (path, (serial, digest, commit)) in latest {
        if let Some((now, _)) = vault.state_of(&path)?.filter(|(now, _)| *now < serial) {
            let later = Later {
                path,
                serial,
                digest,
                commit,
                now,
            };
            found.push(later);
        }
    }
    Ok(found)
}

/// The serial and digest of a version that counts under these authors. Of roots, only the next one does.
fn signed(authority: &Authority, path: &FilePath, bytes: &[u8]) -> Option<(u64, Digest)> {
    fn of<K: Entry>(authority: &Authority, path: &FilePath, bytes: &[u8]) -> Option<(u64, Digest)> {
        let file = authority.verify(Parsed::<K>::parse(bytes, path).ok()?).ok()?;
        Some((file.serial(), file.document().digest()))
    }
    match path {
        FilePath::Credential(_) => of::<Credential>(authority, path, bytes),
        FilePath::Group(_) => of::<Group>(authority, path, bytes),
        FilePath::Grant(..) => of::<Grant>(authority, path, bytes),
        FilePath::Member(_) => of::<Member>(authority, path, bytes),
        FilePath::Root(_) => {
            let next = authority.succeed(&Parsed::<Root>::parse(bytes, path).ok()?).ok()?;
            Some((next.serial(), next.digest()))
        }
    }
}

impl<'r> Vault<'r> {
    /// Takes for floors what the history knows of the files that say to whom a value is sealed, before anything is sealed: a machine that has not
    /// seen a removal itself would seal to who was removed, once somebody put the files of before back. Reads what was committed since it was
    /// last done here, and returns what is later than it is in the commit that is read. Unless it is to `keep` that, it holds for this vault alone.
    ///
    /// # Errors
    /// [`FileError`] where the history or the memory cannot be read or written; also where a later root is in the history: whoever was an
    /// author before it is not to be trusted with anything.
    pub fn learn_from_history(&self, repository: &'r Repository, keep: bool) -> Result<Vec<Later>, FileError> {
        let commit = self.snapshot().commit();
        let mark = self.floors().learned();
        if mark == Some(commit) {
            return Ok(Vec::new());
        }
        let since = mark.map(|mark| History::since(repository, self.snapshot(), mark));
        let since = since.transpose().map_err(|error| failed(self, error))?.flatten();
        let is_whole = since.is_none();
        let history = match since {
            Some(history) => history,
            None => History::of(repository, self.snapshot(), false).map_err(|error| failed(self, error))?,
        };
        let versions = history
            .versions(&SEALED_TO, &|_| {})
            .map_err(|error| self.error("", error))?;
        let found = later(self, repository, &versions, |_| true)?;
        for later in &found {
            let path = floor_path(&later.path);
            let known = self
                .floors()
                .highest(&path)
                .map_err(|error| self.error(path.as_str(), error))?;
            // On another branch than before, what was used or accepted here is not judged again.
            if known.is_none_or(|known| known < later.serial && !(is_whole && mark.is_some())) {
                self.floors().note_later(&path, later.serial, later.digest);
            }
        }
        if keep {
            self.floors().learn(commit).map_err(|error| failed(self, error))?;
        }
        self.check_roots()?;
        Ok(found)
    }
}

/// The path under which a file's floor is kept: one for all roots.
fn floor_path(path: &FilePath) -> String {
    match path {
        FilePath::Root(_) => ROOT_FILE.to_owned(),
        _ => path.to_string(),
    }
}

fn failed(vault: &Vault<'_>, error: impl ToString) -> FileError {
    vault.error("", FileProblem::Contradiction(error.to_string()))
}
