//! From a name to a value, for one member: scope, expiry, key, in this order, and every failure named.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use thiserror::Error;
use vault_format::{
    Credential, CredentialName, Digest, FilePath, HolderName, MemberName, Scope, Secret, Timestamp, Verified,
};

use super::{
    keyring::{Keyring, KeyringError},
    nearest::nearest,
};
use crate::vault::{FileError, Vault};

/// Expands references for one member, from one commit.
pub struct Resolver<'v, 'r> {
    vault: &'v Vault<'r>,
    keyring: Keyring<'v, 'r>,
    /// What was permitted, but for the clock: the same in every request, since the commit is the same.
    permitted: RefCell<BTreeMap<CredentialName, Permitted>>,
    /// What was opened, where that is kept.
    values: Option<RefCell<Values>>,
    /// How often names were compared to find those nearest to an unknown one.
    searches: Cell<usize>,
}

/// How many unknown names of one run get the names that look like them: each costs a comparison with every credential.
const SEARCHES_MAX: usize = 100;

/// A credential that the member may use: there, signed, in scope, not expired. Not opened yet, so that it can still be refused by policy.
/// Cloning shares it.
#[derive(Clone)]
pub struct Permitted(Arc<Inner>);

struct Inner {
    name: CredentialName,
    file: Verified<Credential>,
    terms: Credential,
}

impl Permitted {
    /// Its name.
    pub fn name(&self) -> &CredentialName {
        &self.0.name
    }

    /// What its header says.
    pub fn terms(&self) -> &Credential {
        &self.0.terms
    }

    /// Its serial.
    pub fn serial(&self) -> u64 {
        self.0.file.serial()
    }

    /// The digest of the file as it was signed: whoever agreed to this one agreed to no other.
    pub fn digest(&self) -> Digest {
        self.0.file.document().digest()
    }
}

/// The values of credentials, by name.
pub type Values = BTreeMap<CredentialName, Secret>;

/// What a member may know of a credential without opening it.
pub struct Listed {
    /// Its name.
    pub name: CredentialName,
    /// What its header says.
    pub terms: Credential,
    /// Whether the member is in its scope.
    pub accessible: bool,
}

/// Why one reference is not expanded.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The member is not in the scope. The sentence is the one that users of apra-fleet know.
    #[error("Credential '{credential}' is not accessible to member '{member}'. Allowed: {allowed}")]
    OutsideScope {
        /// The credential.
        credential: CredentialName,
        /// Who asked.
        member: MemberName,
        /// The scope.
        allowed: Scope,
    },
    /// There is no such credential.
    #[error("Credential '{credential}' not found.")]
    NotFound {
        /// The name as it was asked for.
        credential: CredentialName,
        /// Names that look like it, the nearest first.
        near: Vec<CredentialName>,
        /// Whether there was one, which was removed.
        removed: bool,
    },
    /// It has expired.
    #[error("Credential '{credential}' expired on {}.", .on.date())]
    Expired {
        /// The credential.
        credential: CredentialName,
        /// When.
        on: Timestamp,
    },
    /// A member in the scope holds no key that opens it: a grant is missing, or its keys were changed.
    #[error("credential '{credential}' is in the scope of member '{member}', but none of its keys opens it")]
    NoKey {
        /// The credential.
        credential: CredentialName,
        /// Who asked.
        member: MemberName,
    },
    /// A file is not to be trusted, or damaged.
    #[error("{error}")]
    File {
        /// The credential that needs the file.
        credential: CredentialName,
        /// What is wrong with which file.
        error: FileError,
    },
}

impl Refusal {
    /// The credential that was asked for.
    pub fn credential(&self) -> &CredentialName {
        match self {
            Self::OutsideScope { credential, .. }
            | Self::NotFound { credential, .. }
            | Self::Expired { credential, .. }
            | Self::NoKey { credential, .. }
            | Self::File { credential, .. } => credential,
        }
    }
}

impl<'v, 'r> Resolver<'v, 'r> {
    /// Resolves for the member of `keyring`.
    pub fn new(vault: &'v Vault<'r>, keyring: Keyring<'v, 'r>) -> Self {
        Self {
            vault,
            keyring,
            permitted: RefCell::default(),
            values: None,
            searches: Cell::new(0),
        }
    }

    /// Keeps what was opened, in zeroizing memory, for as long as this resolver lives: for a process that is asked again and again.
    pub(super) fn keeping_values(mut self) -> Self {
        self.values = Some(RefCell::default());
        self
    }

    /// The member that this resolver was launched for.
    pub fn member(&self) -> &MemberName {
        self.keyring.member()
    }

    /// The vault and the commit that it resolves from.
    pub fn vault(&self) -> &'v Vault<'r> {
        self.vault
    }

