//! Sealing and opening payloads: the only folder that imports `age` (SPEC.md, section 7).

mod passphrase;
mod plugin;

use std::{
    cell::RefCell,
    fmt,
    io::{Read, Write},
    str::FromStr,
    sync::Arc,
};

use age::{
    Decryptor, Encryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
    secrecy::ExposeSecret,
};
use age_core::format::{FileKey, Stanza};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    error::{OpenError, SealError},
    plugin::{Plugins, plugin_of_identity, plugin_of_recipient},
    secret::Secret,
    shown::quoted_key,
    signature::SigningKey,
    small_order::{is_small_order, ssh_ed25519_point},
};

pub(crate) use passphrase::unseal_with_passphrase;
use plugin::{Unwrapping, Wrapping};

/// A public key to which payloads are sealed: `age1…`, `ssh-ed25519 AAAA…`, or `age1NAME1…` of a plugin.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: RecipientKey,
}

#[derive(Clone)]
enum RecipientKey {
    X25519(age::x25519::Recipient),
    SshEd25519(age::ssh::Recipient),
    /// Of the plugin of this name.
    Plugin(String),
}

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

/// An identity that a plugin understands, and what starts it.
#[derive(Clone)]
struct PluginIdentity {
    name: String,
    line: Secret,
    plugins: Option<Arc<dyn Plugins>>,
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

impl Recipient {
    /// The key as it is written in a member's file, without a comment.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether this is an age key, and no SSH key.
    pub(crate) fn is_native(&self) -> bool {
        matches!(self.key, RecipientKey::X25519(_))
    }

    /// The type of the stanza that age makes for it; a plugin makes one of its own.
    pub(crate) fn stanza_type(&self) -> Option<&'static str> {
        match self.key {
            RecipientKey::X25519(_) => Some("X25519"),
            RecipientKey::SshEd25519(_) => Some("ssh-ed25519"),
            RecipientKey::Plugin(_) => None,
        }
    }

    /// The tag by which an SSH stanza names its key; X25519 stanzas name none.
    pub(crate) fn key_tag(&self) -> Option<String> {
        let RecipientKey::SshEd25519(_) = self.key else {
            return None;
        };
        let blob = ssh_blob(&self.text)?;
        Some(BASE64_STANDARD_NO_PAD.encode(&Sha256::digest(blob)[..4]))
    }

    fn as_age<'a>(
        &'a self,
        plugins: Option<&'a dyn Plugins>,
        refused: &'a RefCell<Option<SealError>>,
    ) -> Box<dyn age::Recipient + 'a> {
        match &self.key {
            RecipientKey::X25519(key) => Box::new(key.clone()),
            RecipientKey::SshEd25519(key) => Box::new(key.clone()),
            RecipientKey::Plugin(name) => Box::new(Wrapping {
                name,
                recipient: &self.text,
                plugins,
                refused,
            }),
        }
    }

    fn of_ssh(key: age::ssh::Recipient) -> Result<Self, String> {
        match key {
            age::ssh::Recipient::SshEd25519(..) => Ok(Self {
                text: key.to_string(),
                key: RecipientKey::SshEd25519(key),
            }),
            age::ssh::Recipient::SshRsa(..) => Err("ssh-rsa keys are not supported; use ssh-ed25519".into()),
        }
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = quoted_key(text);
        let recipient = if text.starts_with("ssh-") {
            let key = text
                .parse()
                .map_err(|_| format!("{shown} is no SSH public key that age can encrypt to"))?;
            Self::of_ssh(key)?
        } else if let Some(name) = plugin_of_recipient(text) {
            Self {
                text: text.into(),
                key: RecipientKey::Plugin(name.into()),
            }
        } else {
            let key: age::x25519::Recipient = text
                .parse()
                .map_err(|_| format!("{shown} is no recipient: expected 'age1…' or 'ssh-ed25519 AAAA…'"))?;
            Self {
                text: key.to_string(),
                key: RecipientKey::X25519(key),
            }
        };
        if recipient.text != text {
            return Err(format!("{shown} must be written as '{}'", recipient.text));
        }
        let blob = ssh_blob(text);
        let point = blob.as_deref().and_then(ssh_ed25519_point);
        if text.starts_with("ssh-") && point.is_none() {
            return Err(format!("{shown} is no SSH public key that age can encrypt to"));
        }
        if LOW_ORDER.contains(&recipient.text.as_str()) || point.is_some_and(is_small_order) {
            return Err(format!(
                "{shown} is no usable key: anyone could open what is sealed to it"
            ));
        }
        Ok(recipient)
    }
}

