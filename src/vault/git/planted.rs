//! Git repositories that are files of another one. Git, and libgit2, take any directory with `HEAD`, `objects` and `refs` in it for a bare
//! repository, and obey its configuration, which names programs to run. Such files can be committed and pushed as any others: whoever may push
//! would decide what is read and run below them. So none is opened, and where a commit has one around a vault it is told.

use std::path::{Path, PathBuf};

use git2::RepositoryOpenFlags;

use super::error::ReadError;
use super::{Access, libgit2};

/// Returns the top of the work tree that has this repository among its committed or staged files, if there is one.
pub(super) fn tracked_in(git: &git2::Repository) -> Option<PathBuf> {
    let git_dir = git.path().canonicalize().ok()?;
    // Git takes no file below that name.
    if git_dir.components().any(|part| part.as_os_str() == ".git") {
        return None;
    }
    let mut above = git_dir.parent().map(Path::to_owned);
    while let Some(directory) = above {
        let outer = libgit2::open(&directory, RepositoryOpenFlags::empty(), Access::Read).ok()?;
        let Some(top) = outer.workdir().and_then(|top| top.canonicalize().ok()) else {
            // One more without a work tree: what is around that?
            let outer = outer.path().canonicalize().ok()?;
            above = outer.parent().map(Path::to_owned);
            continue;
        };
        let head = git_dir.strip_prefix(&top).ok()?.join("HEAD");
        let staged = outer
            .index()
            .ok()
            .is_some_and(|index| index.get_path(&head, 0).is_some());
        let tree = outer.head().and_then(|head| head.peel_to_tree()).ok();
        let committed = tree.is_some_and(|tree| tree.get_path(&head).is_ok());
        return (staged || committed).then_some(top);
    }
    None
}

/// Returns the directories from `whole` up to the top, without it, that git would take for repositories, where `has` tells what is in the tree.
pub(super) fn around(whole: &str, has: impl Fn(&str) -> Result<bool, ReadError>) -> Result<Vec<&str>, ReadError> {
    let slashes = whole.match_indices('/').map(|(at, _)| at);
    let mut planted = Vec::new();
    for directory in slashes.chain([whole.len()]).map(|at| &whole[..at]) {
        let has = |name: &str| has(&format!("{directory}/{name}"));
        if !directory.is_empty() && has("HEAD")? && (has("commondir")? || (has("objects")? && has("refs")?)) {
            planted.push(directory);
        }
    }
    Ok(planted)
}
