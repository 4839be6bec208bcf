//! Where private keys come from: a file or an inherited descriptor, read once.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use vault_format::{IdentityFile, Secret};
use zeroize::Zeroizing;

use super::LaunchError;

/// The most that is read of an identity file, in bytes.
const IDENTITY_MAX: u64 = 1 << 20;

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

    /// Reads the keys and anchors.
    ///
    /// # Errors
    /// [`LaunchError::Unreadable`] and [`LaunchError::Identity`].
    pub fn read(&self) -> Result<IdentityFile, LaunchError> {
        self.parse(&self.contents()?)
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

    /// Reads keys and anchors from what [`IdentitySource::contents`] gave.
    ///
    /// # Errors
    /// [`LaunchError::Identity`].
    pub fn parse(&self, contents: &Secret) -> Result<IdentityFile, LaunchError> {
        IdentityFile::parse(contents.expose()).map_err(|error| LaunchError::Identity {
            source_text: self.to_string(),
            error,
        })
    }

    /// Tells whether others than the owner may read the file.
    pub fn is_exposed(&self) -> bool {
        match self {
            #[cfg(unix)]
            Self::Path(path) => {
                use std::os::unix::fs::PermissionsExt;
                std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o077 != 0)
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

/// The lines of an identity file that are secret: keys, but neither comments nor the marks around a key.
pub fn secret_lines(contents: &Secret) -> impl Iterator<Item = &[u8]> {
    let lines = contents.expose().split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"-----"))
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
