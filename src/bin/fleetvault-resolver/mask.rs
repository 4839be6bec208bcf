//! `mask`: standard input to standard output, with the values of this member's credentials replaced, for pipes and log shippers.

use std::{collections::BTreeSet, io};

use clap::Args;
use fleetvault::{
    cli::Failure,
    resolver::{
        Resolver,
        mask::{self, Masker},
        policy::Purpose,
        secret_lines,
    },
    terminal::{report::Report, whole},
};
use vault_format::{CredentialName, Timestamp};

use crate::{
    approve,
    launch::{LaunchArgs, Opened, Use},
};

#[derive(Args)]
#[command(
    after_help = "Values are found also in base64, hex, percent, JSON and shell forms, reversed, and with line breaks in them.\n\nEXAMPLE:\n  journalctl -fu app | fleetvault-resolver mask"
)]
pub struct MaskArgs {
    /// The credentials to be masked [default: all that this member may use, expired ones too; a person is asked where one needs that]
    names: Vec<CredentialName>,
}

pub fn run(args: &MaskArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let wanted = Use {
        purpose: Purpose::Mask,
        command: &[],
        with: &[],
    };
    let choose = |resolver: &Resolver<'_, '_>| match args.names.is_empty() {
        true => all(resolver),
        false => Ok(args.names.iter().cloned().collect()),
    };
    // Whoever writes the text and sees what is masked in it can guess values, so each use needs its yes, as in 'run'. What may be used
    // without the network only does not: a command could tell them the same.
    let shown = ["a text on standard input, printed with the values masked".to_owned()];
    // With a clock at its beginning nothing has expired: an expired value is still not for everybody's eyes.
    let opened = launch.open(Timestamp::EPOCH, &wanted, choose, |permitted, policy, question| {
        approve::confirm(permitted, policy, question, &shown)
    })?;
    let mut stream = masker(&opened).stream();
    // What the stream still needs of them it holds.
    drop(opened);
    whole(mask::copy(io::stdin().lock(), io::stdout().lock(), &mut stream))
        .map_err(|error| Report::new(1, "io", format!("cannot mask standard input: {error}")).into())
}

/// A masker of everything that was opened, and of the identity that opened it.
pub fn masker(opened: &Opened) -> Masker {
    let masker = Masker::new();
    for (name, value) in &opened.values {
        masker.add(name.as_str(), value.expose());
    }
    for line in secret_lines(&opened.identity) {
        masker.add("identity", line);
    }
    masker
}

fn all(resolver: &Resolver<'_, '_>) -> Result<BTreeSet<CredentialName>, Failure> {
    let (listed, _) = resolver.list()?;
    let own = listed.into_iter().filter(|listed| listed.accessible);
    Ok(own.map(|listed| listed.name).collect())
}
