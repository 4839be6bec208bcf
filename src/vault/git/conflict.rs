//! The files that a merge, rebase or cherry-pick left in conflict, with the three sides that the index has of each, and the vault as it
//! is beside them. Reads only; what the sides mean is decided above.

use git2::{IndexEntry, Oid};

use super::entry::{EntryKind, lossy};
use super::error::{ReadError, WriteFailure, git};
use super::id::BlobId;
use super::index::{Index, plain_entry, stage};
use super::path::{check_path, join};
use super::repository::Repository;
use super::request::FileChange;
use super::snapshot::Snapshot;
use super::store::Found;
use super::{VAULT_FILE, reference};

/// Of objects that are only thought of, before those on disk, whose priorities are 1 and 2.
const MEMORY_FIRST: i32 = 1000;

/// One side of a conflict, numbered as git numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What both sides began with.
    Base = 1,
    /// HEAD's side; while rebasing, that of the branch that is rebased onto.
    Ours = 2,
    /// The side that is taken over.
    Theirs = 3,
}

/// A file in conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its path in the repository, with what is no UTF-8 replaced.
    pub path: String,
    raw_path: Vec<u8>,
    stages: [Option<Found>; 3],
}

impl Conflict {
    /// Gathers the sides of files in conflict; entries in no conflict are passed over.
    pub(super) fn gather(index: impl Iterator<Item = IndexEntry>) -> Vec<Self> {
        let mut conflicts: Vec<Self> = Vec::new();
        // Sorted by path, then by stage.
        for entry in index {
            let stage = stage(&entry);
            match conflicts.last_mut() {
                _ if stage == 0 => {}
                Some(last) if last.is_at(&entry.path) => last.add(stage, &entry),
                _ => conflicts.push(Self::new(stage, &entry)),
            }
        }
        conflicts
    }

    pub(super) fn new(stage: u16, entry: &IndexEntry) -> Self {
        let mut conflict = Self {
            path: lossy(&entry.path).into_owned(),
            raw_path: entry.path.clone(),
            stages: [None; 3],
        };
        conflict.add(stage, entry);
        conflict
    }

    pub(super) fn add(&mut self, stage: u16, entry: &IndexEntry) {
        let found = Found {
            kind: EntryKind::from_mode(entry.mode),
            id: entry.id,
        };
        if let Some(side) = usize::from(stage).checked_sub(1).and_then(|at| self.stages.get_mut(at)) {
            *side = Some(found);
        }
    }

    pub(super) fn is_at(&self, path: &[u8]) -> bool {
        self.raw_path == path
    }

    /// Returns the path below a vault's directory, "" being the top of the repository; `None` where it is not below it.
    pub fn below(&self, directory: &str) -> Option<&str> {
        if self.path.as_bytes() != self.raw_path {
            return None;
        }
        match directory {
            "" => Some(&self.path),
            _ => self.path.strip_prefix(directory)?.strip_prefix('/'),
        }
    }

    /// Reads one side; `None` where it has no such file.
    ///
    /// # Errors
    /// As [`Snapshot::read`].
    pub fn read(&self, stage: Stage, snapshot: &Snapshot<'_>) -> Result<Option<Vec<u8>>, ReadError> {
        let found = self.stages[stage as usize - 1];
        found
            .map(|found| snapshot.store().blob(&self.path, found.kind, found.id))
            .transpose()
    }

    /// The id of one side's contents; `None` where it has no such file.
    pub fn id(&self, stage: Stage) -> Option<BlobId> {
        self.stages[stage as usize - 1].map(|found| BlobId::from(found.id))
    }

    /// The contents of all sides.
    pub(super) fn ids(&self) -> Vec<Oid> {
        self.stages.iter().flatten().map(|found| found.id).collect()
    }
}

impl Repository {
    /// Lists the files in conflict, by their paths.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, WriteFailure> {
        Ok(Conflict::gather(Index::read(self.git_dir())?.entries()))
    }

    /// Opens the same repository once more, for objects that are only thought of: whatever is written to it stays in memory.
    ///
    /// # Errors
    /// As [`Repository::reopen`].
    pub fn in_memory(&self) -> Result<Self, WriteFailure> {
        let memory = self.reopen()?;
        {
            let odb = memory.git().odb().map_err(git("open the object database"))?;
            // Belongs to the object database from now on.
            odb.add_new_mempack_backend(MEMORY_FIRST)
                .map_err(git("keep objects in memory"))?;
        }
        Ok(memory)
    }

    /// Reads the vault as the index has it, under HEAD's name: without what is in conflict, and with `stand_ins` in its place, by their paths
    /// below the vault. To be called on what [`Repository::in_memory`] gave.
    ///
    /// # Errors
    /// No vault in the index; a branch without commits; objects that are missing.
    pub fn staged(&self, directory: &str, stand_ins: &[FileChange]) -> Result<Snapshot<'_>, WriteFailure> {
        let git_side = self.git();
        let head = reference::resolve(git_side, "HEAD")?;
        let index = Index::read(self.git_dir())?;
        let mut entries: Vec<IndexEntry> = index.settled().collect();
        // Two vaults in one place are still one to be found, and refused.
        for conflict in Conflict::gather(index.entries()) {
            let [base, ours, theirs] = conflict.stages;
            if let Some(found) = ours.or(theirs).or(base).filter(|_| conflict.path.ends_with(VAULT_FILE)) {
                entries.push(plain_entry(&conflict.path, found.id));
            }
        }
        let tree = stage_with(self, entries.into_iter(), directory, stand_ins)?;
        Ok(Snapshot::find_in_tree(self, head, tree)?)
    }
}

/// Writes the tree of these entries into a repository of [`Repository::in_memory`], with `stand_ins` below the vault's directory.
pub(super) fn stage_with(
    memory: &Repository,
    entries: impl Iterator<Item = IndexEntry>,
    directory: &str,
    stand_ins: &[FileChange],
) -> Result<Oid, WriteFailure> {
    let mut whole = git2::Index::new().map_err(git("read the index"))?;
    let mut add = |entry: &IndexEntry| whole.add(entry).map_err(git("read the index"));
    for entry in entries {
        add(&entry)?;
    }
    for file in stand_ins {
        check_path(&file.path)?;
        let id = memory.git().blob(&file.contents);
        let id = id.map_err(git("keep objects in memory"))?;
        add(&plain_entry(&join(directory, &file.path), id))?;
    }
    // Whether each file is there is found out when it is read: a partial clone need not have them all. It holds for the whole process,
    // whose own objects are written without libgit2's knowledge of what is in them.
    git2::opts::strict_object_creation(false);
    whole
        .write_tree_to(memory.git())
        .map_err(git("read the index as a commit"))
}
