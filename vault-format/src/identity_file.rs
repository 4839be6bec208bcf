//! The file a member is launched with: private keys, and the anchor that says which vault and member they are for
//! (SPEC.md, section 14).
//!
//! Takes bytes; reading the file is the caller's.

use std::sync::Arc;

use thiserror::Error;

use crate::{
    anchor::{ANCHOR, Anchor},
    digest::VaultId,
    plugin::Plugins,
    seal::{Identity, IdentityError, Recipient},
};

/// An identity file, read.
pub struct IdentityFile {
    /// The private keys, in the order of the file, at least one.
    pub identities: Vec<Identity>,
    /// The anchors, one for each vault the keys are used in.
    pub anchors: Vec<Anchor>,
}

/// What is wrong with an identity file. Never quotes its lines.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityFileError {
    /// No private key in it.
    #[error("it holds no private key")]
    Empty,
    /// Not text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// An age file behind a passphrase.
    #[error("it is protected by a passphrase")]
    Encrypted,
    /// A line that is no key and no comment.
    #[error("line {line}: {error}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: IdentityError,
    },
    /// A comment that begins like an anchor and is none.
    #[error("line {line}: {expected}")]
    Anchor {
        /// The line, from 1.
        line: usize,
        /// What was expected.
        expected: String,
    },
    /// Two anchors for one vault.
    #[error("line {line}: a second anchor for the same vault")]
    SecondAnchor {
        /// The line, from 1.
        line: usize,
    },
}

/// The most identities of plugins in one file: for each, a program is started.
const PLUGINS_MAX: usize = 16;

pub(crate) const SSH_BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
pub(crate) const SSH_END: &str = "-----END OPENSSH PRIVATE KEY-----";

impl IdentityFile {
    /// Reads the bytes of an identity file: age identities, or one OpenSSH private key, and anchors in comments.
    ///
    /// # Errors
    /// [`IdentityFileError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityFileError> {
        let text = std::str::from_utf8(bytes).map_err(|_| IdentityFileError::NotUtf8)?;
        let mut file = Self {
            identities: Vec::new(),
            anchors: Vec::new(),
        };
        // The last recipient that a comment named: plugins write it before their identity.
        let mut recipient: Option<Recipient> = None;
        let mut offset = 0;
        let mut ssh_until = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let start = offset;
            offset += line.len();
            if start < ssh_until {
                continue;
            }
            let at = |error| IdentityFileError::Line { line: index + 1, error };
            let line = line.trim_end_matches(['\n', '\r']);
            if let Some(rest) = line.strip_prefix(ANCHOR) {
                file.add_anchor(rest, index + 1)?;
            } else if line.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") || line.starts_with("age-encryption.org/")
            {
                return Err(IdentityFileError::Encrypted);
            } else if line == SSH_BEGIN {
                let length = text[start..]
                    .find(SSH_END)
                    .ok_or_else(|| at(IdentityError::Unreadable))?
                    + SSH_END.len();
                ssh_until = start + length;
                let mut pem = zeroize::Zeroizing::new(String::with_capacity(length + 1));
                pem.push_str(&text[start..ssh_until]);
                pem.push('\n');
                file.identities.push(Identity::from_openssh(&pem).map_err(at)?);
            } else if let Some(comment) = line.strip_prefix('#') {
                let named = comment
                    .split_whitespace()
                    .next_back()
                    .filter(|word| word.starts_with("age1"));
                recipient = named.and_then(|word| word.parse().ok()).or(recipient);
            } else if line.starts_with("AGE-PLUGIN-") {
                if file.identities.iter().filter(|identity| identity.is_plugin()).count() == PLUGINS_MAX {
                    return Err(at(IdentityError::TooMany(PLUGINS_MAX)));
                }
                file.identities
                    .push(Identity::from_plugin_line(line, recipient.take().as_ref()).map_err(at)?);
            } else if !line.is_empty() {
                file.identities.push(Identity::from_line(line).map_err(at)?);
            }
        }
        if file.identities.is_empty() {
            return Err(IdentityFileError::Empty);
        }
        Ok(file)
    }

    /// Says what starts plugins, for the identities that need one.
    #[must_use]
    pub fn with_plugins(mut self, plugins: &Arc<dyn Plugins>) -> Self {
        for identity in &mut self.identities {
            identity.bring_plugins(plugins);
        }
        self
    }

    /// The anchor for `vault`.
    pub fn anchor(&self, vault: VaultId) -> Option<&Anchor> {
        self.anchors.iter().find(|anchor| anchor.vault == vault)
    }

    fn add_anchor(&mut self, text: &str, line: usize) -> Result<(), IdentityFileError> {
        let anchor: Anchor = text
            .parse()
            .map_err(|expected| IdentityFileError::Anchor { line, expected })?;
        if self.anchor(anchor.vault).is_some() {
            return Err(IdentityFileError::SecondAnchor { line });
        }
        self.anchors.push(anchor);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_is_named_and_not_quoted() {
        let error = IdentityFile::parse(b"# hello\n\nAGE-SECRET-KEY-1OOPS\n").err().unwrap();
        assert_eq!(
            error.to_string(),
            "line 3: it is neither an age identity nor an OpenSSH private key"
        );
        assert_eq!(IdentityFile::parse(b"# only\n").err(), Some(IdentityFileError::Empty));
    }

    #[test]
    fn keys_and_anchors_of_a_file_are_found() {
        let vault = VaultId::of(b"root");
        let line = Identity::generate().expose_line().unwrap();
        let text = format!(
            "# fleetvault: vault={vault} member=a\n{}\n",
            line.expose_text().unwrap()
        );
        let file = IdentityFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.identities.len(), 1);
        assert_eq!(file.anchor(vault).unwrap().member.as_ref().unwrap().as_str(), "a");
        let twice = format!(
            "{}{}",
            Anchor {
                vault,
                member: None,
                root: None
            }
            .to_line()
                + "\n",
            text
        );
        assert!(matches!(
            IdentityFile::parse(twice.as_bytes()),
            Err(IdentityFileError::SecondAnchor { line: 2 })
        ));
    }
}
