//! The passphrase of an identity: asked for at the terminal, and nowhere else. Neither an argument nor a variable holds it.

use std::io::{self, IsTerminal as _};

use vault_format::Secret;
use zeroize::Zeroizing;

use super::plugins;
use crate::{
    resolver::{IdentitySource, LaunchError, OwnKeys},
    terminal::prompt,
};

/// Whether a person may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// At the terminal, where there is one.
    #[default]
    AtTerminal,
    /// At the terminal if what this process says goes there too: where a client reads that, the terminal is the client's.
    IfHeard,
    /// Never: a client waits for an answer.
    Never,
}

impl Asking {
    /// Tells whether there may be a person to answer.
    pub fn is_allowed(self) -> bool {
        match self {
            Self::AtTerminal => true,
            Self::IfHeard => io::stderr().is_terminal(),
            Self::Never => false,
        }
    }
}

/// Reads an identity, and asks for its passphrase where it has one. Plugins that it needs may ask as well.
///
/// # Errors
/// [`LaunchError`].
pub fn unlock(source: &IdentitySource, contents: Secret, asking: Asking) -> Result<OwnKeys, LaunchError> {
    let keys = source.unlock(contents, |question| match asking.is_allowed() {
        true => Ok(prompt::hidden(question)?.map(secret)),
        false => Ok(None),
    })?;
    Ok(keys.with_plugins(plugins(asking)))
}

fn secret(typed: Zeroizing<String>) -> Secret {
    Secret::new(typed.as_bytes().to_vec())
}