fn ssh_blob(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text.split(' ').nth(1)?).ok()
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

crate::parse::deserialize_from_str!(Recipient);

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
        let public = key.to_public();
        Self {
            key: IdentityKey::X25519(key),
            recipient: Recipient {
                text: public.to_string(),
                key: RecipientKey::X25519(public),
            },
        }
    }

    fn as_age<'a>(&'a self, plugin: &'a RefCell<Option<OpenError>>) -> Box<dyn age::Identity + 'a> {
        match &self.key {
            IdentityKey::X25519(key) => Box::new(key.clone()),
            IdentityKey::SshEd25519(key) => Box::new(key.clone()),
            IdentityKey::Plugin(identity) => Box::new(Unwrapping { identity, told: plugin }),
        }
    }
}

/// Seals `plaintext` to `recipients`, one stanza each in their order, as an armored age file.
pub(crate) fn seal(
    plaintext: &[u8],
    recipients: &[Recipient],
    plugins: Option<&dyn Plugins>,
) -> Result<String, SealError> {
    let age_error = |error: &dyn fmt::Display| SealError::Age(error.to_string());
    let refused = RefCell::new(None);
    let keys: Vec<_> = recipients
        .iter()
        .map(|recipient| recipient.as_age(plugins, &refused))
        .collect();
    let encryptor = Encryptor::with_recipients(keys.iter().map(|key| &**key as &dyn age::Recipient))
        .map_err(|error| refused.take().unwrap_or_else(|| age_error(&error)))?;
    let mut armored = Vec::with_capacity(plaintext.len() / 3 * 4 + 1024);
    let armor = ArmoredWriter::wrap_output(&mut armored, Format::AsciiArmor).map_err(|e| age_error(&e))?;
    let mut writer = encryptor.wrap_output(armor).map_err(|e| age_error(&e))?;
    writer.write_all(plaintext).map_err(|e| age_error(&e))?;
    writer
        .finish()
        .and_then(ArmoredWriter::finish)
        .map_err(|e| age_error(&e))?;
    let text = String::from_utf8(armored).map_err(|e| age_error(&e))?;
    // The age crate ends lines as the system does; the format knows one way only.
    Ok(text.replace("\r\n", "\n"))
}

/// Opens an armored age file with the first of `identities` that can, trying the stanza at `position` first.
pub(crate) fn unseal(
    armored: &str,
    identities: &[Identity],
    position: Option<usize>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let damaged = |error: &dyn fmt::Display| OpenError::Damaged(error.to_string());
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(armored.as_bytes())).map_err(|e| damaged(&e))?;
    let plugin = RefCell::new(None);
    // A plugin is a program to start, and perhaps a key to touch: the last resort.
    let (of_plugins, native): (Vec<_>, Vec<_>) = identities.iter().partition(|identity| identity.is_plugin());
    let positioned: Vec<Positioned<'_>> = native
        .into_iter()
        .chain(of_plugins)
        .map(|identity| Positioned {
            identity: identity.as_age(&plugin),
            position,
        })
        .collect();
    let mut reader = decryptor
        .decrypt(positioned.iter().map(|identity| identity as &dyn age::Identity))
        .map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => OpenError::NoKey,
            // Where a plugin had a hand in it, it is not the file that is blamed.
            other => plugin.take().unwrap_or_else(|| damaged(&other)),
        })?;
    // Room for all of it from the start: a vector that grows would leave copies of the value behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(armored.len() / 4 * 3 + 64));
    reader.read_to_end(&mut plaintext).map_err(|e| damaged(&e))?;
    Ok(plaintext)
}

