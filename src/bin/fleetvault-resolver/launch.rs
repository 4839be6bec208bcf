//! What a resolver is launched with, and the steps from there to one that can resolve.

use std::{io, path::PathBuf};

use clap::Args;
use fleetvault::{
    cli::{Failure, Settings, time},
    resolver::{Expectation, IdentitySource, Resolver, check_vault, identify, refuse_keeper},
    terminal::{
        report::{Report, warning},
        style::Style,
    },
    vault::{Access, Repository, Vault},
};
use vault_format::{MemberName, VaultId};

/// The launch. None of it can come from a template, a request or a repository.
#[derive(Args)]
pub struct LaunchArgs {
    /// The vault: a directory of a git repository, or below one, or of a bare one [default: found upwards from here]
    #[arg(long, global = true, env = "FLEETVAULT_VAULT", value_name = "DIR")]
    vault: Option<PathBuf>,
    /// The commit to read: HEAD, a branch, origin/main to accept only what was merged
    #[arg(
        long = "ref",
        global = true,
        env = "FLEETVAULT_REF",
        value_name = "REF",
        default_value = "HEAD"
    )]
    reference: String,
    /// The private key of the member, a file or fd:N [default: identity.txt in the configuration directory]
    #[arg(
        long,
        global = true,
        env = "FLEETVAULT_IDENTITY",
        value_name = "FILE",
        hide_env_values = true
    )]
    identity: Option<String>,
    /// The member that the key must belong to; anything else is an error
    #[arg(long, global = true, env = "FLEETVAULT_MEMBER", value_name = "NAME")]
    member: Option<MemberName>,
    /// The id of the vault that is to be trusted, where the identity file does not say it
    #[arg(long, global = true, env = "FLEETVAULT_ROOT", value_name = "SHA256:…")]
    root: Option<VaultId>,
    /// Resolve although the member is a keeper, whose keys open every credential
    #[arg(long, global = true)]
    allow_keeper: bool,
    /// Write errors as JSON, one line each; lists too
    #[arg(long, global = true)]
    pub json: bool,
}

impl LaunchArgs {
    /// Opens the vault for the launched member, gives it to `work`, and writes the floors when all checks went well.
    pub fn with_resolver<T>(&self, work: impl FnOnce(&Resolver<'_, '_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let settings = Settings::from_environment();
        let source = self.identity_source(&settings)?;
        let identity = source.read()?;
        if source.is_exposed() {
            warn(&format!("others can read the identity {source}: chmod 600 it"));
        }
        let directory = self.vault.clone().unwrap_or_else(|| PathBuf::from("."));
        let repository = Repository::open(&directory, Access::Read)?;
        let snapshot = repository.snapshot(&self.reference)?;
        let vault = Vault::load(snapshot, settings.state.as_deref())?;
        let expectation = Expectation {
            vault: self.root,
            member: self.member.clone(),
            allow_keeper: self.allow_keeper,
        };
        check_vault(&vault, &identity, &expectation)?;
        let keyring = identify(&vault, identity, &expectation)?;
        refuse_keeper(&vault, &keyring, &expectation)?;
        let result = work(&Resolver::new(&vault, keyring, time::now()));
        if result.as_ref().err().is_none_or(passed_all_checks) {
            remember(&vault, settings.state.is_some());
        }
        result
    }

    fn identity_source(&self, settings: &Settings) -> Result<IdentitySource, Failure> {
        if let Some(text) = &self.identity {
            return Ok(IdentitySource::parse(text));
        }
        let missing = || {
            Report::new(
                2,
                "usage",
                "no identity was given, and there is no home directory to look for one",
            )
            .hint("name it with --identity FILE or FLEETVAULT_IDENTITY")
        };
        Ok(settings.identity().map(IdentitySource::Path).ok_or_else(missing)?)
    }
}

/// Tells whether a run was refused for what sound files say: outside the scope, removed, expired. These files are remembered as if they had
/// been used: what took something away must not be undone by an older file.
fn passed_all_checks(failure: &Failure) -> bool {
    failure.0.iter().all(|report| (3..=5).contains(&report.exit))
}

/// Writes the floors. A sandbox may have no writable state; then the anchor is all the protection there is, and that is said.
fn remember(vault: &Vault<'_>, has_state: bool) {
    let failed = match vault.save_floors() {
        Err(error) => error.to_string(),
        Ok(()) if has_state => return,
        Ok(()) => "neither XDG_STATE_HOME nor HOME names a directory".into(),
    };
    warn(&format!(
        "this machine's memory of serials could not be written, so older files would not be noticed: {failed}"
    ));
}

/// Says something that stops nothing.
pub fn warn(message: &str) {
    let _ = warning(message, Style::stderr(), &mut io::stderr().lock());
}
