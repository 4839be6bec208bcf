//! The history of a vault: which contents ever stood at which of its paths, since when, and until when. Compares trees, and of those only the
//! vault's own folders; reads no file, whatever else the repository holds. Where a vault moved from one directory to another it is followed by
//! its first root, which never changes.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use git2::{ObjectType, Oid};

use super::error::{ReadError, SnapshotError};
use super::id::{BlobId, CommitId};
use super::path::join;
use super::reference;
use super::repository::Repository;
use super::snapshot::{Snapshot, TreeFile};
use super::tree::{Entry, EntryKind, RawTree};
use super::{MAX_FILE, VAULT_FILE};

/// How deep a vault's own files stand, and some more.
const MAX_DEPTH: usize = 8;

/// How many versions of files a history has. A few small trees that name one another can stand for billions.
const MAX_VERSIONS: usize = 2_000_000;

/// How many directories of one commit are searched for a vault that is not where it was in the commit behind it.
const MAX_SEARCHED: usize = 100_000;

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

struct Commit {
    id: Oid,
    tree: Oid,
    parents: Vec<Oid>,
    time: i64,
    cut: bool,
    rank: usize,
}

/// What is collected on the way.
#[derive(Default)]
struct Collected {
    paths: HashMap<Box<[u8]>, u32>,
    versions: HashMap<(u32, Oid), Version>,
}

