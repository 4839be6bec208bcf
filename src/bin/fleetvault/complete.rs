//! Completing names of credentials and members from the vault the user stands in. Never asks, never fails: no vault, no names.

use std::path::Path;

use clap_complete::CompletionCandidate;
use fleetvault::vault::{Access, Repository, Vault};

/// The credentials of the vault here.
pub fn credentials() -> Vec<CompletionCandidate> {
    names(|vault| {
        vault
            .credential_names()
            .map(|names| names.iter().map(ToString::to_string).collect())
    })
}

/// The members of the vault here.
pub fn members() -> Vec<CompletionCandidate> {
    names(|vault| {
        vault
            .member_names()
            .map(|names| names.iter().map(ToString::to_string).collect())
    })
}

/// The members of the vault here, and `*`.
pub fn scopes() -> Vec<CompletionCandidate> {
    let mut names = members();
    names.push(CompletionCandidate::new("*"));
    names
}

fn names<E>(list: impl FnOnce(&Vault<'_>) -> Result<Vec<String>, E>) -> Vec<CompletionCandidate> {
    let find = || -> Option<Vec<String>> {
        let repository = Repository::open(Path::new(&directory()), Access::Read).ok()?;
        let vault = Vault::load(repository.snapshot("HEAD").ok()?, None).ok()?;
        list(&vault).ok()
    };
    find()
        .unwrap_or_default()
        .into_iter()
        .map(CompletionCandidate::new)
        .collect()
}

/// The `-C DIR` of the line that is being completed: clap does not parse it for a completer.
fn directory() -> String {
    let mut words = std::env::args().skip_while(|word| word != "--");
    words
        .find_map(|word| match word.strip_prefix("-C") {
            Some("") => Some(None),
            Some(attached) => Some(Some(attached.to_owned())),
            None => None,
        })
        .map(|attached| attached.or_else(|| words.next()).unwrap_or_else(|| ".".into()))
        .unwrap_or_else(|| ".".into())
}
