//! What one member's private keys open: its own stanzas, its grants, and through those the keys of its groups.
//!
//! Opening is no permission: whether a credential may be used is decided by its scope, in `resolve`.

use std::{cell::RefCell, collections::BTreeMap};

use thiserror::Error;
use vault_format::{
    FilePath, Grant, GroupKeys, GroupName, HolderName, Identity, Kind, Member, MemberName, OpenError, Opened, Verified,
};

use crate::vault::{FileError, Vault};

/// The keys of one member in one commit of a vault.
pub struct Keyring<'v, 'r> {
    vault: &'v Vault<'r>,
    member: MemberName,
    identities: Vec<Identity>,
    groups: RefCell<BTreeMap<(GroupName, u64), Option<Identity>>>,
}

/// Why a file could not be opened.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The member holds none of the keys that the file is sealed to.
    #[error("none of the keys of this member opens {0}")]
    NoKey(String),
    /// A file on the way is not to be trusted, or damaged.
    #[error(transparent)]
    File(#[from] FileError),
}

impl<'v, 'r> Keyring<'v, 'r> {
    /// The keys of a member of this vault. The caller has checked that `identities` are that member's.
    pub fn new(vault: &'v Vault<'r>, member: &Verified<Member>, identities: Vec<Identity>) -> Self {
        Self {
            vault,
            member: member.subject().clone(),
            identities,
            groups: RefCell::default(),
        }
    }

    /// Whose keys these are.
    pub fn member(&self) -> &MemberName {
        &self.member
    }

    /// Opens a file by way of the first of `holders` whose key the member has.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open<'f, K: Kind>(
        &self,
        file: &'f Verified<K>,
        path: &FilePath,
        holders: impl IntoIterator<Item = HolderName>,
    ) -> Result<Opened<'f, K>, KeyringError> {
        let sealed_to = file.body().and_then(K::sealed_to);
        for holder in holders {
            let Some((position, epoch)) = sealed_to.and_then(|list| list.find(&holder)) else {
                continue;
            };
            let opened = match holder {
                HolderName::Member(name) if name == self.member => file.open(&self.identities, Some(position)),
                HolderName::Member(_) => continue,
                HolderName::Group(group) => match self.group_key(&group, epoch)? {
                    Some(key) => file.open(&[key], Some(position)),
                    None => continue,
                },
            };
            match opened {
                Err(OpenError::NoKey) => {}
                opened => return opened.map_err(|error| self.vault.error(path.to_string(), error).into()),
            }
        }
        Err(KeyringError::NoKey(path.to_string()))
    }

    /// The private key of a group's epoch: from the member's grant, or from the group's own payload for other epochs and for keepers.
    ///
    /// # Errors
    /// [`FileError`] where a grant or group is not to be trusted or does not open.
    pub fn group_key(&self, group: &GroupName, epoch: u64) -> Result<Option<Identity>, FileError> {
        let wanted = (group.clone(), epoch);
        if let Some(known) = self.groups.borrow().get(&wanted) {
            return Ok(known.clone());
        }
        let key = self.find_group_key(group, epoch)?;
        self.groups.borrow_mut().insert(wanted, key.clone());
        Ok(key)
    }

    fn find_group_key(&self, group: &GroupName, epoch: u64) -> Result<Option<Identity>, FileError> {
        match self.granted_key(group)? {
            Some((of, key)) if of == epoch => Ok(Some(key)),
            granted => {
                let keys = self.keys_of(group, granted)?;
                Ok(keys.and_then(|keys| keys.epoch(epoch).cloned()))
            }
        }
    }

    /// The private keys of all epochs of a group, from its own payload.
    ///
    /// # Errors
    /// [`FileError`] where a grant or group is not to be trusted or does not open.
    pub fn group_keys(&self, group: &GroupName) -> Result<Option<GroupKeys>, FileError> {
        self.keys_of(group, self.granted_key(group)?)
    }

    fn keys_of(&self, group: &GroupName, granted: Option<(u64, Identity)>) -> Result<Option<GroupKeys>, FileError> {
        // A keeper may open a group it is no member of, but the keepers' own keys come from grants alone.
        if granted.is_none() && group == &GroupName::keepers() {
            return Ok(None);
        }
        let Some(file) = self.vault.group(group)? else {
            return Ok(None);
        };
        let path = FilePath::Group(group.clone());
        let Some((itself, keepers)) = file.body().map(|body| {
            let place = |name: &GroupName| body.sealed_to.find(&HolderName::Group(name.clone()));
            (place(group), place(&GroupName::keepers()))
        }) else {
            return Ok(None);
        };
        let by_grant = granted.filter(|(of, _)| itself.is_some_and(|(_, epoch)| epoch == *of));
        let (key, position) = match (by_grant, keepers) {
            (Some((_, key)), _) => (key, itself.map(|(position, _)| position)),
            (None, Some((position, keepers_epoch))) if group != &GroupName::keepers() => {
                match self.group_key(&GroupName::keepers(), keepers_epoch)? {
                    Some(key) => (key, Some(position)),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let keys = file
            .open(&[key], position)
            .and_then(|opened| GroupKeys::parse(opened.value()))
            .map_err(|error| self.vault.error(path.to_string(), error))?;
        Ok(Some(keys))
    }

    /// The key in the member's own grant, with its epoch.
    fn granted_key(&self, group: &GroupName) -> Result<Option<(u64, Identity)>, FileError> {
        let Some(grant) = self.vault.grant(group, &self.member)? else {
            return Ok(None);
        };
        let Some(epoch) = grant.body().map(|body: &Grant| body.epoch) else {
            return Ok(None);
        };
        let path = FilePath::Grant(group.clone(), self.member.clone()).to_string();
        let opened = match grant.open(&self.identities, Some(0)) {
            Err(OpenError::NoKey) => return Ok(None),
            opened => opened.map_err(|error| self.vault.error(path.clone(), error))?,
        };
        let key = opened.value().expose_text().map(str::trim_end).map(Identity::from_line);
        match key {
            Some(Ok(key)) => Ok(Some((epoch, key))),
            _ => Err(self
                .vault
                .error(path, OpenError::Malformed("a grant must hold one age identity"))),
        }
    }
}
