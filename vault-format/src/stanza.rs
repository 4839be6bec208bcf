//! What an age payload tells without a key: the stanzas of its header (SPEC.md, section 7).

use base64::{Engine, prelude::BASE64_STANDARD};
use thiserror::Error;

use crate::{
    payload::{COLUMNS, body},
    plugin::is_taken,
    seal::Recipient,
    sealed_to::Holder,
};

/// The first line of one stanza: `X25519` with its share, `ssh-ed25519` with key tag and share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The recipient type.
    pub tag: String,
    /// The arguments behind it.
    pub args: Vec<String>,
}

/// Stanzas that do not fit the keys that the header promises.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StanzaError {
    /// The payload is no age file.
    #[error("the payload is no age file: {0}")]
    Unreadable(&'static str),
    /// More or fewer stanzas than keys.
    #[error("sealed_to promises {expected} keys, the payload has {found} stanzas")]
    Count {
        /// The keys of all holders.
        expected: usize,
        /// The stanzas, without grease.
        found: usize,
    },
    /// A stanza of another type than the key at its place.
    #[error("the stanza of {holder} must be of type {expected}, found {found}")]
    Type {
        /// Whose stanza it should be.
        holder: Holder,
        /// The type its key asks for.
        expected: &'static str,
        /// The type of the stanza.
        found: String,
    },
    /// An SSH stanza that carries the tag of another key.
    #[error("the stanza of {0} carries the tag of another SSH key")]
    Tag(Holder),
    /// More than the one grease stanza that the age crate adds.
    #[error("the payload has {0} grease stanzas, at most one is allowed")]
    Grease(usize),
}

/// Lists the stanzas of an armored age file, grease included, without any key.
///
/// # Errors
/// [`StanzaError::Unreadable`].
pub fn stanzas(payload: &str) -> Result<Vec<Stanza>, StanzaError> {
    let header = decode_header(payload)?;
    let mut lines = header.split(|&b| b == b'\n');
    if lines.next() != Some(b"age-encryption.org/v1") {
        return Err(StanzaError::Unreadable("its first line is not age-encryption.org/v1"));
    }
    let mut stanzas = Vec::new();
    for line in lines {
        if let Some(first) = line.strip_prefix(b"-> ") {
            let text = std::str::from_utf8(first).map_err(|_| StanzaError::Unreadable("a stanza is not ASCII"))?;
            let mut words = text.split(' ').map(String::from);
            let tag = words.next().unwrap_or_default();
            stanzas.push(Stanza {
                tag,
                args: words.collect(),
            });
        }
    }
    Ok(stanzas)
}

/// Checks that the stanzas of `payload` are those of `keys`, in their order, with at most one grease stanza beside them.
///
/// # Errors
/// [`StanzaError`], naming the holder where one is concerned.
pub fn check_stanzas(payload: &str, keys: &[(&Holder, &Recipient)]) -> Result<(), StanzaError> {
    let (grease, known): (Vec<_>, Vec<_>) = stanzas(payload)?
        .into_iter()
        .partition(|stanza| stanza.tag.ends_with("-grease"));
    if grease.len() > 1 {
        return Err(StanzaError::Grease(grease.len()));
    }
    if known.len() != keys.len() {
        return Err(StanzaError::Count {
            expected: keys.len(),
            found: known.len(),
        });
    }
    for (stanza, (holder, recipient)) in known.iter().zip(keys) {
        let fits = match recipient.stanza_type() {
            Some(own) => stanza.tag == own,
            None => !is_taken(&stanza.tag),
        };
        if !fits {
            return Err(StanzaError::Type {
                holder: (*holder).clone(),
                expected: recipient.stanza_type().unwrap_or("a plugin's own"),
                found: stanza.tag.chars().take(40).collect(),
            });
        }
        if let Some(tag) = recipient.key_tag()
            && stanza.args.first() != Some(&tag)
        {
            return Err(StanzaError::Tag((*holder).clone()));
        }
    }
    Ok(())
}

/// Decodes as much of the armor as the age header takes: a value of a megabyte is not decoded to count its stanzas.
fn decode_header(payload: &str) -> Result<Vec<u8>, StanzaError> {
    let body = body(payload).ok_or(StanzaError::Unreadable("it is not armored"))?;
    let mut header = Vec::with_capacity(1024);
    for line in body.lines() {
        BASE64_STANDARD
            .decode_vec(line, &mut header)
            .map_err(|_| StanzaError::Unreadable("its armor is no base64"))?;
        // The line that begins with '---' ends the header; what follows is ciphertext.
        let from = header.len().saturating_sub(COLUMNS + 4);
        if let Some(at) = header[from..].windows(4).position(|w| w == b"\n---") {
            header.truncate(from + at);
            return Ok(header);
        }
    }
    Err(StanzaError::Unreadable("its header has no end"))
}
