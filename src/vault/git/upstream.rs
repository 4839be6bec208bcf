//! What the current branch is synced with, by git's configuration, and how the two have grown apart. Reads only.

use std::collections::HashSet;

use git2::{ErrorCode, Oid, Sort};
use thiserror::Error;

use super::error::{WriteFailure, git};
use super::id::CommitId;
use super::reference::HeadState;
use super::reference::tip;
use super::repository::Repository;

/// How many lost commits are named.
const LOST_SHOWN: usize = 5;

/// The branch of another repository that a branch follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The local branch, without `refs/heads/`.
    pub local: String,
    /// The name or address of the other repository, as git's configuration has it.
    pub remote: String,
    /// The branch there, `refs/heads/…`.
    pub branch: String,
    /// Where the last state of it is kept here, `refs/remotes/…`; a mirror keeps none.
    pub tracking: Option<String>,
}

impl Upstream {
    /// How people call it: `origin/main`.
    pub fn name(&self) -> String {
        let branch = self.branch.trim_start_matches("refs/heads/");
        format!("{}/{branch}", self.remote)
    }
}

/// Why there is nothing to sync with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// HEAD is a commit.
    #[error("HEAD is no branch, so there is nothing to sync")]
    Detached,
    /// HEAD is a branch without commits.
    #[error("the branch '{0}' has no commits yet")]
    Unborn(String),
    /// git's configuration names none.
    #[error("the branch '{0}' has no upstream")]
    None(String),
    /// It follows a branch of this very repository.
    #[error("the branch '{0}' follows a branch of this repository, not one of another")]
    Local(String),
    /// A name that git would take for an option, or that has no place in a reference.
    #[error("'{0}' is no name of a remote or of its branch")]
    BadName(String),
}

/// How a branch and its upstream have grown apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parting {
    /// The commits of this branch that the upstream never had, the oldest first.
    pub own: Vec<CommitId>,
    /// Whether they do not stand in one line, each behind the one before it.
    pub branched: bool,
    /// What the own commits stand on; without any, the branch itself. None where the histories have nothing in common.
    pub fork: Option<CommitId>,
    /// How many commits of the upstream this branch does not have.
    pub behind: usize,
    /// How many commits the upstream had and has no more, as far as they were seen here.
    pub lost: usize,
    /// The first of those, with their subjects.
    pub lost_shown: Vec<(CommitId, String)>,
}

