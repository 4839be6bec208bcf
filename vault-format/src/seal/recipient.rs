//! Public keys to which payloads are sealed (SPEC.md, 9.5 to 9.7).

use std::{cell::RefCell, fmt, str::FromStr};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};

use super::plugin::Wrapping;
use crate::{
    error::SealError,
    plugin::{Plugins, plugin_of_recipient},
    shown::quoted_key,
    small_order::{is_small_order, ssh_ed25519_point},
};

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

    pub(super) fn as_age<'a>(
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

    pub(super) fn of_x25519(key: age::x25519::Recipient) -> Self {
        Self {
            text: key.to_string(),
            key: RecipientKey::X25519(key),
        }
    }

    pub(super) fn of_ssh(key: age::ssh::Recipient) -> Result<Self, String> {
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
            Self::of_x25519(key)
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
    use crate::seal::Identity;

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
