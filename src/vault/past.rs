//! What git's history knows of a vault and the commit that is read does not show: later versions of its files, which somebody with push rights,
//! or an honest `git revert`, has put back.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
};

use vault_format::{Authority, Credential, Digest, Entry, FilePath, Grant, Group, Member, Parsed, ROOT_FILE, Root};

use super::{BlobId, CommitId, FileError, FileProblem, History, MAX_FILE, Repository, Vault, Versions};

/// The folders whose files say to whom a value is sealed.
const SEALED_TO: [&str; 3] = ["members", "groups", "roots"];

/// In how many lines a file says what it is: `format`, `kind`, `vault`, `name`, `serial`.
const HEADER: usize = 5;

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

impl Later {
    /// What is known of it, and how it comes back, in one line.
    pub fn way_back(&self) -> String {
        let (commit, path) = (self.commit.short(), &self.path);
        format!(
            "serial {} in commit {commit}, serial {} now; 'git checkout {commit} -- {path}' and a commit bring the later one",
            self.serial, self.now
        )
    }
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
    let mut found = Vec::new();
    for (path, latest) in latest(vault, repository, versions, wanted, |_, _, _| true) {
        if let Some((now, _)) = vault.state_of(&path)?.filter(|(now, _)| *now < latest.serial) {
            found.push(latest.than(path, now));
        }
    }
    Ok(found)
}

/// The latest version of a file in the history.
struct Latest {
    serial: u64,
    digest: Digest,
    commit: CommitId,
}

impl Latest {
    fn than(self, path: FilePath, now: u64) -> Later {
        let Self { serial, digest, commit } = self;
        Later {
            path,
            serial,
            digest,
            commit,
            now,
        }
    }
}

fn latest(
    vault: &Vault<'_>,
    repository: &Repository,
    versions: &Versions,
    wanted: impl Fn(&FilePath) -> bool,
    counts: impl Fn(&FilePath, u64, Digest) -> bool,
) -> BTreeMap<FilePath, Latest> {
    let mut latest: BTreeMap<FilePath, Latest> = BTreeMap::new();
    for version in versions.files.iter().filter(|version| !version.current) {
        let Some(path) = FilePath::parse(&version.file.path).filter(&wanted) else {
            continue;
        };
        let bytes = repository.contents(version.file.id, MAX_FILE).ok().flatten();
        let Some((serial, digest)) = bytes.and_then(|bytes| signed(vault.authority(), &path, &bytes)) else {
            continue;
        };
        if counts(&path, serial, digest) && latest.get(&path).is_none_or(|known| known.serial < serial) {
            let commit = version.since.commit;
            latest.insert(path, Latest { serial, digest, commit });
        }
    }
    latest
}

/// Tells of contents whether they count at a path, each read once: the same may stand at as many paths as somebody likes.
struct Counting<'c> {
    authority: &'c Authority,
    repository: &'c Repository,
    known: RefCell<HashMap<BlobId, Option<String>>>,
    /// Whether some are not here, as in a partial clone.
    lacks: Cell<bool>,
}

impl Counting<'_> {
    fn is_signed(&self, path: &str, id: BlobId) -> bool {
        let Some(file) = FilePath::parse(path) else {
            return false;
        };
        let mut known = self.known.borrow_mut();
        let counts_at = known.entry(id).or_insert_with(|| {
            let bytes = self.repository.contents(id, MAX_FILE);
            self.lacks.set(self.lacks.get() || bytes.is_err());
            let bytes = bytes.ok().flatten()?;
            let at = own_path(&bytes)?;
            signed(self.authority, &FilePath::parse(&at)?, &bytes).map(|_| at)
        });
        let text = file.to_string();
        counts_at.as_deref() == Some(text.as_str())
    }
}

/// Where contents say that they belong, wherever they stand: of files that say to whom a value is sealed.
fn own_path(bytes: &[u8]) -> Option<String> {
    let header = bytes.split(|&byte| byte == b'\n').take(HEADER);
    let header: Vec<&str> = header.filter_map(|line| str::from_utf8(line).ok()).collect();
    let value = |key: &str| {
        header
            .iter()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
    };
    let text = |key: &str| value(key)?.strip_prefix('"')?.strip_suffix('"');
    match text("kind")? {
        "member" => Some(format!("members/{}.toml", text("name")?)),
        "group" => Some(format!("groups/{}.toml", text("name")?)),
        "root" => Some(format!("roots/{}.toml", value("serial")?)),
        _ => None,
    }
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
        let is_cut = is_whole && !history.cut().is_empty();
        let counting = Counting {
            authority: self.authority(),
            repository,
            known: RefCell::default(),
            lacks: Cell::new(false),
        };
        // Most files are what they ever were: nothing is to be read of them.
        let is_current = |path: &str, id| self.snapshot().blob_id(path).ok().flatten() == Some(id);
        let versions = history
            .versions_in(&SEALED_TO, &|path, id| {
                !is_current(path, id) && counting.is_signed(path, id)
            })
            .map_err(|error| self.error("", error))?;
        let mut found = Vec::new();
        // What was given up here stays so, also where all of the history is asked again.
        let is_news =
            |path: &FilePath, serial, digest| !self.floors().is_given_up(&floor_path(path), serial, digest, is_whole);
        for (path, latest) in latest(self, repository, &versions, |_| true, is_news) {
            // Gone or broken, it stops who needs it, and nobody else; and may be put back once this is no news any more.
            let now = self.state_of(&path).ok().flatten().map(|(now, _)| now);
            if now.is_some_and(|now| now >= latest.serial) {
                continue;
            }
            let floor = floor_path(&path);
            let known = self
                .floors()
                .highest(&floor)
                .map_err(|error| self.error(floor.as_str(), error))?;
            if known.is_none_or(|known| known < latest.serial) {
                self.floors().note_later(&floor, latest.serial, latest.digest);
            }
            found.extend(now.map(|now| latest.than(path, now)));
        }
        if keep {
            // In a clone that is shallow, or lacks objects, more may be known another time.
            let up_to = (!is_cut && !counting.lacks.get()).then_some(commit);
            self.floors().learn(up_to).map_err(|error| failed(self, error))?;
        }
        if found.iter().any(|later| matches!(later.path, FilePath::Root(_))) {
            self.check_roots()?;
        }
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
