//! The objects of a repository, as they are read: their size before their contents, a tree once, and a path from tree to tree.
//! Knows nothing of vaults.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Odb, Oid};

use super::MAX_FILE;
use super::entry::EntryKind;
use super::error::ReadError;
use super::id::{CommitId, full_oid};
use super::path::join;
use super::tree::RawTree;

/// The largest tree object that is read: some 1.5 million entries.
const MAX_TREE: usize = 64 * 1024 * 1024;

/// From which size on it is worth remembering what was found in a tree: some 400 entries.
const LARGE_TREE: usize = 16 * 1024;

/// How much of trees is kept in memory.
const MAX_CACHED: usize = 32 * 1024 * 1024;

/// The objects of a repository. A path is walked down in its trees, each of which is read once.
pub(super) struct Store<'r> {
    odb: Odb<'r>,
    /// Shared by the snapshots of one process.
    cache: Rc<RefCell<Cache>>,
    remembered: Option<Rc<dyn Remembered>>,
}

#[derive(Default)]
struct Cache {
    trees: HashMap<Oid, Rc<RawTree>>,
    bytes: usize,
}

/// What a caller remembers from one process to the next: in which tree a file was found, and as what.
pub trait Remembered {
    /// Returns what was noted for a path, whoever wrote it.
    fn recall(&self, path: &str) -> Option<String>;
    /// Takes a note of a file that was searched for in a large directory.
    fn note(&self, path: &str, place: String);
}

/// An entry without the tree it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: EntryKind,
    pub id: Oid,
}

impl<'r> Store<'r> {
    pub fn open(git: &'r git2::Repository) -> Result<Self, ReadError> {
        let odb = git.odb().map_err(|error| ReadError::Git {
            path: "the object database".to_owned(),
            error: error.into(),
        })?;
        Ok(Self {
            odb,
            cache: Rc::default(),
            remembered: None,
        })
    }

    /// Opens the same once more, with the trees that were read already.
    pub fn again<'x>(&self, git: &'x git2::Repository) -> Result<Store<'x>, ReadError> {
        Ok(Store {
            cache: Rc::clone(&self.cache),
            remembered: self.remembered.clone(),
            ..Store::open(git)?
        })
    }

    pub fn remember(&mut self, remembered: Rc<dyn Remembered>) {
        self.remembered = Some(remembered);
    }

    /// Finds an entry below a directory, whose tree is this one.
    pub fn walk(&self, tree: Option<Oid>, directory: &str, path: &str) -> Result<Option<Found>, ReadError> {
        let Some(mut tree) = tree else {
            return Ok(None);
        };
        let mut here = directory.to_owned();
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            if segments.peek().is_none() {
                return self.last_entry(tree, &here, segment, path);
            }
            let Some(found) = self.entry(tree, &here, segment)? else {
                return Ok(None);
            };
            here = join(&here, segment);
            expect(&here, found.kind, EntryKind::Directory)?;
            tree = found.id;
        }
        Ok(None)
    }

    /// Finds the entry at the end of a path. If its directory is large, and was the same when the file was last found, it is not read.
    fn last_entry(&self, tree: Oid, directory: &str, name: &str, path: &str) -> Result<Option<Found>, ReadError> {
        let Some(remembered) = self.remembered.as_ref().filter(|_| self.is_large(tree)) else {
            return self.entry(tree, directory, name);
        };
        let place = remembered.recall(path).unwrap_or_default();
        if let Some((of, id)) = place.trim_end().split_once(' ')
            && full_oid(of) == Some(tree)
            && let Some(id) = full_oid(id)
        {
            let kind = EntryKind::File;
            return Ok(Some(Found { kind, id }));
        }
        let found = self.entry(tree, directory, name)?;
        if let Some(found) = found.filter(|found| found.kind == EntryKind::File) {
            remembered.note(path, format!("{tree} {}\n", found.id));
        }
        Ok(found)
    }

    /// Tells whether a tree takes longer to read than a note of where something is in it. One that was read already does not.
    fn is_large(&self, tree: Oid) -> bool {
        !self.cache.borrow().trees.contains_key(&tree)
            && self.odb.read_header(tree).is_ok_and(|(size, _)| size > LARGE_TREE)
    }

    pub fn entry(&self, tree: Oid, directory: &str, name: &str) -> Result<Option<Found>, ReadError> {
        let tree = self.tree(tree, directory)?;
        let found = tree
            .find(name.as_bytes())
            .map_err(|reason| bad_tree(directory, reason))?;
        Ok(found.map(|entry| Found {
            kind: entry.kind,
            id: entry.id,
        }))
    }

    /// Reads a tree object, once.
    pub fn tree(&self, id: Oid, path: &str) -> Result<Rc<RawTree>, ReadError> {
        if let Some(tree) = self.cache.borrow().trees.get(&id) {
            return Ok(Rc::clone(tree));
        }
        let tree = self.object(id, ObjectType::Tree, path, MAX_TREE, |bytes| {
            Rc::new(RawTree::new(bytes))
        })?;
        let mut cache = self.cache.borrow_mut();
        if cache.bytes + tree.len() > MAX_CACHED {
            *cache = Cache::default();
        }
        cache.bytes += tree.len();
        cache.trees.insert(id, Rc::clone(&tree));
        Ok(tree)
    }

    pub fn blob(&self, path: &str, kind: EntryKind, id: Oid) -> Result<Vec<u8>, ReadError> {
        expect(path, kind, EntryKind::File)?;
        self.object(id, ObjectType::Blob, path, MAX_FILE, <[u8]>::to_vec)
    }

    pub fn root_of(&self, commit: Oid) -> Result<Oid, ReadError> {
        let path = format!("commit {}", CommitId::from(commit).short());
        let root = self.object(commit, ObjectType::Commit, &path, MAX_FILE, |bytes| {
            let line = bytes.strip_prefix(b"tree ")?.get(..40)?;
            Oid::from_str(std::str::from_utf8(line).ok()?).ok()
        })?;
        root.ok_or_else(|| bad_tree("", "the commit names no tree"))
    }

    /// Tells whether an object is there.
    pub fn has(&self, id: Oid) -> bool {
        self.odb.exists(id)
    }

    /// Reads an object, its size before its contents.
    pub fn object<T>(
        &self,
        id: Oid,
        expected: ObjectType,
        path: &str,
        limit: usize,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ReadError> {
        let failed = |error: git2::Error| ReadError::Git {
            path: path.to_owned(),
            error: error.into(),
        };
        let (size, kind) = self.odb.read_header(id).map_err(failed)?;
        if kind != expected {
            return Err(bad_tree(path, "an entry's mode does not fit its object"));
        }
        if size > limit {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                size,
                limit,
            });
        }
        let object = self.odb.read(id).map_err(failed)?;
        Ok(take(object.data()))
    }
}

pub(super) fn expect(path: &str, found: EntryKind, expected: EntryKind) -> Result<(), ReadError> {
    if found == expected {
        return Ok(());
    }
    Err(ReadError::Kind {
        path: path.to_owned(),
        found,
        expected,
    })
}

pub(super) fn bad_tree(directory: &str, reason: &'static str) -> ReadError {
    ReadError::BadTree {
        directory: directory.to_owned(),
        reason,
    }
}
