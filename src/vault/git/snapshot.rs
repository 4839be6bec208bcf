//! One commit's tree, seen from the vault's directory. Reads objects only: never the work tree,
//! never the index, never a file larger than a vault's can be.

use std::path::PathBuf;
use std::rc::Rc;

use git2::Oid;

use super::error::{ReadError, RepositoryError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::path::{check_path, join};
use super::repository::Repository;
use super::store::{Found, Remembered, Store, bad_tree, expect};
use super::tree::{Child, EntryKind, RawTree, lossy};
use super::{Access, VAULT_FILE};

/// How deep directories nest; a vault's own files stand at five.
const MAX_DEPTH: usize = 32;

/// How many files and directories one listing has, and how long their paths are all together. A few
/// small trees that name one another can stand for billions.
const MAX_LISTED: usize = 500_000;
const MAX_LISTED_BYTES: usize = 64 * 1024 * 1024;

/// A vault in one commit.
pub struct Snapshot<'r> {
    store: Store<'r>,
    git_dir: PathBuf,
    objects: Vec<PathBuf>,
    commit: Option<Oid>,
    root: Option<Oid>,
    directory: String,
    /// The tree of `directory`; none if it does not exist (yet).
    tree: Option<Oid>,
}

/// Where a snapshot is, for another thread to open it there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    git_dir: PathBuf,
    objects: Vec<PathBuf>,
    commit: CommitId,
    directory: String,
}

impl Place {
    /// Opens the repository for reading, in the thread that will use it.
    ///
    /// # Errors
    /// It has gone in the meantime.
    pub fn open(&self) -> Result<Repository, RepositoryError> {
        Repository::open_git_dir(&self.git_dir, self.directory.clone(), Access::Read, &self.objects)
    }
}

/// A file (or whatever stands in its place) of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path below the vault, with what is no UTF-8 replaced.
    pub path: String,
    /// Its path as bytes, when that is no UTF-8.
    pub raw_path: Option<Vec<u8>>,
    /// What it is; a directory only at the vault's own level.
    pub kind: EntryKind,
    /// Its contents' id.
    pub id: BlobId,
}

impl<'r> Snapshot<'r> {
    /// Finds the vault of a commit: from the directory that was opened up to the top.
    pub(super) fn find(repository: &'r Repository, commit: Oid) -> Result<Self, SnapshotError> {
        Self::of_commit(repository, Some(commit))?.search(repository)
    }

    /// Finds the vault of a tree that is to become a commit behind this one.
    pub(super) fn find_in_tree(repository: &'r Repository, commit: Oid, tree: Oid) -> Result<Self, SnapshotError> {
        let mut snapshot = Self::of_commit(repository, Some(commit))?;
        snapshot.root = Some(tree);
        snapshot.tree = Some(tree);
        snapshot.search(repository)
    }

    fn search(self, repository: &Repository) -> Result<Self, SnapshotError> {
        let mut snapshot = self;
        let mut trees = vec![(String::new(), snapshot.root)];
        for segment in repository.start().split('/').filter(|s| !s.is_empty()) {
            let Some((directory, Some(tree))) = trees.last() else {
                break;
            };
            let directory = join(directory, segment);
            match snapshot.store.entry(*tree, &directory, segment)? {
                Some(found) if found.kind == EntryKind::Directory => {
                    trees.push((directory, Some(found.id)));
                }
                _ => break,
            }
        }
        while let Some((directory, tree)) = trees.pop() {
            let Some(tree) = tree else { continue };
            if snapshot.store.entry(tree, &directory, VAULT_FILE)?.is_some() {
                snapshot.directory = directory;
                snapshot.tree = Some(tree);
                return Ok(snapshot);
            }
        }
        Err(SnapshotError::NoVault {
            commit: snapshot.commit().short(),
            directory: repository.start().to_owned(),
        })
    }

    pub(super) fn at(repository: &'r Repository, place: &Place) -> Result<Self, SnapshotError> {
        let snapshot = Self::of_commit(repository, Some(place.commit.oid()))?;
        snapshot.in_directory(&place.directory)
    }

