//! A request to join: who wants to be which member, with which public keys. Nobody has signed it, and everything in it may be a lie.
//!
//! It proves nothing, and need not. Whoever sends a forged one offers a key of its own under somebody else's name, or somebody else's key
//! under any name; whoever sends an old one again offers a key that was given up. What stands against all of these is one thing: a person
//! compares the fingerprint, which covers vault, name and keys, with the one that the new machine shows. A key that is not one's own opens
//! nothing for who offers it, and one that a member has already is refused.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use thiserror::Error;
use vault_format::{MemberName, Recipient, VaultId};

/// The largest request that is read, in bytes.
pub const REQUEST_MAX: usize = 64 * 1024;

/// How many keys one member offers.
const KEYS_MAX: usize = 16;

/// How long a reason is, in characters.
const REASON_MAX: usize = 500;

/// What the first line of a request is.
const KIND: &str = "join";

/// A request to become a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The vault that it is for.
    pub vault: VaultId,
    /// The name that is asked for.
    pub name: MemberName,
    /// The public keys, sorted.
    pub recipients: Vec<Recipient>,
    /// Why, in the words of who asks.
    pub reason: Option<String>,
}

/// What people compare: a SHA-256, written as the ids of vaults and the fingerprints of SSH keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(VaultId);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.trim().parse().map(Self);
        read.map_err(|_| "a fingerprint is 'SHA256:' and 43 characters of base64")
    }
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JoinError {
    /// More than any request has.
    #[error("it has more than {REQUEST_MAX} bytes")]
    TooLarge,
    /// It is no text, or not as a request is written.
    #[error("it is no request to join: {0}")]
    Format(String),
    /// A later version wrote it.
    #[error("it has format {0}, expected 1")]
    Version(u64),
    /// It holds no key, or too many.
    #[error("it has {0} keys, expected 1 to {KEYS_MAX}")]
    Keys(usize),
    /// A text that is too long to be read by a person.
    #[error("its reason has more than {REASON_MAX} characters")]
    Reason,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u64,
    kind: String,
    vault: String,
    name: String,
    recipients: Vec<String>,
    reason: Option<String>,
}

impl JoinRequest {
    /// Makes a request.
    ///
    /// # Errors
    /// [`JoinError`] where there are no keys or too many, or the reason is too long.
    pub fn new(
        vault: VaultId,
        name: MemberName,
        mut recipients: Vec<Recipient>,
        reason: Option<String>,
    ) -> Result<Self, JoinError> {
        recipients.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        recipients.dedup();
        if recipients.is_empty() || recipients.len() > KEYS_MAX {
            return Err(JoinError::Keys(recipients.len()));
        }
        if reason
            .as_ref()
            .is_some_and(|reason| reason.chars().count() > REASON_MAX)
        {
            return Err(JoinError::Reason);
        }
        Ok(Self {
            vault,
            name,
            recipients,
            reason,
        })
    }

    /// Reads a request that anybody may have written.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JoinError> {
        if bytes.len() > REQUEST_MAX {
            return Err(JoinError::TooLarge);
        }
        let format = |what: String| JoinError::Format(what);
        let text = std::str::from_utf8(bytes).map_err(|_| format("it is not UTF-8".into()))?;
        // A private key that was sent by mistake must not be repeated by an error that quotes the line.
        if vault_format::holds_private_key(text) {
            return Err(format("it holds a private key, which must be given up now".into()));
        }
        let text: Text = toml::from_str(text).map_err(|error| format(error.message().to_owned()))?;
        if text.format != 1 {
            return Err(JoinError::Version(text.format));
        }
        if text.kind != KIND {
            return Err(format(format!("its kind is '{}', expected '{KIND}'", text.kind)));
        }
        let vault = text.vault.parse().map_err(|error| format(format!("vault: {error}")))?;
        let name = text.name.parse().map_err(|error| format(format!("name: {error}")))?;
        if text.recipients.len() > KEYS_MAX {
            return Err(JoinError::Keys(text.recipients.len()));
        }
        let keys = text.recipients.iter().map(|key| {
            key.parse()
                .map_err(|error| JoinError::Format(format!("recipients: {error}")))
        });
        Self::new(vault, name, keys.collect::<Result<_, _>>()?, text.reason)
    }

    /// The request as a text, to be committed or handed over.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let keys: Vec<String> = self
            .recipients
            .iter()
            .map(|key| format!("  {},\n", quoted(key.as_str())))
            .collect();
        let reason = self
            .reason
            .as_deref()
            .map(|reason| format!("reason = {}\n", one_line(reason)));
        format!(
            "# A request to join a vault. An author approves it: fleetvault member approve\nformat = 1\nkind = \"{KIND}\"\nvault = \"{}\"\nname = \"{}\"\nrecipients = [\n{}]\n{}",
            self.vault,
            self.name,
            keys.concat(),
            reason.unwrap_or_default()
        )
    }

    /// What is compared by people: a digest of vault, name and keys. The reason is not in it; nothing follows from that.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut bytes = format!("fleetvault join 1\n{}\n{}\n", self.vault, self.name);
        for key in &self.recipients {
            bytes.push_str(key.as_str());
            bytes.push('\n');
        }
        Fingerprint(VaultId::of(bytes.as_bytes()))
    }
}

/// A basic string of TOML, on one line whatever is in it.
fn one_line(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

    fn request(name: &str, reason: Option<&str>) -> JoinRequest {
        let vault = VaultId::of(b"first root");
        let keys = vec![KEY.parse().unwrap()];
        JoinRequest::new(vault, name.parse().unwrap(), keys, reason.map(str::to_owned)).unwrap()
    }

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        for reason in [None, Some("nightly \"build\" \\ \u{1b}[31m\nkind = \"x\" ü \u{202e}")] {
            let request = request("build-7", reason);
            assert_eq!(JoinRequest::parse(request.to_text().as_bytes()), Ok(request));
        }
    }

    #[test]
    fn the_fingerprint_covers_vault_name_and_keys() {
        let one = request("build-7", None);
        assert_eq!(one.fingerprint(), request("build-7", Some("x")).fingerprint());
        assert_ne!(one.fingerprint(), request("build-8", None).fingerprint());
        let other = JoinRequest {
            vault: VaultId::of(b"another"),
            ..one.clone()
        };
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn what_is_none_is_refused_without_repeating_secrets() {
        let good = request("build-7", None).to_text();
        for (text, error) in [
            (good.replace("kind = \"join\"", "kind = \"member\""), "expected 'join'"),
            (good.replace("format = 1", "format = 2"), "it has format 2"),
            (good.replace("build-7", "../x"), "name: "),
            (good.replace(KEY, "age1xyz"), "recipients: "),
            (format!("{good}admin = true\n"), "unknown field"),
            (good.replace(KEY, "AGE-SECRET-KEY-1QQQ"), "it holds a private key"),
            ("x".repeat(REQUEST_MAX + 1), "more than"),
            (good.replace(&format!("  \"{KEY}\",\n"), ""), "it has 0 keys"),
        ] {
            let said = JoinRequest::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(error) && !said.contains("1QQQ"), "{said}");
        }
        assert!(JoinRequest::parse(&[0xff]).is_err());
    }
}
