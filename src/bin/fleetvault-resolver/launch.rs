//! What a resolver is launched with, and the steps from there to one that can resolve, and to values.

use std::{
    collections::BTreeSet,
    env, io,
    path::{Path, PathBuf},
};

use clap::Args;
use fleetvault::{
    cli::{Asking, Failure, Settings, Trail, configuration, unlock},
    resolver::{
        Expectation, IdentitySource, Launch, OwnKeys, Permitted, Resolver, Values,
        policy::{Policy, Purpose, Question},
    },
    terminal::{
        report::{Report, warning},
        style::Style,
    },
    vault::{Repository, Vault},
};
use vault_format::{CredentialName, MemberName, Timestamp, VaultId};

/// The launch. None of it can come from a template, a request or a repository.
#[derive(Args)]
#[command(next_help_heading = "Launch")]
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
    /// Ask this program before a value is opened, in place of the one in your own resolver.toml
    #[arg(long, global = true, value_name = "PROGRAM")]
    pre_resolve: Option<PathBuf>,
    /// Log what is opened and refused to this file, in place of the one in the state directory
    #[arg(long, global = true, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Write errors as JSON, one line each; lists too
    #[arg(long, global = true)]
    pub json: bool,
    /// Whether a person may be asked for the identity's passphrase.
    #[arg(skip)]
    pub asking: Asking,
}

/// What values are wanted for.
pub struct Use<'u> {
    /// The purpose, for hooks and the audit log.
    pub purpose: Purpose,
    /// The command as it was written; empty where there is none.
    pub command: &'u [String],
    /// What else it gets, a line each.
    pub with: &'u [String],
}

/// The values of a launch.
pub struct Opened {
    /// The values of all credentials that were asked for.
    pub values: Values,
    /// What their headers say, in the order of their names.
    pub permitted: Vec<Permitted>,
    /// The identity, to be masked like values.
    pub identity: OwnKeys,
}

