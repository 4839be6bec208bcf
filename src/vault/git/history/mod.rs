//! The history of a vault: which contents ever stood at which of its paths, since when, and until when. Compares trees, and of those only the
//! vault's own folders; reads no file, whatever else the repository holds. Where a vault moved from one directory to another it is followed by
//! its first root, which never changes.

mod changes;
mod commit;
mod introductions;
mod places;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::Oid;

use super::error::{ReadError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::listing::TreeFile;
use super::reference;
use super::repository::Repository;
use super::snapshot::Snapshot;
use super::tree::RawTree;
use changes::{Collected, Leaf};
use commit::{Commit, shallow};

/// How deep a vault's own files stand, and some more.
const MAX_DEPTH: usize = 8;

/// A commit, and the time that it gives. Ordered as the commits are: none comes before its parents, whatever their clocks said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// The place in that order.
    rank: usize,
    /// The committer's time, in seconds since 1970.
    pub time: i64,
    /// Whether what came before this commit is missing here, so that the time is the latest possible one.
    pub at_latest: bool,
    /// The commit.
    pub commit: CommitId,
}

/// Contents that stood at a path of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Where, and what.
    pub file: TreeFile,
    /// The earliest commit that has it.
    pub since: Seen,
    /// The latest commit that put something else or nothing in its place; none where that never happened.
    pub until: Option<Seen>,
    /// Whether it stands there in the commit that is read.
    pub current: bool,
}

/// The commits that are looked at.
pub struct History<'s, 'r> {
    snapshot: &'s Snapshot<'r>,
    commits: Vec<Commit>,
    /// Commits whose parents are missing: the edge of a shallow clone.
    cut: Vec<CommitId>,
    missing: Vec<String>,
    /// Directories in which no vault is.
    searched: RefCell<HashSet<Oid>>,
    /// How deep files are looked for.
    depth: usize,
}

/// What the history has of one vault.
#[derive(Debug, Default)]
pub struct Versions {
    /// All versions of all files, sorted by path and time.
    pub files: Vec<FileVersion>,
    /// How many paths were left out because they are no UTF-8.
    pub not_utf8: usize,
    /// Where the vault stood, its present directory first.
    pub directories: Vec<String>,
    /// What could not be read, a line each.
    pub unreadable: Vec<String>,
}

#[cfg(test)]
impl Seen {
    /// The commit at this place in the order.
    pub(crate) fn for_test(rank: usize) -> Self {
        let commit = CommitId::from(Oid::ZERO_SHA1);
        Self {
            rank,
            time: rank as i64,
            at_latest: false,
            commit,
        }
    }
}

impl<'s, 'r> History<'s, 'r> {
    /// Finds the commits that lead to the one that is read; with `all`, those of every reference: branches, those of remotes, tags, stash.
    ///
    /// # Errors
    /// The commit that is read, or the list of references, cannot be read. What else is missing is noted.
    pub fn of(repository: &'r Repository, snapshot: &'s Snapshot<'r>, all: bool) -> Result<Self, SnapshotError> {
        let git = repository.git();
        let mut missing = Vec::new();
        let mut tips = vec![snapshot.commit().oid()];
        if all {
            let failed = |error: git2::Error| SnapshotError::Git {
                reference: "refs/".to_owned(),
                error: error.into(),
            };
            for found in git.references().map_err(failed)? {
                let found = found.map_err(failed)?;
                // A symbolic reference is there under the name that it stands for.
                let Some(target) = found.target() else { continue };
                match reference::commit_at(git, target) {
                    Ok(Some(commit)) => tips.push(commit),
                    Ok(None) => {}
                    Err(error) => {
                        let name = String::from_utf8_lossy(found.name_bytes()).into_owned();
                        missing.push(format!("{name}: {error}"));
                    }
                }
            }
        }
        Ok(Self::reached(snapshot, missing, tips, &shallow(repository)))
    }

