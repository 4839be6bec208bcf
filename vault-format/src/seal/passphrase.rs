//! Age files behind a passphrase: identity files that are protected so (SPEC.md, 14.12).

use std::{cell::RefCell, fmt, io::Read};

use age::{Decryptor, armor::ArmoredReader};
use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use crate::error::UnlockError;

/// Opens an age file, armored or not, that is sealed to a passphrase and nothing else.
pub(crate) fn unseal_with_passphrase(file: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, UnlockError> {
    let damaged = |error: &dyn fmt::Display| UnlockError::Damaged(error.to_string());
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file)).map_err(|e| damaged(&e))?;
    if !decryptor.is_scrypt() {
        return Err(UnlockError::NoPassphrase);
    }
    let asked = Passphrase {
        passphrase,
        refused: RefCell::new(None),
    };
    let identities = std::iter::once(&asked as &dyn age::Identity);
    let mut reader = decryptor
        .decrypt(identities)
        .map_err(|error| match (asked.refused.take(), error) {
            (Some(refused), _) => refused,
            (None, age::DecryptError::NoMatchingKeys | age::DecryptError::DecryptionFailed) => {
                UnlockError::WrongPassphrase
            }
            (None, age::DecryptError::KeyDecryptionFailed) => UnlockError::WrongPassphrase,
            (None, other) => damaged(&other),
        })?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len() + 64));
    reader.read_to_end(&mut plaintext).map_err(|e| damaged(&e))?;
    Ok(plaintext)
}

/// The highest work factor of scrypt that is accepted: that of `age`, which takes 4 GiB of memory and some ten seconds.
const WORK_MAX: u8 = 22;

/// A passphrase, tried only where the work that the file asks for is bearable and there is memory for it.
struct Passphrase<'p> {
    passphrase: &'p str,
    refused: RefCell<Option<UnlockError>>,
}

impl age::Identity for Passphrase<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        // An unreadable factor is the age crate's to refuse.
        let factor = stanza.args.get(1).and_then(|text| text.parse::<u8>().ok()).unwrap_or(0);
        let refused = match factor {
            0..=WORK_MAX if has_memory(factor) => {
                let mut identity = age::scrypt::Identity::new(self.passphrase.to_owned().into());
                identity.set_max_work_factor(WORK_MAX);
                return identity.unwrap_stanza(stanza);
            }
            0..=WORK_MAX => UnlockError::NoMemory(factor),
            _ => UnlockError::TooMuchWork {
                unit: "as the work factor of scrypt",
                found: u64::from(factor),
                most: u64::from(WORK_MAX),
            },
        };
        *self.refused.borrow_mut() = Some(refused);
        Some(Err(age::DecryptError::DecryptionFailed))
    }
}

/// Tells whether the system gives the memory that scrypt asks for, which would otherwise end the process.
fn has_memory(factor: u8) -> bool {
    let bytes = 1024_usize.checked_shl(factor.into());
    bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}
