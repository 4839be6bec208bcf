//! Identity files behind a passphrase: age files sealed to one, and encrypted OpenSSH private keys (SPEC.md, section 14).
//!
//! Takes bytes and a passphrase; asking for it is the caller's. What comes out is the identity file as it would be without.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::{
    error::UnlockError,
    identity_file::{IdentityFile, SSH_BEGIN, SSH_END},
    seal::unseal_with_passphrase,
    secret::Secret,
    signature::SigningKey,
};

impl IdentityFile {
    /// Tells whether a passphrase is needed before the file can be read.
    pub fn is_locked(bytes: &[u8]) -> bool {
        is_age_file(bytes) || text_of(bytes).is_some_and(|text| locked_keys(text).next().is_some())
    }

    /// Opens a file behind a passphrase: the text of an age file, or the same file with its OpenSSH keys decrypted.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn unlock(bytes: &[u8], passphrase: &Secret) -> Result<Secret, UnlockError> {
        if is_age_file(bytes) {
            let passphrase = passphrase.expose_text().ok_or(UnlockError::WrongPassphrase)?;
            return unseal_with_passphrase(bytes.trim_ascii_start(), passphrase).map(Secret::from);
        }
        let text = text_of(bytes).ok_or_else(|| UnlockError::Damaged("it is not UTF-8".into()))?;
        // A key takes less room without its passphrase. A text that grew would leave copies behind.
        let mut unlocked = Zeroizing::new(Vec::with_capacity(text.len() + 1024));
        let mut rest = 0;
        for key in locked_keys(text) {
            unlocked.extend_from_slice(&bytes[rest..key.start]);
            let pem = pem_of(&text[key.clone()]);
            unlocked.extend_from_slice(
                SigningKey::unlock_openssh(&pem, passphrase.expose())?
                    .trim_end()
                    .as_bytes(),
            );
            rest = key.end;
        }
        unlocked.extend_from_slice(&bytes[rest..]);
        Ok(unlocked.into())
    }
}

fn is_age_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/")
        || bytes
            .trim_ascii_start()
            .starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Where encrypted OpenSSH private keys stand in a text, from BEGIN to END.
fn locked_keys(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    let blocks = std::iter::from_fn(move || {
        let start = from + text[from..].find(SSH_BEGIN)?;
        let end = start + text[start..].find(SSH_END)? + SSH_END.len();
        from = end;
        Some(start..end)
    });
    blocks.filter(|block| SigningKey::is_locked(&pem_of(&text[block.clone()])))
}

/// A key with its last line ended, as the parser wants it.
fn pem_of(block: &str) -> Zeroizing<String> {
    let mut pem = Zeroizing::new(String::with_capacity(block.len() + 1));
    pem.push_str(block);
    pem.push('\n');
    pem
}