struct Version {
    kind: EntryKind,
    since: Option<Seen>,
    until: Option<Seen>,
    current: bool,
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
        let shallow = shallow(repository);
        let mut history = Self {
            snapshot,
            commits: Vec::new(),
            cut: Vec::new(),
            missing,
            searched: RefCell::default(),
        };
        let mut seen: HashSet<Oid> = tips.iter().copied().collect();
        for tip in tips {
            history.walk(tip, &shallow, &mut seen);
        }
        history.rank();
        Ok(history)
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
                false => commit.parents.retain(|parent| self.snapshot.has(*parent)),
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
                    &mut |path, change| collected.note(path, change, seen),
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
                if let Some(version) = new.and_then(|new| collected.find(path, new.id)) {
                    version.current = true;
                }
                Ok(())
            },
        )?;
        collected.into_versions(&mut found);
        Ok(found)
    }

    /// The vault's tree in each tree of a commit that has one. Where a commit has it and its parent has not, it was made there or came from
    /// another directory, for which the parent's whole tree is searched; so is that of a tip which has none where it is known to be.
    fn places(&self, found: &mut Versions) -> Result<HashMap<Oid, Oid>, ReadError> {
        let first_root = self
            .snapshot
            .lookup(VAULT_FILE)?
            .map_or(Oid::ZERO_SHA1, |found| found.id);
        let parents: HashSet<Oid> = self.commits.iter().flat_map(|commit| commit.parents.clone()).collect();
        let mut vaults = HashMap::new();
        let mut unknown: Vec<&Commit> = self.commits.iter().collect();
        let mut directories = vec![self.snapshot.directory().to_owned()];
        let mut next = 0;
        while let Some(directory) = directories.get(next).cloned() {
            next += 1;
            unknown.retain(|commit| {
                let vault = self.vault_in(commit.tree, &directory, first_root);
                vault.map(|vault| vaults.insert(commit.tree, vault)).is_none()
            });
            if next < directories.len() {
                continue;
            }
            let known = self.commits.iter().filter(|commit| vaults.contains_key(&commit.tree));
            let above: HashSet<Oid> = known.flat_map(|commit| commit.parents.clone()).collect();
            let edge = |commit: &&&Commit| above.contains(&commit.id) || !parents.contains(&commit.id);
            for commit in unknown.iter().filter(edge) {
                match self.search(commit.tree, "", first_root, 0) {
                    Ok(Some(directory)) if !directories.contains(&directory) => directories.push(directory),
                    Ok(_) => {}
                    Err(error) => found.unreadable.push(at(commit, &error)),
                }
            }
        }
        found.directories = directories;
        Ok(vaults)
    }

    /// The tree of a directory, if the vault with this first root is there.
    fn vault_in(&self, root: Oid, directory: &str, first_root: Oid) -> Option<Oid> {
        let mut tree = root;
        for segment in directory.split('/').filter(|segment| !segment.is_empty()) {
            let entries = self.snapshot.tree(tree, directory).ok()?;
            let entry = entries.find(segment.as_bytes()).ok()??;
            if entry.kind != EntryKind::Directory {
                return None;
            }
            tree = entry.id;
        }
        let entries = self.snapshot.tree(tree, directory).ok()?;
        let file = entries.find(VAULT_FILE.as_bytes()).ok()??;
        (file.id == first_root).then_some(tree)
    }

    /// Searches a whole tree for the vault; a directory in which it is not, only once.
    fn search(&self, tree: Oid, path: &str, first_root: Oid, depth: usize) -> Result<Option<String>, ReadError> {
        let searched = |searched: &HashSet<Oid>| searched.contains(&tree) || searched.len() > MAX_SEARCHED;
        if depth > MAX_DEPTH || searched(&self.searched.borrow()) {
            return Ok(None);
        }
        let entries = self.snapshot.tree(tree, path)?;
        let mut below = Vec::new();
        for entry in entries.entries() {
            let entry = entry.map_err(|reason| bad_tree(path, reason))?;
            if entry.name == VAULT_FILE.as_bytes() && entry.id == first_root {
                return Ok(Some(path.to_owned()));
            }
            if entry.kind == EntryKind::Directory
                && let Ok(name) = std::str::from_utf8(entry.name)
            {
                below.push((entry.id, join(path, name)));
            }
        }
        for (tree, path) in below {
            if let Some(found) = self.search(tree, &path, first_root, depth + 1)? {
                return Ok(Some(found));
            }
        }
        self.searched.borrow_mut().insert(tree);
        Ok(None)
    }

    /// Calls `each` for every file that differs below two trees. At the top only `folders` are looked into, and no file.
    fn compare(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
        empty: &RawTree,
        path: &mut Vec<u8>,
        folders: &[&str],
        each: &mut dyn FnMut(&[u8], Change) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if old == new {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(path).into_owned();
        let depth = path.iter().filter(|&&byte| byte == b'/').count();
        if depth >= MAX_DEPTH {
            return Ok(());
        }
        let read = |id: Option<Oid>| id.map(|id| self.snapshot.tree(id, &shown)).transpose();
        let (before, after) = (read(old)?, read(new)?);
        let (before, after) = (before.as_deref().unwrap_or(empty), after.as_deref().unwrap_or(empty));
        let top = path.is_empty();
        let base = path.len();
        let mut result = Ok(());
        let differ = before.differences(after, |a, b| {
            let Some(name) = a.or(b).map(|entry| entry.name) else {
                return;
            };
            if result.is_err() || (top && !folders.iter().any(|folder| folder.as_bytes() == name)) {
                return;
            }
            if !top {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let ((a_tree, a_file), (b_tree, b_file)) = (sorted(a), sorted(b));
            if a_tree.is_some() || b_tree.is_some() {
                result = self.compare(a_tree, b_tree, empty, path, folders, each);
            }
            if result.is_ok() && !top && (a_file.is_some() || b_file.is_some()) {
                result = each(path, (a_file, b_file));
            }
            path.truncate(base);
        });
        result?;
        differ.map_err(|reason| bad_tree(&shown, reason))
    }
}

#[derive(Clone, Copy)]
struct Leaf {
    kind: EntryKind,
    id: Oid,
}

/// What stood at a path before, and what stands there after.
type Change = (Option<Leaf>, Option<Leaf>);

/// An entry as a directory or as anything else.
fn sorted(entry: Option<Entry<'_>>) -> (Option<Oid>, Option<Leaf>) {
    match entry {
        Some(Entry { kind, id, .. }) if kind == EntryKind::Directory => (Some(id), None),
        Some(Entry { kind, id, .. }) => (None, Some(Leaf { kind, id })),
        None => (None, None),
    }
}

impl Collected {
    fn note(&mut self, path: &[u8], (old, new): Change, seen: Seen) -> Result<(), ReadError> {
        let next = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        let path = match self.paths.get(path) {
            Some(path) => *path,
            None => *self.paths.entry(path.into()).or_insert(next),
        };
        if let Some(new) = new {
            let version = self.version(path, new);
            if version.since.is_none_or(|since| seen < since) {
                version.since = Some(seen);
            }
        }
        if let Some(old) = old {
            let version = self.version(path, old);
            if version.until.is_none_or(|until| seen > until) {
                version.until = Some(seen);
            }
        }
        match self.versions.len() > MAX_VERSIONS {
            true => Err(ReadError::TooMany {
                directory: "the history".to_owned(),
                limit: MAX_VERSIONS,
            }),
            false => Ok(()),
        }
    }

    fn version(&mut self, path: u32, leaf: Leaf) -> &mut Version {
        self.versions.entry((path, leaf.id)).or_insert(Version {
            kind: leaf.kind,
            since: None,
            until: None,
            current: false,
        })
    }

    fn find(&mut self, path: &[u8], id: Oid) -> Option<&mut Version> {
        let path = *self.paths.get(path)?;
        self.versions.get_mut(&(path, id))
    }

    fn into_versions(self, found: &mut Versions) {
        let mut paths: Vec<Box<[u8]>> = vec![Box::default(); self.paths.len()];
        for (path, index) in self.paths {
            if std::str::from_utf8(&path).is_err() {
                found.not_utf8 += 1;
            }
            if let Some(place) = paths.get_mut(index as usize) {
                *place = path;
            }
        }
        for ((path, id), version) in self.versions {
            let path = paths.get(path as usize).map(|path| std::str::from_utf8(path));
            let (Some(Ok(path)), Some(since)) = (path, version.since.or(version.until)) else {
                continue;
            };
            found.files.push(FileVersion {
                file: TreeFile {
                    path: path.to_owned(),
                    raw_path: None,
                    kind: version.kind,
                    id: BlobId::from(id),
                },
                since,
                until: version.until,
                current: version.current,
            });
        }
        found
            .files
            .sort_by(|a, b| (&a.file.path, a.since, a.file.id).cmp(&(&b.file.path, b.since, b.file.id)));
    }
}

impl Snapshot<'_> {
    /// Reads a commit's tree, parents and time.
    fn commit_object(&self, id: Oid) -> Result<Commit, ReadError> {
        let path = format!("commit {}", CommitId::from(id).short());
        let parsed = self.object(id, ObjectType::Commit, &path, MAX_FILE, |bytes| parse_commit(id, bytes))?;
        parsed.ok_or_else(|| bad_tree(&path, "it is no commit"))
    }
}

