//! Keys of plugins, as the age crate asks for them: what talks to the plugin is given by the caller (SPEC.md, 9.7).

use std::{cell::RefCell, collections::HashSet, sync::Arc};

use age::secrecy::ExposeSecret;
use age_core::format::{FileKey, Stanza};

use crate::{
    error::{OpenError, SealError},
    plugin::{PluginStanza, Plugins, is_taken},
    secret::Secret,
};

/// A recipient whose plugin is asked to wrap the file key.
pub(super) struct Wrapping<'a> {
    pub name: &'a str,
    pub recipient: &'a str,
    pub plugins: Option<&'a dyn Plugins>,
    pub refused: &'a RefCell<Option<SealError>>,
}

impl Wrapping<'_> {
    /// The one stanza that the plugin made. Keyless checks count: more of them, or one that looks like age's own, and no check could tell
    /// whose they are.
    fn stanza(&self, file_key: &FileKey) -> Result<Stanza, String> {
        let plugins = self.plugins.ok_or("no plugin can be started here")?;
        let made = plugins.wrap(self.name, self.recipient, file_key.expose_secret())?;
        let made = <[PluginStanza; 1]>::try_from(made)
            .map_err(|made| format!("it made {} stanzas, where one recipient has one", made.len()))?;
        let [PluginStanza { tag, args, body }] = made;
        match is_taken(&tag) {
            true => Err("it made a stanza of a type that is age's own".into()),
            false => Ok(Stanza { tag, args, body }),
        }
    }
}

impl age::Recipient for Wrapping<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        match self.stanza(file_key) {
            Ok(stanza) => Ok((vec![stanza], HashSet::new())),
            Err(reason) => {
                *self.refused.borrow_mut() = Some(SealError::Plugin {
                    plugin: self.name.into(),
                    recipient: self.recipient.into(),
                    reason,
                });
                Err(age::EncryptError::MissingRecipients)
            }
        }
    }
}

/// An identity that a plugin understands, and what starts it.
#[derive(Clone)]
pub(super) struct PluginIdentity {
    pub(super) name: String,
    pub(super) line: Secret,
    pub(super) plugins: Option<Arc<dyn Plugins>>,
}

/// An identity whose plugin is asked to unwrap the file key, once for all stanzas: each time may cost a person a touch.
pub(super) struct Unwrapping<'a> {
    pub identity: &'a PluginIdentity,
    pub told: &'a RefCell<Option<OpenError>>,
}

impl Unwrapping<'_> {
    fn note(&self, reason: impl Into<String>) {
        *self.told.borrow_mut() = Some(OpenError::Plugin {
            plugin: self.identity.name.clone(),
            reason: reason.into(),
        });
    }

    fn ask(&self, stanzas: &[PluginStanza]) -> Result<Option<FileKey>, String> {
        let plugins = self.identity.plugins.as_ref().ok_or("no plugin can be started here")?;
        let line = self.identity.line.expose_text().unwrap_or_default();
        let key = plugins.unwrap(&self.identity.name, line, stanzas)?;
        Ok(key.map(|key| FileKey::init_with_mut(|into| into.copy_from_slice(&*key))))
    }
}

impl age::Identity for Unwrapping<'_> {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        None
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let of_plugins = stanzas.iter().filter(|stanza| !is_taken(&stanza.tag));
        let stanzas: Vec<_> = of_plugins
            .map(|Stanza { tag, args, body }| PluginStanza {
                tag: tag.clone(),
                args: args.clone(),
                body: body.clone(),
            })
            .collect();
        if stanzas.is_empty() {
            return None;
        }
        match self.ask(&stanzas) {
            Ok(Some(key)) => {
                self.note("what it gave is not the key of this payload");
                Some(Ok(key))
            }
            Ok(None) => None,
            Err(reason) => {
                self.note(reason);
                Some(Err(age::DecryptError::DecryptionFailed))
            }
        }
    }
}