    /// The tree of a commit (`None`: the empty one), before it is known where the vault is.
    pub(super) fn of_commit(repository: &'r Repository, commit: Option<Oid>) -> Result<Self, SnapshotError> {
        let mut snapshot = Self {
            store: Store::open(repository.git())?,
            git_dir: repository.git_dir().to_owned(),
            objects: repository.objects().to_vec(),
            commit,
            root: None,
            directory: String::new(),
            tree: None,
        };
        if let Some(commit) = commit {
            let root = snapshot.store.root_of(commit)?;
            snapshot.root = Some(root);
            snapshot.tree = Some(root);
        }
        Ok(snapshot)
    }

    /// Reads the same commit once more, from the trees that were read already.
    ///
    /// # Errors
    /// The object database cannot be opened.
    pub fn again<'x>(&self, repository: &'x Repository) -> Result<Snapshot<'x>, SnapshotError> {
        Ok(Snapshot {
            store: self.store.again(repository.git())?,
            git_dir: self.git_dir.clone(),
            objects: self.objects.clone(),
            commit: self.commit,
            root: self.root,
            directory: self.directory.clone(),
            tree: self.tree,
        })
    }

    /// Looks for files where they were found before, first.
    pub fn remember(&mut self, remembered: Rc<dyn Remembered>) {
        self.store.remember(remembered);
    }

    /// Looks at the directory, whether it is a vault or not, and whether it exists or not.
    pub(super) fn in_directory(mut self, directory: &str) -> Result<Self, SnapshotError> {
        self.tree = match (directory, self.find_from_root(directory)?) {
            ("", _) => self.root,
            (_, Some(found)) => {
                expect(directory, found.kind, EntryKind::Directory)?;
                Some(found.id)
            }
            (_, None) => None,
        };
        self.directory = directory.to_owned();
        Ok(self)
    }

    /// Returns the commit that is read.
    pub fn commit(&self) -> CommitId {
        CommitId::from(self.commit.unwrap_or(Oid::ZERO_SHA1))
    }

    /// Returns the vault's directory inside the repository, "" at its top.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Returns where this is, for another thread.
    pub fn place(&self) -> Place {
        Place {
            git_dir: self.git_dir.clone(),
            objects: self.objects.clone(),
            commit: self.commit(),
            directory: self.directory.clone(),
        }
    }

    /// Reads a file of the vault; `None` if there is no such entry.
    ///
    /// # Errors
    /// A link, a submodule, an executable or a directory in its place; a file over 4 MiB, which is
    /// not read; an object that is missing.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        match self.lookup(path)? {
            Some(found) => self
                .store
                .blob(&join(&self.directory, path), found.kind, found.id)
                .map(Some),
            None => Ok(None),
        }
    }

    /// Tells whether the vault has an entry of this name, of whatever kind.
    ///
    /// # Errors
    /// A directory on the way is none, or cannot be read.
    pub fn contains(&self, path: &str) -> Result<bool, ReadError> {
        Ok(self.lookup(path)?.is_some())
    }

    /// Returns the name of a file's contents, without reading them.
    ///
    /// # Errors
    /// A directory on the way is none, or cannot be read.
    pub fn blob_id(&self, path: &str) -> Result<Option<BlobId>, ReadError> {
        Ok(self.lookup(path)?.map(|found| found.id.into()))
    }

    /// Lists one directory of the vault ("" is the vault's own), in git's order; nothing if it
    /// does not exist.
    ///
    /// # Errors
    /// A name that is no UTF-8, a name that is there twice, or no directory.
    pub fn children(&self, dir: &str) -> Result<Vec<Child>, ReadError> {
        let full = if dir.is_empty() {
            self.directory.clone()
        } else {
            join(&self.directory, dir)
        };
        let tree = if dir.is_empty() {
            self.tree
        } else {
            match self.lookup(dir)? {
                Some(found) => {
                    expect(&full, found.kind, EntryKind::Directory)?;
                    Some(found.id)
                }
                None => None,
            }
        };
        let Some(tree) = tree else {
            return Ok(Vec::new());
        };
        let tree = self.store.tree(tree, &full)?;
        let mut children = Vec::new();
        each_entry(&tree, &full, |entry| {
            let name = std::str::from_utf8(entry.name).map_err(|_| ReadError::NotUtf8 {
                directory: full.clone(),
                name: lossy(entry.name).into_owned(),
            })?;
            children.push(Child {
                name: name.to_owned(),
                kind: entry.kind,
            });
            Ok(())
        })?;
        Ok(children)
    }

    /// Lists the vault's own directory, one level, and everything below those of its directories that are named in `folders`, sorted by
    /// path. What else a repository holds beside a vault at its top is not looked into, and cannot get in the way.
    ///
    /// # Errors
    /// A damaged tree, directories nested too deeply, or more entries than any vault has.
    pub fn files(&self, folders: &[&str]) -> Result<Vec<TreeFile>, ReadError> {
        let mut listing = Listing::default();
        if let Some(tree) = self.tree {
            let own = self.store.tree(tree, &self.directory)?;
            each_entry(&own, &self.directory, |entry| {
                listing.count(entry.name, &self.directory)?;
                listing.files.push(TreeFile::new(entry.name, entry.kind, entry.id));
                let wanted = folders.iter().any(|folder| folder.as_bytes() == entry.name);
                if wanted && entry.kind == EntryKind::Directory {
                    self.collect(entry.id, &mut entry.name.to_vec(), 1, &mut listing)?;
                }
                Ok(())
            })?;
        }
        let mut files = listing.files;
        files.sort_by(|a, b| a.path_bytes().cmp(b.path_bytes()));
        Ok(files)
    }

    /// Reads a file that [`Snapshot::files`] listed.
    ///
    /// # Errors
    /// As [`Snapshot::read`].
    pub fn read_blob(&self, file: &TreeFile) -> Result<Vec<u8>, ReadError> {
        self.store
            .blob(&join(&self.directory, &file.path), file.kind, file.id.oid())
    }

    fn collect(&self, tree: Oid, path: &mut Vec<u8>, depth: usize, listing: &mut Listing) -> Result<(), ReadError> {
        let shown = lossy(path).into_owned();
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep(shown));
        }
        let tree = self.store.tree(tree, &shown)?;
        let base = path.len();
        each_entry(&tree, &shown, |entry| {
            path.push(b'/');
            path.extend_from_slice(entry.name);
            listing.count(path, &self.directory)?;
            let done = if entry.kind == EntryKind::Directory {
                self.collect(entry.id, path, depth + 1, listing)
            } else {
                listing.files.push(TreeFile::new(path, entry.kind, entry.id));
                Ok(())
            };
            path.truncate(base);
            done
        })
    }

    /// Finds an entry below the vault's directory.
    pub(super) fn lookup(&self, path: &str) -> Result<Option<Found>, ReadError> {
        check_path(path)?;
        self.store.walk(self.tree, &self.directory, path)
    }

    /// Finds an entry from the top of the tree.
    pub(super) fn find_from_root(&self, path: &str) -> Result<Option<Found>, ReadError> {
        self.store.walk(self.root, "", path)
    }

    pub(super) fn root(&self) -> Option<Oid> {
        self.root
    }

    /// Where its objects are read from.
    pub(super) fn store(&self) -> &Store<'r> {
        &self.store
    }
}

