//! Files that are sealed to an earlier epoch of a group, told apart. Those that were there when the next epoch began are as they should be: sealing
//! a value anew that was read already protects nothing. Those that were written later, on a clone that had not seen it, open for somebody who left:
//! they are *stale* (SPEC.md, 15.6).
//!
//! Git's history decides, never a clock: a file was there if a commit before each that began the epoch has it as it is now, whoever signed it.

use std::collections::{BTreeMap, HashMap};

use vault_format::{Credential, FilePath, Grant, Group, GroupName, Holder, HolderName, Parsed};

use super::finding::Finding;
use crate::vault::{BlobId, CommitId, FileError, MAX_FILE, Repository, Vault, with_history};

/// A file that is sealed to an epoch that is over.
#[derive(Debug, Clone)]
pub(super) struct Outdated {
    pub path: FilePath,
    pub id: BlobId,
    /// The group or member, at the epoch that the file is sealed to.
    pub holder: Holder,
    /// Its epoch now.
    pub now: u64,
}

/// What is to be said of a file that is sealed to an earlier epoch.
pub(super) fn problem(holder: &Holder, now: u64) -> String {
    format!("stale: sealed to {holder}, whose keys are at epoch {now} now; 'fleetvault reseal' mends it")
}

/// Returns those that are stale. Where the history is cut before an epoch began, or begins with it, nothing is said of what that epoch made outdated.
///
/// # Errors
/// [`FileError`] where the history cannot be read at all.
pub(super) fn stale(vault: &Vault<'_>, outdated: &[Outdated]) -> Result<Vec<Finding>, FileError> {
    if outdated.is_empty() {
        return Ok(Vec::new());
    }
    with_history(vault, |repository, history| {
        let groups: BTreeMap<&GroupName, String> = { outdated.iter() }
            .filter_map(|file| match &file.holder.name {
                HolderName::Group(group) => Some((group, FilePath::Group(group.clone()).to_string())),
                HolderName::Member(_) => None,
            })
            .collect();
        let paths: Vec<&str> = groups.values().map(String::as_str).collect();
        let introductions = history.introductions(&paths).map_err(|error| vault.error("", error))?;
        let mut epochs: HashMap<(&GroupName, BlobId), Option<u64>> = HashMap::new();
        let mut present: HashMap<CommitId, HashMap<String, BlobId>> = HashMap::new();
        let mut findings = Vec::new();
        for file in outdated {
            let found = || Finding {
                path: file.path.to_string(),
                problem: problem(&file.holder, file.now),
            };
            let HolderName::Group(group) = &file.holder.name else {
                // A member has no use for what is sealed to keys it does not have any more.
                findings.push(found());
                continue;
            };
            let mut is_later = |id: BlobId| {
                let epoch = *epochs
                    .entry((group, id))
                    .or_insert_with(|| epoch(repository, group, id));
                epoch.is_some_and(|epoch| epoch > file.holder.epoch)
            };
            let mut was_there = |commit: CommitId| {
                let files = present.entry(commit).or_insert_with(|| contents(repository, commit));
                let there = files.get(&file.path.to_string());
                there.is_some_and(|there| *there == file.id || says_the_same(repository, &file.path, *there, file.id))
            };
            // Before each commit that began a later epoch: somebody may have begun it a second time, beside a history in which the file was there.
            // A vault that begins with it, in a copy without its history for example, tells nothing of what was before.
            let began = groups.get(group).and_then(|path| introductions.get(path.as_str()));
            let is_stale = began.into_iter().flatten().any(|began| {
                let before = &began.before;
                !before.is_empty()
                    && is_later(began.id)
                    && !before.iter().any(|(_, id)| id.is_some_and(&mut is_later))
                    && !before.iter().any(|(commit, _)| was_there(*commit))
            });
            if is_stale {
                findings.push(found());
            }
        }
        Ok(findings)
    })
}

/// The epoch that a version of a group file says. Whoever signed it: a forged one can only make more of what came later stale.
fn epoch(repository: &Repository, name: &GroupName, id: BlobId) -> Option<u64> {
    let bytes = repository.contents(id, MAX_FILE).ok()??;
    let group = Parsed::<Group>::parse(&bytes, &FilePath::Group(name.clone())).ok()?;
    group.head().body.as_ref().map(|body| body.epoch)
}

/// Everything that the vault held at a commit; nothing where it cannot be read, so that files count as newer than it.
fn contents(repository: &Repository, commit: CommitId) -> HashMap<String, BlobId> {
    let Ok(snapshot) = repository.snapshot(&commit.to_string()) else {
        return HashMap::new();
    };
    let files = snapshot.files(&vault_format::FOLDERS).unwrap_or_default();
    files.into_iter().map(|file| (file.path, file.id)).collect()
}

/// Tells whether two versions of a file are one but for who signed it: when an author goes, another one signs the same bytes.
fn says_the_same(repository: &Repository, path: &FilePath, one: BlobId, other: BlobId) -> bool {
    let signed = |id| {
        let bytes = repository.contents(id, MAX_FILE).ok()??;
        Some(match path {
            FilePath::Credential(_) => Parsed::<Credential>::parse(&bytes, path).ok()?.digest(),
            FilePath::Group(_) => Parsed::<Group>::parse(&bytes, path).ok()?.digest(),
            FilePath::Grant(..) => Parsed::<Grant>::parse(&bytes, path).ok()?.digest(),
            FilePath::Member(_) | FilePath::Root(_) => return None,
        })
    };
    signed(one).is_some_and(|one| signed(other) == Some(one))
}
