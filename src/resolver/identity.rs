//! Where private keys come from: a file or an inherited descriptor, read once, and opened where a passphrase protects it.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use vault_format::{IdentityFile, Plugins, Secret, UnlockError};
use zeroize::Zeroizing;

use super::launch_error::LaunchError;

/// The most that is read of an identity file, in bytes.
const IDENTITY_MAX: u64 = 1 << 20;

/// How often a passphrase is asked for before a wrong one is an error.
const ATTEMPTS: usize = 3;

/// An identity file that can be read, and the passphrase that opened it.
#[derive(Clone)]
pub struct OwnKeys {
    text: Secret,
    passphrase: Option<Secret>,
    plugins: Option<Arc<dyn Plugins>>,
}

impl OwnKeys {
    /// Says what starts plugins, where an identity needs one.
    #[must_use]
    pub fn with_plugins(self, plugins: Arc<dyn Plugins>) -> Self {
        Self {
            plugins: Some(plugins),
            ..self
        }
    }
}

impl From<Secret> for OwnKeys {
    /// Takes a file that needs no passphrase.
    fn from(text: Secret) -> Self {
        Self {
            text,
            passphrase: None,
            plugins: None,
        }
    }
}

/// Where the private keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// A file.
    Path(PathBuf),
    /// An inherited descriptor, given as `fd:N`.
    Descriptor(u32),
}

impl IdentitySource {
    /// Takes `fd:N` or a path.
    pub fn named(text: &str) -> Self {
        match text.strip_prefix("fd:").and_then(|number| number.parse().ok()) {
            Some(number) => Self::Descriptor(number),
            None => Self::Path(text.into()),
        }
    }

    /// Reads the file as it is. A descriptor gives it once.
    ///
    /// # Errors
    /// [`LaunchError::Unreadable`].
    pub fn contents(&self) -> Result<Secret, LaunchError> {
        self.bytes().map(Secret::from).map_err(|error| LaunchError::Unreadable {
            source_text: self.to_string(),
            error,
        })
    }

    /// Opens what [`IdentitySource::contents`] gave with the passphrase that `ask` comes back with, where it needs one. A wrong one is asked
    /// for again, twice at most.
    ///
    /// # Errors
    /// [`LaunchError::Locked`] where nobody can be asked, [`LaunchError::Unlock`], and [`LaunchError::Unreadable`] where asking fails.
    pub fn unlock(
        &self,
        contents: Secret,
        mut ask: impl FnMut(&str) -> io::Result<Option<Secret>>,
    ) -> Result<OwnKeys, LaunchError> {
        if !IdentityFile::is_locked(contents.expose()) {
            return Ok(contents.into());
        }
        let source_text = self.to_string();
        let question = format!("Passphrase for the identity {source_text}");
        for attempt in 1.. {
            let asked = ask(&question).map_err(|error| LaunchError::Unreadable {
                source_text: source_text.clone(),
                error,
            })?;
            let Some(passphrase) = asked else { break };
            match IdentityFile::unlock(contents.expose(), &passphrase) {
                Ok(text) => {
                    return Ok(OwnKeys {
                        text,
                        passphrase: Some(passphrase),
                        plugins: None,
                    });
                }
                Err(UnlockError::WrongPassphrase) if attempt < ATTEMPTS => {}
                Err(error) => return Err(LaunchError::Unlock { source_text, error }),
            }
        }
        Err(LaunchError::Locked(source_text))
    }

    /// Reads keys and anchors from what [`IdentitySource::unlock`] opened.
    ///
    /// # Errors
    /// [`LaunchError::Identity`].
    pub fn parse(&self, keys: &OwnKeys) -> Result<IdentityFile, LaunchError> {
        let file = IdentityFile::parse(keys.text.expose()).map_err(|error| LaunchError::Identity {
            source_text: self.to_string(),
            error,
        })?;
        Ok(match &keys.plugins {
            Some(plugins) => file.with_plugins(plugins),
            None => file,
        })
    }

    /// Tells whether others than the owner may read the file.
    pub fn is_exposed(&self) -> bool {
        match self {
            #[cfg(unix)]
            Self::Path(path) => {
                use std::os::unix::fs::MetadataExt;
                // systemd gives a service its credentials by an access list, whose mask is what stands as the mode of root's own group.
                let by_systemd = |meta: &Metadata| meta.mode() & 0o777 == 0o440 && meta.uid() == 0 && meta.gid() == 0;
                std::fs::metadata(path)
                    .is_ok_and(|meta| meta.is_file() && meta.mode() & 0o077 != 0 && !by_systemd(&meta))
            }
            _ => false,
        }
    }

    fn bytes(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let file = match self {
            Self::Path(path) => File::open(path)?,
            #[cfg(unix)]
            Self::Descriptor(number) => super::run::inherited(*number)?,
            #[cfg(not(unix))]
            Self::Descriptor(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        // Twice the usual size: a vector that grows would leave copies of the keys behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 << 10));
        file.take(IDENTITY_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > IDENTITY_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 MiB"));
        }
        Ok(bytes)
    }
}

/// What of an identity must not be seen: the lines that are keys, but neither comments nor the marks around a key, and the passphrase.
pub fn secret_lines(keys: &OwnKeys) -> impl Iterator<Item = &[u8]> {
    let lines = keys.text.expose().split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"-----"));
    lines.chain(keys.passphrase.iter().map(Secret::expose))
}

impl std::fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // People paste the key where the file that holds it belongs.
            Self::Path(path) if vault_format::holds_private_key(&path.to_string_lossy()) => {
                f.write_str("given, which looks like a private key itself,")
            }
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}
