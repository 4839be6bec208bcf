//! What can go wrong with another repository.

use std::{io, time::Duration};

use thiserror::Error;

use crate::vault::git::{SnapshotError, WriteFailure};

/// How much of what git says is repeated.
const SAID_MAX: usize = 600;

/// Why nothing could be fetched, pushed or checked out.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// git said no, or could not reach the other side.
    #[error("cannot {doing} {remote}: {said}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The remote, without credentials.
        remote: String,
        /// What git said, in one line.
        said: String,
    },
    /// The other side does not answer.
    #[error("no answer from the other side for {} seconds, so git was stopped", .0.as_secs())]
    TooLong(Duration),
    /// Somebody asked this process to end.
    #[error("stopped before it was done")]
    Stopped,
    /// Files of the user's are in the way, or there is no room.
    #[error("cannot change the files of the work tree: {0}")]
    WorkTree(String),
    /// git is not there.
    #[error("cannot run git: {0}")]
    NoGit(io::Error),
    /// What was fetched cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The repository cannot be written.
    #[error(transparent)]
    Write(#[from] WriteFailure),
}

impl RemoteError {
    pub(super) fn failed(doing: &'static str, remote: &str, said: &str) -> Self {
        Self::Failed {
            doing,
            remote: without_credentials(remote),
            said: one_line(said),
        }
    }

    pub(super) fn work_tree(said: &str) -> Self {
        Self::WorkTree(one_line(said))
    }
}

/// Joins what git says to one line, without the words that stand before each.
pub(super) fn one_line(said: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in said.lines().map(str::trim) {
        let line = ["fatal: ", "error: ", "remote: "]
            .iter()
            .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut text = without_credentials(&lines.join("; "));
    if let Some((end, _)) = text.char_indices().nth(SAID_MAX) {
        text.truncate(end);
        text.push('…');
    }
    match text.is_empty() {
        true => "git gave no reason".to_owned(),
        false => text,
    }
}

/// Takes the user and the password out of addresses: `https://user:token@host/` is where people keep them.
fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        // Up to the path; a password may hold an '@' itself.
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"<>".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        match authority.rfind('@') {
            Some(user) => {
                clean.push('…');
                rest = &after[user..];
            }
            None => rest = after,
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_of_an_address_is_repeated() {
        for (said, shown) in [
            (
                "fatal: unable to access 'https://bot:p@ss@h.example/v.git/': no",
                "unable to access 'https://…@h.example/v.git/': no",
            ),
            (
                "error: https://token@h.example and ssh://git@h/x",
                "https://…@h.example and ssh://…@h/x",
            ),
            ("remote: plain\nremote: plain\n\nfatal: x@y", "plain; x@y"),
            ("http://", "http://"),
            ("", "git gave no reason"),
        ] {
            assert_eq!(one_line(said), shown);
        }
        assert!(one_line(&"é".repeat(2000)).chars().count() <= SAID_MAX + 1);
    }
}
