//! What every command starts from: the global arguments, this user's directories, and the ways into a vault.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
};

use clap::Args;
use fleetvault::{
    author::{Desk, Plan, Signer},
    cli::{self, Asking, Failure, Settings, explain::Explain, plugins, time, unlock},
    resolver::{Expectation, IdentitySource, Keyring, LaunchError, OwnKeys, identify},
    terminal::report::Report,
    vault::{Access, HeadState, Repository, Snapshot, Vault, WriteOptions, write},
};
use vault_format::{IdentityFile, Secret, VaultId};

use crate::{
    output::{self, note},
    trust::{Strictness, check_anchor},
};

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

/// Arguments of every command that reads a commit.
#[derive(Args)]
pub struct ReadArgs {
    /// The commit to read: HEAD, a branch, a tag
    #[arg(long = "ref", value_name = "REF", default_value = "HEAD", hide_default_value = true)]
    pub reference: String,
}

/// Arguments of every command that writes a commit.
#[derive(Args)]
pub struct WriteArgs {
    /// Commit to this branch, made where it is missing, instead of the current one
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Check everything, show what would happen, write nothing
    #[arg(long)]
    pub dry_run: bool,
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

    /// Reads a commit of the vault and gives it to `work`. Whether it is trusted is judged first, as strictly as asked.
    pub fn read<T>(
        &self,
        args: &ReadArgs,
        strictness: Strictness,
        work: impl FnOnce(&Vault<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let repository = Repository::open(Path::new("."), Access::Read)?;
        let snapshot = repository.snapshot(&args.reference)?;
        let vault = self.load(snapshot)?;
        self.check_trust(&repository, &vault, strictness)?;
        work(&vault)
    }

    /// Makes one commit of what `plan` prepares, possibly in several tries, and tells what happened.
    pub fn write(
        &self,
        args: &WriteArgs,
        keys: Keys,
        plan: impl Fn(Desk<'_, '_, '_>) -> Result<Plan, Failure>,
    ) -> Result<(), Failure> {
        let repository = Repository::open(Path::new("."), Access::Write)?;
        let signer = self.signer()?;
        self.warn_if_behind(&repository);
        let mut done = None;
        let options = WriteOptions {
            branch: args.branch.clone(),
            dry_run: args.dry_run,
            ..WriteOptions::default()
        };
        let written = write(&repository, &options, |snapshot| -> Result<_, Failure> {
            let vault = self.load(snapshot.again(&repository)?)?;
            self.check_trust(&repository, &vault, Strictness::Required)?;
            let keyring = self.keyring(&vault, keys)?;
            let desk = Desk::new(&vault, &signer, keyring.as_ref(), time::now())?;
            let desk = desk.with_plugins(plugins(Asking::AtTerminal));
            let Plan {
                request,
                summary,
                rotate,
            } = plan(desk)?;
            done = Some((summary, rotate, vault.into_floors()));
            Ok(request)
        })?;
        if let Some((summary, rotate, floors)) = done {
            output::written(self.globals.json, &written, &summary, &rotate)?;
            // Only what was really written is remembered; and not what stands on another branch than the one that is read here: until it is
            // merged, and also if it never is, the older file is the right one.
            if written.commit.is_some()
                && repository.head() == HeadState::Branch(written.branch.clone())
                && let Err(error) = floors.save()
            {
                note(&format!(
                    "this machine's memory of serials could not be written: {error}"
                ));
            }
        }
        Ok(())
    }

    /// Prepares what is no commit yet, on the commit that one to `branch` would be built on.
    pub fn prepare<T>(
        &self,
        branch: Option<&str>,
        work: impl FnOnce(&Desk<'_, '_, '_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let repository = Repository::open(Path::new("."), Access::Write)?;
        let signer = self.signer()?;
        self.warn_if_behind(&repository);
        let reference = branch
            .filter(|branch| repository.commit(branch).is_ok())
            .unwrap_or("HEAD");
        let vault = self.load(repository.snapshot(reference)?)?;
        self.check_trust(&repository, &vault, Strictness::Required)?;
        work(&Desk::new(&vault, &signer, None, time::now())?)
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

    /// The user's own keys in this vault.
    pub fn keyring<'v, 'r>(&self, vault: &'v Vault<'r>, keys: Keys) -> Result<Option<Keyring<'v, 'r>>, Failure> {
        if keys == Keys::SigningOnly {
            return Ok(None);
        }
        let identity = self.identity()?;
        // Once more: while it was locked it vouched for nothing.
        check_anchor(&identity, vault)?;
        Ok(Some(identify(vault, identity, &Expectation::default())?))
    }

    /// An author without an identity can still do what opens nothing.
    pub fn keys_at_hand(&self) -> Result<Keys, Failure> {
        Ok(match self.identity_source()? {
            IdentitySource::Path(path) if !path.exists() => Keys::SigningOnly,
            _ => Keys::Identity,
        })
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

    fn warn_if_behind(&self, repository: &Repository) {
        if let Some((_, behind)) = repository.ahead_behind_upstream().filter(|(_, behind)| *behind > 0) {
            note(&format!(
                "this branch is {behind} commits behind its upstream: 'fleetvault sync' first, or what changed there is missing here"
            ));
        }
    }
}

/// Which of the user's keys a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Only the signing key: nothing is opened.
    SigningOnly,
    /// The identity too.
    Identity,
}

fn no_home(flag: &str) -> Report {
    Report::new(2, "usage", "there is no home directory to look for keys in")
        .hint(format!("name the file with {flag} FILE"))
}

/// Turns a library error into a failure where `?` cannot.
pub fn fail<E: Explain>(error: E) -> Failure {
    error.explain().into()
}
