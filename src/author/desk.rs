//! Where a change is prepared: the vault as it is, the author's pen, the author's keys, and the files that are to be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use vault_format::{
    AuthorName, Credential, CredentialName, Draft, Entry, FilePath, Group, GroupKeys, GroupName, Head, Holder,
    HolderName, Kind, Member, MemberName, Parsed, Plugins, Recipient, Scope, SealedTo, Secret, Timestamp, Verified,
};

use super::{
    error::AuthorError,
    reading::{check_new, finish, group_key, member_keys, open_with},
    signer::Signer,
};
use crate::{
    resolver::Keyring,
    vault::{CommitRequest, FileChange, Vault},
};

/// One change in the making.
pub struct Desk<'a, 'v, 'r> {
    /// The vault as it is.
    pub vault: &'v Vault<'r>,
    /// The author's own keys, where something must be opened.
    pub keyring: Option<&'a Keyring<'v, 'r>>,
    /// The time of the change.
    pub now: Timestamp,
    signer: &'a Signer,
    plugins: Option<Arc<dyn Plugins>>,
    author: AuthorName,
    files: Vec<FileChange>,
    trailers: Vec<(String, String)>,
    /// Members that this change adds or gives new keys, with epoch and keys: not in the vault yet, but to be sealed to.
    newcomers: BTreeMap<MemberName, (u64, Vec<Recipient>)>,
    /// Groups that this change makes or renews, likewise.
    renewed: BTreeMap<GroupName, (u64, Recipient)>,
}

/// What a change would do: the commit to make, and what a person should be told of it.
pub struct Plan {
    /// The files and the message.
    pub request: CommitRequest,
    /// One line for each thing that changes.
    pub summary: Vec<String>,
    /// Credentials whose values stay known to somebody who may use them no more, for a person to rotate. The history tells that, and whoever
    /// asked for the plan reads it.
    pub rotate: Vec<CredentialName>,
}

impl<'a, 'v, 'r> Desk<'a, 'v, 'r> {
    /// Prepares a change by whoever holds the signing key.
    ///
    /// # Errors
    /// [`AuthorError::NotAnAuthor`].
    pub fn new(
        vault: &'v Vault<'r>,
        signer: &'a Signer,
        keyring: Option<&'a Keyring<'v, 'r>>,
        now: Timestamp,
    ) -> Result<Self, AuthorError> {
        let author = vault
            .authority()
            .author_of(signer.key())
            .ok_or_else(|| AuthorError::NotAnAuthor {
                fingerprint: signer.key().fingerprint(),
            })?;
        Ok(Self {
            author: author.clone(),
            vault,
            keyring,
            now,
            signer,
            plugins: None,
            files: Vec::new(),
            trailers: Vec::new(),
            newcomers: BTreeMap::new(),
            renewed: BTreeMap::new(),
        })
    }

    /// What starts plugins.
    pub(super) fn plugins(&self) -> Option<&dyn Plugins> {
        self.plugins.as_deref()
    }

    /// Says what starts plugins, for members whose keys are of that kind.
    #[must_use]
    pub fn with_plugins(self, plugins: Arc<dyn Plugins>) -> Self {
        Self {
            plugins: Some(plugins),
            ..self
        }
    }

    /// Who signs.
    pub fn author(&self) -> &AuthorName {
        &self.author
    }

    /// Ends the change: its files under one subject.
    ///
    /// # Errors
    /// [`AuthorError::NothingToDo`] where there is nothing to write.
    pub fn finish(self, subject: &str, summary: Vec<String>) -> Result<Plan, AuthorError> {
        if self.files.is_empty() {
            return Err(AuthorError::NothingToDo);
        }
        Ok(Plan {
            request: CommitRequest {
                files: self.files,
                subject: format!("fleetvault: {subject}"),
                trailers: self.trailers,
            },
            summary,
            rotate: Vec::new(),
        })
    }

    /// Ends the change without a commit: its files.
    pub(super) fn into_files(self) -> Vec<FileChange> {
        self.files
    }

