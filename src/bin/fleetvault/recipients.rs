//! Public keys as people give them: as arguments, and as lines of a file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, builder::ValueParser};
use fleetvault::{cli::Failure, terminal::report::Report};
use vault_format::{Recipient, holds_private_key};

/// The public keys of a member.
#[derive(Args)]
pub struct KeysArgs {
    /// A public key: age1…, 'ssh-ed25519 AAAA…', or age1NAME1… of an age plugin
    #[arg(long = "recipient", value_name = "KEY", value_parser = ValueParser::new(GivenKey::read), required_unless_present = "recipients_file")]
    recipients: Vec<GivenKey>,
    /// A file with public keys, one a line
    #[arg(long, value_name = "FILE")]
    recipients_file: Option<PathBuf>,
}

impl KeysArgs {
    /// The keys of the arguments and of the file.
    pub fn recipients(&self) -> Result<Vec<Recipient>, Failure> {
        let mut recipients = GivenKey::recipients(&self.recipients)?;
        if let Some(path) = &self.recipients_file {
            recipients.extend(read_recipients(path)?);
        }
        Ok(recipients)
    }
}

/// A key given as an argument: a public one, or by mistake a private one, which must not be repeated in clap's error.
#[derive(Clone)]
pub enum GivenKey {
    Public(Box<Recipient>),
    Private,
}

impl GivenKey {
    /// Reads an argument.
    pub fn read(text: &str) -> Result<Self, String> {
        if holds_private_key(text) {
            return Ok(Self::Private);
        }
        recipient(text).map(|key| Self::Public(Box::new(key)))
    }

    /// The public keys; one private key among them is an error.
    pub fn recipients(given: &[Self]) -> Result<Vec<Recipient>, Failure> {
        let public = given.iter().map(|key| match key {
            Self::Public(recipient) => Ok(Recipient::clone(recipient)),
            Self::Private => Err(Report::new(2, "usage", "that is a private key, expected the public one, 'age1…'")
                .hint("it stands in the history of your shell now: make a new one with 'fleetvault keygen -o FILE', which prints the public key")
                .into()),
        });
        public.collect()
    }
}

/// Reads a public key as people have it: an SSH key may end in a comment, which the format leaves out.
fn recipient(text: &str) -> Result<Recipient, String> {
    if holds_private_key(text) {
        return Err("that is a private key, expected a public one, 'age1…'".into());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [kind, key, ..] if kind.starts_with("ssh-") => format!("{kind} {key}").parse(),
        [key] => key.parse(),
        _ => Err("expected one public key, 'age1…' or 'ssh-ed25519 AAAA…'".into()),
    }
}

/// Reads a file of public keys, one a line.
pub fn read_recipients(path: &Path) -> Result<Vec<Recipient>, Failure> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| Report::new(1, "io", format!("cannot read {shown}: {error}")))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let recipients: Vec<Recipient> = lines
        .map(|(index, line)| {
            recipient(line)
                .map_err(|error| Report::new(1, "recipient", format!("{shown}, line {}: {error}", index + 1)))
        })
        .collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Report::new(1, "recipient", format!("{shown} holds no public key")).into());
    }
    Ok(recipients)
}
