//! Files that look *stale* because somebody put an older version back, which anybody with push rights can do. Sealed anew they would give the keys
//! of now to somebody from whom they were taken. Git's history tells: it has a later version that an author signed.

use std::collections::BTreeSet;

use vault_format::FilePath;

use super::finding::Finding;
use crate::vault::{FileError, Vault, later, with_history};

/// Returns those of the files of which the history has a later version. What it does not reach, in a shallow clone, is not known.
///
/// # Errors
/// [`FileError`] where the history cannot be read at all.
pub(super) fn put_back(vault: &Vault<'_>, suspects: &BTreeSet<FilePath>) -> Result<Vec<Finding>, FileError> {
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    with_history(vault, |repository, history| {
        let folders: BTreeSet<String> = suspects.iter().filter_map(folder).collect();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let versions = history.versions(&folders, &|_| {});
        let versions = versions.map_err(|error| vault.error("", error))?;
        let found = later(vault, repository, &versions, |path| suspects.contains(path))?;
        Ok(found
            .into_iter()
            .map(|later| Finding {
                path: later.path.to_string(),
                problem: format!("put back: {}", later.way_back()),
            })
            .collect())
    })
}

/// The folder of the vault that a file is in.
fn folder(path: &FilePath) -> Option<String> {
    let path = path.to_string();
    path.split_once('/').map(|(folder, _)| folder.to_owned())
}
