//! Credentials: the scope as a set, policy field by field, and the value, of which only who can open it knows whether it differs.

use std::collections::BTreeSet;

use vault_format::{
    Credential, CredentialName, FilePath, GroupName, MemberName, Network, Scope, Secret, Timestamp, Verified,
};

use super::{
    super::{credential::audience, desk::Desk, error::AuthorError},
    error::{MergeError, Which},
    member::shown_note,
    ruling::{Judge, Ruling},
    scope::{merge_scope, without_removed},
    versions::{Conflicted, Verdict, Versions},
};
use crate::vault::Vault;

/// The values of the three sides, as far as the author's keys open them.
struct Values {
    base: Option<Secret>,
    ours: Option<Secret>,
    theirs: Option<Secret>,
}

/// What a credential is to become.
struct Wanted {
    terms: Credential,
    /// Whose payload has the value; `None` where both have the same.
    value: Option<Which>,
}

/// Merges a credential.
pub(super) fn merge(
    desk: &mut Desk<'_, '_, '_>,
    name: &CredentialName,
    file: &Conflicted,
    ruling: &Ruling,
) -> Result<String, AuthorError> {
    let versions = Versions::<Credential>::read(desk.vault, file)?;
    let path = versions.path.to_string();
    let values = Values::open(desk, &versions)?;
    let mut judge = Judge::new(ruling);
    let verdict = versions.judge(&mut judge, |which, side, base| {
        let same_value = values
            .is_same_as_base(which)
            .unwrap_or(side.value_set == base.value_set);
        same_value && policy(side) == policy(base)
    });
    let side = |which| {
        let terms = versions.side(which).and_then(Verified::body)?.clone();
        Some(Wanted {
            terms,
            value: Some(which),
        })
    };
    let wanted = match (verdict, versions.living()) {
        (Verdict::Removed, _) => None,
        (Verdict::Side(which), _) => side(which),
        (Verdict::Both, None) => None,
        (Verdict::Both, Some(living)) => Some(merge_terms(&mut judge, &values, versions.base_body(), living)),
    };
    let sources = judge.settle(&path)?;
    let Some(mut wanted) = wanted else {
        return versions.remove(desk);
    };
    let gone = without_removed(desk.vault, &mut wanted.terms.scope)?;
    if matches!(&wanted.terms.scope, Scope::Named(entries) if entries.is_empty()) {
        return Err(AuthorError::ScopeChange {
            name: name.clone(),
            reason: format!(
                "{} was removed, and nobody else is in it; remove the credential",
                gone.join(", ")
            ),
        });
    }
    let (sealed_to, _) = desk.holders(&wanted.terms.scope)?;
    wanted.terms.sealed_to = sealed_to;
    let whom = format!(
        "; for {}{}",
        audience(&wanted.terms.scope),
        aftermath(&versions, &wanted.terms.scope, &gone)
    );
    for which in [Which::Ours, Which::Theirs] {
        let same = versions
            .side(which)
            .is_some_and(|side| side.body() == Some(&wanted.terms));
        if same && wanted.value.is_none_or(|value| value == which) && versions.can_stay(desk.vault, which) {
            return Ok(versions.keep(desk, which) + &whom);
        }
    }
    let value = match wanted.value {
        Some(Which::Ours) => &values.ours,
        Some(Which::Theirs) => &values.theirs,
        None if values.ours.is_some() => &values.ours,
        None => &values.theirs,
    };
    let Some(value) = value else {
        return Err(MergeError::CannotMerge {
            path,
            keepers: keepers(desk.vault)?,
        }
        .into());
    };
    let text = versions.told(&sources) + &whom;
    desk.write_credential(name, Some(versions.before), wanted.terms, value)?;
    Ok(text)
}

fn merge_terms(
    judge: &mut Judge<'_>,
    values: &Values,
    base: Option<&Credential>,
    (ours, theirs): (&Credential, &Credential),
) -> Wanted {
    let scope = merge_scope(judge, base.map(|base| &base.scope), &ours.scope, &theirs.scope);
    let network = judge.field(
        "network",
        base.map(|base| &base.network),
        (&ours.network, &theirs.network),
        ToString::to_string,
    );
    let expires = judge.field(
        "expiry",
        base.map(|base| &base.expires),
        (&ours.expires, &theirs.expires),
        shown_time,
    );
    let note = judge.field(
        "note",
        base.map(|base| &base.note),
        (&ours.note, &theirs.note),
        shown_note,
    );
    let value = values.merge(judge, base, ours, theirs);
    let value_set = match value {
        Some(Which::Ours) => ours.value_set,
        Some(Which::Theirs) => theirs.value_set,
        None => one_value_set(ours, theirs, &scope),
    };
    let terms = Credential {
        scope,
        // Replaced once the scope is known to be of living members.
        sealed_to: ours.sealed_to.clone(),
        network,
        expires,
        value_set,
        note,
    };
    Wanted { terms, value }
}

