//! SSH signatures: SSHSIG with Ed25519 keys, a namespace per kind (SPEC.md, section 13).
//!
//! The only file that imports `ssh_key`, `ssh_encoding` and `ed25519_dalek`. What it makes, `ssh-keygen -Y verify` accepts, and the other way round.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use ssh_encoding::{Decode, Encode};
use ssh_key::{Algorithm, HashAlg, Kdf, LineEnding, PrivateKey, PublicKey, SshSig, public::KeyData};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{armor::unarmor, error::UnlockError, secret::Secret, shown::quoted_key, small_order::is_small_order};

/// A public key that may sign: `ssh-ed25519 AAAA…` or `sk-ssh-ed25519@openssh.com AAAA…`, without a comment.
#[derive(Clone)]
pub struct SignerKey {
    text: String,
    key: PublicKey,
    /// The point of an `ssh-ed25519` key, taken apart once for all the signatures it is checked against.
    point: Option<VerifyingKey>,
}

/// An armored SSH signature, in exactly the form that `ssh-keygen -Y sign` writes.
#[derive(Clone)]
pub struct SshSignature {
    pem: String,
    signature: SshSig,
}

/// A private signing key held by this process; wiped when dropped.
pub struct SigningKey(PrivateKey);

/// The most rounds of bcrypt that a key may ask for: `ssh-keygen` takes 24, and this many some seconds.
const ROUNDS_MAX: u32 = 1024;

/// A private signing key that this process cannot use itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SigningKeyError {
    /// The text is no OpenSSH private key.
    #[error("it is no OpenSSH private key")]
    Unreadable,
    /// It is protected by a passphrase: leave signing to `ssh-keygen`.
    #[error("it is protected by a passphrase")]
    Encrypted,
    /// It lives in hardware: leave signing to `ssh-keygen`.
    #[error("it is kept in hardware")]
    Hardware,
    /// Neither `ssh-ed25519` nor `sk-ssh-ed25519`.
    #[error("it is no Ed25519 key")]
    NotEd25519,
    /// The operating system gave no random numbers.
    #[error("no random numbers could be had")]
    NoRandomness,
}

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignatureMismatch {
    OtherKey(String),
    Broken,
}

impl SignerKey {
    /// The key as one line without a comment.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key's fingerprint, `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    fn of(key: &KeyData) -> Result<Self, String> {
        let key = PublicKey::new(key.clone(), "");
        let text = key.to_openssh().map_err(|error| error.to_string())?;
        let point = match key.key_data() {
            KeyData::Ed25519(key) => Some(VerifyingKey::from_bytes(&key.0).map_err(|_| format!("{text} is no point"))?),
            _ => None,
        };
        Ok(Self { text, key, point })
    }
}

impl FromStr for SignerKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = PublicKey::from_openssh(text).map_err(|_| format!("{} is no SSH public key", quoted_key(text)))?;
        if !matches!(key.algorithm(), Algorithm::Ed25519 | Algorithm::SkEd25519) {
            return Err(format!(
                "a signing key must be ssh-ed25519 or sk-ssh-ed25519, found {}",
                key.algorithm()
            ));
        }
        let key = Self::of(key.key_data())?;
        if key.text != text {
            return Err("a signing key is written as its type and its base64, without a comment".into());
        }
        let point = match key.key.key_data() {
            KeyData::Ed25519(key) => Some(&key.0),
            KeyData::SkEd25519(key) => Some(&key.public_key().0),
            _ => None,
        };
        if point.is_none_or(is_small_order) {
            return Err(format!(
                "{} is no usable key: anyone could sign with it",
                quoted_key(text)
            ));
        }
        Ok(key)
    }
}

impl fmt::Display for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for SignerKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SignerKey {}

impl PartialOrd for SignerKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SignerKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl SshSignature {
    /// The armored text, ending in a newline.
    pub fn as_pem(&self) -> &str {
        &self.pem
    }

    /// The key that made the signature, as the signature itself says.
    ///
    /// # Errors
    /// A text, where the key cannot be written as an OpenSSH public key.
    pub fn signer(&self) -> Result<SignerKey, String> {
        SignerKey::of(self.signature.public_key())
    }