    /// The key that signs.
    pub(super) fn signer(&self) -> &Signer {
        self.signer
    }

    /// The paths of the files that this change has written until now.
    pub(super) fn written(&self) -> BTreeSet<String> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Adds a file that is signed already.
    pub(super) fn put<K: Kind>(&mut self, file: &Parsed<K>) {
        self.files.push(FileChange {
            path: K::path(file.head()).to_string(),
            contents: file.as_bytes().to_vec(),
        });
    }

    /// Takes a file as another author has signed it.
    pub(super) fn take_over<K: Entry>(&mut self, file: &Verified<K>) {
        self.put(file.document());
    }

    /// Opens a credential with the author's own keys: as keeper, or as one in its scope.
    ///
    /// # Errors
    /// [`AuthorError::NoIdentity`], [`AuthorError::CannotOpen`], [`AuthorError::File`].
    pub fn open(&self, file: &Verified<Credential>, terms: &Credential) -> Result<Secret, AuthorError> {
        open_with(self.keyring.ok_or(AuthorError::NoIdentity)?, file, terms)
    }

    /// Writes a credential: sealed to the current keys of its scope, signed, its serial one higher.
    ///
    /// # Errors
    /// [`AuthorError`] where the scope names nobody, or the format does not allow it.
    pub fn write_credential(
        &mut self,
        name: &CredentialName,
        before: Option<u64>,
        mut terms: Credential,
        value: &Secret,
    ) -> Result<(), AuthorError> {
        let (sealed_to, recipients) = self.holders(&terms.scope)?;
        terms.sealed_to = sealed_to;
        self.trailers.push(("Fleetvault-Credential".into(), name.to_string()));
        self.trailers.push(("Fleetvault-Scope".into(), terms.scope.to_string()));
        let head = self.head(name.clone(), before, Some(terms));
        self.write_sealed(head, value, &recipients)
    }

    /// Writes a sealed file of any kind.
    ///
    /// # Errors
    /// [`AuthorError::Seal`], [`AuthorError::Signer`].
    pub fn write_sealed<K: Entry>(
        &mut self,
        head: Head<K>,
        value: &Secret,
        to: &[Recipient],
    ) -> Result<(), AuthorError> {
        let what = K::path(&head).to_string();
        let draft = Draft::sealed_with(head, value, to, self.plugins.as_deref())
            .map_err(|error| AuthorError::Seal { what, error })?;
        self.sign(draft)
    }

    /// Writes a file that seals nothing: a member, or a tombstone.
    ///
    /// # Errors
    /// [`AuthorError::Format`], [`AuthorError::Signer`].
    pub fn write_plain<K: Entry>(&mut self, head: Head<K>) -> Result<(), AuthorError> {
        let what = K::path(&head).to_string();
        let draft = Draft::plain(head).map_err(|error| AuthorError::Format { what, error })?;
        self.sign(draft)
    }

    /// Writes a member, who from now on can be sealed to in this change.
    ///
    /// # Errors
    /// [`AuthorError::Format`], [`AuthorError::Signer`].
    pub fn write_member(&mut self, name: &MemberName, before: Option<u64>, body: Member) -> Result<(), AuthorError> {
        self.newcomers
            .insert(name.clone(), (body.epoch, body.recipients.clone()));
        self.trailer("Fleetvault-Member", name);
        self.write_plain(self.head(name.clone(), before, Some(body)))
    }

    /// Writes a group with the keys of all its epochs, sealed to itself and the keepers. From now on this change seals to its new key.
    ///
    /// # Errors
    /// [`AuthorError::Seal`], [`AuthorError::Signer`].
    pub fn write_group(
        &mut self,
        name: &GroupName,
        before: Option<u64>,
        epoch: u64,
        key: &Recipient,
        keys: &GroupKeys,
    ) -> Result<(), AuthorError> {
        self.renewed.insert(name.clone(), (epoch, key.clone()));
        let names = [name.clone(), GroupName::keepers()].map(HolderName::Group);
        let (sealed_to, recipients) = self.seal_to(names)?;
        let body = Group {
            epoch,
            recipient: key.clone(),
            sealed_to,
        };
        self.trailer("Fleetvault-Group", name);
        self.write_sealed(
            self.head(name.clone(), before, Some(body)),
            &keys.to_secret(),
            &recipients,
        )
    }

