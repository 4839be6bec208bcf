//! What the programs that are asked get to read: JSON with names and the command as it was written, references included, and never a value.

use serde_json::{Value, json};
use vault_format::{CredentialName, MemberName, VaultId};

use super::super::Permitted;
use crate::vault::CommitId;

/// What a value is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be put into a text.
    Expand,
    /// To be handed to a command.
    Run,
    /// To be recognised in a stream and masked.
    Mask,
}

/// Who wants credentials, and what for.
pub struct Question<'q> {
    /// The vault's id.
    pub vault: VaultId,
    /// The commit that was read.
    pub commit: CommitId,
    /// The member that the resolver was launched for.
    pub member: &'q MemberName,
    /// What the values are for.
    pub purpose: Purpose,
    /// The command as it was written, with references in place of values; empty where there is none.
    pub command: &'q [String],
    /// What else it gets, a line each: variables, files, standard input, its directory.
    pub with: &'q [String],
}

impl Purpose {
    /// The word for it in JSON and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Run => "run",
            Self::Mask => "mask",
        }
    }

    /// What it is, to a person: the rest of "wants to use them to …".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Expand => "put values into a text",
            Self::Run => "run this command",
            Self::Mask => "find values in a text and mask them",
        }
    }
}

impl Question<'_> {
    /// The question about one credential, for a pre-resolve hook.
    pub(super) fn about(&self, permitted: &Permitted) -> Value {
        let mut question = self.frame();
        question["credential"] = json!(permitted.name().as_str());
        question["scope"] = json!(permitted.terms().scope.entries());
        question["serial"] = json!(permitted.serial());
        question["network"] = json!(permitted.terms().network.to_string());
        question
    }

    /// The question about a command with all its credentials, for an approver.
    pub(super) fn about_all(&self, credentials: &[&CredentialName]) -> Value {
        let mut question = self.frame();
        let names: Vec<&str> = credentials.iter().map(|name| name.as_str()).collect();
        question["credentials"] = json!(names);
        question
    }

    fn frame(&self) -> Value {
        json!({
            "version": 1,
            "vault": self.vault.to_string(),
            "commit": self.commit.to_string(),
            "member": self.member.as_str(),
            "purpose": self.purpose.as_str(),
            "command": self.command,
            "with": self.with,
        })
    }
}
