//! `review`: what a proposed change means, judged without any key by the root that was there before it.
//!
//! Two trees are compared, whatever lies between them: squashes, merges and rebases are nothing special. Everything is told, the worst first; a
//! broken file hides no other one.

mod file;
mod holders;
mod meaning;
mod others;
mod resigned;
mod secrets;
mod vault;
mod whole;

use std::collections::BTreeMap;

use thiserror::Error;

pub use whole::{Change, review_all, touched_vaults};

use crate::vault::{CommitId, FileError, Repository, SnapshotError, Vault};

/// How much a statement matters. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// It must not be merged.
    Error,
    /// Who may write from now on.
    Root,
    /// Somebody can open what they could not.
    Widening,
    /// A value may be used where it could not.
    Relaxed,
    /// A file that decides how changes are looked at, or what runs.
    Attention,
    /// Somebody may not use any more what they could.
    Narrowing,
    /// A value that somebody still knows.
    Rotation,
    /// Anything else.
    Routine,
}

/// One thing that a change means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// How much it matters.
    pub risk: Risk,
    /// What it is, a line.
    pub text: String,
}

/// One changed file, as meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path from the top of the repository.
    pub path: String,
    /// What it is about: a credential's name, `member build-7`, or the path.
    pub subject: String,
    /// What its change means, the worst first; never empty.
    pub statements: Vec<Statement>,
    /// Whose signatures the new file has.
    pub authors: Vec<String>,
    /// The line that the worst statement is about, where it is about one.
    pub line: Option<usize>,
}

/// A proposed change.
#[derive(Debug)]
pub struct Proposal {
    /// Where it starts.
    pub base: CommitId,
    /// Where it leads.
    pub head: CommitId,
    /// The changed files, the worst first.
    pub items: Vec<Item>,
}

/// What keeps a change from being judged at all.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// One of the commits cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The vault that it is judged by cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A push of more commits than are looked into.
    #[error("more than {0} new commits are more than can be looked into one by one: push them in parts")]
    TooManyCommits(usize),
    /// The repository cannot be opened by each thread.
    #[error("{0}")]
    Other(String),
}

impl Risk {
    /// Its name, for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Root => "authors",
            Self::Widening => "widening",
            Self::Relaxed => "relaxed",
            Self::Attention => "attention",
            Self::Narrowing => "narrowing",
            Self::Rotation => "rotation",
            Self::Routine => "routine",
        }
    }
}

impl Statement {
    fn new(risk: Risk, text: impl Into<String>) -> Self {
        Self {
            risk,
            text: text.into(),
        }
    }
}

impl Item {
    /// How much it matters: as much as the worst thing about it.
    pub fn risk(&self) -> Risk {
        self.statements
            .first()
            .map_or(Risk::Routine, |statement| statement.risk)
    }
}

impl Proposal {
    /// Puts the worst first.
    fn new(base: CommitId, head: CommitId, mut items: Vec<Item>) -> Self {
        for item in &mut items {
            item.statements.sort();
        }
        items.retain(|item| !item.statements.is_empty());
        items.sort_by(|a, b| (a.risk(), &a.path).cmp(&(b.risk(), &b.path)));
        Self { base, head, items }
    }

    /// Tells whether it must not be merged.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.risk() == Risk::Error)
    }

    /// The whole in one line.
    pub fn verdict(&self) -> String {
        if self.items.is_empty() {
            return "nothing changed".into();
        }
        let mut counts: BTreeMap<Risk, usize> = BTreeMap::new();
        for statement in self.items.iter().flat_map(|item| &item.statements) {
            *counts.entry(statement.risk).or_default() += 1;
        }
        let noun = |risk: Risk, count: usize| match (risk, count) {
            (Risk::Error, 1) => "1 error".to_owned(),
            (Risk::Error, _) => format!("{count} errors"),
            (Risk::Root, _) => format!("{count} about who may write"),
            (Risk::Widening, _) => format!("{count} widening"),
            (Risk::Relaxed, _) => format!("{count} relaxing a policy"),
            (Risk::Attention, _) => format!("{count} to look at by hand"),
            (Risk::Narrowing, _) => format!("{count} narrowing"),
            (Risk::Rotation, _) => format!("{count} leaving a known value"),
            (Risk::Routine, _) => format!("{count} routine"),
        };
        let parts: Vec<String> = counts.into_iter().map(|(risk, count)| noun(risk, count)).collect();
        let says = match self.has_errors() {
            true => "do not merge",
            false => "nothing stands against it by its form",
        };
        format!("{says}: {}", parts.join(", "))
    }
}

/// Judges the change from `base` to `head` by the root of `judge`, which is the target's. `progress` is called with the number of files done.
///
/// # Errors
/// [`ReviewError`]; everything that is wrong with the change itself is an item.
pub fn review(
    repository: &Repository,
    base: &Vault<'_>,
    judge: &Vault<'_>,
    head: CommitId,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Proposal, ReviewError> {
    let from = base.snapshot().commit();
    let differences = repository.differences(from, head)?;
    let directory = base.snapshot().directory();
    let (mut items, now_in) = vault::proposed(repository, base, judge, head, &differences, progress)?;
    let change = Change {
        from: Some(from),
        judge: Some(judge.snapshot().commit()),
        head,
        each_commit: false,
        expected: None,
    };
    let mut vaults = vec![directory.to_owned(), now_in];
    // Whoever reviews one vault sees what the same change does to another: nobody else may be looking at that.
    items.extend(whole::vaults(repository, &change, &differences, &mut vaults)?);
    let vaults: Vec<&str> = vaults.iter().map(String::as_str).collect();
    items.extend(others::items(repository, &vaults, &differences, &|done| progress(done)));
    Ok(Proposal::new(from, head, items))
}
