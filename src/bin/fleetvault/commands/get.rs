//! `get`: a value for a person. Agents and scripts use the resolver, which keeps to the scope and leaves no plaintext behind.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{author, cli::Failure};
use vault_format::CredentialName;

use crate::{
    commit::{Keys, ReadArgs},
    complete,
    context::{Context, fail},
    output::{cannot_write, remembered},
    trust::Strictness,
};

#[derive(Args)]
pub struct GetArgs {
    /// The credential
    #[arg(add = ArgValueCandidates::new(complete::credentials))]
    name: CredentialName,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &GetArgs, context: &Context) -> Result<(), Failure> {
    let value = context.read(&args.read, Strictness::Required, |vault| {
        let keyring = context.keyring(vault, Keys::Identity)?;
        let keyring = keyring.as_ref().ok_or_else(|| fail(author::AuthorError::NoIdentity))?;
        let value = author::open(vault, keyring, &args.name)?;
        remembered(vault.save_floors());
        Ok(value)
    })?;
    let mut out = io::stdout().lock();
    // A terminal's next prompt belongs on a line of its own; a pipe gets the exact bytes.
    let end: &[u8] = if out.is_terminal() && !value.expose().ends_with(b"\n") {
        b"\n"
    } else {
        b""
    };
    out.write_all(value.expose())
        .and_then(|()| out.write_all(end))
        .and_then(|()| out.flush())
        .map_err(|error| cannot_write(&error))
}
