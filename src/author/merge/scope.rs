//! Scopes as sets: who was added on either side is in, who was dropped on either side is out.

use std::collections::BTreeSet;

use vault_format::{Scope, ScopeEntry};

use super::{super::error::AuthorError, ruling::Judge};
use crate::vault::Vault;

/// Merges the scope of a credential.
pub(super) fn merge_scope(judge: &mut Judge<'_>, base: Option<&Scope>, ours: &Scope, theirs: &Scope) -> Scope {
    let changed = |side: &Scope| base.is_none_or(|base| base != side);
    if ours != theirs
        && changed(ours)
        && changed(theirs)
        && let Some(scope) = base.and_then(|base| as_sets(base, ours, theirs))
    {
        judge.took("scope", None);
        return scope;
    }
    judge.field("scope", base, (ours, theirs), ToString::to_string)
}

/// Applies what both sides added and dropped. `*` is the set of everyone, now and later; `None` where the result is no scope.
fn as_sets(base: &Scope, ours: &Scope, theirs: &Scope) -> Option<Scope> {
    let named = |entries: BTreeSet<ScopeEntry>| (!entries.is_empty()).then_some(Scope::Named(entries));
    match (base, ours, theirs) {
        (Scope::Everyone, Scope::Named(ours), Scope::Named(theirs)) => named(ours & theirs),
        (Scope::Named(base), Scope::Named(ours), Scope::Named(theirs)) => {
            let stayed = &(base & ours) & theirs;
            let added = &(ours - base) | &(theirs - base);
            named(&stayed | &added)
        }
        // Everyone includes who was added; but nobody can be dropped from it.
        (Scope::Named(base), Scope::Everyone, Scope::Named(other))
        | (Scope::Named(base), Scope::Named(other), Scope::Everyone) => {
            other.is_superset(base).then_some(Scope::Everyone)
        }
        _ => None,
    }
}

/// Takes those out of a scope who were removed from the vault meanwhile, and returns them. An empty scope is left for the format to refuse.
pub(super) fn without_removed(vault: &Vault<'_>, scope: &mut Scope) -> Result<Vec<String>, AuthorError> {
    let mut gone = Vec::new();
    if let Scope::Named(entries) = scope {
        for entry in entries.clone() {
            let removed = match &entry {
                ScopeEntry::Member(name) => vault.member(name)?.is_some_and(|file| file.body().is_none()),
                ScopeEntry::Group(name) => vault.group(name)?.is_some_and(|file| file.body().is_none()),
            };
            if removed {
                gone.push(entry.to_string());
                entries.remove(&entry);
            }
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::from_entries(text.split(' ')).unwrap()
    }

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let both = [(ours, theirs), (theirs, ours)].map(|(a, b)| as_sets(&scope(base), &scope(a), &scope(b)));
        assert!(both[0] == both[1], "{base}: {ours}, {theirs}");
        both[0].as_ref().map(ToString::to_string)
    }

    #[test]
    fn scopes_are_merged_as_sets() {
        assert_eq!(merged("a", "a b", "a c").as_deref(), Some("a, b, c"));
        assert_eq!(merged("a b c", "a b", "b c").as_deref(), Some("b"));
        assert_eq!(merged("a b", "a", "a b c").as_deref(), Some("a, c"));
        assert_eq!(merged("a", "@g", "a b").as_deref(), Some("@g, b"));
        assert_eq!(merged("*", "a b", "b c").as_deref(), Some("b"));
        assert_eq!(merged("a", "*", "a b").as_deref(), Some("*"));
    }

    #[test]
    fn what_is_no_scope_is_nobodys_to_guess() {
        assert_eq!(merged("a b", "a", "b"), None);
        assert_eq!(merged("*", "a", "b"), None);
        assert_eq!(merged("a b", "*", "a"), None);
    }
}
