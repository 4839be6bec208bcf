//! Who could open which value, from the history, without a key: each value's life, who could open it when, and who knows the current one and
//! may not use it any more. That is the list of what is to be rotated.
//!
//! What is said is what the keys allow, not what anybody did: nobody can tell from a repository who has opened what.

mod escape;
mod facts;
pub mod html;
mod reach;
mod timeline;
mod value;

use std::collections::BTreeMap;

use serde::Serialize;
use vault_format::{Credential, CredentialName, GroupName, MemberName, Timestamp};

pub use facts::Asked;
pub use value::{Knower, Moment, Reason, Standing, State, Through, Trail, Value};

use crate::vault::{FileError, History, Vault};
use facts::{Fact, Facts};

/// What the history says.
#[derive(Debug, Serialize)]
pub struct Exposure {
    /// The vault's id.
    pub vault: String,
    /// The commit that says what holds now.
    pub commit: String,
    /// How many commits were looked at.
    pub commits: usize,
    /// Commits before which the history is missing, as in a shallow clone: there may be more who know a value.
    pub cut: Vec<String>,
    /// What could not be read, a line each.
    pub unreadable: Vec<String>,
    /// How many paths were skipped because they are no UTF-8.
    pub not_utf8: usize,
    /// Where in the repository the vault stood, its present directory first; "" is the top.
    pub directories: Vec<String>,
    /// Versions that say nothing: broken, or signed by nobody who was or is an author.
    pub ignored: Vec<Ignored>,
    /// Every member that there ever was, by name; of those asked for, where any were.
    pub members: Vec<Member>,
    /// The credentials, by name.
    pub credentials: Vec<Trail>,
}

/// A version that says nothing, or takes away what only an author can remove.
#[derive(Debug, Clone, Serialize)]
pub struct Ignored {
    /// The path inside the vault.
    pub path: String,
    /// The first commit that has it.
    pub since: Moment,
    /// Whether it stands there now.
    pub current: bool,
    /// What is wrong with it.
    pub problem: String,
}

/// A member, past or present.
#[derive(Debug, Clone, Serialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it is one now.
    pub living: bool,
    /// Whether it is a keeper now.
    pub keeper: bool,
}

impl Exposure {
    /// Those values that are to be rotated.
    pub fn worklist(&self) -> impl Iterator<Item = (&CredentialName, &Value)> {
        let current = self
            .credentials
            .iter()
            .filter_map(|trail| Some((&trail.name, trail.current()?)));
        current.filter(|(_, value)| value.still_known_to().next().is_some())
    }

    /// The current values that a member could ever open: what is to be rotated if its machine is lost.
    pub fn known_to<'e>(&'e self, member: &MemberName) -> Vec<(&'e CredentialName, &'e Value, &'e Knower)> {
        let current = self
            .credentials
            .iter()
            .filter_map(|trail| Some((&trail.name, trail.current()?)));
        current
            .filter_map(|(name, value)| {
                let knower = value.known_to.iter().find(|knower| &knower.member == member)?;
                Some((name, value, knower))
            })
            .collect()
    }
}

/// Reads a history. `walked` is called with the number of commits, `checked` with the number of versions that were done.
///
/// # Errors
/// [`FileError`] where the commit that is read, or its roots, cannot be read, or the history has more versions than any vault's.
pub fn exposure(
    vault: &Vault<'_>,
    history: &History<'_, '_>,
    asked: &Asked<'_>,
    walked: &dyn Fn(usize),
    checked: &(dyn Fn(usize) + Sync),
) -> Result<Exposure, FileError> {
    let versions = { history.versions(&vault_format::FOLDERS, walked) }.map_err(|error| vault.error("", error))?;
    let facts = Facts::read(vault, &versions, asked, checked)?;
    let credentials = facts.credentials.iter().map(|(name, versions)| Trail {
        name: name.clone(),
        values: values(versions, &facts, asked),
    });
    let ignored = facts.ignored.iter().map(|(version, problem)| Ignored {
        path: version.file.path.clone(),
        since: version.since.into(),
        current: version.current,
        problem: problem.clone(),
    });
    let gone = facts.gone.iter().map(|(path, since)| Ignored {
        path: path.to_string(),
        since: (*since).into(),
        current: true,
        problem: "it is gone without a tombstone".into(),
    });
    let members = facts.members.keys().map(|name| Member {
        name: name.to_string(),
        living: facts.living(name).is_some(),
        keeper: facts.is_granted(&GroupName::keepers(), name),
    });
    Ok(Exposure {
        vault: vault.id().to_string(),
        commit: vault.snapshot().commit().to_string(),
        commits: history.commits(),
        cut: history.cut().iter().map(ToString::to_string).collect(),
        unreadable: versions.unreadable,
        not_utf8: versions.not_utf8,
        directories: versions.directories,
        ignored: ignored.chain(gone).collect(),
        members: members.collect(),
        credentials: credentials.collect(),
    })
}

/// The values of a credential, the newest first. Versions with one `value_set` have one value: that is their author's word.
fn values(versions: &[Fact<Credential>], facts: &Facts, asked: &Asked<'_>) -> Vec<Value> {
    let current = versions.iter().find(|version| version.current);
    let current = current.and_then(|version| version.said.as_ref());
    let mut lives: BTreeMap<Timestamp, Vec<&Fact<Credential>>> = BTreeMap::new();
    for version in versions {
        if let Some(terms) = &version.said {
            lives.entry(terms.value_set).or_default().push(version);
        }
    }
    let value = |(value_set, versions): (Timestamp, Vec<&Fact<Credential>>)| {
        let current = current.filter(|terms| terms.value_set == value_set);
        let last = versions.iter().max_by_key(|version| (version.current, version.serial));
        let terms = last.and_then(|version| version.said.as_ref());
        let over = versions.iter().all(|version| version.until.is_some());
        let end = versions.iter().filter_map(|version| version.until).max();
        Some(Value {
            value_set,
            since: versions.iter().map(|version| version.since).min()?.into(),
            until: end.filter(|_| over).map(Moment::from),
            state: match (current, over) {
                (Some(_), _) => State::Current,
                (None, true) => State::Past,
                (None, false) => State::Elsewhere,
            },
            scope: terms.map(|terms| terms.scope.entries()).unwrap_or_default(),
            versions: versions.len(),
            known_to: reach::knowers(&versions, current, facts, asked),
        })
    };
    lives.into_iter().rev().filter_map(value).collect()
}
