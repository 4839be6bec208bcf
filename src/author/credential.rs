//! Changes of credentials: a new value, a new scope, a new policy, the same once more, or none any longer.

use vault_format::{Credential, CredentialName, FilePath, Network, Scope, ScopeEntry, Secret, Timestamp, Verified};

use super::{
    desk::{Desk, Plan},
    error::AuthorError,
    reading::{group_key, member_keys, open_with},
};
use crate::{
    resolver::{Keyring, nearest},
    vault::Vault,
};

/// What `set` is told.
pub struct Setting<'a> {
    /// The credential.
    pub name: &'a CredentialName,
    /// Its value.
    pub value: &'a Secret,
    /// Its scope; `None` means everyone for a new credential.
    pub scope: Option<Scope>,
    /// What else changes; what is not named stays as it is.
    pub policy: PolicyChange,
}

/// Changes of what is not the value and not the scope.
#[derive(Clone, Default)]
pub struct PolicyChange {
    /// A new network policy.
    pub network: Option<Network>,
    /// A new expiry, or none any longer.
    pub expires: Option<Option<Timestamp>>,
    /// A new note, or none any longer.
    pub note: Option<Option<String>>,
}

/// How a scope is to change.
pub enum ScopeChange {
    /// Not at all.
    Keep,
    /// Into this one.
    Replace(Scope),
    /// By adding and dropping entries.
    Edit {
        /// Entries to add.
        add: Vec<ScopeEntry>,
        /// Entries to drop; each must be there.
        drop: Vec<ScopeEntry>,
    },
}

/// Decides the scope that setting `name` gives it, before a value is asked for.
///
/// # Errors
/// [`AuthorError::WouldWiden`] where no scope is given and the present one is narrower than everyone; [`AuthorError::UnknownMember`] and
/// [`AuthorError::UnknownGroup`] where it names nobody.
pub fn check_set(vault: &Vault<'_>, name: &CredentialName, scope: Option<&Scope>) -> Result<Scope, AuthorError> {
    let file = vault.credential(name)?;
    let scope = match (scope, file.as_ref().and_then(Verified::body)) {
        (Some(scope), _) => scope.clone(),
        (None, Some(present)) if present.scope != Scope::Everyone => {
            return Err(AuthorError::WouldWiden {
                name: name.clone(),
                scope: present.scope.clone(),
            });
        }
        (None, _) => Scope::Everyone,
    };
    for member in scope.members() {
        member_keys(vault, &member)?;
    }
    for group in scope.groups() {
        group_key(vault, &group)?;
    }
    Ok(scope)
}

/// Checks that a credential is there, and returns its serial.
///
/// # Errors
/// [`AuthorError::NotFound`] with the nearest names.
pub fn check_exists(vault: &Vault<'_>, name: &CredentialName) -> Result<u64, AuthorError> {
    living(vault, name).map(|(file, _)| file.serial())
}

/// Opens a credential for a person: as keeper, or as one in its scope.
///
/// # Errors
/// [`AuthorError::NotFound`], [`AuthorError::CannotOpen`], [`AuthorError::File`].
pub fn open(vault: &Vault<'_>, keyring: &Keyring<'_, '_>, name: &CredentialName) -> Result<Secret, AuthorError> {
    let (file, terms) = living(vault, name)?;
    open_with(keyring, &file, &terms)
}

/// Sets value and scope of a credential, new or not.
///
/// # Errors
/// Those of [`check_set`]; those of sealing and signing.
pub fn set(mut desk: Desk<'_, '_, '_>, setting: &Setting<'_>) -> Result<Plan, AuthorError> {
    let name = setting.name;
    let scope = check_set(desk.vault, name, setting.scope.as_ref())?;
    let file = desk.vault.credential(name)?;
    if file.is_none() {
        desk.check_new(&FilePath::Credential(name.clone()))?;
    }
    let present = file.as_ref().and_then(Verified::body);
    let (sealed_to, _) = desk.holders(&scope)?;
    let mut terms = present.cloned().unwrap_or(Credential {
        scope: scope.clone(),
        sealed_to,
        network: Network::default(),
        expires: None,
        value_set: desk.now,
        note: None,
    });
    terms.scope = scope;
    terms.value_set = next_value_set(present, desk.now);
    setting.policy.apply(&mut terms, desk.now)?;
    check_alive(name, &terms, desk.now)?;
    let verb = if present.is_none() { "set" } else { "replaced" };
    let summary = vec![format!("{verb} {name} for {}", audience(&terms.scope))];
    desk.write_credential(name, file.as_ref().map(Verified::serial), terms, setting.value)?;
    desk.finish(&format!("set {name}"), summary)
}

/// When a new value is set: later than the one before it, also within one second or under a clock that went back. Two values with one time
/// would be taken for one, and who knows the first for somebody who knows the second.
fn next_value_set(present: Option<&Credential>, now: Timestamp) -> Timestamp {
    let after = present.and_then(|terms| Timestamp::from_unix(terms.value_set.unix() + 1));
    after.map_or(now, |after| after.max(now))
}

