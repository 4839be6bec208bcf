//! Who signs: a key file used in this process, or `ssh-keygen` for agents, hardware, and passphrases that nobody typed here.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use thiserror::Error;
use vault_format::{Secret, SignerKey, SigningKey, SigningKeyError, SshSignature, UnlockError, VerifyError};
use zeroize::Zeroizing;

/// A signing key, ready to use.
pub struct Signer {
    path: PathBuf,
    public: SignerKey,
    /// `None` where `ssh-keygen` has to sign.
    key: Option<SigningKey>,
    /// The file of a key behind a passphrase.
    locked: Option<Zeroizing<Vec<u8>>>,
}

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub enum SignerError {
    /// There is no key.
    #[error("there is no signing key at {}", shown(.0))]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read the signing key {}: {error}", shown(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no key that can sign here.
    #[error("the signing key {}: {reason}", shown(.path))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// `ssh-keygen` did not sign.
    #[error("ssh-keygen did not sign with {}: {reason}", shown(.path))]
    Program {
        /// The key's file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// What it signed is no signature that a reader takes.
    #[error("what {} signed would be refused by every reader: {error}; a hardware key must be one that asks for a touch", shown(.path))]
    Refused {
        /// The key's file.
        path: PathBuf,
        /// Why a reader refuses it.
        error: VerifyError,
    },
}

impl Signer {
    /// Opens a signing key: an OpenSSH private key, or a public key whose private half an agent or hardware holds.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn open(path: &Path) -> Result<Self, SignerError> {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => SignerError::Missing(path.into()),
            _ => SignerError::Unreadable {
                path: path.into(),
                error,
            },
        };
        let unusable = |reason: String| SignerError::Unusable {
            path: path.into(),
            reason,
        };
        let text = Zeroizing::new(fs::read(path).map_err(unreadable)?);
        if text.starts_with(b"ssh-") || text.starts_with(b"sk-ssh-") {
            return Self::by_program(path, &text).map_err(unusable);
        }
        match SigningKey::from_openssh(&text) {
            Ok(key) => Ok(Self {
                public: key.signer().map_err(unusable)?,
                path: path.into(),
                key: Some(key),
                locked: None,
            }),
            Err(error @ (SigningKeyError::Encrypted | SigningKeyError::Hardware)) => {
                let mut public = path.as_os_str().to_owned();
                public.push(".pub");
                let public_text = fs::read(&public).map_err(|error| {
                    unusable(format!(
                        "its public half {} is needed: {error}",
                        Path::new(&public).display()
                    ))
                })?;
                let signer = Self::by_program(path, &public_text).map_err(unusable)?;
                Ok(Self {
                    locked: (error == SigningKeyError::Encrypted).then_some(text),
                    ..signer
                })
            }
            Err(error) => Err(unusable(error.to_string())),
        }
    }

    /// Takes a new key, which is to be written to `path` when what it signs is good.
    ///
    /// # Errors
    /// [`SignerError::Unusable`].
    pub fn from_key(key: SigningKey, path: &Path) -> Result<Self, SignerError> {
        let public = key.signer().map_err(|reason| SignerError::Unusable {
            path: path.into(),
            reason,
        })?;
        Ok(Self {
            path: path.into(),
            public,
            key: Some(key),
            locked: None,
        })
    }

    /// Tells whether the key's file is behind a passphrase, for which `ssh-keygen` would ask at every signature.
    pub fn is_locked(&self) -> bool {
        self.locked.is_some()
    }

    /// Opens the key with its passphrase, to sign in this process from now on.
    ///
    /// # Errors
    /// [`UnlockError`]; the key stays locked then.
    pub fn unlock(&mut self, passphrase: &Secret) -> Result<(), UnlockError> {
        let Some(text) = &self.locked else { return Ok(()) };
        let key = SigningKey::from_locked_openssh(text, passphrase)?;
        self.public = key.signer().map_err(UnlockError::Damaged)?;
        (self.key, self.locked) = (Some(key), None);
        Ok(())
    }

    /// The public half.
    pub fn key(&self) -> &SignerKey {
        &self.public
    }

    /// Signs `message` under `namespace`.
    ///
    /// # Errors
    /// [`SignerError::Program`] where `ssh-keygen` refuses, [`SignerError::Unusable`] where the key does.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, SignerError> {
        match &self.key {
            Some(key) => key.sign(namespace, message).map_err(|reason| SignerError::Unusable {
                path: self.path.clone(),
                reason,
            }),
            None => self
                .sign_by_program(namespace, message)
                .map_err(|reason| SignerError::Program {
                    path: self.path.clone(),
                    reason,
                }),
        }
    }

    /// The error for a signature that a reader refuses.
    pub(super) fn refused(&self, error: VerifyError) -> SignerError {
        SignerError::Refused {
            path: self.path.clone(),
            error,
        }
    }

    fn by_program(path: &Path, public: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(public);
        // Type and base64; what follows is a comment.
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        Ok(Self {
            path: path.into(),
            public: words.join(" ").parse()?,
            key: None,
            locked: None,
        })
    }

    fn sign_by_program(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, String> {
        let mut child = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A child that ends early says why on stderr, which is the better error.
            let _ = stdin.write_all(message);
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "));
        }
        let pem = String::from_utf8(output.stdout).map_err(|_| "its output is not UTF-8")?;
        Ok(pem.parse::<SshSignature>()?)
    }
}

/// A path as a message may show it: people paste keys where the files that hold them belong.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    match vault_format::holds_private_key(&text) {
        true => "the path given, which looks like a private key".into(),
        false => text,
    }
}
