//! What stands in a directory, and below it: every entry seen once, as many as a vault can have.

use std::borrow::Cow;
use std::collections::HashSet;

use git2::Oid;

use super::entry::{Entry, EntryKind, lossy};
use super::error::ReadError;
use super::id::BlobId;
use super::store::{Store, bad_tree};
use super::tree::RawTree;

/// How deep directories nest; a vault's own files stand at five.
const MAX_DEPTH: usize = 32;

/// How many files and directories one listing has, and how long their paths are all together. A few
/// small trees that name one another can stand for billions.
const MAX_LISTED: usize = 500_000;
const MAX_LISTED_BYTES: usize = 64 * 1024 * 1024;

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

impl TreeFile {
    fn new(path: &[u8], kind: EntryKind, id: Oid) -> Self {
        let shown = lossy(path);
        let raw_path = matches!(shown, Cow::Owned(_)).then(|| path.to_vec());
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

/// One name in a directory of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its name, one segment.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// Lists a directory, one level, in git's order.
pub(super) fn children(store: &Store<'_>, tree: Oid, directory: &str) -> Result<Vec<Child>, ReadError> {
    let tree = store.tree(tree, directory)?;
    let mut children = Vec::new();
    each_entry(&tree, directory, |entry| {
        let name = std::str::from_utf8(entry.name).map_err(|_| ReadError::NotUtf8 {
            directory: directory.to_owned(),
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

/// Lists a directory, one level, and everything below those of its directories that are named in `folders`, sorted by path.
pub(super) fn files(
    store: &Store<'_>,
    tree: Oid,
    directory: &str,
    folders: &[&str],
) -> Result<Vec<TreeFile>, ReadError> {
    let mut listing = Listing::new(store, directory);
    let own = store.tree(tree, directory)?;
    each_entry(&own, directory, |entry| {
        listing.count(entry.name)?;
        listing.files.push(TreeFile::new(entry.name, entry.kind, entry.id));
        let wanted = folders.iter().any(|folder| folder.as_bytes() == entry.name);
        if wanted && entry.kind == EntryKind::Directory {
            listing.collect(entry.id, &mut entry.name.to_vec(), 1)?;
        }
        Ok(())
    })?;
    let mut files = listing.files;
    files.sort_by(|a, b| a.path_bytes().cmp(b.path_bytes()));
    Ok(files)
}

/// What [`files`] has listed so far.
struct Listing<'s, 'r> {
    store: &'s Store<'r>,
    directory: &'s str,
    files: Vec<TreeFile>,
    entries: usize,
    bytes: usize,
}

impl<'s, 'r> Listing<'s, 'r> {
    fn new(store: &'s Store<'r>, directory: &'s str) -> Self {
        Self {
            store,
            directory,
            files: Vec::new(),
            entries: 0,
            bytes: 0,
        }
    }

    fn collect(&mut self, tree: Oid, path: &mut Vec<u8>, depth: usize) -> Result<(), ReadError> {
        let shown = lossy(path).into_owned();
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep(shown));
        }
        let tree = self.store.tree(tree, &shown)?;
        let base = path.len();
        each_entry(&tree, &shown, |entry| {
            path.push(b'/');
            path.extend_from_slice(entry.name);
            self.count(path)?;
            let done = if entry.kind == EntryKind::Directory {
                self.collect(entry.id, path, depth + 1)
            } else {
                self.files.push(TreeFile::new(path, entry.kind, entry.id));
                Ok(())
            };
            path.truncate(base);
            done
        })
    }

    /// Counts an entry before it is taken or looked into: directories too, which may be empty.
    fn count(&mut self, path: &[u8]) -> Result<(), ReadError> {
        self.entries += 1;
        self.bytes += path.len();
        if self.entries > MAX_LISTED || self.bytes > MAX_LISTED_BYTES {
            return Err(ReadError::TooMany {
                directory: self.directory.to_owned(),
                limit: MAX_LISTED,
            });
        }
        Ok(())
    }
}

/// Walks over a tree, refusing names that are there twice: tools would disagree about them.
fn each_entry(
    tree: &RawTree,
    directory: &str,
    mut each: impl FnMut(Entry<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    for entry in tree.entries() {
        let entry = entry.map_err(|reason| bad_tree(directory, reason))?;
        if !seen.insert(entry.name) {
            return Err(bad_tree(directory, "a name is there twice"));
        }
        each(entry)?;
    }
    Ok(())
}
