//! Changed files outside of the vault: secrets in plain text, and files that decide how changes are looked at.

use super::{Item, Risk, Statement, secrets};
use crate::vault::{Difference, EntryKind, Repository, Side};

/// The largest file that is searched for secrets, in bytes.
const SEARCHED_MAX: usize = 1 << 20;

/// How many likely secrets of one file are told.
const TOLD_MAX: usize = 5;

pub(super) fn items(repository: &Repository, vaults: &[&str], differences: &[Difference]) -> Vec<Item> {
    let others = differences.iter().filter(|difference| {
        let inside = |vault: &&str| super::vault::inside(vault, difference).is_some();
        !vaults.iter().any(inside)
    });
    others.filter_map(|difference| item(repository, difference)).collect()
}

fn item(repository: &Repository, difference: &Difference) -> Option<Item> {
    let mut statements = Vec::new();
    let mut line = None;
    let found = likely_secrets(repository, difference);
    if !found.is_empty() {
        line = found.first().map(|likely| likely.line);
        statements.extend(found.iter().take(TOLD_MAX).map(|likely| {
            let text = format!("line {}: this looks like {} in plain text", likely.line, likely.what);
            Statement::new(Risk::Error, text)
        }));
    }
    if let Some(why) = decides(&difference.path) {
        statements.push(Statement::new(Risk::Attention, why));
    }
    (!statements.is_empty()).then(|| Item {
        subject: difference.path.clone(),
        path: difference.path.clone(),
        statements,
        authors: Vec::new(),
        line,
    })
}

/// Finds what looks like a secret and was not there before.
pub(super) fn likely_secrets(repository: &Repository, difference: &Difference) -> Vec<secrets::Likely> {
    let is_file = |side: &Side| matches!(side.kind, EntryKind::File | EntryKind::Executable);
    let Some(after) = difference.after.filter(is_file) else {
        return Vec::new();
    };
    // What cannot be read, or is too large to be written by hand, is passed over.
    let read = |id| repository.contents(id, SEARCHED_MAX).ok().flatten();
    let text = read(after.id).unwrap_or_default();
    let before = difference.before.and_then(|side| read(side.id)).unwrap_or_default();
    secrets::find(&before, &text)
}

/// Says what a file decides, if it decides how changes are looked at or what runs.
fn decides(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == ".gitattributes" {
        return Some("decides how files are merged and shown");
    }
    if name == "CODEOWNERS" {
        return Some("decides who must look at a change");
    }
    let workflows = path.starts_with(".github/workflows/") || path.starts_with(".github/actions/");
    let jobs = [".gitlab-ci.yml", ".gitmodules"].contains(&path) || path.starts_with(".gitlab/");
    (workflows || jobs).then_some("decides what runs for a change")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_decide_are_told_apart() {
        for path in [
            "sub/.gitattributes",
            "docs/CODEOWNERS",
            ".github/workflows/ci.yml",
            ".gitlab-ci.yml",
        ] {
            assert!(decides(path).is_some(), "{path}");
        }
        for path in ["README.md", "github/workflows/ci.yml", "sub/.gitlab-ci.yml.txt"] {
            assert!(decides(path).is_none(), "{path}");
        }
    }
}
