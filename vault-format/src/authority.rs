//! Who may write: the root's authors, and the step from `Parsed` to `Verified` (SPEC.md, sections 12 and 13).

use crate::{
    digest::{Digest, VaultId},
    document::{Kind, Parsed},
    error::{OpenError, VerifyError},
    kind::{Entry, Root},
    name::AuthorName,
    seal::{Identity, unseal},
    secret::Secret,
    signature::{SignatureMismatch, SignerKey},
    value,
};

/// The authors of the current root. The only thing that makes a [`Verified`].
#[derive(Clone)]
pub struct Authority {
    vault: VaultId,
    serial: u64,
    digest: Digest,
    root: Root,
}

/// A file signed by authors of this vault's current root.
#[derive(Clone)]
pub struct Verified<K: Kind>(Parsed<K>);

/// A file whose payload was opened, and found to be sealed under this very header.
pub struct Opened<'a, K: Kind> {
    document: &'a Verified<K>,
    value: Secret,
}

impl Authority {
    /// Takes a vault's first root, which signs itself. Its hash is the vault's id: compare it with the anchor before use.
    ///
    /// # Errors
    /// [`VerifyError`] where fewer of its own authors than its threshold signed it.
    pub fn first(root: &Parsed<Root>) -> Result<Self, VerifyError> {
        let body = body_of(root)?;
        if root.head().serial != 1 {
            return Err(VerifyError::BrokenChain("the first root has serial 1"));
        }
        check_threshold(root, body)?;
        Ok(Self {
            vault: VaultId::of(root.signed_bytes()),
            serial: 1,
            digest: root.digest(),
            root: body.clone(),
        })
    }

    /// Takes the next root, signed by `threshold` authors of this one.
    ///
    /// # Errors
    /// [`VerifyError`] where it is of another vault, does not follow this root, or too few signed it.
    pub fn succeed(&self, next: &Parsed<Root>) -> Result<Self, VerifyError> {
        self.check_proposal(next)?;
        let body = body_of(next)?;
        check_threshold(next, &self.root)?;
        Ok(Self {
            vault: self.vault,
            serial: next.head().serial,
            digest: next.digest(),
            root: body.clone(),
        })
    }

    /// Checks a root that may lack nothing but signatures: it follows this one, and each signature it has is by an author of this one. It is
    /// no root of the vault before [`Authority::succeed`] takes it.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn check_proposal(&self, next: &Parsed<Root>) -> Result<(), VerifyError> {
        let body = body_of(next)?;
        self.check_vault(next.head().vault)?;
        if next.head().serial != self.serial + 1 {
            return Err(VerifyError::BrokenChain("its serial is not the next one"));
        }
        if body.previous != Some(self.digest) {
            return Err(VerifyError::BrokenChain(
                "its 'previous' is not the digest of that root",
            ));
        }
        check_signatures(next, &self.root)
    }

    /// Checks that a file belongs to this vault and that every signature on it, at least one, is by an author of the current root.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify<K: Entry>(&self, parsed: Parsed<K>) -> Result<Verified<K>, VerifyError> {
        self.check_vault(parsed.head().vault)?;
        check_signatures(&parsed, &self.root)?;
        Ok(Verified(parsed))
    }

    /// The vault's id.
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// The current root's serial.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The digest of the current root's signed bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the current root says.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The author whose key this is.
    pub fn author_of(&self, key: &SignerKey) -> Option<&AuthorName> {
        self.root
            .authors
            .iter()
            .find(|line| &line.key == key)
            .map(|line| &line.author)
    }

    /// Tells whether a key is this author's.
    pub fn lists(&self, author: &AuthorName, key: &SignerKey) -> bool {
        let mut lines = self.root.authors.iter();
        lines.any(|line| &line.author == author && &line.key == key)
    }

    fn check_vault(&self, found: Option<VaultId>) -> Result<(), VerifyError> {
        match found {
            Some(found) if found != self.vault => Err(VerifyError::OtherVault {
                expected: self.vault,
                found,
            }),
            _ => Ok(()),
        }
    }
}

impl<K: Kind> Verified<K> {
    /// The checked file.
    pub fn document(&self) -> &Parsed<K> {
        &self.0
    }

    /// The subject of the header.
    pub fn subject(&self) -> &K::Subject {
        &self.0.head().subject
    }

    /// The file's serial.
    pub fn serial(&self) -> u64 {
        self.0.head().serial
    }

    /// What the file says; `None` for a tombstone.
    pub fn body(&self) -> Option<&K> {
        self.0.head().body.as_ref()
    }

    /// Who signed, checked.
    pub fn authors(&self) -> impl Iterator<Item = &AuthorName> {
        self.0.claimed_authors()
    }

    /// Opens the payload with the first of `identities` that can. `position` says which stanza to try first.
    ///
    /// # Errors
    /// [`OpenError`]; a payload sealed under another header is refused.
    pub fn open(&self, identities: &[Identity], position: Option<usize>) -> Result<Opened<'_, K>, OpenError> {
        let payload = self.0.payload().ok_or(OpenError::NothingSealed)?;
        let plaintext = unseal(payload, identities, position)?;
        let value = value::decode(Digest::of(self.0.header_bytes()), &plaintext)?;
        Ok(Opened { document: self, value })
    }
}

impl<K: Kind> Opened<'_, K> {
    /// The file that was opened.
    pub fn document(&self) -> &Verified<K> {
        self.document
    }

    /// The value.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Takes the value out.
    pub fn into_value(self) -> Secret {
        self.value
    }
}

fn body_of(root: &Parsed<Root>) -> Result<&Root, VerifyError> {
    let body = root.head().body.as_ref();
    body.ok_or(VerifyError::BrokenChain("a root cannot be removed"))
}

fn check_threshold(root: &Parsed<Root>, by: &Root) -> Result<(), VerifyError> {
    check_signatures(root, by)?;
    let found = root.signatures.len() as u64;
    if found < by.threshold {
        return Err(VerifyError::BelowThreshold {
            needed: by.threshold,
            found,
        });
    }
    Ok(())
}

fn check_signatures<K: Kind>(parsed: &Parsed<K>, root: &Root) -> Result<(), VerifyError> {
    if parsed.signatures.is_empty() {
        return Err(VerifyError::Unsigned);
    }
    for signature in &parsed.signatures {
        let author = &signature.author;
        let mut keys = root
            .authors
            .iter()
            .filter(|line| &line.author == author)
            .map(|line| &line.key)
            .peekable();
        if keys.peek().is_none() {
            return Err(VerifyError::NotAnAuthor(author.clone()));
        }
        signature
            .value
            .check(keys, K::NAMESPACE, parsed.signed_bytes())
            .map_err(|mismatch| match mismatch {
                SignatureMismatch::OtherKey(found) => VerifyError::OtherKey {
                    author: author.clone(),
                    found,
                },
                SignatureMismatch::Broken => VerifyError::Broken(author.clone()),
            })?;
    }
    Ok(())
}
