//! Where a value comes from: a hidden prompt, standard input, a file, or the random number generator. Never an argument.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use fleetvault::{
    cli::Failure,
    terminal::{prompt, report::Report},
};
use vault_format::{CredentialName, Secret, VALUE_MAX};
use zeroize::Zeroizing;

use crate::output::note;

/// Values shorter than this cannot be masked in output without masking half of it.
const SHORT: usize = 8;

#[derive(Args)]
pub struct ValueArgs {
    /// Read the value from this file, byte for byte
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    from_file: Option<PathBuf>,
    /// Make a random value of N characters of A-Z, a-z, 0-9, '-' and '_'
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "32", value_parser = clap::value_parser!(u16).range(8..=4096))]
    generate: Option<u16>,
    /// Keep the newline that ends standard input
    #[arg(long)]
    keep_newline: bool,
}

impl ValueArgs {
    /// Reads the value of `name`.
    pub fn read(&self, name: &CredentialName) -> Result<Secret, Failure> {
        let value = if let Some(path) = &self.from_file {
            let shown = path.display().to_string();
            let file = File::open(path).map_err(|error| cannot(&shown, &error))?;
            read_all(file, &shown)?
        } else if let Some(length) = self.generate {
            generate(length)?
        } else if prompt::stdin_is_terminal() {
            ask(name)?
        } else {
            let mut value = read_all(io::stdin().lock(), "standard input")?;
            if !self.keep_newline {
                drop_newline(&mut value);
            }
            value
        };
        check(&value)?;
        Ok(value.into())
    }

    /// Tells whether a person would be asked to type the value.
    pub fn is_asked_for(&self) -> bool {
        self.from_file.is_none() && self.generate.is_none() && prompt::stdin_is_terminal()
    }

    /// Tells whether one reading gives one value for several credentials.
    pub fn is_shared(&self) -> bool {
        self.generate.is_none() && (self.from_file.is_some() || !prompt::stdin_is_terminal())
    }
}

/// Refuses what no credential can hold, and warns of what cannot be masked.
pub fn check(value: &[u8]) -> Result<(), Failure> {
    if value.is_empty() {
        return Err(Report::new(1, "empty_value", "the value is empty")
            .hint("a pipe that failed gives an empty value; nothing was written")
            .into());
    }
    if value.len() > VALUE_MAX {
        let message = format!("the value has more than the {VALUE_MAX} bytes allowed");
        return Err(Report::new(1, "large_value", message).into());
    }
    if value.len() < SHORT {
        note(&format!(
            "a value under {SHORT} bytes cannot be masked reliably in the output of commands"
        ));
    }
    Ok(())
}

fn ask(name: &CredentialName) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let typed = prompt::hidden_twice(&format!("value of {name}"))
        .map_err(|error| Report::new(1, "io", format!("no value was typed: {error}")))?;
    let typed = typed.ok_or_else(|| {
        Report::new(1, "no_value", "there is no terminal to type a value at")
            .hint("pipe it in, or use --from-file or --generate")
    })?;
    let mut value = Zeroizing::new(Vec::with_capacity(typed.len()));
    value.extend_from_slice(typed.as_bytes());
    Ok(value)
}

/// Six random bits for each character.
fn generate(length: u16) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let length = usize::from(length);
    let mut bytes = Zeroizing::new(vec![0; length.div_ceil(4) * 3]);
    getrandom::fill(&mut bytes)
        .map_err(|error| Report::new(1, "system", format!("no random numbers could be had: {error}")))?;
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(&*bytes));
    Ok(Zeroizing::new(text.as_bytes()[..length].to_vec()))
}

/// Reads at most one byte more than a value may have, without leaving copies behind.
fn read_all(reader: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut value = Zeroizing::new(Vec::with_capacity(VALUE_MAX + 8));
    reader
        .take(VALUE_MAX as u64 + 3)
        .read_to_end(&mut value)
        .map_err(|error| cannot(name, &error))?;
    Ok(value)
}

/// Drops one newline, LF or CR LF.
fn drop_newline(value: &mut Zeroizing<Vec<u8>>) {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
}

fn cannot(name: &str, error: &io::Error) -> Report {
    Report::new(1, "io", format!("cannot read the value from {name}: {error}"))
}
