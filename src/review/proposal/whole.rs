//! A change of a whole repository, as a hook of git sees it: every vault that it touches, wherever it stands, and everything beside them.

use std::collections::BTreeSet;

use vault_format::{Credential, FOLDERS, FilePath, Parsed, ROOT_FILE, VaultId};

use super::{
    ReviewError,
    directory::{inside, joined, shown},
    file::is_sealed,
    item::{Item, Proposal, Risk, Statement},
    others,
    vault::{self, whole},
};
use crate::{
    review::verify::verify,
    vault::{CommitId, Difference, EntryKind, MAX_FILE, Repository, Vault},
};

/// How many new commits are looked into one by one; more are refused.
const COMMITS_MAX: usize = 100_000;

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// Where it starts; nothing, where there was nothing before.
    pub from: Option<CommitId>,
    /// Whose roots judge it; nothing, where there is no vault yet.
    pub judge: Option<CommitId>,
    /// Where it leads.
    pub head: CommitId,
    /// Whether each commit is searched that no reference leads to yet: what a later one removes is there all the same.
    pub each_commit: bool,
    /// The only vault that there may be.
    pub expected: Option<VaultId>,
}

/// Judges every vault that a change touches, each by the root that stands in its place at `judge`, and searches all other files.
///
/// # Errors
/// [`ReviewError`]; everything that is wrong with the change itself is an item.
pub fn review_all(repository: &Repository, change: &Change) -> Result<Proposal, ReviewError> {
    let head = change.head;
    let differences = repository.differences_from(change.from, head)?;
    let mut found = Vec::new();
    let mut items = vaults(repository, change, &differences, &mut found)?;
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    items.extend(others::items(repository, &found, &differences, &|_| {}));
    if change.each_commit {
        add_commits(&mut items, repository, change)?;
    }
    Ok(Proposal::new(change.from.unwrap_or(head), head, items))
}

/// Judges the vaults that a change touches, but for those in `known`; adds the others to it.
pub(super) fn vaults(
    repository: &Repository,
    change: &Change,
    differences: &[Difference],
    known: &mut Vec<String>,
) -> Result<Vec<Item>, ReviewError> {
    let mut items = Vec::new();
    let is_one_of_several = !known.is_empty();
    for directory in candidates(differences) {
        if known.contains(&directory) {
            continue;
        }
        let root = joined(&directory, ROOT_FILE);
        let has = |commit: Option<CommitId>| match commit {
            Some(commit) => repository.has_entry(commit, &root),
            None => Ok(false),
        };
        let (before, judge, after) = (has(change.from)?, has(change.judge)?, has(Some(change.head))?);
        if !after {
            if before {
                items.push(whole(&root, "the vault is gone: its first root was removed".into()));
            }
            continue;
        }
        let here = open(repository, &directory)?;
        let mut found = Vec::new();
        if let Some(by) = change.judge.filter(|_| judge) {
            let judge = Vault::load(here.snapshot(&by.to_string())?, None)?;
            found.extend(unexpected(change, &root, judge.id()));
            found.extend(vault::items(
                &here,
                &directory,
                &judge,
                change.head,
                differences,
                &|_| {},
            )?);
        } else {
            found.extend(new_vault(&here, change, &directory)?);
        }
        if is_one_of_several {
            // The same name may stand for two credentials.
            for item in &mut found {
                item.subject = format!("{}: {}", shown(&directory), item.subject);
            }
        }
        items.extend(found);
        known.push(directory);
    }
    Ok(items)
}

/// The directories of the vaults that a change touches, and that stand on one of its sides.
///
/// # Errors
/// [`ReviewError`] where the commits cannot be compared.
pub fn touched_vaults(repository: &Repository, from: CommitId, to: CommitId) -> Result<Vec<String>, ReviewError> {
    let mut directories = Vec::new();
    for directory in candidates(&repository.differences(from, to)?) {
        let root = joined(&directory, ROOT_FILE);
        if repository.has_entry(from, &root)? || repository.has_entry(to, &root)? {
            directories.push(directory);
        }
    }
    Ok(directories)
}

/// The directories in which vaults may stand that a change touches.
fn candidates(differences: &[Difference]) -> BTreeSet<String> {
    let mut directories = BTreeSet::new();
    for difference in differences {
        let path = &difference.path;
        let mut start = 0;
        while let Some(segment) = path.get(start..).and_then(|rest| rest.split('/').next()) {
            let is_last = start + segment.len() == path.len();
            let folder = FOLDERS.iter().any(|folder| folder.eq_ignore_ascii_case(segment));
            if folder || (is_last && segment.eq_ignore_ascii_case(ROOT_FILE)) {
                directories.insert(path[..start.saturating_sub(1)].to_owned());
            }
            if is_last {
                break;
            }
            start += segment.len() + 1;
        }
    }
    directories
}

