//! Writing private keys: files that only their owner can read, never over an existing one.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use fleetvault::{cli::Failure, resolver::IdentitySource, terminal::report::Report};
use vault_format::{Anchor, Identity, Secret, SigningKey, Timestamp};
use zeroize::Zeroizing;

use crate::context::Context;

impl Context {
    /// Where the user's own identity is or will be, as a path.
    pub fn own_identity_path(&self) -> Result<PathBuf, Failure> {
        match self.identity_source()? {
            IdentitySource::Path(path) => Ok(path),
            IdentitySource::Descriptor(_) => {
                Err(Report::new(2, "usage", "a new identity cannot be written to a descriptor").into())
            }
        }
    }
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
    let write = || -> io::Result<()> {
        make_directory(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let written = file.write_all(contents).and_then(|()| file.sync_all());
        // Half a key is worse than none: the next run would refuse to overwrite it.
        written.inspect_err(|_| drop(fs::remove_file(path)))
    };
    let shown = path.display();
    write().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Report::new(1, "exists", format!("{shown} exists; a key is never overwritten"))
            .hint("name another file with -o")
            .into(),
        _ => Report::new(1, "io", format!("cannot write {shown}: {error}")).into(),
    })
}

/// Writes a new signing key and, beside it, its public half.
pub fn write_signing_key(path: &Path, key: &SigningKey, comment: &str) -> Result<(), Failure> {
    let unusable = |error: String| {
        Report::new(
            1,
            "signing_key",
            format!("the new signing key cannot be written: {error}"),
        )
    };
    let text = key.to_openssh(comment).map_err(|error| unusable(error.to_string()))?;
    let public = key.signer().map_err(unusable)?;
    write_private(path, text.as_bytes())?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    fs::write(&beside, format!("{public} {comment}\n")).map_err(|error| {
        Report::new(
            1,
            "io",
            format!("cannot write {}: {error}", Path::new(&beside).display()),
        )
        .into()
    })
}

/// Adds an anchor to an identity file that exists, keeping every line of it.
pub fn add_anchor(path: &Path, anchor: &Anchor) -> Result<(), Failure> {
    let add = || -> io::Result<()> {
        let old = Zeroizing::new(fs::read(path)?);
        let mut text = Zeroizing::new(Vec::with_capacity(old.len() + 256));
        text.extend_from_slice(format!("{}\n", anchor.to_line()).as_bytes());
        text.extend_from_slice(&old);
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    let shown = path.display();
    add().map_err(|error| Report::new(1, "io", format!("cannot add the anchor to {shown}: {error}")).into())
}

fn make_directory(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent)
}
