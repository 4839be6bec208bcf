//! Files that look *stale* because somebody put an older version back, which anybody with push rights can do. Sealed anew they would give the keys
//! of now to somebody from whom they were taken. Git's history tells: it has a later version that an author signed.

use std::collections::{BTreeMap, BTreeSet};

use vault_format::{Authority, Credential, Entry, FilePath, Grant, Group, Parsed};

use super::{finding::Finding, past::with_history};
use crate::vault::{CommitId, FileError, MAX_FILE, Vault};

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
        let versions = history
            .versions(&folders, &|_| {})
            .map_err(|error| vault.error("", error))?;
        let mut latest: BTreeMap<FilePath, (u64, CommitId)> = BTreeMap::new();
        for version in versions.files.iter().filter(|version| !version.current) {
            let Some(path) = FilePath::parse(&version.file.path).filter(|path| suspects.contains(path)) else {
                continue;
            };
            let bytes = repository.contents(version.file.id, MAX_FILE).ok().flatten();
            let Some(serial) = bytes.and_then(|bytes| signed_serial(vault.authority(), &path, &bytes)) else {
                continue;
            };
            if latest.get(&path).is_none_or(|(known, _)| *known < serial) {
                latest.insert(path, (serial, version.since.commit));
            }
        }
        let mut findings = Vec::new();
        for (path, (before, commit)) in latest {
            if let Some((now, _)) = vault.state_of(&path)?.filter(|(now, _)| *now < before) {
                let commit = commit.short();
                let problem = format!(
                    "put back: serial {before} in commit {commit}, serial {now} now; 'git checkout {commit} -- {path}' and a commit bring the later one"
                );
                let path = path.to_string();
                findings.push(Finding { path, problem });
            }
        }
        Ok(findings)
    })
}

/// The folder of the vault that a file is in.
fn folder(path: &FilePath) -> Option<String> {
    let path = path.to_string();
    path.split_once('/').map(|(folder, _)| folder.to_owned())
}

/// The serial of a version that an author of now signed. Any other could be made by whoever wants a file to look put back.
fn signed_serial(authority: &Authority, path: &FilePath, bytes: &[u8]) -> Option<u64> {
    fn of<K: Entry>(authority: &Authority, path: &FilePath, bytes: &[u8]) -> Option<u64> {
        let parsed = Parsed::<K>::parse(bytes, path).ok()?;
        Some(authority.verify(parsed).ok()?.serial())
    }
    match path {
        FilePath::Credential(_) => of::<Credential>(authority, path, bytes),
        FilePath::Group(_) => of::<Group>(authority, path, bytes),
        FilePath::Grant(..) => of::<Grant>(authority, path, bytes),
        FilePath::Member(_) | FilePath::Root(_) => None,
    }
}
