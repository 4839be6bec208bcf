//! What must be asked before a value is opened: the pre-resolve hooks, and a person where a credential says `network = "confirm"`.
//!
//! Everything here comes from the launch and from configuration outside of any repository: a vault must not run code. No program that is
//! asked ever gets a value.

mod config;
mod consult;
mod question;

use std::path::PathBuf;

use thiserror::Error;
use vault_format::CredentialName;

pub use config::{AuditSettings, ConfigError, Configuration, Policy, duration};
pub use consult::{Program, Verdict};
pub use question::{Purpose, Question};

use super::Permitted;

/// Why policy lets a credential not be opened.
#[derive(Debug, Error)]
pub enum PolicyRefusal {
    /// A pre-resolve hook said no, failed, or took too long.
    #[error("credential '{credential}' is refused by the pre-resolve hook {}: {reason}", .hook.display())]
    Hook {
        /// The credential.
        credential: CredentialName,
        /// The program.
        hook: PathBuf,
        /// Its first line on standard error, or what went wrong.
        reason: String,
    },
    /// The configured approver said no, failed, or took too long.
    #[error("the approver {} did not approve this command: {reason}", .approver.display())]
    Approver {
        /// The program.
        approver: PathBuf,
        /// Its first line on standard error, or what went wrong.
        reason: String,
    },
    /// A program to be asked lies in the repository, which must not run code.
    #[error("{} lies in the repository of the vault, which must not bring code that runs", .program.display())]
    FromRepository {
        /// The program.
        program: PathBuf,
    },
}

impl PolicyRefusal {
    /// The credential it is about, where it is about one.
    pub fn credential(&self) -> Option<&CredentialName> {
        match self {
            Self::Hook { credential, .. } => Some(credential),
            Self::Approver { .. } | Self::FromRepository { .. } => None,
        }
    }
}

impl Policy {
    /// Tells whether any program may be asked.
    pub fn asks_programs(&self) -> bool {
        !self.pre_resolve.is_empty() || self.approver.is_some()
    }

    /// Tells whether a program is asked in the place of a person.
    pub fn has_approver(&self) -> bool {
        self.approver.is_some()
    }

    /// Asks every pre-resolve hook about every credential.
    ///
    /// # Errors
    /// One [`PolicyRefusal`] for each credential that is refused.
    pub fn ask_hooks(&self, permitted: &[Permitted], question: &Question<'_>) -> Result<(), Vec<PolicyRefusal>> {
        let refusals: Vec<PolicyRefusal> = permitted
            .iter()
            .filter_map(|one| self.pre_resolve.iter().find_map(|hook| refusal_of(hook, one, question)))
            .collect();
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// Asks the configured approver about the command as a whole; `None` where there is no approver.
    pub fn ask_approver(
        &self,
        credentials: &[&CredentialName],
        question: &Question<'_>,
    ) -> Option<Result<(), PolicyRefusal>> {
        let approver = self.approver.as_ref()?;
        Some(match approver.consult(&question.about_all(credentials)) {
            Verdict::Yes => Ok(()),
            Verdict::No(reason) => Err(PolicyRefusal::Approver {
                approver: approver.path().to_owned(),
                reason,
            }),
        })
    }

    /// Refuses programs that lie in one of these directories: those of the vault's repository.
    ///
    /// # Errors
    /// [`PolicyRefusal::FromRepository`].
    pub fn refuse_programs_in(&self, directories: &[PathBuf]) -> Result<(), PolicyRefusal> {
        for file in self.pre_resolve.iter().chain(&self.approver).flat_map(Program::files) {
            let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
            let inside = |directory: &PathBuf| {
                directory
                    .canonicalize()
                    .is_ok_and(|directory| real.starts_with(directory))
            };
            if directories.iter().any(inside) {
                return Err(PolicyRefusal::FromRepository {
                    program: file.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn refusal_of(hook: &Program, permitted: &Permitted, question: &Question<'_>) -> Option<PolicyRefusal> {
    match hook.consult(&question.about(permitted)) {
        Verdict::Yes => None,
        Verdict::No(reason) => Some(PolicyRefusal::Hook {
            credential: permitted.name().clone(),
            hook: hook.path().to_owned(),
            reason,
        }),
    }
}
