//! Commits made anew behind another one, as `git rebase` does, with objects alone: no branch, index or file of the work tree changes.
//!
//! What two sides changed alike is merged here line by line, but for files that may only be taken whole; those are for the caller.

use std::collections::BTreeSet;

use git2::{DiffOptions, MergeOptions, Oid, Tree};

use super::commit::{self, Identity};
use super::conflict::{Conflict, Stage, stage_with};
use super::error::{WriteFailure, git};
use super::id::CommitId;
use super::index::plain_entry;
use super::objects::{Leaf, Objects};
use super::path::join;
use super::repository::Repository;
use super::request::FileChange;
use super::snapshot::Snapshot;
use super::sync::sync_all;

/// Commits in the making.
pub struct Replay<'r> {
    repository: &'r Repository,
    /// For what is only looked at.
    memory: Repository,
    identity: Identity,
    objects: Objects<'r>,
}

/// How a commit is called, and who wrote it.
pub enum Like {
    /// As this one, which it replaces.
    Commit(CommitId),
    /// As this, by the user.
    Message(String),
}

/// Two trees that became one, but for what is in conflict.
pub struct Merging {
    index: git2::Index,
    ours: Oid,
    conflicts: Vec<Conflict>,
}

impl Merging {
    /// The files in conflict.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }
}

impl<'r> Replay<'r> {
    /// Prepares to make commits.
    ///
    /// # Errors
    /// git does not know who commits.
    pub fn start(repository: &'r Repository) -> Result<Self, WriteFailure> {
        repository.expect_writable()?;
        Ok(Self {
            repository,
            memory: repository.in_memory()?,
            identity: Identity::of_user(repository.git())?,
            objects: Objects::new(repository.git())?,
        })
    }

    /// Brings what changed between `base` and `theirs` to `ours`. Files that `whole` names are in conflict wherever both sides changed them.
    ///
    /// # Errors
    /// Objects that are missing, in a shallow clone for example.
    pub fn merge(
        &self,
        base: CommitId,
        ours: CommitId,
        theirs: CommitId,
        whole: impl Fn(&str) -> bool,
    ) -> Result<Merging, WriteFailure> {
        let trees = [base, ours, theirs].map(|commit| self.tree_of(commit.oid()));
        let [base, our, their] = trees;
        let (base, our, their) = (base?, our?, their?);
        // A renamed file would take others' changes of it along: a credential under another name is another one.
        let mut options = MergeOptions::new();
        options.find_renames(false);
        let merged = self.repository.git().merge_trees(&base, &our, &their, Some(&options));
        let mut index = merged.map_err(git("merge the commits"))?;
        let mut conflicts = Conflict::gather(index.iter());
        for path in self.changed_by_both(&base, &our, &their)? {
            let known = conflicts.iter().any(|conflict| conflict.is_at(path.as_bytes()));
            if !known && whole(&path) {
                conflicts.extend(self.unblend(&mut index, &path, [&base, &our, &their])?);
            }
        }
        Ok(Merging {
            index,
            ours: ours.oid(),
            conflicts,
        })
    }