    /// Finds the commits that lead from a known one to the one that is read, the known one included, as if nothing were before it; `None` where
    /// it is not among those that lead there.
    ///
    /// # Errors
    /// The commits between them cannot be read.
    pub fn since(
        repository: &'r Repository,
        snapshot: &'s Snapshot<'r>,
        known: CommitId,
    ) -> Result<Option<Self>, SnapshotError> {
        let git = repository.git();
        let (tip, known) = (snapshot.commit().oid(), known.oid());
        let failed = |error: git2::Error| SnapshotError::Git {
            reference: CommitId::from(tip).to_string(),
            error: error.into(),
        };
        // A note that names something else than a commit is none.
        let is_here = snapshot.commit_object(known).is_ok();
        if !is_here || (tip != known && !git.graph_descendant_of(tip, known).map_err(failed)?) {
            return Ok(None);
        }
        let mut walk = git.revwalk().map_err(failed)?;
        walk.push(tip).map_err(failed)?;
        walk.hide(known).map_err(failed)?;
        let new: HashSet<Oid> = walk.collect::<Result<_, _>>().map_err(failed)?;
        // What led to the known commit is not followed again, whichever way leads there.
        let mut edge = shallow(repository);
        edge.insert(known);
        for id in &new {
            let parents = snapshot.commit_object(*id)?.parents;
            edge.extend(parents.into_iter().filter(|parent| !new.contains(parent)));
        }
        Ok(Some(Self::reached(snapshot, Vec::new(), vec![tip], &edge)))
    }

    fn reached(snapshot: &'s Snapshot<'r>, missing: Vec<String>, tips: Vec<Oid>, shallow: &HashSet<Oid>) -> Self {
        let mut history = Self {
            snapshot,
            commits: Vec::new(),
            cut: Vec::new(),
            missing,
            searched: RefCell::default(),
            depth: MAX_DEPTH,
        };
        let mut seen: HashSet<Oid> = tips.iter().copied().collect();
        for tip in tips {
            history.walk(tip, shallow, &mut seen);
        }
        history.rank();
        history
    }

    /// How many commits there are.
    pub fn commits(&self) -> usize {
        self.commits.len()
    }

    /// The commits whose parents are missing, in a shallow clone for example: what came before them is not known.
    pub fn cut(&self) -> &[CommitId] {
        &self.cut
    }

    /// Follows first parents first, so that a commit is mostly followed by the one it is compared with.
    fn walk(&mut self, tip: Oid, shallow: &HashSet<Oid>, seen: &mut HashSet<Oid>) {
        let mut todo = vec![tip];
        while let Some(id) = todo.pop() {
            let mut commit = match self.snapshot.commit_object(id) {
                Ok(commit) => commit,
                Err(error) => {
                    self.missing.push(error.to_string());
                    continue;
                }
            };
            let parents = commit.parents.len();
            match shallow.contains(&id) {
                true => commit.parents.clear(),
                false => commit.parents.retain(|parent| self.snapshot.store().has(*parent)),
            }
            commit.cut = commit.parents.len() < parents;
            if commit.cut {
                self.cut.push(id.into());
            }
            todo.extend(commit.parents.iter().rev().filter(|parent| seen.insert(**parent)));
            self.commits.push(commit);
        }
    }

