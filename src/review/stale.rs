//! Files that are sealed to an earlier epoch of a group, told apart. Those that were there when the next epoch began are as they should be: sealing
//! a value anew that was read already protects nothing. Those that were written later, on a clone that had not seen it, open for somebody who left:
//! they are *stale* (SPEC.md, 15.6).
//!
//! Git's history decides, never a clock: a file was there if the commit before the one that began the epoch has these very contents,
//! whoever has signed them.

use std::collections::{BTreeMap, HashMap, HashSet};

use vault_format::{FilePath, Group, GroupName, Holder, HolderName, Parsed};

use super::finding::Finding;
use crate::vault::{BlobId, CommitId, FileError, History, MAX_FILE, Repository, Seen, Vault};

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
    let failed = |error: String| vault.error("", crate::vault::FileProblem::Contradiction(error));
    let place = vault.snapshot().place();
    let repository = place.open().map_err(|error| failed(error.to_string()))?;
    let snapshot = repository
        .snapshot_at(&place)
        .map_err(|error| failed(error.to_string()))?;
    let history = History::of(&repository, &snapshot, false).map_err(|error| failed(error.to_string()))?;
    let versions = history
        .versions(&["groups"], &|_| {})
        .map_err(|error| vault.error("", error))?;
    let mut beginnings: BTreeMap<GroupName, Vec<(u64, Seen)>> = BTreeMap::new();
    for version in &versions.files {
        if let Some(FilePath::Group(name)) = FilePath::parse(&version.file.path)
            && let Some(epoch) = epoch(&repository, &name, version.file.id)
        {
            beginnings.entry(name).or_default().push((epoch, version.since));
        }
    }
    let mut present: HashMap<CommitId, HashSet<BlobId>> = HashMap::new();
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
        // The first commit that has a later epoch: one that a rogue adds in between comes after it.
        let began = beginnings.get(group).into_iter().flatten();
        let began = began
            .filter(|(epoch, _)| *epoch > file.holder.epoch)
            .map(|(_, seen)| *seen)
            .min();
        let Some(began) = began.filter(|began| !began.at_latest) else {
            continue;
        };
        let before = repository
            .parents(began.commit)
            .map_err(|error| failed(error.to_string()))?;
        let mut was_there = before.iter().map(|commit| {
            let files = present.entry(*commit).or_insert_with(|| contents(&repository, *commit));
            files.contains(&file.id) || was_signed_anew(&repository, *commit, file)
        });
        // A vault that begins with it, in a copy without its history for example, tells nothing of what was before.
        if !before.is_empty() && !was_there.any(|was| was) {
            findings.push(found());
        }
    }
    Ok(findings)
}

/// The epoch that a version of a group file says. Whoever signed it: a forged one can only make more of what came later stale.
fn epoch(repository: &Repository, name: &GroupName, id: BlobId) -> Option<u64> {
    let bytes = repository.contents(id, MAX_FILE).ok()??;
    let group = Parsed::<Group>::parse(&bytes, &FilePath::Group(name.clone())).ok()?;
    group.head().body.as_ref().map(|body| body.epoch)
}

/// Tells whether a commit has the file with the same signed bytes and other signatures: its author has gone since, and another one has signed.
fn was_signed_anew(repository: &Repository, commit: CommitId, file: &Outdated) -> bool {
    let then = repository.snapshot(&commit.to_string());
    let then = then
        .ok()
        .and_then(|then| then.read(&file.path.to_string()).ok().flatten());
    let now = repository.contents(file.id, MAX_FILE).ok().flatten();
    match (then, now) {
        (Some(then), Some(now)) => signed(&then) == signed(&now),
        _ => false,
    }
}

/// What the signatures of a file are over (SPEC.md, 13.1).
fn signed(bytes: &[u8]) -> &[u8] {
    let end = memchr::memmem::find(bytes, b"\n[[signature]]\n");
    end.map_or(bytes, |end| &bytes[..end])
}

/// Everything that the vault held at a commit; nothing where it cannot be read, so that files count as newer than it.
fn contents(repository: &Repository, commit: CommitId) -> HashSet<BlobId> {
    let Ok(snapshot) = repository.snapshot(&commit.to_string()) else {
        return HashSet::new();
    };
    let files = snapshot.files(&vault_format::FOLDERS).unwrap_or_default();
    files.into_iter().map(|file| file.id).collect()
}
