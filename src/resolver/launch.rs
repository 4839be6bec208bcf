//! Who am I, and which vault: identity ↔ anchor ↔ vault ↔ member, settled once at launch.
//!
//! Everything here comes from the launch. Nothing in a repository, a template or a request can name another member, vault or root.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;
use vault_format::{
    GroupName, Identity, IdentityFile, IdentityFileError, Member, MemberName, Secret, VaultId, Verified,
};
use zeroize::Zeroizing;

use super::keyring::Keyring;
use crate::vault::{FileError, Vault};

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

/// What a launch says about itself, beside the keys.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// `--root`: the vault's id, where the identity file has no anchor, or to be compared with it.
    pub vault: Option<VaultId>,
    /// `--member`: the member that the keys must belong to.
    pub member: Option<MemberName>,
    /// `--allow-keeper`: whether a keeper's keys may resolve.
    pub allow_keeper: bool,
}

/// Why this launch resolves nothing.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The identity file cannot be read.
    #[error("cannot read the identity {source_text}: {error}")]
    Unreadable {
        /// The file or descriptor.
        source_text: String,
        /// Why.
        error: io::Error,
    },
    /// The identity file holds no usable key.
    #[error("the identity {source_text}: {error}")]
    Identity {
        /// The file or descriptor.
        source_text: String,
        /// What is wrong with it.
        error: IdentityFileError,
    },
    /// Nobody said which vault to trust.
    #[error("no anchor: the identity names no vault, and no root was given; the vault here has the id {found}")]
    NoAnchor {
        /// The id of the vault that was found, which is no reason to trust it.
        found: VaultId,
    },
    /// Another vault than the one this launch is for.
    #[error("another vault: launched for {expected}, found {found}")]
    OtherVault {
        /// The anchors of the launch.
        expected: String,
        /// The id of the vault that was found.
        found: VaultId,
    },
    /// The identity is for several vaults, and nobody said which this launch is for.
    #[error("the identity is for {} vaults, and no root says which of them this launch is for", .0)]
    SeveralAnchors(usize),
    /// An older root than the anchor accepts.
    #[error("the root is too old: the anchor accepts serial {lowest} and later, found {found}")]
    OldRoot {
        /// The anchor's lowest serial.
        lowest: u64,
        /// The serial of the vault's current root.
        found: u64,
    },
    /// The anchor and `--member` differ.
    #[error("the identity belongs to member '{anchored}', but '{expected}' was expected")]
    OtherMember {
        /// The member of the anchor, or the one that has the key.
        anchored: MemberName,
        /// What `--member` said.
        expected: MemberName,
    },
    /// The named member does not exist, or was removed.
    #[error("member '{0}' is not in this vault")]
    NoSuchMember(MemberName),
    /// The key belongs to another member than the anchor says, or to nobody.
    #[error("the identity is not a key of member '{expected}'{}", .found.as_ref().map(|name| format!(": it is a key of '{name}'")).unwrap_or_default())]
    NotTheirKey {
        /// The expected member.
        expected: MemberName,
        /// Whose key it is.
        found: Option<MemberName>,
    },
    /// The key is nobody's.
    #[error("the identity is a key of no member of this vault")]
    Nobody,
    /// Keepers open everything; an agent must not be one.
    #[error("member '{0}' is a keeper, whose keys open every credential")]
    Keeper(MemberName),
    /// A file of the vault is not to be trusted.
    #[error(transparent)]
    File(#[from] FileError),
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
            Self::Descriptor(number) => File::open(Path::new("/dev/fd").join(number.to_string()))?,
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

/// Checks that this vault is the one that the launch is for.
///
/// # Errors
/// [`LaunchError::NoAnchor`], [`LaunchError::SeveralAnchors`], [`LaunchError::OtherVault`], [`LaunchError::OldRoot`].
pub fn check_vault(vault: &Vault<'_>, identity: &IdentityFile, expected: &Expectation) -> Result<(), LaunchError> {
    let found = vault.id();
    let anchor = identity.anchor(found);
    let other = |expected: String| Err(LaunchError::OtherVault { expected, found });
    match expected.vault {
        Some(root) if root != found => return other(root.to_string()),
        None if identity.anchors.is_empty() => return Err(LaunchError::NoAnchor { found }),
        // Whoever serves the one vault could serve the other in its place.
        None if identity.anchors.len() > 1 => return Err(LaunchError::SeveralAnchors(identity.anchors.len())),
        _ => {}
    }
    if anchor.is_none() && !identity.anchors.is_empty() {
        let anchors: Vec<String> = identity.anchors.iter().map(|anchor| anchor.vault.to_string()).collect();
        return other(anchors.join(" or "));
    }
    match anchor.and_then(|anchor| anchor.root) {
        Some(lowest) if vault.authority().serial() < lowest => Err(LaunchError::OldRoot {
            lowest,
            found: vault.authority().serial(),
        }),
        _ => Ok(()),
    }
}

/// Finds the member whose keys these are, among the members of a vault that [`check_vault`] accepted.
///
/// # Errors
/// [`LaunchError`] where the keys are nobody's, or not those of the member that the anchor or the launch names.
pub fn identify<'v, 'r>(
    vault: &'v Vault<'r>,
    identity: IdentityFile,
    expected: &Expectation,
) -> Result<Keyring<'v, 'r>, LaunchError> {
    let anchored = identity.anchor(vault.id()).and_then(|anchor| anchor.member.clone());
    if let (Some(anchored), Some(expected)) = (&anchored, &expected.member)
        && anchored != expected
    {
        return Err(LaunchError::OtherMember {
            anchored: anchored.clone(),
            expected: expected.clone(),
        });
    }
    let member = match anchored.or_else(|| expected.member.clone()) {
        Some(name) => named_member(vault, &identity.identities, name)?,
        None => search(vault, &identity.identities)?.ok_or(LaunchError::Nobody)?,
    };
    Ok(Keyring::new(vault, &member, identity.identities))
}

/// Refuses a keeper's keys, which open what no scope gives them.
///
/// # Errors
/// [`LaunchError::Keeper`].
pub fn refuse_keeper(vault: &Vault<'_>, keyring: &Keyring<'_, '_>, expected: &Expectation) -> Result<(), LaunchError> {
    if !expected.allow_keeper && vault.is_granted(&GroupName::keepers(), keyring.member())? {
        return Err(LaunchError::Keeper(keyring.member().clone()));
    }
    Ok(())
}

fn named_member(vault: &Vault<'_>, keys: &[Identity], name: MemberName) -> Result<Verified<Member>, LaunchError> {
    let member = vault.member(&name)?;
    let Some(member) = member.filter(|member| member.body().is_some()) else {
        return Err(LaunchError::NoSuchMember(name));
    };
    if !is_key_of(keys, &member) {
        let found = search(vault, keys)?.map(|member| member.subject().clone());
        return Err(LaunchError::NotTheirKey { expected: name, found });
    }
    Ok(member)
}

/// Reads one member after the other. A member whose file is broken is passed over: its key is not ours to find.
fn search(vault: &Vault<'_>, keys: &[Identity]) -> Result<Option<Verified<Member>>, LaunchError> {
    for name in vault.member_names()? {
        if let Ok(Some(member)) = vault.member(&name)
            && is_key_of(keys, &member)
        {
            return Ok(Some(member));
        }
    }
    Ok(None)
}

fn is_key_of(keys: &[Identity], member: &Verified<Member>) -> bool {
    member.body().is_some_and(|body| {
        body.recipients
            .iter()
            .any(|key| keys.iter().any(|own| own.recipient() == key))
    })
}