    /// Orders the commits: by time, but none before its parents.
    fn rank(&mut self) {
        let places: HashMap<Oid, usize> = self
            .commits
            .iter()
            .enumerate()
            .map(|(n, commit)| (commit.id, n))
            .collect();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.commits.len()];
        let mut waiting_for = vec![0_usize; self.commits.len()];
        for (n, commit) in self.commits.iter().enumerate() {
            for parent in commit.parents.iter().filter_map(|parent| places.get(parent)) {
                children[*parent].push(n);
                waiting_for[n] += 1;
            }
        }
        let free = { waiting_for.iter().enumerate() }.filter(|(_, parents)| **parents == 0);
        let mut ready: BinaryHeap<Reverse<(i64, usize)>> =
            free.map(|(n, _)| Reverse((self.commits[n].time, n))).collect();
        let mut rank = 0;
        while let Some(Reverse((_, n))) = ready.pop() {
            self.commits[n].rank = rank;
            rank += 1;
            for &child in &children[n] {
                waiting_for[child] -= 1;
                if waiting_for[child] == 0 {
                    ready.push(Reverse((self.commits[child].time, child)));
                }
            }
        }
    }

    /// Compares each commit with its parents, in the vault's own folders only. `progress` is called with the number of commits done.
    ///
    /// # Errors
    /// The commit that is read has no vault, or there are more versions than any vault has.
    pub fn versions(&self, folders: &[&str], progress: &dyn Fn(usize)) -> Result<Versions, ReadError> {
        self.versions_of(folders, &|_, _| true, progress)
    }

    /// The same for files that stand in the folders themselves, and for those versions that are wanted: there is no limit to what anybody with
    /// push rights can put beside them.
    ///
    /// # Errors
    /// As [`History::versions`].
    pub fn versions_in(
        mut self,
        folders: &[&str],
        wanted: &dyn Fn(&str, BlobId) -> bool,
    ) -> Result<Versions, ReadError> {
        self.depth = 1;
        let is_wanted = |path: &[u8], id| std::str::from_utf8(path).is_ok_and(|path| wanted(path, BlobId::from(id)));
        self.versions_of(folders, &is_wanted, &|_| {})
    }

    fn versions_of(
        &self,
        folders: &[&str],
        wanted: &dyn Fn(&[u8], Oid) -> bool,
        progress: &dyn Fn(usize),
    ) -> Result<Versions, ReadError> {
        let mut found = Versions {
            unreadable: self.missing.clone(),
            ..Versions::default()
        };
        let vaults = self.places(&mut found)?;
        let trees = self
            .commits
            .iter()
            .map(|commit| (commit.id, vaults.get(&commit.tree).copied()));
        let trees: HashMap<Oid, Option<Oid>> = trees.collect();
        let mut collected = Collected::default();
        let empty = RawTree::default();
        for commit in &self.commits {
            progress(1);
            let Some(&vault) = vaults.get(&commit.tree) else {
                continue;
            };
            let seen = Seen {
                rank: commit.rank,
                time: commit.time,
                at_latest: commit.cut,
                commit: commit.id.into(),
            };
            let before = commit.parents.iter().map(|parent| trees.get(parent).copied().flatten());
            let before: Vec<Option<Oid>> = match commit.parents.is_empty() {
                true => vec![None],
                false => before.collect(),
            };
            for old in before {
                let compared = self.compare(
                    old,
                    Some(vault),
                    &empty,
                    &mut Vec::new(),
                    folders,
                    &mut |path, (old, new)| {
                        let wanted = |leaf: &Leaf| wanted(path, leaf.id);
                        match (old.filter(wanted), new.filter(wanted)) {
                            (None, None) => Ok(()),
                            change => collected.note(path, change, seen),
                        }
                    },
                );
                match compared {
                    Err(error @ ReadError::TooMany { .. }) => return Err(error),
                    Err(error) => found
                        .unreadable
                        .push(format!("commit {}: {error}", seen.commit.short())),
                    Ok(()) => {}
                }
            }
        }
        let current = vaults.get(&self.snapshot.root().unwrap_or(Oid::ZERO_SHA1)).copied();
        self.compare(
            None,
            current,
            &empty,
            &mut Vec::new(),
            folders,
            &mut |path, (_, new)| {
                if let Some(version) = new.and_then(|new| collected.find(path, new)) {
                    version.current = true;
                }
                Ok(())
            },
        )?;
        collected.into_versions(&mut found);
        Ok(found)
    }
}

fn at(commit: &Commit, error: &ReadError) -> String {
    format!("commit {}: {error}", CommitId::from(commit.id).short())
}
