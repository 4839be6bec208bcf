//! The objects of a new commit: blobs, and the trees that lead to them, each with only the changed
//! entries changed. Writes objects only; nothing refers to them when this is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid};

use super::entry::EntryKind;
use super::error::{WriteFailure, git};
use super::path::join;
use super::snapshot::Snapshot;
use super::store::bad_tree;
use super::sync::sync_all;

/// A file as it is to be, by its path in the repository.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'c> {
    pub path: &'c str,
    pub contents: &'c [u8],
}

/// The objects written so far.
pub(super) struct Objects<'r> {
    odb: Odb<'r>,
    directory: PathBuf,
    written: BTreeSet<Oid>,
}

impl<'r> Objects<'r> {
    pub fn new(repository: &'r git2::Repository) -> Result<Self, WriteFailure> {
        Ok(Self {
            odb: repository.odb().map_err(git("open the object database"))?,
            directory: repository.commondir().join("objects"),
            written: BTreeSet::new(),
        })
    }

    /// Writes files and trees, and returns the new top of the tree.
    pub fn write_tree(&mut self, base: &Snapshot<'_>, leaves: &[Leaf<'_>]) -> Result<Oid, WriteFailure> {
        self.directory(base, base.root(), "", leaves)
    }

    fn directory(
        &mut self,
        base: &Snapshot<'_>,
        tree: Option<Oid>,
        here: &str,
        leaves: &[Leaf<'_>],
    ) -> Result<Oid, WriteFailure> {
        let bad_tree = |reason| bad_tree(here, reason);
        let raw = match tree {
            Some(tree) => base.store().tree(tree, here)?,
            None => Default::default(),
        };
        let mut by_name: BTreeMap<&str, Vec<Leaf<'_>>> = BTreeMap::new();
        let mut entries = Vec::with_capacity(leaves.len());
        for &Leaf { path, contents } in leaves {
            match path.split_once('/') {
                Some((name, path)) => {
                    let leaf = Leaf { path, contents };
                    by_name.entry(name).or_default().push(leaf);
                }
                None => {
                    let id = self.write(ObjectType::Blob, contents)?;
                    entries.push((path.as_bytes(), EntryKind::File, id));
                }
            }
        }
        for (name, leaves) in &by_name {
            let path = join(here, name);
            let below = match raw.find(name.as_bytes()).map_err(bad_tree)? {
                Some(entry) if entry.kind != EntryKind::Directory => {
                    return Err(in_the_way(&path, entry.kind, "a directory"));
                }
                found => found.map(|entry| entry.id),
            };
            let id = self.directory(base, below, &path, leaves)?;
            entries.push((name.as_bytes(), EntryKind::Directory, id));
        }
        let bytes = raw.with(&entries).map_err(bad_tree)?;
        self.write(ObjectType::Tree, &bytes)
    }

    /// Writes the contents of a file.
    pub fn write_blob(&mut self, contents: &[u8]) -> Result<Oid, WriteFailure> {
        self.write(ObjectType::Blob, contents)
    }

    fn write(&mut self, kind: ObjectType, bytes: &[u8]) -> Result<Oid, WriteFailure> {
        let id = self.odb.write(kind, bytes).map_err(git("write an object"))?;
        self.add(id);
        Ok(id)
    }

    /// Counts an object in that somebody else wrote.
    pub fn add(&mut self, id: Oid) {
        self.written.insert(id);
    }

    /// Lists the files of those that are files of their own, and their directories: what is to be synced to disk.
    pub fn files(&self) -> (Vec<PathBuf>, BTreeSet<PathBuf>) {
        let (mut files, mut directories) = (Vec::new(), BTreeSet::new());
        for id in &self.written {
            let name = id.to_string();
            let directory = self.directory.join(&name[..2]);
            let path = directory.join(&name[2..]);
            // Otherwise it was there before, in a pack, or in a repository this one borrows from.
            if path.exists() {
                files.push(path);
                directories.insert(directory);
            }
        }
        if !directories.is_empty() {
            directories.insert(self.directory.clone());
        }
        (files, directories)
    }

    /// Has them and other new files synced to disk, then the directories that name them, of which the others' is `state`.
    pub fn sync_with(&self, mut files: Vec<PathBuf>, state: &Path) -> Result<(), WriteFailure> {
        let (loose, mut directories) = self.files();
        files.extend(loose);
        sync_all(&files)?;
        directories.insert(state.to_owned());
        sync_all(&directories.into_iter().collect::<Vec<_>>())
    }
}

/// Names an entry of a commit that is not what it must be.
pub(super) fn in_the_way(path: &str, found: EntryKind, expected: &'static str) -> WriteFailure {
    WriteFailure::InTheWay {
        path: path.to_owned(),
        found: match found {
            EntryKind::File => "a file",
            EntryKind::Executable => "an executable file",
            EntryKind::Link => "a symbolic link",
            EntryKind::Submodule => "a submodule",
            EntryKind::Directory => "a directory",
            EntryKind::Other(_) => "of an unknown mode",
        },
        expected,
    }
}