    /// Checks the signature over `message` against the keys of whoever is said to have made it.
    pub(crate) fn check<'k>(
        &self,
        keys: impl Iterator<Item = &'k SignerKey>,
        namespace: &str,
        message: &[u8],
    ) -> Result<(), SignatureMismatch> {
        let made_by = self.signature.public_key();
        let Some(signer) = { keys }.find(|signer| signer.key.key_data() == made_by) else {
            let key = PublicKey::new(made_by.clone(), "");
            return Err(SignatureMismatch::OtherKey(
                key.fingerprint(HashAlg::Sha256).to_string(),
            ));
        };
        let fits = match &signer.point {
            Some(point) => self.fits(point, namespace, message),
            None => signer.key.verify(namespace, message, &self.signature).is_ok() && self.touched(),
        };
        fits.then_some(()).ok_or(SignatureMismatch::Broken)
    }

    /// What `PublicKey::verify` does for an `ssh-ed25519` key, without taking the key apart again.
    fn fits(&self, point: &VerifyingKey, namespace: &str, message: &[u8]) -> bool {
        let signed = SshSig::signed_data(namespace, self.signature.hash_alg(), message);
        let signature = Signature::from_slice(self.signature.signature_bytes());
        let ours = self.signature.namespace() == namespace && self.signature.algorithm() == Algorithm::Ed25519;
        matches!((signed, signature), (Ok(signed), Ok(signature)) if ours && point.verify(&signed, &signature).is_ok())
    }

    /// A hardware key must say that it was touched: the first bit of the byte behind the signature.
    fn touched(&self) -> bool {
        self.signature.algorithm() != Algorithm::SkEd25519
            || self
                .signature
                .signature_bytes()
                .get(64)
                .is_some_and(|flags| flags & 1 == 1)
    }
}

impl FromStr for SshSignature {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let signature = unarmor(text).and_then(|bytes| decode(&bytes)).ok_or_else(|| {
            // The armor of ssh-keygen is the one form; anything else would be a second way to write the same file.
            match SshSig::from_pem(text) {
                Ok(_) => "the SSH signature must be armored as ssh-keygen does",
                Err(_) => "value must be an armored SSH signature",
            }
        })?;
        let pem = text.to_owned();
        Ok(Self { pem, signature })
    }
}

/// Reads a signature; `None` where it is not exactly as it would be written.
fn decode(bytes: &[u8]) -> Option<SshSig> {
    let signature = SshSig::decode(&mut &*bytes).ok()?;
    let is_plain = signature.version() == SshSig::VERSION && signature.reserved().is_empty();
    let mut written = Vec::with_capacity(bytes.len());
    signature.encode(&mut written).ok()?;
    (is_plain && written == bytes).then_some(signature)
}

crate::parse::deserialize_from_str!(SshSignature);

