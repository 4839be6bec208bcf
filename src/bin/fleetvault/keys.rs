//! Writing private keys: files that only their owner can read, never over an existing one.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use fleetvault::{
    cli::Failure, resolver::IdentitySource, terminal::report::Report, vault::trust::create_private_directory,
};
use vault_format::{Anchor, Identity, IdentityFile, Secret, SigningKey, Timestamp};
use zeroize::Zeroizing;

use crate::context::Context;

impl Context {
    /// Where the user's own identity is or will be, as a path.
    pub fn own_identity_path(&self) -> Result<PathBuf, Failure> {
        let source = self.identity_source()?;
        refuse_key_as_path(&source)?;
        match source {
            IdentitySource::Path(path) => Ok(path),
            IdentitySource::Descriptor(_) => {
                Err(Report::new(2, "usage", "a new identity cannot be written to a descriptor").into())
            }
        }
    }
}

/// Refuses a private key given where the file that holds it belongs. It must not be repeated, so no other error may come first.
pub fn refuse_key_as_path(source: &IdentitySource) -> Result<(), Failure> {
    match source {
        // A directory may be called 'Private Keys'.
        IdentitySource::Path(path) if looks_like_a_key(path) && fs::symlink_metadata(path).is_err() => Err(Report::new(
            2,
            "usage",
            "that is a private key, expected the file that holds it",
        )
        .hint("it stands in the history of your shell or in your environment now: make a new one with 'fleetvault keygen -o FILE'")
        .into()),
        _ => Ok(()),
    }
}

/// A path as a message may show it.
pub fn shown_path(path: &Path) -> String {
    match looks_like_a_key(path) {
        true => "the path given, which looks like a private key".into(),
        false => path.display().to_string(),
    }
}

fn looks_like_a_key(path: &Path) -> bool {
    vault_format::holds_private_key(&path.to_string_lossy())
}

/// The text of an identity file, as `age-keygen` writes it, with the anchor.
pub fn identity_text(identity: &Identity, anchor: Option<&Anchor>, now: Timestamp) -> Result<Secret, Failure> {
    let line = identity
        .expose_line()
        .ok_or_else(|| Report::new(1, "identity", "an SSH key is no line of an identity file"))?;
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    text.extend_from_slice(format!("# created: {now}\n# public key: {}\n", identity.recipient()).as_bytes());
    if let Some(anchor) = anchor {
        text.extend_from_slice(format!("{}\n", anchor.to_line()).as_bytes());
    }
    text.extend_from_slice(line.expose());
    text.push(b'\n');
    Ok(text.into())
}

/// Writes a new private file with mode 0600, and its directory with mode 0700 where it is missing.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    write_new_file(path, contents, 0o600).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path).hint("name another file with -o").into(),
        _ => cannot_write(path, &error),
    })
}

/// A new signing key, as its two files will have it.
pub struct SigningKeyFiles {
    private: Zeroizing<String>,
    public: String,
}

impl SigningKeyFiles {
    /// Prepares the files of `key`, which are to be written at `path` and beside it.
    pub fn new(key: &SigningKey, comment: &str, path: &Path) -> Result<Self, Failure> {
        let unusable = |error: String| {
            Report::new(
                1,
                "signing_key",
                format!("the new signing key cannot be written: {error}"),
            )
        };
        let beside = public_path(path);
        if fs::symlink_metadata(&beside).is_ok() {
            let (beside, path) = (shown_path(&beside), shown_path(path));
            return Err(Report::new(
                1,
                "exists",
                format!("{beside} exists, and its private half {path} does not"),
            )
            .hint(format!(
                "move it away; or, where an agent or hardware holds the private half: --signing-key {beside}"
            ))
            .into());
        }
        Ok(Self {
            private: key.to_openssh(comment).map_err(|error| unusable(error.to_string()))?,
            public: format!("{} {comment}\n", key.signer().map_err(unusable)?),
        })
    }

    /// Writes the key and, beside it, its public half.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        write_private(path, self.private.as_bytes())?;
        let beside = public_path(path);
        write_new_file(&beside, self.public.as_bytes(), 0o644).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&beside).into(),
            _ => cannot_write(&beside, &error),
        })
    }
}

/// Adds an anchor to an identity file that exists, keeping every line of it.
pub fn add_anchor(path: &Path, anchor: &Anchor) -> Result<(), Failure> {
    let add = || -> io::Result<()> {
        // Through links: the file is replaced where it is, and a link to it stays one.
        let path = fs::canonicalize(path)?;
        let old = Zeroizing::new(fs::read(&path)?);
        // What stands before an age file makes it none, and its text cannot be changed without the passphrase.
        if IdentityFile::is_locked(&old) {
            return Err(io::Error::other("it is protected by a passphrase"));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(old.len() + 256));
        text.extend_from_slice(format!("{}\n", anchor.to_line()).as_bytes());
        text.extend_from_slice(&old);
        // A canonical path of a file has a parent.
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    let shown = shown_path(path);
    add().map_err(|error| Report::new(1, "io", format!("cannot add the anchor to {shown}: {error}")).into())
}

/// Writes a file that does not exist yet. `mode` counts on Unix only.
#[cfg_attr(not(unix), allow(unused_variables))]
fn write_new_file(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    make_directory(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    let written = file.write_all(contents).and_then(|()| file.sync_all());
    // Half a key is worse than none: the next run would refuse to overwrite it.
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

fn public_path(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    beside.into()
}

fn exists(path: &Path) -> Report {
    let shown = shown_path(path);
    Report::new(1, "exists", format!("{shown} exists; a key is never overwritten"))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot write {}: {error}", shown_path(path))).into()
}

fn make_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => create_private_directory(parent),
        None => Ok(()),
    }
}