fn open(repository: &Repository, directory: &str) -> Result<Repository, ReviewError> {
    let opened = repository.reopen_in(directory);
    opened.map_err(|error| ReviewError::Other(error.to_string()))
}

fn unexpected(change: &Change, root: &str, found: VaultId) -> Option<Item> {
    let expected = change.expected.filter(|expected| *expected != found)?;
    Some(whole(root, format!("another vault: {found} instead of {expected}")))
}

/// A vault where there was none is judged by its own root: whether that is the right one, only a person can tell.
fn new_vault(repository: &Repository, change: &Change, directory: &str) -> Result<Vec<Item>, ReviewError> {
    let root = joined(directory, ROOT_FILE);
    let vault = match Vault::load(repository.snapshot(&change.head.to_string())?, None) {
        Ok(vault) => vault,
        Err(error) => return Ok(vec![whole(&joined(directory, &error.path), error.problem.to_string())]),
    };
    let authors: Vec<String> = vault
        .authority()
        .root()
        .author_names()
        .iter()
        .map(ToString::to_string)
        .collect();
    let text = format!("a new vault, {}, of {}", vault.id(), authors.join(", "));
    let mut items = vec![Item {
        statements: vec![Statement::new(Risk::Root, text)],
        ..whole(&root, String::new())
    }];
    items.extend(unexpected(change, &root, vault.id()));
    for finding in verify(&vault, &|_| {})?.findings {
        let path = joined(directory, &finding.path);
        items.push(Item {
            subject: finding.path,
            ..whole(&path, finding.problem)
        });
    }
    Ok(items)
}

/// Plain text that only commits in between show.
fn add_commits(items: &mut Vec<Item>, repository: &Repository, change: &Change) -> Result<(), ReviewError> {
    let commits = repository.commits_not_here(change.head, COMMITS_MAX + 1)?;
    if commits.len() > COMMITS_MAX {
        return Err(ReviewError::TooManyCommits(COMMITS_MAX));
    }
    for (commit, parents) in commits.iter().filter(|(commit, _)| *commit != change.head) {
        let mut differences = repository.differences_from(parents.first().copied(), *commit)?;
        for parent in parents.iter().skip(1) {
            // Of a merge, only what none of its parents has.
            let others = repository.differences(*parent, *commit)?;
            let paths: BTreeSet<&str> = others.iter().map(|other| other.path.as_str()).collect();
            differences.retain(|difference| paths.contains(difference.path.as_str()));
        }
        for difference in &differences {
            let found = others::likely_secrets(repository, difference).unwrap_or_default();
            let what = match found.first() {
                Some(likely) => format!("line {}: this looks like {} in plain text", likely.line, likely.what),
                None if is_plain(repository, difference, *commit) => {
                    "it is not sealed, and may hold a value in plain text".into()
                }
                None => continue,
            };
            let known = |item: &Item| item.path == difference.path && item.risk() == Risk::Error;
            if items.iter().any(known) {
                continue;
            }
            let problem = format!(
                "in commit {}, {what}; a later commit does not undo that",
                commit.short()
            );
            items.push(Item {
                subject: difference.path.clone(),
                ..whole(&difference.path, problem)
            });
        }
    }
    Ok(())
}

/// Tells whether something stands in the place of a credential that was never sealed. The vault need not be one that the whole change touches:
/// what a later commit takes away again is no part of that.
fn is_plain(repository: &Repository, difference: &Difference, commit: CommitId) -> bool {
    let Some(after) = difference.after.filter(|after| after.kind == EntryKind::File) else {
        return false;
    };
    candidates(std::slice::from_ref(difference)).iter().any(|directory| {
        let path = inside(directory, difference).and_then(FilePath::parse);
        let Some(path @ FilePath::Credential(_)) = path else {
            return false;
        };
        let has_vault = || {
            repository
                .has_entry(commit, &joined(directory, ROOT_FILE))
                .unwrap_or(false)
        };
        match repository.contents(after.id, MAX_FILE) {
            Ok(Some(bytes)) => !is_sealed(&bytes) && Parsed::<Credential>::parse(&bytes, &path).is_err() && has_vault(),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vaults_are_looked_for_where_a_change_could_touch_one() {
        let difference = |path: &str| Difference {
            path: path.into(),
            is_text: true,
            before: None,
            after: None,
        };
        let found = |path: &str| Vec::from_iter(candidates(&[difference(path)]));
        assert_eq!(found("credentials/a.toml"), [""]);
        assert_eq!(found("team/a/members/b.toml"), ["team/a"]);
        assert_eq!(found("team/fleetvault.toml"), ["team"]);
        assert_eq!(found("a/groups/x/Credentials/y"), ["a", "a/groups/x"]);
        assert_eq!(found("src/fleetvault.toml.md"), Vec::<String>::new());
        assert_eq!(found("README.md"), Vec::<String>::new());
    }
}
