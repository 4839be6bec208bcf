//! Other repositories: fetching and pushing, by the user's own `git`, so that its SSH configuration, credential helpers and proxies work.
//!
//! What was fetched is kept under a reference of fleetvault's own until it is verified, which is decided above.

mod child;
mod error;

use std::path::Path;

use super::git::{CommitId, Repository, Upstream};
use child::Git;

pub use child::RemoteOptions;
pub use error::RemoteError;

/// Where what was fetched is until it is verified.
const INCOMING: &str = "refs/fleetvault/incoming";

/// How a push ended, when nothing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The branch there is what was pushed.
    Done,
    /// Somebody else was faster; in git's words.
    Overtaken(String),
}

/// The upstream of the current branch.
pub struct Remote<'r> {
    repository: &'r Repository,
    upstream: &'r Upstream,
    git: Git<'r>,
}

impl<'r> Remote<'r> {
    /// Prepares to run git.
    pub fn new(repository: &'r Repository, upstream: &'r Upstream, options: RemoteOptions) -> Self {
        Self {
            repository,
            upstream,
            git: Git::new(repository, options),
        }
    }

    /// Fetches the upstream's branch, and returns its tip. No reference that anybody reads has moved then. `again` where it was fetched just
    /// before: then git need not look after its objects once more.
    ///
    /// # Errors
    /// [`RemoteError`]: git failed, or took too long.
    pub fn fetch(&self, again: bool) -> Result<CommitId, RemoteError> {
        self.repository.remove_stale_lock(INCOMING)?;
        let refspec = format!("+{}:{INCOMING}", self.upstream.branch);
        // Nothing but this one reference may change, whatever the configuration has for a fetch.
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            if again {
                "--no-auto-maintenance"
            } else {
                "--auto-maintenance"
            },
            "--refmap=",
            "--",
            &self.upstream.remote,
            &refspec,
        ];
        let answer = self.git.over_the_network(&args)?;
        if !answer.success {
            return Err(RemoteError::failed("fetch from", &self.upstream.remote, &answer.stderr));
        }
        Ok(self.repository.commit(INCOMING)?)
    }

    /// Pushes a commit to the upstream's branch; never over what is there.
    ///
    /// # Errors
    /// [`RemoteError`]; what was pushed may have arrived all the same, where the connection broke.
    pub fn push(&self, commit: CommitId) -> Result<Pushed, RemoteError> {
        let refspec = format!("{commit}:{}", self.upstream.branch);
        let args = [
            "push",
            "--porcelain",
            "--no-follow-tags",
            "--recurse-submodules=no",
            "--",
            &self.upstream.remote,
            &refspec,
        ];
        let answer = self.git.over_the_network(&args)?;
        if answer.success {
            return Ok(Pushed::Done);
        }
        // `!<tab>FROM:TO<tab>[rejected] (fetch first)`; where two pushes meet, the other side says that it could not lock the branch.
        let status = answer
            .stdout
            .lines()
            .find(|line| line.starts_with('!'))
            .unwrap_or_default();
        let raced = [
            "cannot lock ref",
            "failed to update ref",
            "incorrect old value",
            "failed to lock",
        ];
        let is_raced = status.contains("[rejected]")
            || raced
                .iter()
                .any(|text| status.contains(text) || answer.stderr.contains(text));
        let reason = status.rsplit('\t').next().unwrap_or_default();
        let said = format!("{}\n{reason}", answer.stderr);
        match is_raced {
            true => Ok(Pushed::Overtaken(error::one_line(reason))),
            false => Err(RemoteError::failed("push to", &self.upstream.remote, &said)),
        }
    }

    /// Notes what the upstream is at now, where git and people look for it.
    ///
    /// # Errors
    /// libgit2's.
    pub fn note_state(&self, commit: CommitId) -> Result<(), RemoteError> {
        if let Some(tracking) = &self.upstream.tracking
            && self.repository.commit(tracking).ok() != Some(commit)
        {
            self.repository.set_reference(tracking, commit, "fleetvault sync")?;
        }
        Ok(())
    }

    /// Forgets what was fetched: it is part of the branch by now, or was refused.
    pub fn forget_fetched(&self) {
        // Left over it holds objects until the next run, and nothing else.
        let _ = self.repository.remove_reference(INCOMING);
    }

    /// Has the files of the work tree and an index follow from one commit to another. Changes in other files stay; where one of the user's
    /// would be overwritten nothing happens.
    ///
    /// # Errors
    /// [`RemoteError::WorkTree`] with the files that are in the way.
    pub fn check_out(&self, from: CommitId, to: CommitId, index: &Path) -> Result<(), RemoteError> {
        self.read_tree(&["-m", "-u"], from, to, index)
    }

    /// Tells whether [`Remote::check_out`] would succeed.
    ///
    /// # Errors
    /// As [`Remote::check_out`].
    pub fn try_check_out(&self, from: CommitId, to: CommitId) -> Result<(), RemoteError> {
        let try_it = |index: &Path| self.read_tree(&["-m", "-u", "-n"], from, to, index);
        self.repository.on_trial(try_it)
    }

    fn read_tree(&self, options: &[&str], from: CommitId, to: CommitId, index: &Path) -> Result<(), RemoteError> {
        // Says which files are changed, as a status; what matters is that times of files are up to date.
        self.git.locally(&["update-index", "-q", "--refresh"], index)?;
        let (from, to) = (from.to_string(), to.to_string());
        // Submodules stay where they are: what they are to be at is fetched by nobody here.
        let args = [&["read-tree", "--no-recurse-submodules"], options, &[&from, &to]].concat();
        let answer = self.git.locally(&args, index)?;
        match answer.success {
            true => Ok(()),
            false => Err(RemoteError::work_tree(&answer.stderr)),
        }
    }
}
