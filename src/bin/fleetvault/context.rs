//! What every command starts from: the global arguments, this user's directories and keys.

use std::{cell::OnceCell, path::PathBuf};

use clap::Args;
use fleetvault::{
    author::Signer,
    cli::{self, Asking, Failure, Settings, explain::Explain, unlock},
    resolver::{IdentitySource, LaunchError, OwnKeys},
    terminal::report::Report,
    vault::{Snapshot, Vault},
};
use vault_format::{IdentityFile, Secret, VaultId};

use crate::output::note;

/// Arguments of every command.
#[derive(Args)]
pub struct Globals {
    /// Work as if started in this directory
    #[arg(short = 'C', global = true, value_name = "DIR")]
    pub start: Option<PathBuf>,
    /// Your identity, a file or fd:N [default: identity.txt in the configuration directory]
    #[arg(
        long,
        global = true,
        env = "FLEETVAULT_IDENTITY",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub identity: Option<String>,
    /// Your signing key, an SSH key [default: signing_key in the configuration directory]
    #[arg(
        long,
        global = true,
        env = "FLEETVAULT_SIGNING_KEY",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub signing_key: Option<PathBuf>,
    /// The id of the vault that is to be trusted
    #[arg(long, global = true, env = "FLEETVAULT_ROOT", value_name = "SHA256:…")]
    pub root: Option<VaultId>,
    /// Write lists and errors as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// The global arguments, this user's directories, and this user's identity once it was read.
pub struct Context {
    pub globals: Globals,
    pub settings: Settings,
    contents: OnceCell<Secret>,
    own_keys: OnceCell<OwnKeys>,
}

impl Context {
    pub fn new(globals: Globals) -> Self {
        Self {
            globals,
            settings: Settings::from_environment(),
            contents: OnceCell::new(),
            own_keys: OnceCell::new(),
        }
    }

    /// Goes to the directory that `-C` names: every relative path is one from there, as with git.
    pub fn enter(&self) -> Result<(), Failure> {
        let Some(start) = &self.globals.start else {
            return Ok(());
        };
        let entered = std::env::set_current_dir(start);
        entered.map_err(|error| Report::new(1, "io", format!("cannot work in {}: {error}", start.display())).into())
    }

    /// Reads the user's own identity file, and asks for its passphrase where it has one.
    pub fn identity(&self) -> Result<IdentityFile, Failure> {
        let file = self.quiet_identity()?;
        let source = self.identity_source()?;
        if source.is_exposed() {
            note(&format!("others can read the identity {source}: chmod 600 it"));
        }
        Ok(file)
    }

    /// The same, without saying who else can read it: once is enough.
    pub fn quiet_identity(&self) -> Result<IdentityFile, Failure> {
        let source = self.identity_source()?;
        Ok(source.parse(self.own_keys(&source)?)?)
    }

    /// Tells whether the identity needs a passphrase that was not asked for yet.
    pub fn is_identity_locked(&self) -> Result<bool, Failure> {
        let contents = self.identity_contents(&self.identity_source()?)?;
        Ok(self.own_keys.get().is_none() && IdentityFile::is_locked(contents.expose()))
    }

    /// The identity file as it is, read once: a descriptor gives it once.
    pub fn identity_contents(&self, source: &IdentitySource) -> Result<&Secret, LaunchError> {
        match self.contents.get() {
            Some(contents) => Ok(contents),
            None => source.contents().map(|contents| self.contents.get_or_init(|| contents)),
        }
    }

    fn own_keys(&self, source: &IdentitySource) -> Result<&OwnKeys, LaunchError> {
        if let Some(keys) = self.own_keys.get() {
            return Ok(keys);
        }
        let contents = self.identity_contents(source)?.clone();
        unlock(source, contents, Asking::AtTerminal).map(|keys| self.own_keys.get_or_init(|| keys))
    }

    /// Where the user's own identity is.
    pub fn identity_source(&self) -> Result<IdentitySource, Failure> {
        if let Some(text) = &self.globals.identity {
            return Ok(IdentitySource::named(text));
        }
        let path = self.settings.identity().ok_or_else(|| no_home("--identity"))?;
        Ok(IdentitySource::Path(path))
    }

    /// Where the user's own signing key is.
    pub fn signing_key_path(&self) -> Result<PathBuf, Failure> {
        let named = self.globals.signing_key.clone();
        Ok(named
            .or_else(|| self.settings.signing_key())
            .ok_or_else(|| no_home("--signing-key"))?)
    }

    /// Reads a vault with what this machine remembers of it.
    pub fn load<'r>(&self, snapshot: Snapshot<'r>) -> Result<Vault<'r>, Failure> {
        Ok(Vault::load(snapshot, self.settings.state.as_deref())?)
    }

    /// The same for a state between two others, whose files may be older than what was used here.
    pub fn load_on_the_way<'r>(&self, snapshot: Snapshot<'r>) -> Result<Vault<'r>, Failure> {
        Ok(Vault::load_on_the_way(snapshot, self.settings.state.as_deref())?)
    }

    /// The user's own signing key, ready to use.
    pub fn signer(&self) -> Result<Signer, Failure> {
        cli::signer(&self.signing_key_path()?)
    }
}

fn no_home(flag: &str) -> Report {
    Report::new(2, "usage", "there is no home directory to look for keys in")
        .hint(format!("name the file with {flag} FILE"))
}

/// Turns a library error into a failure where `?` cannot.
pub fn fail<E: Explain>(error: E) -> Failure {
    error.explain().into()
}
