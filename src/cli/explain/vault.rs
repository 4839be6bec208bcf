//! What is wrong with a vault's files, the repository, or a change that is to be written.

use vault_format::{FilePath, OpenError};

use super::{Explain, plugin_hint};
use crate::{
    cli::Failure,
    review::proposal::ReviewError,
    terminal::report::Report,
    vault::{FileError, FileProblem, RepositoryError, SnapshotError, WriteError, WriteFailure, trust::FloorError},
};

impl Explain for FileError {
    fn explain(&self) -> Report {
        let report = Report::new(6, "untrusted", self.to_string());
        match &*self.problem {
            FileProblem::Floor(FloorError::RolledBack { .. } | FloorError::Forked { .. }) => {
                report.hint(floor_hint(&self.path, "touch", "overtakes it with a new serial"))
            }
            FileProblem::Floor(FloorError::Vanished { .. }) => {
                report.hint(floor_hint(&self.path, "rm", "leaves a tombstone"))
            }
            FileProblem::Floor(FloorError::Unreadable { .. }) => {
                report.hint("make the file readable for this user, or remove it to forget this floor")
            }
            FileProblem::Verify(_) => {
                report.hint("do not use it; 'git log' of that file shows who brought it in, 'fleetvault verify' checks all others")
            }
            FileProblem::Format(_) => report.hint(format!(
                "files are changed with fleetvault, not by hand: 'git log -- {0}' shows the last good one, 'git restore --source=COMMIT -- {0}' and a commit bring it back; one that never was good goes with 'git rm'",
                self.path
            )),
            FileProblem::Open(OpenError::Plugin { plugin, .. }) => {
                Report::new(1, "plugin", self.to_string()).hint(plugin_hint(plugin))
            }
            FileProblem::Open(_) => report.hint("an author can seal it again with 'fleetvault set' or 'fleetvault touch'"),
            FileProblem::Read(_) | FileProblem::Missing | FileProblem::Stanzas(_) | FileProblem::Contradiction(_) => {
                report.hint("'fleetvault verify' checks the whole vault")
            }
        }
    }
}

/// The ways out of a floor: the file that was used before, an author's command where there is one, and accepting the file on this machine.
fn floor_hint(path: &str, command: &str, effect: &str) -> String {
    let accept = format!("'fleetvault trust accept {path}' accepts it on this machine");
    let back = format!(
        "to bring the newer one back: 'git log --all --reflog -- {path}' shows its commits, 'git restore --source=COMMIT -- {path}' and a commit"
    );
    match FilePath::parse(path) {
        Some(FilePath::Credential(name)) => {
            format!("if that is wanted: 'fleetvault {command} {name}' {effect}, or {accept}\n{back}")
        }
        Some(FilePath::Root(_)) => {
            format!(
                "ask the authors first: who was one under an older root can make another chain from there; if that is wanted: {accept}"
            )
        }
        _ => format!("if that is wanted: {accept}\n{back}"),
    }
}

impl Explain for RepositoryError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "repository", self.to_string());
        match self {
            Self::NotARepository(_) => report.hint("name the vault with -C DIR (fleetvault) or --vault DIR (fleetvault-resolver); 'fleetvault init' makes one"),
            Self::Planted { path, top } => {
                let path = path.strip_prefix(top).unwrap_or(path).display().to_string();
                let path = path.trim_end_matches('/');
                Report::new(6, "planted", self.to_string()).hint(format!(
                    "run nothing in there, not git either. 'git -C {0} log -- {path}/HEAD' tells who put it there; take HEAD, config, objects and refs out of {path} with 'git -C {0} rm -r'",
                    top.display()
                ))
            }
            Self::OtherOwner(path) => report.hint(format!(
                "git's rule: git config --global --add safe.directory {}",
                path.display()
            )),
            _ => report,
        }
    }
}

impl Explain for SnapshotError {
    fn explain(&self) -> Report {
        match self {
            Self::NoVault { .. } => Report::new(1, "no_vault", self.to_string())
                .hint("'fleetvault init' makes a vault; -C DIR or --vault DIR names the directory of an existing one"),
            Self::NoSuchReference(_) | Self::Ambiguous(_) | Self::NotACommit { .. } => {
                Report::new(1, "no_reference", self.to_string())
                    .hint("'git branch -a' lists the branches, HEAD is the default")
            }
            Self::Unborn(_) => Report::new(1, "no_commits", self.to_string())
                .hint("'fleetvault init' makes the first commit of a vault"),
            Self::Read(_) => Report::new(6, "untrusted", self.to_string()),
            Self::Git { .. } => Report::new(1, "git", self.to_string()),
        }
    }
}

impl Explain for WriteFailure {
    fn explain(&self) -> Report {
        let report = Report::new(1, "not_written", self.to_string());
        if let Self::NotSynced { .. } = self {
            return Report::new(1, "not_synced", self.to_string())
                .hint("the commit is made: do not repeat the command; 'git log -1' shows it, and a full or failing disk is to be mended first");
        }
        match self {
            Self::DetachedHead => report.hint("git switch BRANCH, or: fleetvault … --branch NAME"),
            Self::Dirty { path, .. } => report.hint(format!(
                "look at it with 'git diff HEAD -- {path}'; nothing was written"
            )),
            Self::BranchInTheWay { other, .. } => report.hint(format!(
                "rename that one: git branch -m {other} NAME"
            )),
            Self::InProgress(_) => report.hint("'fleetvault merge' ends conflicts in files of the vault"),
            Self::Edited(path) => report.hint(format!(
                "to give that up: git checkout --merge -- {path}; to keep it: git add {path}"
            )),
            Self::NoIdentity => {
                report.hint("git config --global user.name NAME, git config --global user.email ADDRESS")
            }
            Self::Unborn(_) => report.hint("'fleetvault init' makes the first commit of a vault"),
            Self::AlreadyAVault(_) => report.hint("add a person or machine to it with 'fleetvault member add'"),
            Self::GitLocked(path) => report.hint(format!(
                "if no git process is running any more, remove {} and run this again",
                path.display()
            )),
            Self::Git { doing: "read the index", .. } => report.hint(
                "'git status' tells whether git reads it; a split index, which only git does, is made whole with: git update-index --no-split-index",
            ),
            Self::Locked { .. } | Self::Busy { .. } => report.hint("run this again"),
            Self::NotUndone { .. } => {
                report.hint("run this again when there is room or permission: it first puts back what is left")
            }
            Self::BadJournal { path, .. } => report.hint(format!(
                "look at 'git status' and 'git diff', put right what they show, then remove {}",
                path.display()
            )),
            Self::Io { .. } => {
                report.hint("the vault is as it was before; run this again when there is room or permission")
            }
            Self::Snapshot(error) => error.explain(),
            Self::Repository(error) => error.explain(),
            Self::Signing(_) => report.hint("commit.gpgsign is set; the same commit must work with 'git commit -S'"),
            _ => report,
        }
    }
}

impl From<WriteError<Failure>> for Failure {
    fn from(error: WriteError<Failure>) -> Self {
        match error {
            WriteError::Plan(failure) => failure,
            WriteError::Write(failure) => failure.into(),
        }
    }
}

impl Explain for ReviewError {
    fn explain(&self) -> Report {
        match self {
            Self::Snapshot(error) => error.explain(),
            Self::File(error) => error.explain(),
            Self::TooManyCommits(_) | Self::Other(_) => Report::new(1, "review", self.to_string()),
        }
    }
}