impl Repository {
    /// Finds out what the current branch follows. A bare repository without an upstream follows the branch of the same name.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub fn followed(&self) -> Result<Upstream, UpstreamError> {
        let local = match self.head() {
            HeadState::Branch(name) => name,
            HeadState::Detached => return Err(UpstreamError::Detached),
            HeadState::Unborn(name) => return Err(UpstreamError::Unborn(name)),
        };
        let setting = |key: &str| self.setting(&format!("branch.{local}.{key}"));
        let (remote, branch) = match (setting("remote"), setting("merge")) {
            (Some(remote), Some(branch)) => (remote, branch),
            _ if self.is_bare() => {
                let remote = self.only_remote();
                let remote = remote.ok_or_else(|| UpstreamError::None(local.clone()))?;
                (remote, format!("refs/heads/{local}"))
            }
            _ => return Err(UpstreamError::None(local)),
        };
        if remote == "." {
            return Err(UpstreamError::Local(local));
        }
        if remote.is_empty() || remote.starts_with('-') || remote.contains(char::is_control) {
            return Err(UpstreamError::BadName(remote));
        }
        // It becomes one half of a refspec, where a colon or a star would mean something else.
        if !branch.starts_with("refs/") || !git2::Reference::is_valid_name(&branch) {
            return Err(UpstreamError::BadName(branch));
        }
        let tracking = self.git().branch_upstream_name(&format!("refs/heads/{local}"));
        let tracking = tracking.ok().and_then(|name| name.as_str().ok().map(str::to_owned));
        Ok(Upstream {
            tracking: tracking.filter(|_| !self.is_bare()),
            local,
            remote,
            branch,
        })
    }

    /// Reads one of git's settings.
    pub fn setting(&self, key: &str) -> Option<String> {
        let mut config = self.git().config().ok()?;
        config.snapshot().ok()?.get_string(key).ok()
    }

    fn only_remote(&self) -> Option<String> {
        let remotes = self.git().remotes().ok()?;
        let mut names = remotes.iter().filter_map(|name| name.ok().flatten());
        let first = names.next()?.to_owned();
        match names.next() {
            None => Some(first),
            Some(_) => self.git().find_remote("origin").ok().map(|_| "origin".to_owned()),
        }
    }

    /// Compares a branch with its upstream as it is now. What the upstream had at any time, by the log of the tracking reference, counts as
    /// its own: where it was rewritten, old commits of others do not come back through this branch.
    ///
    /// # Errors
    /// A history that cannot be walked.
    pub fn parting(&self, upstream: &Upstream, head: CommitId, incoming: CommitId) -> Result<Parting, WriteFailure> {
        let walk = git("walk the history");
        let (head, incoming) = (head.oid(), incoming.oid());
        let seen = self.seen_upstream(upstream)?;
        let own = match self.is_bare() {
            // Nobody commits to a mirror.
            true => Vec::new(),
            false => self.between(
                head,
                &[&seen[..], &[incoming]].concat(),
                Sort::TOPOLOGICAL | Sort::REVERSE,
            )?,
        };
        let behind = self.between(incoming, &[head], Sort::NONE)?.len();
        let lost = self.lost(upstream, (head, incoming), &own)?;
        let branched = !self.is_line(&own)?;
        let fork = match own.first() {
            None => Some(head),
            Some(first) if !branched => {
                let first = self.git().find_commit(*first).map_err(walk)?;
                first.parent_id(0).ok()
            }
            Some(_) => match self.git().merge_base(head, incoming) {
                Ok(base) => Some(base),
                Err(error) if error.code() == ErrorCode::NotFound => None,
                Err(error) => return Err(walk(error)),
            },
        };
        let shown = lost.iter().take(LOST_SHOWN);
        Ok(Parting {
            lost: lost.len(),
            lost_shown: shown
                .map(|id| CommitId::from(*id))
                .map(|id| (id, self.subject(id)))
                .collect(),
            own: own.into_iter().map(CommitId::from).collect(),
            branched,
            fork: fork.map(CommitId::from),
            behind,
        })
    }

    /// Tells whether a commit is another one or stands behind it.
    ///
    /// # Errors
    /// A history that cannot be walked.
    pub fn is_or_follows(&self, commit: CommitId, ancestor: CommitId) -> Result<bool, WriteFailure> {
        let follows = || self.git().graph_descendant_of(commit.oid(), ancestor.oid());
        Ok(commit == ancestor || follows().map_err(git("walk the history"))?)
    }

    /// Returns the first line of a commit's message.
    pub fn subject(&self, commit: CommitId) -> String {
        let commit = self.git().find_commit(commit.oid()).ok();
        let text = commit.map(|commit| String::from_utf8_lossy(commit.message_bytes()).into_owned());
        let text = text.unwrap_or_default();
        text.trim_start().lines().next().unwrap_or_default().to_owned()
    }

    /// Every state of the upstream that is known here, now and before.
    fn seen_upstream(&self, upstream: &Upstream) -> Result<Vec<Oid>, WriteFailure> {
        let Some(tracking) = &upstream.tracking else {
            return Ok(Vec::new());
        };
        let mut seen: HashSet<Oid> = tip(self.git(), tracking)?.into_iter().collect();
        if let Ok(log) = self.git().reflog(tracking) {
            seen.extend(log.iter().map(|entry| entry.id_new()));
        }
        // What the log names may be gone.
        seen.retain(|id| self.git().find_commit(*id).is_ok());
        Ok(seen.into_iter().collect())
    }

    /// What the upstream had, as far as it was seen here, and has no more; the newest first.
    fn lost(&self, upstream: &Upstream, (head, incoming): (Oid, Oid), own: &[Oid]) -> Result<Vec<Oid>, WriteFailure> {
        let own: HashSet<&Oid> = own.iter().collect();
        let mut lost = self.between(head, &[incoming], Sort::TOPOLOGICAL)?;
        lost.retain(|id| !own.contains(id));
        if let Some(tracking) = &upstream.tracking
            && let Some(before) = tip(self.git(), tracking)?
        {
            // Fetched with git, and never made part of the branch.
            let unseen = self.between(before, &[incoming, head], Sort::TOPOLOGICAL)?;
            lost.splice(0..0, unseen);
        }
        Ok(lost)
    }

    /// The commits that lead to one and to none of the others.
    fn between(&self, to: Oid, hidden: &[Oid], order: Sort) -> Result<Vec<Oid>, WriteFailure> {
        let walked = || -> Result<Vec<Oid>, git2::Error> {
            let mut walk = self.git().revwalk()?;
            walk.set_sorting(order)?;
            walk.push(to)?;
            for id in hidden {
                walk.hide(*id)?;
            }
            walk.collect()
        };
        walked().map_err(git("walk the history"))
    }

    fn is_line(&self, commits: &[Oid]) -> Result<bool, WriteFailure> {
        let mut before = None;
        for id in commits {
            let commit = self.git().find_commit(*id).map_err(git("walk the history"))?;
            let behind = before.is_none_or(|before| commit.parent_id(0).ok() == Some(before));
            if commit.parent_count() > 1 || !behind {
                return Ok(false);
            }
            before = Some(*id);
        }
        Ok(true)
    }
}
