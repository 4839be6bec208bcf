//! Whether this vault is the one that the user means: by `--root`, by an anchor in the identity, or because it was accepted here before.

use std::path::PathBuf;

use fleetvault::{
    cli::Failure,
    resolver::{IdentitySource, LaunchError, check_root},
    terminal::{escape, report::Report},
    vault::{Repository, Vault, trust::KnownVaults},
};
use vault_format::{IdentityFile, VaultId};

use crate::{
    ask,
    context::{Context, fail},
    keys::{refuse_key_as_path, shown_path},
    output::note,
};

/// How much trust a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It opens or writes: refused unless trusted.
    Required,
    /// It looks at public headers: a vault that nobody vouches for is said to be one, another one than expected is refused.
    Noted,
}

impl Context {
    /// Judges a vault, and asks the person at the terminal where nobody vouches for it yet.
    pub fn check_trust(
        &self,
        repository: &Repository,
        vault: &Vault<'_>,
        strictness: Strictness,
    ) -> Result<(), Failure> {
        let found = vault.id();
        if let Some(expected) = self.globals.root.filter(|expected| *expected != found) {
            let expected = expected.to_string();
            return Err(fail(LaunchError::OtherVault { expected, found }));
        }
        // Asked for also where the root was named: an anchor says how old a root may be.
        let anchored = self.is_anchored(vault, strictness)?;
        if self.globals.root.is_some() {
            return Ok(());
        }
        let place = place(repository, vault);
        let Some(known) = self.known_vaults()? else {
            return if anchored {
                Ok(())
            } else {
                self.unknown(vault, strictness)
            };
        };
        match known.at(&place) {
            // Before the anchor: who is a member of two vaults must not take the one for the other.
            Some(expected) if expected != found => {
                let expected = format!("{expected}, which was accepted at {},", place.display());
                Err(fail(LaunchError::OtherVault { expected, found }))
            }
            _ if anchored || known.knows(found) => Ok(()),
            _ if strictness == Strictness::Required && self.ask(vault, &place)? => self.accept(vault, &place),
            _ => self.unknown(vault, strictness),
        }
    }

    /// Remembers a vault at its place.
    pub fn accept(&self, vault: &Vault<'_>, place: &std::path::Path) -> Result<(), Failure> {
        let Some(mut known) = self.known_vaults()? else {
            return Ok(());
        };
        known
            .accept(vault.id(), place)
            .map_err(|error| Report::new(1, "io", format!("cannot remember this vault: {error}")).into())
    }

    /// The vaults accepted on this machine; `None` where nothing can be remembered.
    pub fn known_vaults(&self) -> Result<Option<KnownVaults>, Failure> {
        let Some(state) = &self.settings.state else {
            return Ok(None);
        };
        let known = KnownVaults::load(state);
        Ok(Some(known.map_err(|error| {
            Report::new(1, "io", format!("cannot read the vaults accepted here: {error}"))
        })?))
    }

    /// Tells whether the user's identity file names this vault. A missing file vouches for nothing, and neither does one behind a passphrase
    /// as long as the vault is known otherwise, or is only looked at; a broken one is an error.
    pub fn is_anchored(&self, vault: &Vault<'_>, strictness: Strictness) -> Result<bool, Failure> {
        let source = self.identity_source()?;
        refuse_key_as_path(&source)?;
        match self.identity_contents(&source) {
            Ok(_) => {}
            Err(LaunchError::Unreadable { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(false);
            }
            Err(error) => return Err(fail(error)),
        }
        if self.is_identity_locked()? && (strictness == Strictness::Noted || self.is_known(vault)?) {
            return Ok(false);
        }
        check_anchor(&self.quiet_identity()?, vault)
    }

    fn is_known(&self, vault: &Vault<'_>) -> Result<bool, Failure> {
        Ok(self.globals.root.is_some() || self.known_vaults()?.is_some_and(|known| known.knows(vault.id())))
    }

    fn unknown(&self, vault: &Vault<'_>, strictness: Strictness) -> Result<(), Failure> {
        let found = vault.id();
        match strictness {
            Strictness::Noted => {
                note(&format!(
                    "nobody on this machine vouches for this vault: its id is {found}"
                ));
                Ok(())
            }
            Strictness::Required => Err(Report::new(
                6,
                "unknown_vault",
                format!("this machine does not know the vault {found}"),
            )
            .hint(self.how_to_trust(found)?)
            .into()),
        }
    }

    fn how_to_trust(&self, found: VaultId) -> Result<String, Failure> {
        let mut hint = format!(
            "compare the id with one you have from an author, then: fleetvault trust accept, or --root {found}"
        );
        if let IdentitySource::Path(path) = self.identity_source()?
            && !path.exists()
        {
            hint += &format!(
                "\nthere is no identity file at {}, whose anchor could vouch for it",
                shown_path(&path)
            );
        }
        Ok(hint)
    }

    fn ask(&self, vault: &Vault<'_>, place: &std::path::Path) -> Result<bool, Failure> {
        let authors: Vec<String> = vault
            .authority()
            .root()
            .author_names()
            .iter()
            .map(ToString::to_string)
            .collect();
        let question = format!(
            "The vault at {} is new to this machine.\n  id       {}\n  authors  {}\nIs this the id that an author told you?",
            escape(&place.display().to_string()),
            vault.id(),
            authors.join(", ")
        );
        Ok(ask::confirm(&question)? == Some(true))
    }
}

/// Where a vault stands, as `known_vaults` names it: the work tree or the bare repository, and the directory in it.
pub fn place(repository: &Repository, vault: &Vault<'_>) -> PathBuf {
    let base = repository.work_dir().unwrap_or(repository.git_dir());
    let base = std::fs::canonicalize(base).unwrap_or_else(|_| base.to_owned());
    match vault.snapshot().directory() {
        "" => base,
        directory => base.join(directory),
    }
}

/// Tells whether an identity names this vault.
///
/// # Errors
/// The roots of the vault do not pass through the one that the identity names.
pub fn check_anchor(identity: &IdentityFile, vault: &Vault<'_>) -> Result<bool, Failure> {
    let Some(anchor) = identity.anchor(vault.id()) else {
        return Ok(false);
    };
    check_root(vault, anchor).map_err(fail)?;
    Ok(true)
}
