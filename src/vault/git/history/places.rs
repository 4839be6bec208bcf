//! Where a vault stood in each commit. Its first root never changes, so that the vault is known by it wherever it moves.

use std::collections::{HashMap, HashSet};

use git2::Oid;

use super::super::{VAULT_FILE, entry::EntryKind, error::ReadError, path::join, store::bad_tree};
use super::{History, MAX_DEPTH, Versions, at, commit::Commit};

/// How many directories of one commit are searched for a vault that is not where it was in the commit behind it.
const MAX_SEARCHED: usize = 100_000;

impl History<'_, '_> {
    /// The vault's tree in each tree of a commit that has one. Where a commit has it and its parent has not, it was made there or came from
    /// another directory, for which the parent's whole tree is searched; so is that of a tip which has none where it is known to be.
    pub(super) fn places(&self, found: &mut Versions) -> Result<HashMap<Oid, Oid>, ReadError> {
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
            let entries = self.snapshot.store().tree(tree, directory).ok()?;
            let entry = entries.find(segment.as_bytes()).ok()??;
            if entry.kind != EntryKind::Directory {
                return None;
            }
            tree = entry.id;
        }
        let entries = self.snapshot.store().tree(tree, directory).ok()?;
        let file = entries.find(VAULT_FILE.as_bytes()).ok()??;
        (file.id == first_root).then_some(tree)
    }

    /// Searches a whole tree for the vault; a directory in which it is not, only once.
    fn search(&self, tree: Oid, path: &str, first_root: Oid, depth: usize) -> Result<Option<String>, ReadError> {
        let searched = |searched: &HashSet<Oid>| searched.contains(&tree) || searched.len() > MAX_SEARCHED;
        if depth > MAX_DEPTH || searched(&self.searched.borrow()) {
            return Ok(None);
        }
        let entries = self.snapshot.store().tree(tree, path)?;
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
}
