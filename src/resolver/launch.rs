//! Who am I, and which vault: identity ↔ anchor ↔ vault ↔ member, settled once at launch.
//!
//! Everything here comes from the launch. Nothing in a repository, a template or a request can name another member, vault or root.

use std::path::PathBuf;

use vault_format::{Anchor, GroupName, Identity, IdentityFile, Member, MemberName, RootPin, VaultId, Verified};

use super::{IdentitySource, OwnKeys, Resolver, keyring::Keyring, launch_error::LaunchError};
use crate::vault::{Access, Repository, Vault};

/// What a resolver is launched with. None of it can come from a template, a request or a repository.
pub struct Launch {
    /// The vault: a directory of a git repository, or below one, or of a bare one.
    pub directory: PathBuf,
    /// The commit to read: a name that git knows.
    pub reference: String,
    /// Where the keys came from, for errors.
    pub source: IdentitySource,
    /// The identity file, open.
    pub identity: OwnKeys,
    /// What the launch says about itself.
    pub expectation: Expectation,
    /// The directory in which this machine remembers; `None` where there is none.
    pub state: Option<PathBuf>,
}

/// What a launch says about itself, beside the keys.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// `--root`: the vault's id, where the identity file has no anchor, or to be compared with it.
    pub vault: Option<VaultId>,
    /// `--member`: the member that the keys must belong to.
    pub member: Option<MemberName>,
    /// `--allow-keeper`: whether a keeper's keys may resolve.
    pub allow_keeper: bool,
}

impl Launch {
    /// Opens the vault for the launched member and gives it to `work`.
    ///
    /// # Errors
    /// Whatever keeps this launch from resolving.
    pub fn with_resolver<T>(&self, work: impl FnOnce(Resolver<'_, '_>, &Repository) -> T) -> Result<T, LaunchError> {
        let identity = self.source.parse(&self.identity)?;
        let repository = Repository::open(&self.directory, Access::Read)?;
        let vault = Vault::load(repository.snapshot(&self.reference)?, self.state.as_deref())?;
        check_vault(&vault, &identity, &self.expectation)?;
        let keyring = identify(&vault, identity, &self.expectation)?;
        self.refuse_keeper(&vault, &keyring)?;
        Ok(work(Resolver::new(&vault, keyring), &repository))
    }

    /// Refuses a keeper's keys, which open what no scope gives them.
    fn refuse_keeper(&self, vault: &Vault<'_>, keyring: &Keyring<'_, '_>) -> Result<(), LaunchError> {
        if !self.expectation.allow_keeper && vault.is_granted(&GroupName::keepers(), keyring.member())? {
            return Err(LaunchError::Keeper(keyring.member().clone()));
        }
        Ok(())
    }
}

/// Checks that this vault is the one that the launch is for.
///
/// # Errors
/// [`LaunchError::NoAnchor`], [`LaunchError::SeveralAnchors`], [`LaunchError::OtherVault`], and those of [`check_root`].
fn check_vault(vault: &Vault<'_>, identity: &IdentityFile, expected: &Expectation) -> Result<(), LaunchError> {
    let found = vault.id();
    let anchor = identity.anchor(found);
    let other = |expected: String| Err(LaunchError::OtherVault { expected, found });
    match expected.vault {
        Some(root) if root != found => return other(root.to_string()),
        None if identity.anchors.is_empty() => return Err(LaunchError::NoAnchor { found }),
        // Whoever serves the one vault could serve the other in its place.
        None if identity.anchors.len() > 1 => return Err(LaunchError::SeveralAnchors(identity.anchors.len())),
        _ => {}
    }
    if anchor.is_none() && !identity.anchors.is_empty() {
        let anchors: Vec<String> = identity.anchors.iter().map(|anchor| anchor.vault.to_string()).collect();
        return other(anchors.join(" or "));
    }
    anchor.map_or(Ok(()), |anchor| check_root(vault, anchor))
}

/// Checks that the chain of roots passes through the one that the anchor names (SPEC.md, 14.9).
///
/// # Errors
/// [`LaunchError::OldRoot`], [`LaunchError::ForkedRoot`].
pub fn check_root(vault: &Vault<'_>, anchor: &Anchor) -> Result<(), LaunchError> {
    let Some(RootPin { serial, digest }) = anchor.root else {
        return Ok(());
    };
    match vault.root_at(serial) {
        None => Err(LaunchError::OldRoot {
            lowest: serial,
            found: vault.authority().serial(),
        }),
        Some(found) if found != digest => Err(LaunchError::ForkedRoot { serial }),
        Some(_) => Ok(()),
    }
}

/// Finds the member whose keys these are, among the members of a vault that [`check_vault`] accepted.
///
/// # Errors
/// [`LaunchError`] where the keys are nobody's, or not those of the member that the anchor or the launch names.
pub fn identify<'v, 'r>(
    vault: &'v Vault<'r>,
    identity: IdentityFile,
    expected: &Expectation,
) -> Result<Keyring<'v, 'r>, LaunchError> {
    let anchored = identity.anchor(vault.id()).and_then(|anchor| anchor.member.clone());
    if let (Some(anchored), Some(expected)) = (&anchored, &expected.member)
        && anchored != expected
    {
        return Err(LaunchError::OtherMember {
            anchored: anchored.clone(),
            expected: expected.clone(),
        });
    }
    let member = match anchored.or_else(|| expected.member.clone()) {
        Some(name) => named_member(vault, &identity.identities, name)?,
        None => search(vault, &identity.identities)?.ok_or(LaunchError::Nobody)?,
    };
    Ok(Keyring::new(vault, &member, identity.identities))
}

fn named_member(vault: &Vault<'_>, keys: &[Identity], name: MemberName) -> Result<Verified<Member>, LaunchError> {
    let member = match vault.member(&name)? {
        None => return Err(LaunchError::NoSuchMember(name)),
        Some(tombstone) if tombstone.body().is_none() => return Err(LaunchError::Removed(name)),
        Some(member) => member,
    };
    if !is_key_of(keys, &member) {
        let found = search(vault, keys)?.map(|member| member.subject().clone());
        return Err(LaunchError::NotTheirKey { expected: name, found });
    }
    Ok(member)
}

/// Reads one member after the other. A member whose file is broken is passed over: its key is not ours to find.
fn search(vault: &Vault<'_>, keys: &[Identity]) -> Result<Option<Verified<Member>>, LaunchError> {
    for name in vault.member_names()? {
        if let Ok(Some(member)) = vault.member(&name)
            && is_key_of(keys, &member)
        {
            return Ok(Some(member));
        }
    }
    Ok(None)
}

fn is_key_of(keys: &[Identity], member: &Verified<Member>) -> bool {
    member.body().is_some_and(|body| {
        body.recipients
            .iter()
            .any(|key| keys.iter().any(|own| own.recipient() == key))
    })
}