impl LaunchArgs {
    /// Opens what `choose` finds to be wanted, all or nothing: checked, asked of the hooks, agreed to by `approve`, and logged.
    ///
    /// # Errors
    /// Everything that stands against it. The floors are written where nothing untrusted was met.
    pub fn open(
        &self,
        now: Timestamp,
        wanted: &Use<'_>,
        choose: impl FnOnce(&Resolver<'_, '_>) -> Result<BTreeSet<CredentialName>, Failure>,
        approve: impl FnOnce(&[Permitted], &Policy, &Question<'_>) -> Result<(), Failure>,
    ) -> Result<Opened, Failure> {
        let settings = Settings::from_environment();
        let policy = self.policy(&settings)?;
        // What is asked must not inherit the identity's descriptor either.
        #[cfg(unix)]
        if policy.asks_programs() {
            use fleetvault::resolver::run::{RunError, close_on_exec};

            let what = "close what was inherited";
            close_on_exec().map_err(|error| RunError::System { what, error })?;
        }
        self.with_resolver(|resolver, launched| {
            policy
                .refuse_programs_in(&launched.repository.directories())
                .map_err(|refusal| Failure::from(vec![refusal]))?;
            let vault = resolver.vault();
            let question = Question {
                vault: vault.id(),
                commit: vault.snapshot().commit(),
                member: resolver.member(),
                purpose: wanted.purpose,
                command: wanted.command,
                with: wanted.with,
            };
            let mut trail = Trail::new(&policy, &settings, &question);
            let open = || {
                let permitted = resolver.permit_all(&choose(resolver)?, now)?;
                policy.ask_hooks(&permitted, &question)?;
                approve(&permitted, &policy, &question)?;
                let values = resolver.open_all(&permitted)?;
                Ok((permitted, values))
            };
            let opened = open();
            match &opened {
                Ok((permitted, _)) => trail.opened(permitted)?,
                Err(failure) => trail.refused(failure),
            }
            launched.not_logged(trail.failed());
            let (permitted, values) = opened?;
            Ok(Opened {
                values,
                permitted,
                identity: launched.identity.clone(),
            })
        })
    }

    /// Opens the vault for the launched member, gives it to `work`, and writes the floors when all checks went well.
    ///
    /// # Errors
    /// Whatever keeps this launch from resolving, and what `work` fails with.
    pub fn with_resolver<T>(
        &self,
        work: impl FnOnce(&Resolver<'_, '_>, &mut Launched<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let launch = self.launch(&Settings::from_environment())?;
        launch.with_resolver(|resolver, repository| {
            let mut launched = Launched {
                identity: &launch.identity,
                repository,
                not_logged: None,
            };
            let result = work(&resolver, &mut launched);
            let forgotten = match result.as_ref().err().is_none_or(Failure::is_about_sound_files) {
                true => remember(resolver.vault(), launch.state.is_some()),
                false => None,
            };
            say_what_is_not_kept(forgotten, launched.not_logged);
            result
        })?
    }

    /// Reads the identity, and puts together what the resolver is launched with.
    ///
    /// # Errors
    /// There is no identity, or it cannot be read.
    pub fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let source = self.identity_source(settings)?;
        let identity = unlock(&source, source.contents()?, self.asking)?;
        if source.is_exposed() {
            warn(&format!("others can read the identity {source}: chmod 600 it"));
        }
        Ok(Launch {
            directory: self.vault.clone().unwrap_or_else(|| PathBuf::from(".")),
            reference: self.reference.clone(),
            source,
            identity,
            expectation: Expectation {
                vault: self.root,
                member: self.member.clone(),
                allow_keeper: self.allow_keeper,
            },
            state: settings.state.clone(),
        })
    }

    /// Looks for the vault from this directory upwards, where none is named.
    pub fn look_from(&mut self, directory: PathBuf) {
        self.vault.get_or_insert(directory);
    }

    /// What the configuration and the launch say about policy.
    ///
    /// # Errors
    /// A configuration that cannot be used.
    pub fn policy(&self, settings: &Settings) -> Result<Policy, Failure> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|error| {
                Failure::from(Report::new(1, "io", format!("cannot find {}: {error}", path.display())))
            })
        };
        let hook = self.pre_resolve.as_ref().map(absolute).transpose()?;
        let audit_log = self.audit_log.as_ref().map(absolute).transpose()?;
        configuration::policy(settings, hook, audit_log)
    }

    /// Returns the options that launch a resolver like this one from anywhere, and by a client that clears the environment: what was given
    /// here, on the command line or in a variable, with absolute paths. An identity in a moved configuration directory counts as given.
    ///
    /// # Errors
    /// An identity that is a descriptor, and a path that is no text.
    pub fn to_arguments(&self, settings: &Settings) -> Result<Vec<String>, Failure> {
        let mut arguments = Vec::new();
        let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
        if let Some(vault) = &self.vault {
            add("--vault", absolute_text(vault)?);
        }
        if self.reference != "HEAD" {
            add("--ref", self.reference.clone());
        }
        if let Some(identity) = self.lasting_identity(settings)? {
            add("--identity", absolute_text(&identity)?);
        }
        if let Some(member) = &self.member {
            add("--member", member.to_string());
        }
        if let Some(root) = &self.root {
            add("--root", root.to_string());
        }
        if let Some(program) = &self.pre_resolve {
            add("--pre-resolve", absolute_text(program)?);
        }
        if let Some(file) = &self.audit_log {
            add("--audit-log", absolute_text(file)?);
        }
        if self.allow_keeper {
            arguments.push("--allow-keeper".into());
        }
        Ok(arguments)
    }

    /// The identity file that a resolver would not find without being told.
    fn lasting_identity(&self, settings: &Settings) -> Result<Option<PathBuf>, Failure> {
        match self.identity.as_deref().map(IdentitySource::named) {
            Some(IdentitySource::Path(path)) => Ok(Some(path)),
            Some(source) => Err(Report::new(
                2,
                "usage",
                format!("the identity {source} will not be open when a client starts"),
            )
            .hint("name a file")
            .into()),
            None => {
                let usual = env::home_dir().map(|home| home.join(".config/fleetvault/identity.txt"));
                Ok(settings.identity().filter(|identity| Some(identity) != usual.as_ref()))
            }
        }
    }

    /// Says where no identity is, though one is looked for there.
    pub fn warn_of_missing_identity(&self, settings: &Settings) {
        if let Ok(source @ IdentitySource::Path(_)) = self.identity_source(settings)
            && let IdentitySource::Path(path) = &source
            && !path.exists()
        {
            warn(&format!(
                "there is no identity {source} yet: nothing can be resolved until there is"
            ));
        }
    }

    /// Tells whether the vault was named, and need not be found.
    pub fn names_vault(&self) -> bool {
        self.vault.is_some()
    }

    fn identity_source(&self, settings: &Settings) -> Result<IdentitySource, Failure> {
        if let Some(text) = &self.identity {
            return Ok(IdentitySource::named(text));
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

fn absolute_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let absolute =
        std::path::absolute(path).map_err(|error| Report::new(1, "io", format!("cannot find {shown}: {error}")))?;
    let text = absolute.into_os_string().into_string();
    Ok(text.map_err(|_| Report::new(1, "unfit", format!("the path {shown} is not UTF-8")))?)
}

/// What a launch knows beside its resolver.
pub struct Launched<'l> {
    identity: &'l OwnKeys,
    repository: &'l Repository,
    not_logged: Option<String>,
}

impl Launched<'_> {
    /// Notes that the audit log could not be written, and why.
    fn not_logged(&mut self, failed: Option<String>) {
        self.not_logged = failed;
    }
}

/// Writes the floors, or says why they could not be written.
fn remember(vault: &Vault<'_>, has_state: bool) -> Option<String> {
    match vault.save_floors() {
        Err(error) => Some(error.to_string()),
        Ok(()) if has_state => None,
        Ok(()) => Some("neither XDG_STATE_HOME nor HOME names a directory".into()),
    }
}

/// A sandbox may have no writable state. Then the anchor is all the protection there is, and nothing is recorded: said once.
pub fn say_what_is_not_kept(forgotten: Option<String>, not_logged: Option<String>) {
    let not_recorded = "what was opened or refused was not logged";
    match (forgotten, not_logged) {
        (Some(reason), logged) => {
            let and = logged.map_or(String::new(), |_| format!("; and {not_recorded}"));
            warn(&format!(
                "this machine's memory of serials could not be written, so older files would not be noticed: {reason}{and}"
            ));
        }
        (None, Some(reason)) => warn(&format!("{not_recorded}: {reason}")),
        (None, None) => {}
    }
}

/// Says something that stops nothing.
pub fn warn(message: &str) {
    let _ = warning(message, Style::stderr(), &mut io::stderr().lock());
}
