//! What is told about a change: statements about files, the worst first.

use std::collections::BTreeMap;

use crate::vault::CommitId;

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
    pub(super) fn new(risk: Risk, text: impl Into<String>) -> Self {
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
    pub(super) fn new(base: CommitId, head: CommitId, mut items: Vec<Item>) -> Self {
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