    /// Permits all of `names`, or none: every refusal is returned at once. No value is opened; `now` decides what has expired.
    ///
    /// # Errors
    /// One [`Refusal`] for each name that is not permitted, in the order of the names.
    pub fn permit_all<'n>(
        &self,
        names: impl IntoIterator<Item = &'n CredentialName>,
        now: Timestamp,
    ) -> Result<Vec<Permitted>, Vec<Refusal>> {
        let names: BTreeSet<&CredentialName> = names.into_iter().collect();
        all(names.into_iter().map(|name| self.permitted(name, now)))
    }

    /// Opens all that was permitted, or nothing.
    ///
    /// # Errors
    /// One [`Refusal`] for each that does not open.
    pub fn open_all(&self, permitted: &[Permitted]) -> Result<Values, Vec<Refusal>> {
        let open = |one: &Permitted| Ok((one.name().clone(), self.open(one)?));
        all(permitted.iter().map(open))
    }

    /// Lists all living credentials, those outside the member's scope included: their headers are public.
    /// Files that are not to be trusted are returned beside, and keep nothing else from being listed.
    ///
    /// # Errors
    /// [`FileError`] where the vault cannot be listed at all.
    pub fn list(&self) -> Result<(Vec<Listed>, Vec<FileError>), FileError> {
        let mut listed = Vec::new();
        let mut broken = Vec::new();
        for name in self.vault.credential_names()? {
            let file = match self.vault.look_at::<Credential>(&FilePath::Credential(name.clone())) {
                Ok(file) => file,
                Err(error) => {
                    broken.push(error);
                    continue;
                }
            };
            let Some(terms) = file.as_ref().and_then(Verified::body) else {
                continue;
            };
            match self.vault.reaches(&terms.scope, self.member()) {
                Ok(accessible) => listed.push(Listed {
                    accessible,
                    terms: terms.clone(),
                    name,
                }),
                Err(error) => broken.push(error),
            }
        }
        Ok((listed, broken))
    }

    fn open(&self, permitted: &Permitted) -> Result<Secret, Refusal> {
        let Inner { name, file, terms } = &*permitted.0;
        let kept = self.values.as_ref().filter(|_| self.is_current(permitted));
        if let Some(value) = kept.and_then(|kept| kept.borrow().get(name).cloned()) {
            return Ok(value);
        }
        let path = FilePath::Credential(name.clone());
        // Only by the keys that the scope gives: a keeper's or another group's key must not widen it.
        let own = HolderName::Member(self.member().clone());
        let groups = terms.scope.groups().into_iter().map(HolderName::Group);
        let opened = self
            .keyring
            .open(file, &path, [own].into_iter().chain(groups))
            .map_err(|error| match error {
                KeyringError::NoKey(_) => Refusal::NoKey {
                    credential: name.clone(),
                    member: self.member().clone(),
                },
                KeyringError::File(error) => self.file_refusal(name, error),
            })?;
        let value = opened.into_value();
        if let Some(kept) = kept {
            kept.borrow_mut().insert(name.clone(), value.clone());
        }
        Ok(value)
    }

    /// Tells whether this resolver permitted it itself, rather than one of an earlier commit.
    fn is_current(&self, permitted: &Permitted) -> bool {
        let known = self.permitted.borrow();
        known
            .get(permitted.name())
            .is_some_and(|known| Arc::ptr_eq(&known.0, &permitted.0))
    }

    fn permitted(&self, name: &CredentialName, now: Timestamp) -> Result<Permitted, Refusal> {
        let known = self.permitted.borrow().get(name).cloned();
        let permitted = match known {
            Some(known) => known,
            None => self.examine(name)?,
        };
        match permitted.terms().expires.filter(|on| *on <= now) {
            Some(on) => Err(Refusal::Expired {
                credential: name.clone(),
                on,
            }),
            None => Ok(permitted),
        }
    }

    /// All that can be said without a private key and a clock: the file is there, signed, and in scope.
    fn examine(&self, name: &CredentialName) -> Result<Permitted, Refusal> {
        let file = self
            .vault
            .credential(name)
            .map_err(|error| self.file_refusal(name, error))?;
        let Some(file) = file else {
            return Err(self.not_found(name, false));
        };
        let Some(terms) = file.body().cloned() else {
            return Err(self.not_found(name, true));
        };
        if !self
            .vault
            .reaches(&terms.scope, self.member())
            .map_err(|error| self.file_refusal(name, error))?
        {
            return Err(Refusal::OutsideScope {
                credential: name.clone(),
                member: self.member().clone(),
                allowed: terms.scope,
            });
        }
        let permitted = Permitted(Arc::new(Inner {
            name: name.clone(),
            file,
            terms,
        }));
        self.permitted.borrow_mut().insert(name.clone(), permitted.clone());
        Ok(permitted)
    }

    fn not_found(&self, name: &CredentialName, removed: bool) -> Refusal {
        let searches = self.searches.replace(self.searches.get() + 1);
        let names = match searches < SEARCHES_MAX {
            true => self.vault.credential_names().unwrap_or_default(),
            false => Vec::new(),
        };
        let living = names.into_iter().filter(|other| other != name);
        Refusal::NotFound {
            near: nearest(name.as_str(), living, 3),
            credential: name.clone(),
            removed,
        }
    }

    fn file_refusal(&self, credential: &CredentialName, error: FileError) -> Refusal {
        Refusal::File {
            credential: credential.clone(),
            error,
        }
    }
}

/// All results, or all errors.
fn all<T, C: FromIterator<T>>(results: impl Iterator<Item = Result<T, Refusal>>) -> Result<C, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let taken = results
        .filter_map(|result| result.map_err(|refusal| refusals.push(refusal)).ok())
        .collect();
    if refusals.is_empty() { Ok(taken) } else { Err(refusals) }
}