/// What [`Snapshot::files`] has listed so far.
#[derive(Default)]
struct Listing {
    files: Vec<TreeFile>,
    entries: usize,
    bytes: usize,
}

impl Listing {
    /// Counts an entry before it is taken or looked into: directories too, which may be empty.
    fn count(&mut self, path: &[u8], directory: &str) -> Result<(), ReadError> {
        self.entries += 1;
        self.bytes += path.len();
        if self.entries > MAX_LISTED || self.bytes > MAX_LISTED_BYTES {
            return Err(ReadError::TooMany {
                directory: directory.to_owned(),
                limit: MAX_LISTED,
            });
        }
        Ok(())
    }
}

impl TreeFile {
    fn new(path: &[u8], kind: EntryKind, id: Oid) -> Self {
        let shown = lossy(path);
        let raw_path = matches!(shown, std::borrow::Cow::Owned(_)).then(|| path.to_vec());
        Self {
            path: shown.into_owned(),
            raw_path,
            kind,
            id: id.into(),
        }
    }

    /// Returns the path as git has it.
    pub fn path_bytes(&self) -> &[u8] {
        self.raw_path.as_deref().unwrap_or(self.path.as_bytes())
    }
}

/// Walks over a tree, refusing names that are there twice: tools would disagree about them.
fn each_entry(
    tree: &RawTree,
    directory: &str,
    mut each: impl FnMut(super::tree::Entry<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut seen = std::collections::HashSet::new();
    for entry in tree.entries() {
        let entry = entry.map_err(|reason| bad_tree(directory, reason))?;
        if !seen.insert(entry.name) {
            return Err(bad_tree(directory, "a name is there twice"));
        }
        each(entry)?;
    }
    Ok(())
}