impl SigningKey {
    /// Makes a new Ed25519 key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`SigningKeyError::NoRandomness`].
    pub fn generate() -> Result<Self, SigningKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| SigningKeyError::NoRandomness)?;
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
        Ok(Self(PrivateKey::from(pair)))
    }

    /// Reads an OpenSSH private key.
    ///
    /// # Errors
    /// [`SigningKeyError`], which tells where `ssh-keygen` has to sign instead.
    pub fn from_openssh(text: &[u8]) -> Result<Self, SigningKeyError> {
        let key = PrivateKey::from_openssh(text).map_err(|_| SigningKeyError::Unreadable)?;
        match key.public_key().algorithm() {
            Algorithm::SkEd25519 => Err(SigningKeyError::Hardware),
            Algorithm::Ed25519 if key.is_encrypted() => Err(SigningKeyError::Encrypted),
            Algorithm::Ed25519 => Ok(Self(key)),
            _ => Err(SigningKeyError::NotEd25519),
        }
    }

    /// Reads an OpenSSH private key behind a passphrase.
    ///
    /// # Errors
    /// [`UnlockError`], also where what comes out cannot sign.
    pub fn from_locked_openssh(text: &[u8], passphrase: &Secret) -> Result<Self, UnlockError> {
        let text = std::str::from_utf8(text).map_err(|_| UnlockError::Damaged("it is not UTF-8".into()))?;
        let open = Self::unlock_openssh(text, passphrase.expose())?;
        Self::from_openssh(open.as_bytes()).map_err(|error| UnlockError::Damaged(error.to_string()))
    }

    /// Decrypts an OpenSSH private key of any type, and gives it back as one without a passphrase.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub(crate) fn unlock_openssh(pem: &str, passphrase: &[u8]) -> Result<Zeroizing<String>, UnlockError> {
        let damaged = |_| UnlockError::Damaged("it is no OpenSSH private key".into());
        let key = PrivateKey::from_openssh(pem).map_err(damaged)?;
        match key.kdf() {
            Kdf::Bcrypt { rounds, .. } if *rounds > ROUNDS_MAX => Err(UnlockError::TooMuchWork {
                unit: "rounds of bcrypt",
                found: u64::from(*rounds),
                most: u64::from(ROUNDS_MAX),
            }),
            _ => {
                // Whatever else goes wrong in there is a key that came out wrong, unless the file was damaged: nobody can tell.
                let key = key.decrypt(passphrase).map_err(|_| UnlockError::WrongPassphrase)?;
                key.to_openssh(LineEnding::LF).map_err(damaged)
            }
        }
    }

    /// Tells whether a text is an OpenSSH private key behind a passphrase.
    pub(crate) fn is_locked(pem: &str) -> bool {
        PrivateKey::from_openssh(pem).is_ok_and(|key| key.is_encrypted())
    }

    /// The key as an OpenSSH private key with `comment`.
    ///
    /// # Errors
    /// [`SigningKeyError::Unreadable`] where the key cannot be written.
    pub fn to_openssh(&self, comment: &str) -> Result<Zeroizing<String>, SigningKeyError> {
        let mut key = self.0.clone();
        key.set_comment(comment);
        key.to_openssh(LineEnding::LF).map_err(|_| SigningKeyError::Unreadable)
    }

    /// The public half.
    ///
    /// # Errors
    /// A text, where the key cannot be written as an OpenSSH public key.
    pub fn signer(&self) -> Result<SignerKey, String> {
        SignerKey::of(self.0.public_key().key_data())
    }

    /// The public half computed from the private one, whatever the file said.
    pub(crate) fn derived(&self) -> Option<SignerKey> {
        let pair = self.0.key_data().ed25519()?;
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&pair.private.to_bytes());
        SignerKey::of(PrivateKey::from(pair).public_key().key_data()).ok()
    }

    /// Signs `message` under `namespace`.
    ///
    /// # Errors
    /// A text, where the key cannot sign.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, String> {
        let signature = self
            .0
            .sign(namespace, HashAlg::Sha512, message)
            .map_err(|error| error.to_string())?;
        let pem = signature.to_pem(LineEnding::LF).map_err(|error| error.to_string())?;
        Ok(SshSignature { pem, signature })
    }
}

#[cfg(test)]
mod tests {
    use ssh_key::{Signature, public::Ed25519PublicKey};

    use super::*;
    use crate::small_order::Y;

    /// A signature that no private key made is accepted now and then by a plain check: that is what makes these keys weak.
    #[test]
    fn a_key_that_anyone_could_sign_with_is_refused() {
        for point in Y {
            let data = KeyData::Ed25519(Ed25519PublicKey(point));
            let key = PublicKey::new(data.clone(), "");
            let neutral = [&Y[1][..], &[0; 32]].concat();
            let signature = Signature::new(Algorithm::Ed25519, neutral).unwrap();
            let forged = SshSig::new(data, "x", HashAlg::Sha512, signature).unwrap();
            assert!((0..500u32).any(|message| key.verify("x", &message.to_be_bytes(), &forged).is_ok()));
            let error = key.to_openssh().unwrap().parse::<SignerKey>().err().unwrap();
            assert!(
                error.ends_with("is no usable key: anyone could sign with it"),
                "{error}"
            );
        }
    }

    /// What `ssh_key` reads and writes in the same form, with nothing that the format leaves out.
    fn is_taken_by_ssh_key(text: &str) -> bool {
        let read = SshSig::from_pem(text).ok();
        read.is_some_and(|read| {
            let plain = read.version() == SshSig::VERSION && read.reserved().is_empty();
            plain && read.to_pem(LineEnding::LF).is_ok_and(|pem| pem == text)
        })
    }

    #[test]
    fn the_armor_is_that_of_ssh_key_and_no_other() {
        let signature = SigningKey::generate().unwrap().sign("x", b"message").unwrap();
        let pem = signature.as_pem();
        assert!(is_taken_by_ssh_key(pem) && pem.parse::<SshSignature>().is_ok());
        let mut bytes = Vec::new();
        signature.signature.encode(&mut bytes).unwrap();
        assert_eq!(crate::armor::armor(&bytes), pem);
        for at in 0..pem.len() {
            for other in ["", "A", "B", "=", "-", " ", "\n", "\r\n", "\0", "AA"] {
                let text = [&pem[..at], other, &pem[at + 1..]].concat();
                let taken = text.parse::<SshSignature>().is_ok();
                assert_eq!(taken, is_taken_by_ssh_key(&text), "{text}");
            }
        }
    }
}
