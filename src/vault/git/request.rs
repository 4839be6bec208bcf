//! What a command asks for, and what of it is a change. Checks paths and contents against the
//! commit only; the work tree is looked at elsewhere.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid};

use super::MAX_FILE;
use super::entry::EntryKind;
use super::error::{WriteFailure, git};
use super::objects::in_the_way;
use super::path::{check_path, join, parents};
use super::snapshot::Snapshot;

/// A file as a command wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path below the vault.
    pub path: String,
    /// All of its bytes.
    pub contents: Vec<u8>,
}

/// A commit as a command wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRequest {
    /// The files it writes. One that already is as wanted is left out.
    pub files: Vec<FileChange>,
    /// The first line of its message.
    pub subject: String,
    /// The last lines of its message, `Key: value`.
    pub trailers: Vec<(String, String)>,
}

/// A file that differs from the commit it is built on.
pub(super) struct Change<'c> {
    /// In the repository.
    pub path: String,
    /// In the vault.
    pub short: &'c str,
    pub contents: &'c [u8],
    pub old: Option<Oid>,
    pub new: Oid,
}

/// Checks what the plan wants, and leaves out what is there already.
pub(super) fn changes<'c>(base: &Snapshot<'_>, request: &'c CommitRequest) -> Result<Vec<Change<'c>>, WriteFailure> {
    let mut changes = BTreeMap::new();
    for file in &request.files {
        check_path(&file.path)?;
        let path = join(base.directory(), &file.path);
        // The vault's own directory too: what this refuses, the journal would not read again.
        check_path(&path)?;
        if file.contents.len() > MAX_FILE {
            return Err(WriteFailure::TooLarge {
                path,
                size: file.contents.len(),
                limit: MAX_FILE,
            });
        }
        let new = Oid::hash_object(ObjectType::Blob, &file.contents).map_err(git("hash a file"))?;
        let found = base.find_from_root(&path)?;
        if let Some(found) = found
            && found.kind != EntryKind::File
        {
            return Err(in_the_way(&path, found.kind, "a regular file"));
        }
        let change = Change {
            path: path.clone(),
            short: &file.path,
            contents: &file.contents,
            old: found.map(|found| found.id),
            new,
        };
        if changes.insert(path.clone(), change).is_some() {
            return Err(WriteFailure::Twice(path));
        }
    }
    for path in changes.keys() {
        if let Some(parent) = parents(path).find(|parent| changes.contains_key(*parent)) {
            return Err(in_the_way(parent, EntryKind::File, "a directory"));
        }
    }
    changes.retain(|_, change| change.old != Some(change.new));
    if changes.is_empty() {
        return Err(WriteFailure::NothingToChange);
    }
    Ok(changes.into_values().collect())
}