    /// Adds a line to the commit message's trailers.
    pub fn trailer(&mut self, key: &str, value: impl ToString) {
        self.trailers.push((key.into(), value.to_string()));
    }

    /// A header of this vault, its serial one above that of the file before.
    pub fn head<K: Kind>(&self, subject: K::Subject, before: Option<u64>, body: Option<K>) -> Head<K> {
        Head {
            vault: Some(self.vault.id()),
            subject,
            serial: before.unwrap_or(0) + 1,
            body,
        }
    }

    /// Whose keys a scope means, at their current epochs, and those keys in the order of their stanzas.
    ///
    /// # Errors
    /// [`AuthorError::UnknownMember`], [`AuthorError::UnknownGroup`], [`AuthorError::File`].
    pub fn holders(&self, scope: &Scope) -> Result<(SealedTo, Vec<Recipient>), AuthorError> {
        self.seal_to(scope.holders())
    }

    fn seal_to(&self, names: impl IntoIterator<Item = HolderName>) -> Result<(SealedTo, Vec<Recipient>), AuthorError> {
        let mut keys: BTreeMap<Holder, Vec<Recipient>> = BTreeMap::new();
        for name in names {
            let (epoch, recipients) = match &name {
                HolderName::Member(member) => self.member_keys(member)?,
                HolderName::Group(group) => self.group_key(group)?,
            };
            keys.insert(Holder { name, epoch }, recipients);
        }
        let sealed_to = SealedTo::new(keys.keys().cloned().collect());
        // A scope has distinct names, and the keepers at least.
        let sealed_to = sealed_to.ok_or(AuthorError::Scope(vault_format::ScopeError::Empty))?;
        Ok((sealed_to, keys.into_values().flatten().collect()))
    }

    /// The epoch and keys of a member: one that this change adds, or a living one.
    ///
    /// # Errors
    /// [`AuthorError::UnknownMember`] with the nearest names.
    pub fn member_keys(&self, name: &MemberName) -> Result<(u64, Vec<Recipient>), AuthorError> {
        match self.newcomers.get(name) {
            Some(keys) => Ok(keys.clone()),
            None => member_keys(self.vault, name),
        }
    }

    /// The epoch and key of a group: one that this change renews, or a living one.
    ///
    /// # Errors
    /// [`AuthorError::UnknownGroup`].
    pub fn group_key(&self, name: &GroupName) -> Result<(u64, Vec<Recipient>), AuthorError> {
        match self.renewed.get(name) {
            Some((epoch, key)) => Ok((*epoch, vec![key.clone()])),
            None => group_key(self.vault, name),
        }
    }

    /// Signs a file that is sealed already, and takes it into the change.
    ///
    /// # Errors
    /// [`AuthorError::Signer`].
    pub(super) fn sign<K: Entry>(&mut self, draft: Draft<K>) -> Result<(), AuthorError> {
        let signature = self.signer.sign(K::NAMESPACE, draft.signed_bytes())?;
        let file = finish(draft.signed_by(self.author.clone(), signature))?;
        // Programs and hardware can give signatures that no reader takes: such a file must not be committed.
        let file = self.vault.authority().verify(file);
        let file = file.map_err(|error| self.signer.refused(error))?;
        let file = file.document();
        self.vault
            .floors()
            .raise(&K::path(file.head()).to_string(), file.head().serial, || file.digest());
        self.put(file);
        Ok(())
    }

    /// Refuses a name that a file system or a person would take for an existing one.
    ///
    /// # Errors
    /// [`AuthorError::Collision`].
    pub fn check_new(&self, path: &FilePath) -> Result<(), AuthorError> {
        check_new(self.vault, path)
    }
}
