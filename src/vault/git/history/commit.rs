//! A commit object: its tree, its parents, its time. Reads nothing else of it.

use std::collections::HashSet;

use git2::{ObjectType, Oid};

use super::super::{
    MAX_FILE,
    error::ReadError,
    id::{self, CommitId},
    repository::Repository,
    snapshot::Snapshot,
    store::bad_tree,
};

pub(super) struct Commit {
    pub id: Oid,
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub time: i64,
    pub cut: bool,
    pub rank: usize,
}

impl Snapshot<'_> {
    /// Reads a commit's tree, parents and time.
    pub(super) fn commit_object(&self, id: Oid) -> Result<Commit, ReadError> {
        let path = format!("commit {}", CommitId::from(id).short());
        let parsed = self
            .store()
            .object(id, ObjectType::Commit, &path, MAX_FILE, |bytes| parse_commit(id, bytes))?;
        parsed.ok_or_else(|| bad_tree(&path, "it is no commit"))
    }
}

fn parse_commit(id: Oid, bytes: &[u8]) -> Option<Commit> {
    let oid = |hex: &[u8]| Oid::from_str(std::str::from_utf8(hex.get(..40)?).ok()?).ok();
    let mut commit = Commit {
        id,
        tree: oid(bytes.strip_prefix(b"tree ")?)?,
        parents: Vec::new(),
        time: 0,
        cut: false,
        rank: 0,
    };
    for line in bytes
        .split(|&byte| byte == b'\n')
        .skip(1)
        .take_while(|line| !line.is_empty())
    {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            commit.parents.push(oid(parent)?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            // `NAME <EMAIL> SECONDS +ZONE`. A commit with a time that is none is one all the same: nobody hides a history behind it.
            let line = String::from_utf8_lossy(committer);
            let time = line
                .rsplit_once('>')
                .and_then(|(_, time)| time.split_whitespace().next());
            commit.time = time.and_then(|time| time.parse().ok()).unwrap_or(0);
            break;
        }
    }
    Some(commit)
}

/// The commits at which a shallow clone ends.
pub(super) fn shallow(repository: &Repository) -> HashSet<Oid> {
    let text = std::fs::read_to_string(repository.common_dir().join("shallow")).unwrap_or_default();
    text.lines().filter_map(id::full_oid).collect()
}
