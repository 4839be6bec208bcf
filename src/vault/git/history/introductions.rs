//! Which commits put something at a path that none of their parents has there. Whoever can push can add a line of commits beside all others and
//! merge it, with whatever times it likes: no one of these commits is *the* first.

use std::collections::{BTreeMap, HashMap};

use git2::Oid;

use super::super::{
    entry::EntryKind,
    error::ReadError,
    id::{BlobId, CommitId},
    store::bad_tree,
};
use super::{History, Versions};

/// A commit that put something at a path which none of its parents has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// What it put there.
    pub id: BlobId,
    /// Its parents, each with what stands there in it. None for a commit without parents, and for one of which parents are missing here.
    pub before: Vec<(CommitId, Option<BlobId>)>,
}

impl History<'_, '_> {
    /// Finds them for each of some paths below the vault.
    ///
    /// # Errors
    /// The commit that is read has no vault, or a tree cannot be read.
    pub fn introductions<'p>(&self, paths: &[&'p str]) -> Result<BTreeMap<&'p str, Vec<Introduction>>, ReadError> {
        let vaults = self.places(&mut Versions::default())?;
        let trees: HashMap<Oid, Oid> = self.commits.iter().map(|commit| (commit.id, commit.tree)).collect();
        let vault_of = |commit: &Oid| trees.get(commit).and_then(|tree| vaults.get(tree)).copied();
        let mut found: BTreeMap<&str, Vec<Introduction>> = BTreeMap::new();
        for commit in &self.commits {
            let parents: Vec<(Oid, Option<Oid>)> = { commit.parents.iter() }
                .map(|parent| (*parent, vault_of(parent)))
                .collect();
            let Some(vault) = vault_of(&commit.id) else { continue };
            if parents.iter().any(|(_, before)| *before == Some(vault)) {
                continue;
            }
            for path in paths {
                let Some(id) = self.blob_in(vault, path)? else { continue };
                let mut before = Vec::with_capacity(parents.len());
                for (parent, vault) in &parents {
                    let blob = vault.map(|vault| self.blob_in(vault, path)).transpose()?;
                    before.push((CommitId::from(*parent), blob.flatten()));
                }
                if before.iter().any(|(_, blob)| *blob == Some(id)) {
                    continue;
                }
                if commit.cut {
                    before.clear();
                }
                found.entry(path).or_default().push(Introduction { id, before });
            }
        }
        Ok(found)
    }

    /// The file at a path below a vault's tree.
    fn blob_in(&self, vault: Oid, path: &str) -> Result<Option<BlobId>, ReadError> {
        let mut tree = vault;
        let mut segments = path.split('/').peekable();
        while let Some(segment) = segments.next() {
            let entries = self.snapshot.store().tree(tree, path)?;
            let entry = entries.find(segment.as_bytes());
            match entry.map_err(|reason| bad_tree(path, reason))? {
                Some(entry) if entry.kind == EntryKind::Directory => tree = entry.id,
                Some(entry) if segments.peek().is_none() => return Ok(Some(BlobId::from(entry.id))),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}
