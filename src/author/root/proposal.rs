//! A successor of the current root that may lack signatures: what one author hands to the next until enough have signed.

use vault_format::{AuthorName, Authority, Draft, FilePath, FormatError, Kind, Parsed, Root};

use super::{
    super::{desk::Desk, error::AuthorError, reading::finish},
    change::{self, RootChange, successor},
    error::RootError,
};
use crate::vault::Vault;

/// A successor of the current root, each of whose signatures was checked.
#[derive(Clone)]
pub struct Proposal {
    root: Parsed<Root>,
}

impl Proposal {
    /// Proposes a change, signed by the one who proposes it.
    ///
    /// # Errors
    /// [`RootError`] where the change cannot be made; those of signing.
    pub fn make(desk: &Desk<'_, '_, '_>, change: &RootChange) -> Result<Self, AuthorError> {
        let authority = desk.vault.authority();
        let body = successor(authority, change)?;
        check_stays(desk, &body)?;
        let head = desk.head((), Some(authority.serial()), Some(body));
        let draft = Draft::plain(head).map_err(|error| AuthorError::Format {
            what: FilePath::Root(authority.serial() + 1).to_string(),
            error,
        })?;
        sign(desk, draft)
    }

    /// Reads a proposal as it was handed over, and checks it against the current root: what it follows, and every signature.
    ///
    /// # Errors
    /// [`RootError::NoProposal`], [`RootError::OtherSerial`], [`RootError::Proposal`].
    pub fn read(bytes: &[u8], vault: &Vault<'_>) -> Result<Self, RootError> {
        let authority = vault.authority();
        let path = FilePath::Root(authority.serial() + 1);
        let root = Parsed::parse(bytes, &path).map_err(|error| misplaced(error, authority))?;
        authority.check_proposal(&root).map_err(RootError::Proposal)?;
        Ok(Self { root })
    }

    /// Adds a signature; where enough have signed without it, and this author has, it stays as it is.
    ///
    /// # Errors
    /// [`RootError::SignedAlready`], [`RootError::OwnKey`]; those of signing.
    pub fn signed_by(&self, desk: &Desk<'_, '_, '_>) -> Result<Self, AuthorError> {
        match self.check_signer(desk)? {
            true => sign(desk, Draft::again(&self.root, |_, _| true)),
            false => Ok(self.clone()),
        }
    }

    /// Tells whether this author's signature is still to be added.
    ///
    /// # Errors
    /// [`RootError::SignedAlready`] where it is there and others are missing; [`RootError::OwnKey`].
    pub fn check_signer(&self, desk: &Desk<'_, '_, '_>) -> Result<bool, RootError> {
        if let Some(body) = &self.root.head().body {
            check_stays(desk, body)?;
        }
        let missing = self.missing(desk.vault.authority());
        match self.signers().any(|author| author == desk.author()) {
            false => Ok(true),
            true if missing == 0 => Ok(false),
            true => Err(RootError::SignedAlready {
                author: desk.author().clone(),
                missing,
            }),
        }
    }

    /// How many authors of the current root must still sign.
    pub fn missing(&self, authority: &Authority) -> u64 {
        authority.root().threshold.saturating_sub(self.signers().count() as u64)
    }

    /// Who has signed.
    pub fn signers(&self) -> impl Iterator<Item = &AuthorName> {
        self.root.claimed_authors()
    }

    /// What would be different, a line for each thing.
    pub fn meaning(&self, authority: &Authority) -> Vec<String> {
        let body = self.root.head().body.as_ref();
        body.map_or_else(Vec::new, |body| change::meaning(authority.root(), body))
    }

    /// What would be true of the authors, a line for each thing: what a change alone does not show.
    pub fn outcome(&self, authority: &Authority) -> Vec<String> {
        let Some(after) = self.root.head().body.as_ref() else {
            return Vec::new();
        };
        let names: Vec<&str> = after.author_names().into_iter().map(AuthorName::as_str).collect();
        let mut lines = vec![
            format!("authors then: {}", names.join(", ")),
            format!(
                "who must sign the root after it: {} of {}",
                after.threshold,
                names.len()
            ),
        ];
        if authority
            .root()
            .authors
            .iter()
            .any(|line| !after.authors.contains(line))
        {
            lines.push("what the removed keys have signed is signed by who makes the commit".into());
        }
        lines
    }

    /// The serial that the root would have.
    pub fn serial(&self) -> u64 {
        self.root.head().serial
    }

    /// The proposal as it is handed over.
    pub fn as_bytes(&self) -> &[u8] {
        self.root.as_bytes()
    }

    pub(super) fn root(&self) -> &Parsed<Root> {
        &self.root
    }
}

/// Checks that the key which signs here is still its author's afterwards: who makes the commit signs the files of those who go.
pub(super) fn check_stays(desk: &Desk<'_, '_, '_>, after: &Root) -> Result<(), RootError> {
    let (author, key) = (desk.author(), desk.signer().key());
    let mut lines = after.authors.iter();
    match lines.any(|line| &line.author == author && &line.key == key) {
        true => Ok(()),
        false => Err(RootError::OwnKey {
            fingerprint: key.fingerprint(),
            author: author.clone(),
        }),
    }
}

fn sign(desk: &Desk<'_, '_, '_>, draft: Draft<Root>) -> Result<Proposal, AuthorError> {
    let signature = desk.signer().sign(Root::NAMESPACE, draft.signed_bytes())?;
    let root = finish(draft.signed_by(desk.author().clone(), signature))?;
    let checked = desk.vault.authority().check_proposal(&root);
    checked.map_err(|error| desk.signer().refused(error))?;
    Ok(Proposal { root })
}

/// A root of another serial is one that follows another root, and says so better than that it stands at the wrong path.
fn misplaced(error: FormatError, authority: &Authority) -> RootError {
    if let FormatError::Misplaced { says, .. } = &error
        && let Some(FilePath::Root(proposed)) = FilePath::parse(says)
    {
        return RootError::OtherSerial {
            proposed,
            current: authority.serial(),
        };
    }
    RootError::NoProposal(error)
}
