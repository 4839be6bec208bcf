//! A public signing key as people have it: an argument, or a file that `ssh-keygen` wrote. A private one given by mistake is never repeated.

use std::{fs, path::Path};

use fleetvault::{cli::Failure, terminal::report::Report};
use vault_format::{SignerKey, holds_private_key};

/// A key given as an argument.
#[derive(Clone)]
pub enum GivenSigner {
    Public(Box<SignerKey>),
    Private,
}

impl GivenSigner {
    /// Reads an argument.
    pub fn read(text: &str) -> Result<Self, String> {
        if holds_private_key(text) {
            return Ok(Self::Private);
        }
        signer(text).map(|key| Self::Public(Box::new(key)))
    }
}

/// The key that was given in one of the two ways.
pub fn given(key: Option<&GivenSigner>, file: Option<&Path>) -> Result<Box<SignerKey>, Failure> {
    match (key, file) {
        (Some(GivenSigner::Public(key)), _) => Ok(key.clone()),
        (Some(GivenSigner::Private), _) => Err(private("the key given")
            .hint("it stands in the history of your shell now: make a new one with 'ssh-keygen -t ed25519'")
            .into()),
        (None, Some(file)) => read(file).map(Box::new),
        // clap asks for one of them.
        (None, None) => Err(Report::new(2, "usage", "name the key with --key or --key-file").into()),
    }
}

fn read(file: &Path) -> Result<SignerKey, Failure> {
    let named = file.display().to_string();
    if holds_private_key(&named) {
        return Err(private("the file name given").into());
    }
    let text =
        fs::read_to_string(file).map_err(|error| Report::new(1, "io", format!("cannot read {named}: {error}")))?;
    if holds_private_key(&text) {
        return Err(private(&named)
            .hint(format!("its public half stands beside it, in {named}.pub"))
            .into());
    }
    let lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    match Vec::from_iter(lines).as_slice() {
        [line] => Ok(signer(line).map_err(|error| Report::new(1, "key", format!("{named}: {error}")))?),
        lines => {
            let found = lines.len();
            Err(Report::new(1, "key", format!("{named} holds {found} keys, expected 1")).into())
        }
    }
}

/// Reads a key whose comment, if any, is left out.
fn signer(text: &str) -> Result<SignerKey, String> {
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    match words.as_slice() {
        [kind, key] => format!("{kind} {key}").parse(),
        _ => Err("expected one public key, 'ssh-ed25519 AAAA…'".into()),
    }
}

fn private(what: &str) -> Report {
    Report::new(
        2,
        "usage",
        format!("{what}: that is a private key, expected the public one, 'ssh-ed25519 AAAA…'"),
    )
}
