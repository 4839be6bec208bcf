//! The passphrase of an identity: asked for at the terminal, and nowhere else. Neither an argument nor a variable holds it.

use std::{env, path::Path};

use vault_format::{Secret, UnlockError};
use zeroize::Zeroizing;

use super::{
    Failure,
    plugins::{Asking, plugins},
};
use crate::{
    author::Signer,
    resolver::{IdentitySource, LaunchError, OwnKeys},
    terminal::{prompt, report::Report},
};

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

/// Opens a signing key. The passphrase of a file is asked for once, not at every signature; unless the user's agent may have the key, or the
/// user has a program for passphrases: both are `ssh-keygen`'s to use, and so is a place without a terminal.
///
/// # Errors
/// The key cannot be used, or the passphrase is wrong three times.
pub fn signer(path: &Path) -> Result<Signer, Failure> {
    let mut signer = Signer::open(path)?;
    let is_for_ssh = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !signer.is_locked() || is_for_ssh("SSH_AUTH_SOCK") || is_for_ssh("SSH_ASKPASS_REQUIRE") {
        return Ok(signer);
    }
    let failed = |error: String| {
        Report::new(
            1,
            "signing_key",
            format!("the signing key {} cannot be opened: {error}", path.display()),
        )
    };
    for attempt in 1.. {
        let asked = prompt::hidden(&format!("Passphrase for the signing key {}", path.display()));
        let Some(passphrase) = asked.map_err(|error| failed(error.to_string()))?.map(secret) else {
            break;
        };
        match signer.unlock(&passphrase) {
            Ok(()) => break,
            Err(UnlockError::WrongPassphrase) if attempt < 3 => {}
            Err(error) => return Err(failed(error.to_string()).into()),
        }
    }
    Ok(signer)
}

fn secret(typed: Zeroizing<String>) -> Secret {
    Secret::new(typed.as_bytes().to_vec())
}
