//! A credential's scope: who may use it (SPEC.md, section 5).

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use crate::{
    name::{GroupName, MemberName, NameError},
    sealed_to::HolderName,
};

/// One entry of a scope that is not `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeEntry {
    /// `@reviewers`
    Group(GroupName),
    /// `fleet-dev`
    Member(MemberName),
}

/// Who may use a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `*`: every member, including those added later.
    Everyone,
    /// These members and groups; at least one.
    Named(BTreeSet<ScopeEntry>),
}

/// A list of entries that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// No entry at all.
    #[error("the scope is empty: name at least one member, or '*' for everyone")]
    Empty,
    /// `*` beside other entries.
    #[error("'*' stands alone in a scope: it already means everyone, including members added later")]
    StarNotAlone,
    /// The same entry twice.
    #[error("{0} is named twice in the scope")]
    Twice(String),
    /// `@all` or `@keepers`.
    #[error("{0} cannot be part of a scope: {1}")]
    Reserved(String, &'static str),
    /// An entry that is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Entries of a file that are not in order.
    #[error("the entries of a scope must be sorted")]
    Unsorted,
}

impl Scope {
    /// Reads a scope from entries such as `fleet-dev`, `@reviewers` or `*`, in any order.
    ///
    /// # Errors
    /// Those of [`ScopeError`] except [`ScopeError::Unsorted`].
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut named = BTreeSet::new();
        let mut star = false;
        for text in entries {
            if text == "*" {
                if star {
                    return Err(ScopeError::Twice("'*'".into()));
                }
                star = true;
            } else if !named.insert(ScopeEntry::parse(text)?) {
                return Err(ScopeError::Twice(format!("'{text}'")));
            }
        }
        match (star, named.is_empty()) {
            (true, true) => Ok(Self::Everyone),
            (true, false) => Err(ScopeError::StarNotAlone),
            (false, true) => Err(ScopeError::Empty),
            (false, false) => Ok(Self::Named(named)),
        }
    }

    /// Checks what can only be wrong with a scope that was put together by hand.
    pub(crate) fn check(&self) -> Result<(), ScopeError> {
        let Self::Named(entries) = self else { return Ok(()) };
        if entries.is_empty() {
            return Err(ScopeError::Empty);
        }
        entries.iter().try_for_each(|entry| match entry {
            ScopeEntry::Group(group) => not_reserved(group.as_str()),
            ScopeEntry::Member(_) => Ok(()),
        })
    }

    /// The entries as they are written, sorted.
    pub fn entries(&self) -> Vec<String> {
        match self {
            Self::Everyone => vec!["*".into()],
            Self::Named(entries) => entries.iter().map(ToString::to_string).collect(),
        }
    }

    /// Tells whether `member` itself is named, without looking into groups.
    pub fn names(&self, member: &MemberName) -> bool {
        match self {
            Self::Everyone => false,
            Self::Named(entries) => entries.contains(&ScopeEntry::Member(member.clone())),
        }
    }

    /// The groups through which the scope reaches members; `all` for everyone.
    pub fn groups(&self) -> Vec<GroupName> {
        match self {
            Self::Everyone => vec![GroupName::all()],
            Self::Named(entries) => entries
                .iter()
                .filter_map(|entry| match entry {
                    ScopeEntry::Group(group) => Some(group.clone()),
                    ScopeEntry::Member(_) => None,
                })
                .collect(),
        }
    }

    /// The members that are named, without those reached through groups.
    pub fn members(&self) -> Vec<MemberName> {
        match self {
            Self::Everyone => Vec::new(),
            Self::Named(entries) => entries
                .iter()
                .filter_map(|entry| match entry {
                    ScopeEntry::Member(member) => Some(member.clone()),
                    ScopeEntry::Group(_) => None,
                })
                .collect(),
        }
    }

    /// Whose keys a credential of this scope must be sealed to: the scope and the keepers.
    pub fn holders(&self) -> BTreeSet<HolderName> {
        let groups = self.groups().into_iter().map(HolderName::Group);
        let members = self.members().into_iter().map(HolderName::Member);
        groups
            .chain(members)
            .chain([HolderName::Group(GroupName::keepers())])
            .collect()
    }
}

impl ScopeEntry {
    fn parse(text: &str) -> Result<Self, ScopeError> {
        let Some(group) = text.strip_prefix('@') else {
            return Ok(Self::Member(text.parse()?));
        };
        not_reserved(group)?;
        Ok(Self::Group(group.parse()?))
    }
}

fn not_reserved(group: &str) -> Result<(), ScopeError> {
    match group {
        "all" => Err(ScopeError::Reserved("'@all'".into(), "write '*'")),
        "keepers" => Err(ScopeError::Reserved(
            "'@keepers'".into(),
            "every credential is sealed to the keepers already, and keeping is not using",
        )),
        _ => Ok(()),
    }
}

impl fmt::Display for ScopeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "@{name}"),
            Self::Member(name) => write!(f, "{name}"),
        }
    }
}

/// `fleet-dev, fleet-rev`, or `*`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.entries().join(", "))
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        let scope = Self::from_entries(written.iter().map(String::as_str)).map_err(D::Error::custom)?;
        if scope.entries() != written {
            return Err(D::Error::custom(ScopeError::Unsorted));
        }
        Ok(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(entries: &[&str]) -> Result<Scope, ScopeError> {
        Scope::from_entries(entries.iter().copied())
    }

    #[test]
    fn entries_come_out_sorted_groups_first() {
        assert_eq!(scope(&["b", "a", "@g"]).unwrap().entries(), ["@g", "a", "b"]);
        assert_eq!(scope(&["*"]).unwrap(), Scope::Everyone);
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        assert_eq!(scope(&[]), Err(ScopeError::Empty));
        assert_eq!(scope(&["*", "a"]), Err(ScopeError::StarNotAlone));
        assert_eq!(scope(&["a", "a"]), Err(ScopeError::Twice("'a'".into())));
        assert!(matches!(scope(&["@all"]), Err(ScopeError::Reserved(..))));
        assert!(matches!(scope(&["@keepers"]), Err(ScopeError::Reserved(..))));
        assert!(matches!(scope(&["a b"]), Err(ScopeError::Name(_))));
    }

    #[test]
    fn holders_are_the_scope_and_the_keepers() {
        let texts = |s: Scope| s.holders().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(Scope::Everyone), ["@all", "@keepers"]);
        assert_eq!(texts(scope(&["x", "@g"]).unwrap()), ["@g", "@keepers", "x"]);
    }
}