/// Tries the stanza at one position before all others: each foreign X25519 stanza costs as much as our own.
struct Positioned<'a> {
    identity: Box<dyn age::Identity + 'a>,
    position: Option<usize>,
}

impl age::Identity for Positioned<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.identity.unwrap_stanza(stanza)
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        self.position
            .and_then(|position| stanzas.get(position))
            .and_then(|stanza| self.identity.unwrap_stanza(stanza))
            .or_else(|| self.identity.unwrap_stanzas(stanzas))
    }
}

/// X25519 points of small order, and their twins with the top bit set: a shared secret with them is zero, so anyone could open the payload,
/// and the age crate stops the process when it meets one.
const LOW_ORDER: [&str; 14] = [
    "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
    "age1ahlllllllllllllllllllllllllllllllllllllllllllllllllsh3g6la",
    "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
    "age1amlllllllllllllllllllllllllllllllllllllllllllllllllsam3fc4",
    "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
    "age1anllllllllllllllllllllllllllllllllllllllllllllllllls3hcv9z",
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqsuwj9m",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqk67yly",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz8ts72fzt7",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhzqqxqejhu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_each_recipient_and_for_no_one_else() {
        let (a, b, c) = (Identity::generate(), Identity::generate(), Identity::generate());
        let sealed = seal(b"value", &[a.recipient().clone(), b.recipient().clone()], None).unwrap();
        for (identity, position) in [(&a, None), (&a, Some(0)), (&b, Some(0)), (&b, Some(1)), (&b, Some(9))] {
            let opened = unseal(&sealed, std::slice::from_ref(identity), position).unwrap();
            assert_eq!(opened.as_slice(), b"value");
        }
        assert_eq!(unseal(&sealed, &[c], None).err(), Some(OpenError::NoKey));
    }

    #[test]
    fn keys_of_small_order_are_refused_before_age_meets_them() {
        for key in LOW_ORDER {
            assert!(
                key.parse::<age::x25519::Recipient>().is_ok(),
                "{key} must be well formed for this test to mean something"
            );
            assert!(key.parse::<Recipient>().is_err(), "{key}");
        }
        for point in crate::small_order::Y {
            let key = ssh(&[&b"\0\0\0\x0bssh-ed25519\0\0\0\x20"[..], &point].concat());
            assert!(key.parse::<age::ssh::Recipient>().is_ok(), "{key}");
            assert!(key.parse::<Recipient>().is_err(), "{key}");
        }
    }

    fn ssh(blob: &[u8]) -> String {
        format!("ssh-ed25519 {}", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn an_ssh_key_has_one_form() {
        let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
        // The base point.
        blob.push(0x58);
        blob.extend([0x66; 31]);
        assert!(ssh(&blob).parse::<Recipient>().is_ok());
        assert!(format!("{} comment", ssh(&blob)).parse::<Recipient>().is_err());
        blob.push(0);
        assert!(
            ssh(&blob).parse::<age::ssh::Recipient>().is_ok(),
            "age takes what stands behind the key"
        );
        assert!(ssh(&blob).parse::<Recipient>().is_err());
    }

    #[test]
    fn a_private_key_in_place_of_a_recipient_is_not_repeated() {
        let line = Identity::generate().expose_line().unwrap();
        let error = line.expose_text().unwrap().parse::<Recipient>().err().unwrap();
        assert_eq!(
            error,
            "the private key given is no recipient: expected 'age1…' or 'ssh-ed25519 AAAA…'"
        );
    }
}