fn parse_commit(id: Oid, bytes: &[u8]) -> Option<Commit> {
    let oid = |hex: &[u8]| Oid::from_str(std::str::from_utf8(hex.get(..40)?).ok()?).ok();
    let mut commit = Commit {
        id,
        tree: oid(bytes.strip_prefix(b"tree ")?)?,
        parents: Vec::new(),
        time: 0,
        cut: false,
        rank: 0,
    };
    for line in bytes
        .split(|&byte| byte == b'\n')
        .skip(1)
        .take_while(|line| !line.is_empty())
    {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            commit.parents.push(oid(parent)?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            // `NAME <EMAIL> SECONDS +ZONE`
            let line = String::from_utf8_lossy(committer);
            let (_, time) = line.rsplit_once('>')?;
            commit.time = time.split_whitespace().next()?.parse().ok()?;
            break;
        }
    }
    Some(commit)
}

/// The commits at which a shallow clone ends.
fn shallow(repository: &Repository) -> HashSet<Oid> {
    let text = std::fs::read_to_string(repository.common_dir().join("shallow")).unwrap_or_default();
    text.lines().filter_map(super::id::full_oid).collect()
}

fn at(commit: &Commit, error: &ReadError) -> String {
    format!("commit {}: {error}", CommitId::from(commit.id).short())
}

fn bad_tree(directory: &str, reason: &'static str) -> ReadError {
    ReadError::BadTree {
        directory: directory.to_owned(),
        reason,
    }
}