    /// Reads the vault as it is merged so far, under the name of the commit that is built on; `stand_ins` are in the place of what is in
    /// conflict.
    ///
    /// # Errors
    /// No vault there; objects that are missing.
    pub fn look<'m>(
        &'m self,
        merging: &Merging,
        directory: &str,
        stand_ins: &[FileChange],
    ) -> Result<Snapshot<'m>, WriteFailure> {
        let tree = stage_with(&self.memory, settled(&merging.index), directory, stand_ins)?;
        Ok(Snapshot::find_in_tree(&self.memory, merging.ours, tree)?)
    }

    /// Makes a commit of what was merged and of the files that end the conflicts. `None` where nothing is left of its change.
    ///
    /// # Errors
    /// A conflict without its file; objects that cannot be written; git's signing.
    pub fn commit(
        &mut self,
        mut merging: Merging,
        files: &[(Conflict, Vec<u8>)],
        like: &Like,
        parents: &[CommitId],
    ) -> Result<Option<CommitId>, WriteFailure> {
        for conflict in &merging.conflicts {
            let Some((_, contents)) = files.iter().find(|(other, _)| other == conflict) else {
                return Err(WriteFailure::Conflict(conflict.path.clone()));
            };
            let path = std::path::Path::new(&conflict.path);
            // Not in the index at all, where it was taken out of it.
            let _ = merging.index.conflict_remove(path);
            let id = self.objects.write_blob(contents)?;
            let added = merging.index.add(&plain_entry(&conflict.path, id));
            added.map_err(git("merge the commits"))?;
        }
        let git_side = self.repository.git();
        let tree = merging.index.write_tree_to(git_side);
        let tree = tree.map_err(git("write the merged tree"))?;
        let ours = self.tree_of(merging.ours)?;
        if parents.len() == 1 && tree == ours.id() {
            return Ok(None);
        }
        let tree = git_side.find_tree(tree).map_err(git("read the merged tree"))?;
        self.count_in(&tree, Some(&ours))?;
        let parents: Vec<Oid> = parents.iter().map(CommitId::oid).collect();
        let made = match like {
            Like::Commit(like) => commit::create_like(git_side, &self.identity, like.oid(), tree.id(), &parents)?,
            Like::Message(text) => {
                let text = commit::message(text, &[])?;
                commit::create(git_side, &self.identity, &text, tree.id(), &parents)?
            }
        };
        self.objects.add(made);
        Ok(Some(made.into()))
    }

    /// Makes a commit of files of the vault, behind another one.
    ///
    /// # Errors
    /// As [`Replay::commit`].
    pub fn add(
        &mut self,
        behind: &Snapshot<'_>,
        subject: &str,
        trailers: &[(String, String)],
        files: &[FileChange],
    ) -> Result<CommitId, WriteFailure> {
        let tree = self.write_tree(behind, files)?;
        let message = commit::message(subject, trailers)?;
        let parents = [behind.commit().oid()];
        let made = commit::create(self.repository.git(), &self.identity, &message, tree, &parents)?;
        self.objects.add(made);
        Ok(made.into())
    }

    /// Makes a commit anew: with other contents of some files of the vault, and behind another one.
    ///
    /// # Errors
    /// As [`Replay::commit`].
    pub fn again(
        &mut self,
        like: &Snapshot<'_>,
        files: &[FileChange],
        parent: CommitId,
    ) -> Result<CommitId, WriteFailure> {
        let tree = self.write_tree(like, files)?;
        let (git_side, like) = (self.repository.git(), like.commit().oid());
        let made = commit::create_like(git_side, &self.identity, like, tree, &[parent.oid()])?;
        self.objects.add(made);
        Ok(made.into())
    }

    /// Has all new objects synced to disk, so that a branch may point at them.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(self) -> Result<(), WriteFailure> {
        let (files, directories) = self.objects.files();
        sync_all(&files)?;
        sync_all(&directories.into_iter().collect::<Vec<_>>())
    }

    /// Writes the tree of a commit with files of the vault put into it.
    fn write_tree(&mut self, base: &Snapshot<'_>, files: &[FileChange]) -> Result<Oid, WriteFailure> {
        let paths: Vec<String> = files.iter().map(|file| join(base.directory(), &file.path)).collect();
        let leaves: Vec<Leaf<'_>> = paths
            .iter()
            .zip(files)
            .map(|(path, file)| Leaf {
                path,
                contents: &file.contents,
            })
            .collect();
        self.objects.write_tree(base, &leaves)
    }

    fn tree_of(&self, commit: Oid) -> Result<Tree<'r>, WriteFailure> {
        let commit = self.repository.git().find_commit(commit);
        commit.and_then(|commit| commit.tree()).map_err(git("read a commit"))
    }

    /// The paths that both sides changed, as far as they are UTF-8.
    fn changed_by_both(
        &self,
        base: &Tree<'_>,
        ours: &Tree<'_>,
        theirs: &Tree<'_>,
    ) -> Result<Vec<String>, WriteFailure> {
        let changed = |side: &Tree<'_>| -> Result<BTreeSet<String>, WriteFailure> {
            let mut options = DiffOptions::new();
            options.include_typechange(true).skip_binary_check(true);
            let git_side = self.repository.git();
            let diff = git_side.diff_tree_to_tree(Some(base), Some(side), Some(&mut options));
            let diff = diff.map_err(git("compare the commits"))?;
            let path = |delta: git2::DiffDelta<'_>| {
                let file = if delta.new_file().id().is_zero() {
                    delta.old_file()
                } else {
                    delta.new_file()
                };
                file.path_bytes()
                    .and_then(|path| std::str::from_utf8(path).ok().map(str::to_owned))
            };
            Ok(diff.deltas().filter_map(path).collect())
        };
        Ok(changed(ours)?.intersection(&changed(theirs)?).cloned().collect())
    }

    /// Takes a file apart again that was merged line by line; `None` where both sides have made the same of it.
    fn unblend(
        &self,
        index: &mut git2::Index,
        path: &str,
        sides: [&Tree<'_>; 3],
    ) -> Result<Option<Conflict>, WriteFailure> {
        let path_on_disk = std::path::Path::new(path);
        let entries = sides.map(|tree| tree.get_path(path_on_disk).ok());
        let id = |side: usize| entries[side].as_ref().map(|entry| (entry.id(), entry.filemode()));
        if id(1) == id(2) {
            return Ok(None);
        }
        let mut conflict: Option<Conflict> = None;
        for (entry, stage) in entries.iter().zip([Stage::Base, Stage::Ours, Stage::Theirs]) {
            let Some(entry) = entry else { continue };
            let mut plain = plain_entry(path, entry.id());
            plain.mode = u32::try_from(entry.filemode()).unwrap_or_default();
            match &mut conflict {
                Some(conflict) => conflict.add(stage as u16, &plain),
                None => conflict = Some(Conflict::new(stage as u16, &plain)),
            }
        }
        // One side may have removed it.
        let _ = index.remove(path_on_disk, 0);
        Ok(conflict)
    }

    /// Counts in the trees that are new, with the files in them that are.
    fn count_in(&mut self, tree: &Tree<'_>, before: Option<&Tree<'_>>) -> Result<(), WriteFailure> {
        self.objects.add(tree.id());
        for entry in tree {
            let old = before.and_then(|before| before.get_name_bytes(entry.name_bytes()));
            if old.as_ref().is_some_and(|old| old.id() == entry.id()) {
                continue;
            }
            self.objects.add(entry.id());
            if entry.kind() == Some(git2::ObjectType::Tree) {
                let find = |id| self.repository.git().find_tree(id).map_err(git("read the merged tree"));
                let old = old.filter(|old| old.kind() == Some(git2::ObjectType::Tree));
                let (below, old) = (find(entry.id())?, old.map(|old| find(old.id())).transpose()?);
                self.count_in(&below, old.as_ref())?;
            }
        }
        Ok(())
    }
}

/// What is merged already.
fn settled(index: &git2::Index) -> impl Iterator<Item = git2::IndexEntry> {
    index.iter().filter(|entry| (entry.flags >> 12) & 3 == 0)
}
