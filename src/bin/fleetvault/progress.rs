//! What git is in the middle of, in words: whose side is whose, and how it goes on.

use fleetvault::vault::{InProgress, Operation, Repository, SideCommit};

/// Which commit git calls ours.
pub fn ours(repository: &Repository, progress: &InProgress) -> String {
    let head = described(progress.ours.as_ref());
    match (progress.operation, repository.rebased_onto()) {
        (Operation::Rebase, Some(onto)) => {
            format!("{onto}, which is rebased onto, with what is rebased so far: {head}")
        }
        _ => head,
    }
}

/// Which commit git calls theirs.
pub fn theirs(progress: &InProgress) -> String {
    let commit = described(progress.theirs.as_ref());
    match (progress.operation, &progress.rebased) {
        (Operation::Rebase, Some(branch)) => format!("the commit of {branch} that is rebased: {commit}"),
        (Operation::Rebase, None) => format!("the commit that is rebased: {commit}"),
        (Operation::CherryPick, _) => format!("the commit that is picked: {commit}"),
        (Operation::Revert, _) => "what was before the commit that is reverted".into(),
        (Operation::Mailbox, _) => "the patch that is applied".into(),
        (Operation::Nothing, _) => "what is taken over".into(),
        (Operation::Merge, _) => commit,
    }
}

fn described(side: Option<&SideCommit>) -> String {
    let Some(side) = side else {
        return "unknown".into();
    };
    let commit = format!("{} '{}'", side.commit.short(), side.subject);
    match &side.branch {
        Some(branch) => format!("{branch}, {commit}"),
        None => commit,
    }
}

/// What has git go on, once all conflicts are over.
pub fn next(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Merge => Some("git commit"),
        Operation::Rebase => Some("git rebase --continue"),
        Operation::CherryPick => Some("git cherry-pick --continue"),
        Operation::Revert => Some("git revert --continue"),
        Operation::Mailbox => Some("git am --continue"),
        Operation::Nothing => None,
    }
}
