//! Whether what another repository sent may become the branch: checked whole, without a key, against what stood here before.
//!
//! What was wrong before is not held against it: one bad file must not keep a fleet from all that comes after it.

use vault_format::{Credential, Entry, FilePath, Grant, Group, HolderName, Member};

use super::{Finding, base::compare, verify::verify};
use crate::vault::{FileError, Vault};

/// What is to be said of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What keeps it from becoming the branch.
    pub refused: Vec<Finding>,
    /// Sealed to keys that are not current: a mistake of a clone that was behind, which an author can mend.
    pub stale: Vec<Finding>,
    /// What was wrong before too.
    pub known: Vec<Finding>,
}

/// Judges a commit that is to follow another one, which is accepted.
///
/// # Errors
/// [`FileError`] where one of the trees cannot be listed.
pub fn judge(before: &Vault<'_>, new: &Vault<'_>, progress: &(dyn Fn(usize) + Sync)) -> Result<Judgement, FileError> {
    let found = verify(new, progress)?.findings;
    let known = match found.is_empty() {
        true => Vec::new(),
        // What the roots did not say then may well be wrong now; what is compared is what a person reads.
        false => verify(before, progress)?.findings,
    };
    let mut judgement = Judgement {
        refused: compare(before, new)?,
        ..Judgement::default()
    };
    for finding in found {
        match () {
            () if known.contains(&finding) => judgement.known.push(finding),
            () if finding.is_stale() => judgement.stale.push(finding),
            () => judgement.refused.push(finding),
        }
    }
    judgement.refused.sort();
    judgement.refused.dedup();
    Ok(judgement)
}

/// Compares a commit with what this machine has used before, wherever that came from.
///
/// # Errors
/// [`FileError`] where the floors cannot be read.
pub fn below_floors(new: &Vault<'_>) -> Result<Vec<Finding>, FileError> {
    let floors = new.floors();
    let listed = floors.list().map_err(|error| {
        let error = crate::vault::FileProblem::Contradiction(format!("the floors cannot be read: {error}"));
        new.error("", error)
    })?;
    let mut findings = Vec::new();
    for (path, _) in listed {
        let Some(file) = FilePath::parse(&path).filter(|file| !matches!(file, FilePath::Root(_))) else {
            continue;
        };
        let checked = match new.state_of(&file) {
            Ok(Some((serial, digest))) => floors.check(&path, serial, || digest),
            Ok(None) => floors.check_absent(&path),
            // Broken: that is found by `verify`.
            Err(_) => continue,
        };
        if let Err(problem) = checked {
            findings.push(Finding {
                path,
                problem: problem.to_string(),
            });
        }
    }
    Ok(findings)
}

/// Tells whether a file is sealed to keys that are over at its own commit. Of one that was written later than that, somebody who left can open it.
/// A holder that is not there at all is for [`judge`] to report.
///
/// # Errors
/// [`FileError`] where the file, or that of a holder, is broken.
pub fn is_sealed_to_less(vault: &Vault<'_>, path: &FilePath) -> Result<bool, FileError> {
    match path {
        FilePath::Credential(_) => sealed_to_less::<Credential>(vault, path),
        FilePath::Group(_) => sealed_to_less::<Group>(vault, path),
        FilePath::Grant(group, _) => {
            let grant = vault.look_at::<Grant>(path)?;
            let granted = grant.as_ref().and_then(|grant| grant.body()).map(|body| body.epoch);
            let now = epoch(vault, &HolderName::Group(group.clone()))?;
            Ok(granted.is_some_and(|granted| now.is_some_and(|now| granted < now))
                || sealed_to_less::<Grant>(vault, path)?)
        }
        FilePath::Member(_) | FilePath::Root(_) => Ok(false),
    }
}

/// The files of those to whom a file is sealed, whatever this machine remembers of it.
///
/// # Errors
/// [`FileError`] where the file is broken.
pub fn sealed_to(vault: &Vault<'_>, path: &FilePath) -> Result<Vec<FilePath>, FileError> {
    fn of<K: Entry>(vault: &Vault<'_>, path: &FilePath) -> Result<Vec<FilePath>, FileError> {
        let file = vault.look_at::<K>(path)?;
        let sealed_to = file.as_ref().and_then(|file| file.body()).and_then(K::sealed_to);
        let holders = sealed_to.iter().flat_map(|sealed_to| sealed_to.holders());
        let files = holders.map(|holder| match &holder.name {
            HolderName::Group(name) => FilePath::Group(name.clone()),
            HolderName::Member(name) => FilePath::Member(name.clone()),
        });
        Ok(files.collect())
    }
    match path {
        FilePath::Credential(_) => of::<Credential>(vault, path),
        FilePath::Group(_) => of::<Group>(vault, path),
        FilePath::Grant(..) => of::<Grant>(vault, path),
        FilePath::Member(_) | FilePath::Root(_) => Ok(Vec::new()),
    }
}

fn sealed_to_less<K: Entry>(vault: &Vault<'_>, path: &FilePath) -> Result<bool, FileError> {
    let file = vault.look_at::<K>(path)?;
    let sealed_to = file.as_ref().and_then(|file| file.body()).and_then(K::sealed_to);
    for holder in sealed_to.iter().flat_map(|sealed_to| sealed_to.holders()) {
        if epoch(vault, &holder.name)?.is_some_and(|now| holder.epoch < now) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The epoch of a group or member, if it is there.
fn epoch(vault: &Vault<'_>, holder: &HolderName) -> Result<Option<u64>, FileError> {
    Ok(match holder {
        HolderName::Group(name) => {
            let group = vault.look_at::<Group>(&FilePath::Group(name.clone()))?;
            group.as_ref().and_then(|group| group.body()).map(|body| body.epoch)
        }
        HolderName::Member(name) => {
            let member = vault.look_at::<Member>(&FilePath::Member(name.clone()))?;
            member.as_ref().and_then(|member| member.body()).map(|body| body.epoch)
        }
    })
}
