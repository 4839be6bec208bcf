//! A three-way merge of what files mean, where git would merge lines: scopes as sets, policy field by field, values by comparing them.
//!
//! What both sides changed to different things is never decided here: it is refused, with both, unless the author says whose is to stand.
//! Both sides must be signed by authors of the current root. What is written is signed by this author, one serial above both.
//!
//! A signature is forever, and who is no author can put an old file back: so a side that is no newer than what both began with, or that the
//! other one's history has had, is no change that could be merged.

mod credential;
mod error;
mod group;
mod member;
mod ruling;
mod scope;
mod versions;

use vault_format::FilePath;

use super::{desk::Desk, error::AuthorError};
use crate::vault::FileChange;

pub use error::{Clash, MergeError, Which};
pub use ruling::{Course, Ruling};
pub use versions::Conflicted;

/// What a step of a merge has made.
#[derive(Default)]
pub struct MergeStep {
    /// Files that are as they are to be.
    pub files: Vec<FileChange>,
    /// Files that the next step must find in the vault: the merged members, and of groups and grants the side that will stand.
    pub stand_ins: Vec<FileChange>,
    /// One line for each file.
    pub summary: Vec<String>,
}

/// Checks that these files can be merged now, while the other ones stay in conflict.
///
/// # Errors
/// [`MergeError::RootsDiverged`] where a root is among either; [`MergeError::MergeFirst`] where keys are in conflict that would be sealed to.
pub fn check_selection(selected: &[FilePath], left: &[FilePath]) -> Result<(), MergeError> {
    let mut all = selected.iter().chain(left);
    if let Some(root) = all.find(|path| matches!(path, FilePath::Root(_))) {
        return Err(MergeError::RootsDiverged(root.to_string()));
    }
    let holds_keys = |path: &&FilePath| !matches!(path, FilePath::Credential(_));
    let keys: Vec<String> = left.iter().filter(holds_keys).map(ToString::to_string).collect();
    let seals = selected.iter().any(|path| !matches!(path, FilePath::Member(_)));
    match seals && !keys.is_empty() {
        true => Err(MergeError::MergeFirst(keys)),
        false => Ok(()),
    }
}

/// Merges members, and finds out which side of each group and grant will stand: what can be done without opening anything, and must be done
/// before anything is sealed.
///
/// # Errors
/// Everything that keeps a file from being merged.
pub fn merge_members(
    mut desk: Desk<'_, '_, '_>,
    files: &[&Conflicted],
    ruling: &Ruling,
) -> Result<MergeStep, Vec<AuthorError>> {
    let (mut step, mut errors) = (MergeStep::default(), Vec::new());
    for file in files {
        match &file.path {
            FilePath::Member(_) => match member::merge(&mut desk, file, ruling) {
                Ok(line) => step.summary.push(line),
                Err(error) => errors.push(error),
            },
            FilePath::Group(_) | FilePath::Grant(..) => match group::stand_in(&desk, file, ruling) {
                Ok(stand_in) => step.stand_ins.extend(stand_in),
                Err(error) => errors.push(error),
            },
            FilePath::Credential(_) | FilePath::Root(_) => {}
        }
    }
    step.files = desk.into_files();
    step.stand_ins.extend(step.files.iter().cloned());
    settle(step, errors)
}

/// Merges what is sealed, in a vault that has what [`merge_members`] made.
///
/// # Errors
/// Everything that keeps a file from being merged.
pub fn merge_sealed(
    mut desk: Desk<'_, '_, '_>,
    files: &[&Conflicted],
    ruling: &Ruling,
) -> Result<MergeStep, Vec<AuthorError>> {
    let (mut step, mut errors) = (MergeStep::default(), Vec::new());
    for file in files {
        let merged = match &file.path {
            FilePath::Group(name) => group::merge(&mut desk, name, file, ruling),
            FilePath::Grant(group, member) => group::merge_grant(&mut desk, group, member, file, ruling),
            FilePath::Credential(name) => credential::merge(&mut desk, name, file, ruling),
            FilePath::Member(_) | FilePath::Root(_) => continue,
        };
        match merged {
            Ok(line) => step.summary.push(line),
            Err(error) => errors.push(error),
        }
    }
    step.files = desk.into_files();
    settle(step, errors)
}

fn settle(step: MergeStep, errors: Vec<AuthorError>) -> Result<MergeStep, Vec<AuthorError>> {
    match errors.is_empty() {
        true => Ok(step),
        false => Err(errors),
    }
}
