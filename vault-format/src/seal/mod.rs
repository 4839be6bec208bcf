//! Sealing and opening payloads: the only folder that imports `age` (SPEC.md, section 7).

mod identity;
mod passphrase;
mod plugin;
mod recipient;

use std::{
    cell::RefCell,
    fmt,
    io::{Read, Write},
};

use age::{
    Decryptor, Encryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
};
use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use crate::{
    error::{OpenError, SealError},
    plugin::Plugins,
};

pub use identity::{Identity, IdentityError};
pub(crate) use passphrase::unseal_with_passphrase;
pub use recipient::Recipient;

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
}
