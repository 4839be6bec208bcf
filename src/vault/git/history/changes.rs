//! What differs between two commits of a vault, and what is known of each version of a file after all commits were compared.

use std::collections::HashMap;

use git2::Oid;

use super::super::{
    entry::{Entry, EntryKind},
    error::ReadError,
    id::BlobId,
    listing::TreeFile,
    store::bad_tree,
    tree::RawTree,
};
use super::{FileVersion, History, Seen, Versions};

/// How many versions of files a history has. A few small trees that name one another can stand for billions.
const MAX_VERSIONS: usize = 2_000_000;

/// What is collected on the way.
#[derive(Default)]
pub(super) struct Collected {
    pub paths: HashMap<Box<[u8]>, u32>,
    /// By path, contents, and what it is: the same contents as a link or an executable file are another version.
    pub versions: HashMap<(u32, Oid, EntryKind), Version>,
}

#[derive(Default)]
pub(super) struct Version {
    pub since: Option<Seen>,
    pub until: Option<Seen>,
    pub current: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub kind: EntryKind,
    pub id: Oid,
}

/// What stood at a path before, and what stands there after.
pub(super) type Change = (Option<Leaf>, Option<Leaf>);

/// What is done with each file that differs.
pub(super) type Each<'e> = dyn FnMut(&[u8], Change) -> Result<(), ReadError> + 'e;

/// An entry as a directory or as anything else.
fn sorted(entry: Option<Entry<'_>>) -> (Option<Oid>, Option<Leaf>) {
    match entry {
        Some(Entry {
            kind: EntryKind::Directory,
            id,
            ..
        }) => (Some(id), None),
        Some(Entry { kind, id, .. }) => (None, Some(Leaf { kind, id })),
        None => (None, None),
    }
}

impl Collected {
    pub(super) fn note(&mut self, path: &[u8], (old, new): Change, seen: Seen) -> Result<(), ReadError> {
        let next = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        let path = match self.paths.get(path) {
            Some(path) => *path,
            None => *self.paths.entry(path.into()).or_insert(next),
        };
        if let Some(new) = new {
            let version = self.version(path, new);
            if version.since.is_none_or(|since| seen < since) {
                version.since = Some(seen);
            }
        }
        if let Some(old) = old {
            let version = self.version(path, old);
            if version.until.is_none_or(|until| seen > until) {
                version.until = Some(seen);
            }
        }
        match self.versions.len() > MAX_VERSIONS {
            true => Err(ReadError::TooMany {
                directory: "the history".to_owned(),
                limit: MAX_VERSIONS,
            }),
            false => Ok(()),
        }
    }

    fn version(&mut self, path: u32, leaf: Leaf) -> &mut Version {
        self.versions.entry((path, leaf.id, leaf.kind)).or_default()
    }

    pub(super) fn find(&mut self, path: &[u8], leaf: Leaf) -> Option<&mut Version> {
        let path = *self.paths.get(path)?;
        self.versions.get_mut(&(path, leaf.id, leaf.kind))
    }

    pub(super) fn into_versions(self, found: &mut Versions) {
        let mut paths: Vec<Box<[u8]>> = vec![Box::default(); self.paths.len()];
        for (path, index) in self.paths {
            if std::str::from_utf8(&path).is_err() {
                found.not_utf8 += 1;
            }
            if let Some(place) = paths.get_mut(index as usize) {
                *place = path;
            }
        }
        for ((path, id, kind), version) in self.versions {
            let path = paths.get(path as usize).map(|path| std::str::from_utf8(path));
            let (Some(Ok(path)), Some(since)) = (path, version.since.or(version.until)) else {
                continue;
            };
            found.files.push(FileVersion {
                file: TreeFile {
                    path: path.to_owned(),
                    raw_path: None,
                    kind,
                    id: BlobId::from(id),
                },
                since,
                until: version.until,
                current: version.current,
            });
        }
        found
            .files
            .sort_by(|a, b| (&a.file.path, a.since, a.file.id).cmp(&(&b.file.path, b.since, b.file.id)));
    }
}

impl History<'_, '_> {
    /// Calls `each` for every file that differs below two trees. At the top only `folders` are looked into, and no file.
    pub(super) fn compare(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
        empty: &RawTree,
        path: &mut Vec<u8>,
        folders: &[&str],
        each: &mut Each<'_>,
    ) -> Result<(), ReadError> {
        if old == new {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(path).into_owned();
        let depth = path.iter().filter(|&&byte| byte == b'/').count();
        if depth >= self.depth {
            return Ok(());
        }
        let read = |id: Option<Oid>| id.map(|id| self.snapshot.store().tree(id, &shown)).transpose();
        let (before, after) = (read(old)?, read(new)?);
        let (before, after) = (before.as_deref().unwrap_or(empty), after.as_deref().unwrap_or(empty));
        let top = path.is_empty();
        let base = path.len();
        let mut result = Ok(());
        let differ = before.differences(after, |a, b| {
            let Some(name) = a.or(b).map(|entry| entry.name) else {
                return;
            };
            if result.is_err() || (top && !folders.iter().any(|folder| folder.as_bytes() == name)) {
                return;
            }
            if !top {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let ((a_tree, a_file), (b_tree, b_file)) = (sorted(a), sorted(b));
            if a_tree.is_some() || b_tree.is_some() {
                result = self.compare(a_tree, b_tree, empty, path, folders, each);
            }
            if result.is_ok() && !top && (a_file.is_some() || b_file.is_some()) {
                result = each(path, (a_file, b_file));
            }
            path.truncate(base);
        });
        result?;
        differ.map_err(|reason| bad_tree(&shown, reason))
    }
}
