//! What git is in the middle of, and which commits its two sides are. Reads only.

use std::fs;

use git2::{Oid, RepositoryState};

use super::id::{CommitId, full_oid};
use super::reference::HeadState;
use super::reference::head;
use super::repository::Repository;

/// What git is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `git merge`, `git pull`.
    Merge,
    /// `git rebase`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git am`.
    Mailbox,
    /// Nothing that it would have to be told to go on with: `git stash pop`.
    Nothing,
}

/// A commit that one side of a conflict comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideCommit {
    /// Its id.
    pub commit: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// A branch that it is the tip of.
    pub branch: Option<String>,
}

/// What git is in the middle of, and with which commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProgress {
    /// What it does.
    pub operation: Operation,
    /// What it calls ours: HEAD.
    pub ours: Option<SideCommit>,
    /// What it calls theirs.
    pub theirs: Option<SideCommit>,
    /// While rebasing, the branch that is rebased.
    pub rebased: Option<String>,
}

impl Repository {
    /// Returns what git is in the middle of.
    pub fn in_progress(&self) -> InProgress {
        let git = self.git();
        let operation = match git.state() {
            RepositoryState::Merge => Operation::Merge,
            RepositoryState::Revert | RepositoryState::RevertSequence => Operation::Revert,
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Operation::CherryPick,
            RepositoryState::ApplyMailbox => Operation::Mailbox,
            RepositoryState::Clean | RepositoryState::Bisect => Operation::Nothing,
            _ => Operation::Rebase,
        };
        let names: &[&str] = match operation {
            Operation::Merge => &["MERGE_HEAD"],
            // A merge that is made again (`--rebase-merges`) has the other branch as it is by now.
            Operation::Rebase => &["MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD"],
            Operation::CherryPick => &["CHERRY_PICK_HEAD"],
            // The side that is taken over is the commit before the one that is reverted: not that one.
            Operation::Revert | Operation::Mailbox | Operation::Nothing => &[],
        };
        let theirs = names.iter().find_map(|name| git.refname_to_id(name).ok());
        let mut ours = git.refname_to_id("HEAD").ok().and_then(|id| self.side(id));
        if let (Some(ours), HeadState::Branch(branch)) = (&mut ours, head(git)) {
            ours.branch = Some(branch);
        }
        InProgress {
            operation,
            ours,
            theirs: theirs.and_then(|id| self.side(id)),
            rebased: (operation == Operation::Rebase)
                .then(|| self.rebased("head-name"))
                .flatten()
                .map(|name| name.trim_start_matches("refs/heads/").to_owned()),
        }
    }

    /// Returns the branch that a rebase goes onto, by its name or its abbreviated commit.
    pub fn rebased_onto(&self) -> Option<String> {
        let onto = full_oid(&self.rebased("onto")?)?;
        Some(self.branch_at(onto).unwrap_or_else(|| CommitId::from(onto).short()))
    }

    fn rebased(&self, name: &str) -> Option<String> {
        let read = |place: &str| fs::read_to_string(self.git_dir().join(place).join(name)).ok();
        let text = read("rebase-merge").or_else(|| read("rebase-apply"))?;
        Some(text.trim().to_owned())
    }

    fn side(&self, id: Oid) -> Option<SideCommit> {
        let commit = self.git().find_commit(id).ok()?;
        let subject = String::from_utf8_lossy(commit.message_bytes());
        Some(SideCommit {
            commit: id.into(),
            subject: subject.trim_start().lines().next().unwrap_or_default().to_owned(),
            branch: self.branch_at(id),
        })
    }

    /// A branch that points at a commit, a local one first.
    fn branch_at(&self, id: Oid) -> Option<String> {
        ["refs/heads/", "refs/remotes/"].iter().find_map(|place| {
            let found = self.git().references_glob(&format!("{place}*")).ok()?;
            let at = found.flatten().find(|reference| reference.target() == Some(id))?;
            let name = String::from_utf8_lossy(at.name_bytes()).into_owned();
            name.strip_prefix(place).map(str::to_owned)
        })
    }
}
