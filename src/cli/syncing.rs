//! What goes wrong with other repositories, as a person reads it.

use super::explain::Explain;
use crate::{
    terminal::report::Report,
    vault::{RemoteError, UpstreamError},
};

impl Explain for UpstreamError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "no_upstream", self.to_string());
        match self {
            Self::Detached => report.hint("git switch BRANCH"),
            Self::Unborn(_) => report.hint("'fleetvault init' makes the first commit of a vault, 'git pull' brings that of another clone"),
            Self::None(branch) => report.hint(format!(
                "git push -u origin {branch}, or where it is there already: git branch --set-upstream-to=origin/{branch}"
            )),
            Self::Local(branch) => report.hint(format!("git branch --set-upstream-to=origin/{branch}")),
            Self::BadName(_) => report.hint("'git config --get-regexp ^branch' shows what is set"),
        }
    }
}

impl Explain for RemoteError {
    fn explain(&self) -> Report {
        let report = Report::new(1, "remote", self.to_string());
        match self {
            Self::Failed { .. } if self.to_string().contains("[remote rejected]") => report.hint(
                "nothing is lost; where that branch takes changes by pull requests alone: git push origin HEAD:refs/heads/NAME, and open one from there",
            ),
            Self::Failed { .. } => report.hint("nothing is lost; the same with git alone: 'git fetch', 'git push'"),
            Self::TooLong(_) => {
                report.hint("nothing is lost: run this again, with --timeout SECONDS where the other side is slow")
            }
            Self::Stopped => report.hint("nothing is lost: run this again"),
            Self::WorkTree(_) => {
                report.hint("commit or undo your changes in these files ('git status' shows them), or make room, then run this again")
            }
            Self::NoGit(_) => report.hint("fetching and pushing is done by the program 'git'"),
            Self::Snapshot(error) => error.explain(),
            Self::Write(error) => error.explain(),
        }
    }
}