/// Gives credentials new values; scope and policy stay. Opens nothing, so an author who is no keeper can do it.
///
/// # Errors
/// [`AuthorError::NotFound`], [`AuthorError::StillExpired`]; those of sealing and signing.
pub fn rotate(
    mut desk: Desk<'_, '_, '_>,
    values: &[(CredentialName, Secret)],
    policy: &PolicyChange,
) -> Result<Plan, AuthorError> {
    let mut summary = Vec::new();
    for (name, value) in values {
        let (file, mut terms) = living(desk.vault, name)?;
        terms.value_set = next_value_set(Some(&terms), desk.now);
        policy.apply(&mut terms, desk.now)?;
        check_alive(name, &terms, desk.now)?;
        summary.push(format!("rotated {name}; still for {}", audience(&terms.scope)));
        desk.write_credential(name, Some(file.serial()), terms, value)?;
    }
    let subject = format!("rotate {}", several(values.iter().map(|(name, _)| name)));
    desk.finish(&subject, summary)
}

/// Changes scope and policy of credentials; their values stay, sealed anew. What would stay as it is is left alone.
///
/// # Errors
/// [`AuthorError::ScopeChange`], [`AuthorError::CannotOpen`], [`AuthorError::NothingToDo`]; those of sealing and signing.
pub fn rescope(
    mut desk: Desk<'_, '_, '_>,
    names: &[CredentialName],
    change: &ScopeChange,
    policy: &PolicyChange,
) -> Result<Plan, AuthorError> {
    let mut changed = Vec::new();
    let mut summary = Vec::new();
    for name in names {
        let (file, before) = living(desk.vault, name)?;
        let mut terms = before.clone();
        terms.scope = change.apply(name, &before.scope)?;
        // Names are checked before keys: an unknown member is the likelier mistake.
        desk.holders(&terms.scope)?;
        policy.apply(&mut terms, desk.now)?;
        if terms == before {
            continue;
        }
        let value = desk.open(&file, &before)?;
        summary.push(difference(name, &before, &terms));
        desk.write_credential(name, Some(file.serial()), terms, &value)?;
        changed.push(name);
    }
    let subject = format!("scope {}", several(changed.iter().copied()));
    desk.finish(&subject, summary)
}

/// Writes credentials once more as they are: a higher serial, sealed to the current keys, signed by this author. Also those that are older
/// or other than what was used here: naming them is the way to say that this is wanted.
///
/// # Errors
/// [`AuthorError::NotFound`], [`AuthorError::CannotOpen`]; those of sealing and signing.
pub fn touch(mut desk: Desk<'_, '_, '_>, names: &[CredentialName]) -> Result<Plan, AuthorError> {
    let mut summary = Vec::new();
    for name in names {
        let (file, overtaken) = desk.vault.credential_to_overtake(name)?;
        let Some((file, terms)) = with_terms(file) else {
            return Err(not_found(desk.vault, name)?);
        };
        let value = desk.open(&file, &terms)?;
        let before = file.serial().max(overtaken.unwrap_or(0));
        summary.push(format!(
            "touched {name}, now serial {}{}",
            before + 1,
            overtaking(overtaken)
        ));
        desk.write_credential(name, Some(before), terms, &value)?;
    }
    desk.finish(&format!("touch {}", several(names)), summary)
}

/// Removes credentials, leaving signed tombstones that keep an old file from coming back. Also those whose file is gone without one, where
/// it was used here.
///
/// # Errors
/// [`AuthorError::NotFound`]; those of signing.
pub fn remove(mut desk: Desk<'_, '_, '_>, names: &[CredentialName]) -> Result<Plan, AuthorError> {
    let mut summary = Vec::new();
    for name in names {
        let (file, overtaken) = desk.vault.credential_to_overtake(name)?;
        let (serial, was) = match (with_terms(file), overtaken) {
            (Some((file, terms)), _) => (
                file.serial(),
                match &terms.scope {
                    Scope::Everyone => "it was for everyone, who may still know its value".into(),
                    named => format!("it was for {named}, who may still know its value"),
                },
            ),
            (None, Some(serial)) => (serial, "it was gone without a tombstone".to_owned()),
            (None, None) => return Err(not_found(desk.vault, name)?),
        };
        let before = serial.max(overtaken.unwrap_or(0));
        summary.push(format!("removed {name}; {was}"));
        desk.trailer("Fleetvault-Credential", name);
        let head = desk.head::<Credential>(name.clone(), Some(before), None);
        desk.write_plain(head)?;
    }
    desk.finish(&format!("rm {}", several(names)), summary)
}

