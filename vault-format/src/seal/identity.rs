//! Private keys that open payloads (SPEC.md, 14.2 and 14.3).

use std::{cell::RefCell, sync::Arc};

use age::secrecy::ExposeSecret;
use thiserror::Error;

use super::{
    Recipient,
    plugin::{PluginIdentity, Unwrapping},
};
use crate::{
    error::OpenError,
    plugin::{Plugins, plugin_of_identity},
    secret::Secret,
    signature::SigningKey,
};

/// A private key that opens payloads; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Identity {
    key: IdentityKey,
    recipient: Recipient,
}

#[derive(Clone)]
enum IdentityKey {
    X25519(age::x25519::Identity),
    SshEd25519(age::ssh::Identity),
    Plugin(PluginIdentity),
}

/// A text that is no private key this version can use. Never quotes the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// No private key at all.
    #[error("it is neither an age identity nor an OpenSSH private key")]
    Unreadable,
    /// A key behind a passphrase.
    #[error("it is protected by a passphrase")]
    Encrypted,
    /// An OpenSSH file whose public half does not belong to its private half.
    #[error("its public and private halves do not belong together")]
    Forged,
    /// A plugin's identity of which nobody knows whose it is.
    #[error("a plugin's identity needs its recipient in a comment before it, such as '# recipient: age1NAME1…'")]
    NoRecipient,
    /// More of them than anybody has.
    #[error("more than {0} identities of plugins, each of which starts a program")]
    TooMany(usize),
    /// A type of key that payloads cannot be sealed to.
    #[error("it is a key of type {0}; X25519 and ssh-ed25519 are supported")]
    Unsupported(String),
}

impl Identity {
    /// Makes a new X25519 identity.
    pub fn generate() -> Self {
        Self::of_x25519(age::x25519::Identity::generate())
    }

    /// Reads one line `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// [`IdentityError::Unreadable`]; the text is never quoted.
    pub fn from_line(line: &str) -> Result<Self, IdentityError> {
        if line.starts_with("AGE-PLUGIN-") {
            return Err(IdentityError::Unsupported("an age plugin".into()));
        }
        line.parse().map(Self::of_x25519).map_err(|_| IdentityError::Unreadable)
    }

    /// Reads an OpenSSH private key, from its BEGIN line to its END line.
    ///
    /// # Errors
    /// [`IdentityError`]; the text is never quoted.
    pub fn from_openssh(pem: &str) -> Result<Self, IdentityError> {
        let key = age::ssh::Identity::from_buffer(pem.as_bytes(), None).map_err(|_| IdentityError::Unreadable)?;
        match &key {
            age::ssh::Identity::Unencrypted(_) => {}
            age::ssh::Identity::Encrypted(_) => return Err(IdentityError::Encrypted),
            age::ssh::Identity::Unsupported(_) => return Err(IdentityError::Unsupported("SSH".into())),
        }
        let recipient = age::ssh::Recipient::try_from(key.clone())
            .map_err(|_| IdentityError::Unreadable)
            .and_then(|key| Recipient::of_ssh(key).map_err(|_| IdentityError::Unsupported("ssh-rsa".into())))?;
        // The file says its public half in the clear, and age believes it. Whoever writes another one there would pass as somebody else.
        let own = SigningKey::from_openssh(pem.as_bytes())
            .ok()
            .and_then(|key| key.derived());
        if own.is_none_or(|own| own.as_str() != recipient.as_str()) {
            return Err(IdentityError::Forged);
        }
        Ok(Self {
            key: IdentityKey::SshEd25519(key),
            recipient,
        })
    }

    /// Reads one line `AGE-PLUGIN-NAME-1…`. Only its plugin could tell the public half, which is why the file says it.
    ///
    /// # Errors
    /// [`IdentityError`]; the text is never quoted.
    pub(crate) fn from_plugin_line(line: &str, recipient: Option<&Recipient>) -> Result<Self, IdentityError> {
        let name = plugin_of_identity(line).ok_or(IdentityError::Unreadable)?;
        let recipient = recipient.ok_or(IdentityError::NoRecipient)?.clone();
        let (line, plugins) = (Secret::new(line.as_bytes().to_vec()), None);
        Ok(Self {
            key: IdentityKey::Plugin(PluginIdentity { name, line, plugins }),
            recipient,
        })
    }

    /// Says what starts the plugin, where this identity is one's.
    pub(crate) fn bring_plugins(&mut self, with: &Arc<dyn Plugins>) {
        if let IdentityKey::Plugin(PluginIdentity { plugins, .. }) = &mut self.key {
            *plugins = Some(Arc::clone(with));
        }
    }

    /// Tells whether a plugin has to be started for it.
    pub(crate) fn is_plugin(&self) -> bool {
        matches!(self.key, IdentityKey::Plugin(_))
    }

    /// The public half.
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The private key as the line of an identity file; `None` for an SSH key, which has a file of its own, and for a plugin's.
    pub fn expose_line(&self) -> Option<Secret> {
        match &self.key {
            IdentityKey::X25519(key) => Some(Secret::new(key.to_string().expose_secret().as_bytes().to_vec())),
            IdentityKey::SshEd25519(_) | IdentityKey::Plugin(_) => None,
        }
    }

    fn of_x25519(key: age::x25519::Identity) -> Self {
        let recipient = Recipient::of_x25519(key.to_public());
        Self {
            key: IdentityKey::X25519(key),
            recipient,
        }
    }

    pub(super) fn as_age<'a>(&'a self, plugin: &'a RefCell<Option<OpenError>>) -> Box<dyn age::Identity + 'a> {
        match &self.key {
            IdentityKey::X25519(key) => Box::new(key.clone()),
            IdentityKey::SshEd25519(key) => Box::new(key.clone()),
            IdentityKey::Plugin(identity) => Box::new(Unwrapping { identity, told: plugin }),
        }
    }
}
