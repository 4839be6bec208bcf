//! One commit's tree, seen from the vault's directory. Reads objects only: never the work tree,
//! never the index, never a file larger than a vault's can be.

use std::path::PathBuf;
use std::rc::Rc;

use git2::{ErrorCode, Oid};

use super::entry::EntryKind;
use super::error::{ReadError, RepositoryError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::listing::{self, Child, TreeFile};
use super::path::{check_path, join};
use super::repository::Repository;
use super::store::{Found, Remembered, Store, expect};
use super::{Access, VAULT_FILE, planted, reference};

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

impl Repository {
    /// Reads a commit as a vault. `reference` is `HEAD`, a branch, `origin/main`, a tag, a full
    /// reference, a commit id, or one of these followed by `~` and `^`.
    ///
    /// # Errors
    /// No such reference, no commit, or no vault in its tree.
    pub fn snapshot(&self, reference: &str) -> Result<Snapshot<'_>, SnapshotError> {
        let commit = reference::resolve(self.git(), reference)?;
        Snapshot::find(self, commit)
    }

    /// Reads the commit and directory that a snapshot was of, perhaps in another thread.
    ///
    /// # Errors
    /// The objects cannot be read.
    pub fn snapshot_at(&self, place: &Place) -> Result<Snapshot<'_>, SnapshotError> {
        Snapshot::at(self, place)
    }

    /// Reads a file, by its path from the top of the tree, as a branch has it that a command is to
    /// commit to, or as HEAD has it if that branch is still to be made. `None` if there is no such
    /// file, or no commit yet.
    ///
    /// # Errors
    /// A path that is none; something else than a regular file in its place; an object that is
    /// missing.
    pub fn file_in(&self, branch: Option<&str>, path: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        check_path(path).map_err(ReadError::from)?;
        let tip = match branch {
            Some(branch) => self.commit_of(&format!("refs/heads/{branch}"))?,
            None => None,
        };
        let commit = match tip {
            Some(tip) => Some(tip),
            None => self.commit_of("HEAD")?,
        };
        let snapshot = Snapshot::of_commit(self, commit)?;
        match snapshot.find_from_root(path)? {
            Some(found) => Ok(Some(snapshot.store().blob(path, found.kind, found.id)?)),
            None => Ok(None),
        }
    }

    /// Returns what a reference points at; one that cannot exist does not.
    fn commit_of(&self, reference: &str) -> Result<Option<Oid>, SnapshotError> {
        match self.git().refname_to_id(reference) {
            Ok(id) => Ok(Some(id)),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
            Err(error) => Err(SnapshotError::Git {
                reference: reference.to_owned(),
                error: error.into(),
            }),
        }
    }
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

    /// Lists the directories from the vault's own up to the top, without it, that git would take for repositories, by their paths from the top.
    /// In the top itself there is the repository that the commit is of.
    ///
    /// # Errors
    /// Trees that cannot be read.
    pub fn planted(&self) -> Result<Vec<&str>, ReadError> {
        planted::around(&self.directory, |path| Ok(self.find_from_root(path)?.is_some()))
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
        listing::children(&self.store, tree, &full)
    }

    /// Lists the vault's own directory, one level, and everything below those of its directories that are named in `folders`, sorted by
    /// path. What else a repository holds beside a vault at its top is not looked into, and cannot get in the way.
    ///
    /// # Errors
    /// A damaged tree, directories nested too deeply, or more entries than any vault has.
    pub fn files(&self, folders: &[&str]) -> Result<Vec<TreeFile>, ReadError> {
        match self.tree {
            Some(tree) => listing::files(&self.store, tree, &self.directory, folders),
            None => Ok(Vec::new()),
        }
    }

    /// Reads a file that [`Snapshot::files`] listed.
    ///
    /// # Errors
    /// As [`Snapshot::read`].
    pub fn read_blob(&self, file: &TreeFile) -> Result<Vec<u8>, ReadError> {
        self.store
            .blob(&join(&self.directory, &file.path), file.kind, file.id.oid())
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