impl Values {
    fn open(desk: &Desk<'_, '_, '_>, versions: &Versions<Credential>) -> Result<Self, AuthorError> {
        let open = |file: &Option<Verified<Credential>>| {
            let Some((file, terms)) = file.as_ref().and_then(|file| Some((file, file.body()?))) else {
                return Ok(None);
            };
            match desk.open(file, terms) {
                Ok(value) => Ok(Some(value)),
                Err(AuthorError::CannotOpen { .. } | AuthorError::NoIdentity) => Ok(None),
                Err(error) => Err(error),
            }
        };
        Ok(Self {
            // Only compared with: where it does not open, the authors' word must do.
            base: open(&versions.base).unwrap_or(None),
            ours: open(&versions.ours)?,
            theirs: open(&versions.theirs)?,
        })
    }

    /// Tells whether a side has the value of the base, if both open.
    fn is_same_as_base(&self, which: Which) -> Option<bool> {
        let side = match which {
            Which::Ours => &self.ours,
            Which::Theirs => &self.theirs,
        };
        same(side, &self.base)
    }

    /// Decides whose value stands; `None` where both have the same. What cannot be opened is as new as `value_set` says.
    fn merge(
        &self,
        judge: &mut Judge<'_>,
        base: Option<&Credential>,
        ours: &Credential,
        theirs: &Credential,
    ) -> Option<Which> {
        let changed = |which, side: &Credential| match self.is_same_as_base(which) {
            Some(same) => !same,
            None => base.is_none_or(|base| base.value_set != side.value_set),
        };
        let (by_ours, by_theirs) = (changed(Which::Ours, ours), changed(Which::Theirs, theirs));
        let which = match (same(&self.ours, &self.theirs), by_ours, by_theirs) {
            (Some(true), ..) | (None, false, false) => return None,
            (_, true, false) => Which::Ours,
            (_, false, true) => Which::Theirs,
            _ => {
                let set = |side: &Credential| format!("set {}", side.value_set);
                judge.choose("value", set(ours), set(theirs))
            }
        };
        judge.took("value", Some(which));
        Some(which)
    }
}

/// When one value was set that both sides set for themselves. Who knows it goes by this time: that of the side whose members are not all in the
/// merged scope, or they would be forgotten.
fn one_value_set(ours: &Credential, theirs: &Credential, scope: &Scope) -> Timestamp {
    let has_lost = |side: &Credential| !wider(&side.scope, scope).is_empty();
    match (has_lost(ours), has_lost(theirs)) {
        (true, false) => ours.value_set,
        (false, true) => theirs.value_set,
        _ => ours.value_set.max(theirs.value_set),
    }
}

/// Tells whether two values are the same, if both could be opened.
fn same(a: &Option<Secret>, b: &Option<Secret>) -> Option<bool> {
    Some(a.as_ref()?.expose() == b.as_ref()?.expose())
}

fn policy(terms: &Credential) -> (&Scope, Network, Option<Timestamp>, &Option<String>) {
    (&terms.scope, terms.network, terms.expires, &terms.note)
}

/// What a person has to know of a merged scope: who was taken out, and who may know a value without being in it.
fn aftermath(versions: &Versions<Credential>, scope: &Scope, gone: &[String]) -> String {
    let mut text = String::new();
    if !gone.is_empty() {
        text += &format!("; without {}, who was removed", gone.join(", "));
    }
    let sides = [Which::Ours, Which::Theirs]
        .into_iter()
        .filter(|which| versions.outdated != Some(*which))
        .filter_map(|which| versions.side(which));
    let before: BTreeSet<String> = sides
        .filter_map(Verified::body)
        .flat_map(|terms| terms.scope.entries())
        .collect();
    for which in [Which::Ours, Which::Theirs] {
        let Some(side) = versions.side(which).and_then(Verified::body) else {
            continue;
        };
        let wider = wider(scope, &side.scope);
        if !wider.is_empty() {
            text += &format!("; wider than {which} by {}", wider.join(", "));
        }
    }
    let outside: Vec<&str> = match scope {
        Scope::Everyone => Vec::new(),
        Scope::Named(_) => {
            let now = scope.entries();
            let outside = before.iter().filter(|entry| !now.contains(*entry));
            outside
                .map(|entry| if entry == "*" { "everyone else" } else { entry })
                .collect()
        }
    };
    if !outside.is_empty() {
        text += &format!("; {} may still know its value until it is rotated", outside.join(", "));
    }
    text
}

/// Who is in a scope and was not in the other one.
fn wider(scope: &Scope, before: &Scope) -> Vec<String> {
    match (scope, before) {
        (_, Scope::Everyone) => Vec::new(),
        (Scope::Everyone, Scope::Named(_)) => vec!["everyone, now and later".into()],
        (Scope::Named(_), Scope::Named(_)) => {
            let before = before.entries();
            let mut entries = scope.entries();
            entries.retain(|entry| !before.contains(entry));
            entries
        }
    }
}

/// Who can open everything.
fn keepers(vault: &Vault<'_>) -> Result<Vec<MemberName>, AuthorError> {
    let mut found = Vec::new();
    for path in vault.paths("grants")? {
        if let FilePath::Grant(group, member) = path
            && group == GroupName::keepers()
            && vault.is_granted(&group, &member)?
        {
            found.push(member);
        }
    }
    Ok(found)
}

fn shown_time(time: &Option<Timestamp>) -> String {
    time.map_or_else(|| "never".into(), |time| time.to_string())
}