impl PolicyChange {
    fn apply(&self, terms: &mut Credential, now: Timestamp) -> Result<(), AuthorError> {
        if let Some(network) = self.network {
            terms.network = network;
        }
        if let Some(expires) = self.expires {
            if let Some(past) = expires.filter(|expires| *expires <= now) {
                return Err(AuthorError::PastExpiry(past));
            }
            terms.expires = expires;
        }
        if let Some(note) = &self.note {
            terms.note.clone_from(note);
        }
        Ok(())
    }
}

impl ScopeChange {
    pub(super) fn apply(&self, name: &CredentialName, before: &Scope) -> Result<Scope, AuthorError> {
        let refuse = |reason: String| AuthorError::ScopeChange {
            name: name.clone(),
            reason,
        };
        let (add, drop) = match self {
            Self::Keep => return Ok(before.clone()),
            Self::Replace(scope) => return Ok(scope.clone()),
            Self::Edit { add, drop } => (add, drop),
        };
        let Scope::Named(present) = before else {
            return Err(refuse(
                "it is for everyone ('*'); say whom it is for with --members".into(),
            ));
        };
        let mut entries = present.clone();
        entries.extend(add.iter().cloned());
        for entry in drop {
            if !entries.remove(entry) {
                return Err(refuse(format!("'{entry}' is not in it")));
            }
        }
        if entries.is_empty() {
            return Err(refuse(
                "nobody would be left; remove the credential with 'rm' instead".into(),
            ));
        }
        Ok(Scope::Named(entries))
    }
}

/// A living credential with its terms.
fn living(vault: &Vault<'_>, name: &CredentialName) -> Result<(Verified<Credential>, Credential), AuthorError> {
    match with_terms(vault.credential(name)?) {
        Some(found) => Ok(found),
        None => Err(not_found(vault, name)?),
    }
}

fn with_terms(file: Option<Verified<Credential>>) -> Option<(Verified<Credential>, Credential)> {
    file.and_then(|file| file.body().cloned().map(|terms| (file, terms)))
}

/// How a person is told that a file was not what this machine had used.
fn overtaking(serial: Option<u64>) -> String {
    serial.map_or_else(String::new, |serial| {
        format!(", overtaking the serial {serial} that was used here")
    })
}

/// Says that there is no such credential, with the nearest living names.
///
/// # Errors
/// [`AuthorError::File`] where the vault cannot be listed.
pub fn not_found(vault: &Vault<'_>, name: &CredentialName) -> Result<AuthorError, AuthorError> {
    let names = vault.credential_names()?.into_iter().filter(|other| other != name);
    let is_living = |name: &CredentialName| {
        let file = vault.look_at::<Credential>(&FilePath::Credential(name.clone()));
        file.is_ok_and(|file| file.is_some_and(|file| file.body().is_some()))
    };
    // More than are shown, since removed ones may be among them; few, since each is read.
    let near = nearest(name.as_str(), names, 8).into_iter().filter(is_living).take(3);
    Ok(AuthorError::NotFound {
        near: near.collect(),
        name: name.to_string(),
    })
}

/// How a person reads a scope.
pub(super) fn audience(scope: &Scope) -> String {
    match scope {
        Scope::Everyone => "everyone, now and later".into(),
        named => named.to_string(),
    }
}

fn check_alive(name: &CredentialName, terms: &Credential, now: Timestamp) -> Result<(), AuthorError> {
    match terms.expires.filter(|expires| *expires <= now) {
        Some(on) => Err(AuthorError::StillExpired { name: name.clone(), on }),
        None => Ok(()),
    }
}

fn difference(name: &CredentialName, before: &Credential, after: &Credential) -> String {
    let mut parts = Vec::new();
    if before.scope != after.scope {
        parts.push(format!("{} → {}", audience(&before.scope), audience(&after.scope)));
        let dropped: Vec<String> = before.scope.entries();
        let dropped: Vec<String> = dropped
            .into_iter()
            .filter(|entry| !after.scope.entries().contains(entry))
            .collect();
        match dropped.as_slice() {
            _ if after.scope == Scope::Everyone => {}
            [] => {}
            [star] if star == "*" => parts.push("everyone else may still know its value until it is rotated".into()),
            dropped => parts.push(format!(
                "{} may still know its value until it is rotated",
                dropped.join(", ")
            )),
        }
    }
    if before.network != after.network {
        parts.push(format!("network: {} → {}", before.network, after.network));
    }
    if before.expires != after.expires {
        let text = |time: Option<Timestamp>| time.map_or_else(|| "never".into(), |time| time.to_string());
        parts.push(format!("expires: {} → {}", text(before.expires), text(after.expires)));
    }
    if before.note != after.note {
        parts.push("note changed".into());
    }
    format!("{name}: {}", parts.join("; "))
}

/// The names where they are few, their number where they are many.
fn several<'n>(names: impl IntoIterator<Item = &'n CredentialName>) -> String {
    let names: Vec<&str> = names.into_iter().map(CredentialName::as_str).collect();
    if names.len() <= 3 {
        names.join(", ")
    } else {
        format!("{} credentials", names.len())
    }
}
