//! Whether what another repository sent may become the branch: checked whole, without a key, against what stood here before.
//!
//! What was wrong before is not held against it: one bad file must not keep a fleet from all that comes after it.

use vault_format::FilePath;

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
