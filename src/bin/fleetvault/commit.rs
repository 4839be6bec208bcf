//! The ways into a vault: a commit is read, or made. Whether the vault is trusted is judged first.

use std::path::Path;

use clap::Args;
use fleetvault::{
    author::{Desk, Plan, Signer},
    cli::{Asking, Failure, plugins, time},
    resolver::{Expectation, IdentitySource, Keyring, identify},
    terminal::counted,
    vault::{Access, HeadState, Repository, Snapshot, Vault, WriteOptions, write},
};

use crate::{
    context::Context,
    output::{self, note},
    trust::{Strictness, check_anchor},
};

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

/// Which of the user's keys a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Only the signing key: nothing is opened.
    SigningOnly,
    /// The identity too.
    Identity,
}

impl Context {
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
            let vault = self.trusted(&repository, snapshot.again(&repository)?, args.dry_run)?;
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
            if written.commit.is_some() && repository.head() == HeadState::Branch(written.branch.clone()) {
                output::remembered(floors.save());
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
        let vault = self.vault_of(&repository, branch, false)?;
        work(&Desk::new(&vault, &signer, None, time::now())?)
    }

    /// Judges a change before a person is asked for anything: who may not make it is told first. Signs nothing, so that no passphrase and no
    /// touch is needed for it.
    pub fn consider<T>(
        &self,
        args: &WriteArgs,
        keys: Keys,
        work: impl FnOnce(&Desk<'_, '_, '_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let repository = Repository::open(Path::new("."), Access::Write)?;
        let signer = Signer::open(&self.signing_key_path()?)?;
        let vault = self.vault_of(&repository, args.branch.as_deref(), args.dry_run)?;
        let keyring = self.keyring(&vault, keys)?;
        work(&Desk::new(&vault, &signer, keyring.as_ref(), time::now())?)
    }

    /// The vault as a commit to `branch` would find it.
    fn vault_of<'r>(
        &self,
        repository: &'r Repository,
        branch: Option<&str>,
        dry_run: bool,
    ) -> Result<Vault<'r>, Failure> {
        let reference = branch
            .filter(|branch| repository.commit(branch).is_ok())
            .unwrap_or("HEAD");
        self.trusted(repository, repository.snapshot(reference)?, dry_run)
    }

    /// A vault that may be written to, with what the history knows of it.
    fn trusted<'r>(
        &self,
        repository: &'r Repository,
        snapshot: Snapshot<'r>,
        dry_run: bool,
    ) -> Result<Vault<'r>, Failure> {
        let vault = self.load(snapshot)?;
        self.check_trust(repository, &vault, Strictness::Required)?;
        self.learn(repository, &vault, !dry_run)?;
        Ok(vault)
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

    /// Before anything is sealed: to whom, the history may know better than this machine.
    pub fn learn<'r>(&self, repository: &'r Repository, vault: &Vault<'r>, keep: bool) -> Result<(), Failure> {
        for later in vault.learn_from_history(repository, keep)? {
            note(&format!("{} was put back: {}", later.path, later.way_back()));
        }
        Ok(())
    }

    fn warn_if_behind(&self, repository: &Repository) {
        if let Some((_, behind)) = repository.ahead_behind_upstream().filter(|(_, behind)| *behind > 0) {
            note(&format!(
                "this branch is {} behind its upstream: 'fleetvault sync' first, or what changed there is missing here",
                counted(behind, "commit")
            ));
        }
    }
}
