//! Changed files outside of the vault: secrets in plain text, and files that decide how changes are looked at.

use super::{
    directory,
    item::{Item, Risk, Statement},
    secrets,
};
use crate::vault::{Difference, EntryKind, Repository, Side};

/// The largest file that is searched for secrets, in bytes.
const SEARCHED_MAX: usize = 1 << 20;

/// How many likely secrets of one file are told.
const TOLD_MAX: usize = 5;

pub(super) fn items(
    repository: &Repository,
    vaults: &[&str],
    differences: &[Difference],
    progress: &dyn Fn(usize),
) -> Vec<Item> {
    let others = differences.iter().filter(|difference| {
        let inside = |vault: &&str| directory::inside(vault, difference).is_some();
        !vaults.iter().any(inside)
    });
    let searched = others.map(|difference| {
        progress(1);
        item(repository, difference)
    });
    searched.flatten().collect()
}

fn item(repository: &Repository, difference: &Difference) -> Option<Item> {
    let mut statements = Vec::new();
    let mut line = None;
    match likely_secrets(repository, difference) {
        Ok(found) => {
            line = found.first().map(|likely| likely.line);
            statements.extend(found.iter().take(TOLD_MAX).map(plain));
        }
        // What is not looked at is told: it may be what somebody wanted not to be looked at.
        Err(why) => statements.push(Statement::new(Risk::Routine, why)),
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

/// What a likely secret is to be told as.
pub(super) fn plain(likely: &secrets::Likely) -> Statement {
    let text = format!("line {}: this looks like {} in plain text", likely.line, likely.what);
    Statement::new(Risk::Error, text)
}

fn is_file(side: &Side) -> bool {
    matches!(side.kind, EntryKind::File | EntryKind::Executable)
}

/// Finds what looks like a secret and was not there before.
///
/// # Errors
/// Why a file was not searched.
pub(super) fn likely_secrets(
    repository: &Repository,
    difference: &Difference,
) -> Result<Vec<secrets::Likely>, &'static str> {
    let Some(after) = difference.after.filter(is_file) else {
        return Ok(Vec::new());
    };
    let text = match repository.contents(after.id, SEARCHED_MAX) {
        Ok(Some(text)) => text,
        Ok(None) => return Err("larger than 1 MiB: it was not searched for secrets"),
        Err(_) => return Err("its contents are not in this clone: it was not searched for secrets"),
    };
    let read = |side: Side| repository.contents(side.id, SEARCHED_MAX).ok().flatten();
    let before = difference.before.and_then(read).unwrap_or_default();
    Ok(secrets::find(&before, &text))
}

/// Says what a file decides, if it decides how changes are looked at or what runs.
fn decides(path: &str) -> Option<&'static str> {
    // Where file systems ignore case, so do those who read these files.
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    if name == ".gitattributes" {
        return Some("decides how files are merged and shown");
    }
    if name == "head" && path.contains('/') {
        return Some("may make its directory a git repository of its own, with a configuration that runs programs");
    }
    if name == "codeowners" {
        return Some("decides who must look at a change");
    }
    let workflows = [".github", ".forgejo", ".gitea"].iter().any(|forge| {
        let below = path.strip_prefix(forge).and_then(|below| below.strip_prefix('/'));
        below.is_some_and(|below| ["workflows", "actions"].contains(&below.split('/').next().unwrap_or_default()))
    });
    let jobs = [".gitlab-ci.yml", ".gitmodules"].contains(&path.as_str()) || path.starts_with(".gitlab/");
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
            "sub/HEAD",
            ".github/workflows/ci.yml",
            ".gitlab-ci.yml",
            ".GitHub/Workflows/ci.yml",
            ".forgejo/workflows/ci.yml",
            ".github/workflows",
        ] {
            assert!(decides(path).is_some(), "{path}");
        }
        for path in ["README.md", "github/workflows/ci.yml", "sub/.gitlab-ci.yml.txt", "HEAD"] {
            assert!(decides(path).is_none(), "{path}");
        }
    }
}
