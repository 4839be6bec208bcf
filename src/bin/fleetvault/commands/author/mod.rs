//! `author`: who may write, and how many authors must agree on a change of that.

mod key;
mod proposal;

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::ValueParser};
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, Proposal, RootChange},
    cli::Failure,
    say,
    terminal::table::{Column, Table},
};
use serde::Serialize;
use vault_format::AuthorName;

use crate::{
    commit::{Keys, ReadArgs},
    complete,
    context::Context,
    output,
    trust::Strictness,
};
use key::GivenSigner;
use proposal::ChangeArgs;

#[derive(Subcommand)]
pub enum AuthorCommand {
    /// List authors, their keys, and how many must sign the next root
    List(ReadArgs),
    /// Add an author, or another key of one
    Add(AddArgs),
    /// Remove an author, or one key of one, and sign its files instead
    Remove(RemoveArgs),
    /// Say how many authors must sign the next root
    Threshold(ThresholdArgs),
    /// Sign what another author proposes; the last signature makes the commit
    Sign(proposal::SignArgs),
}

#[derive(Args)]
#[command(
    after_help = "An author's key signs files; it opens nothing. Where the threshold is above 1, a proposal is written for the others to sign.\n\nEXAMPLE:\n  fleetvault author add bob --key-file bob_signing_key.pub"
)]
pub struct AddArgs {
    /// The author's name: A-Z a-z 0-9 . _ -, beginning with a letter or digit
    #[arg(add = ArgValueCandidates::new(complete::authors))]
    name: AuthorName,
    /// The public signing key: 'ssh-ed25519 AAAA…' or 'sk-ssh-ed25519@openssh.com AAAA…'
    #[arg(long, value_name = "KEY", value_parser = ValueParser::new(GivenSigner::read), required_unless_present = "key_file", conflicts_with = "key_file")]
    key: Option<GivenSigner>,
    /// A file with the public signing key, as ssh-keygen writes it
    #[arg(long, value_name = "FILE.pub")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Args)]
#[command(
    after_help = "Every file that the author has signed gets your signature instead, in the same commit; nothing is opened, contents and serials stay.\nAnother author must do it: nobody removes the key that signs here.\n\nEXAMPLE:\n  fleetvault author remove bob"
)]
pub struct RemoveArgs {
    /// The author
    #[arg(add = ArgValueCandidates::new(complete::authors))]
    name: AuthorName,
    /// Only the key with this fingerprint
    #[arg(long, value_name = "SHA256:…")]
    key: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Args)]
pub struct ThresholdArgs {
    /// How many authors, at most all of them
    number: u64,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Serialize)]
struct Listed {
    root: u64,
    threshold: u64,
    authors: Vec<ListedAuthor>,
}

#[derive(Serialize)]
struct ListedAuthor {
    name: String,
    keys: Vec<ListedKey>,
}

#[derive(Serialize)]
struct ListedKey {
    fingerprint: String,
    key: String,
}

pub fn run(command: &AuthorCommand, context: &Context) -> Result<(), Failure> {
    match command {
        AuthorCommand::List(args) => list(args, context),
        AuthorCommand::Add(args) => {
            let change = RootChange::Add {
                author: args.name.clone(),
                key: key::given(args.key.as_ref(), args.key_file.as_deref())?,
            };
            make(&change, &args.change, context)
        }
        AuthorCommand::Remove(args) => {
            let change = RootChange::Remove {
                author: args.name.clone(),
                key: args.key.clone(),
            };
            make(&change, &args.change, context)
        }
        AuthorCommand::Threshold(args) => make(&RootChange::Threshold(args.number), &args.change, context),
        AuthorCommand::Sign(args) => proposal::sign(args, context),
    }
}

/// Makes the commit where one author is enough, else a proposal for the others.
fn make(change: &RootChange, args: &ChangeArgs, context: &Context) -> Result<(), Failure> {
    let head = ReadArgs {
        reference: "HEAD".into(),
    };
    let threshold = context.read(&head, Strictness::Noted, |vault| Ok(vault.authority().root().threshold))?;
    if threshold > 1 {
        return proposal::propose(change, args, context);
    }
    context.write(&args.write, Keys::SigningOnly, |desk| {
        let proposal = Proposal::make(&desk, change)?;
        Ok(author::adopt(desk, &proposal)?)
    })
}

fn list(args: &ReadArgs, context: &Context) -> Result<(), Failure> {
    let listed = context.read(args, Strictness::Noted, |vault| {
        let root = vault.authority().root();
        let author = |name: &AuthorName| {
            let lines = root.authors.iter().filter(|line| &line.author == name);
            let keys = lines.map(|line| ListedKey {
                fingerprint: line.key.fingerprint(),
                key: line.key.to_string(),
            });
            ListedAuthor {
                name: name.to_string(),
                keys: keys.collect(),
            }
        };
        Ok(Listed {
            root: vault.authority().serial(),
            threshold: root.threshold,
            authors: root.author_names().into_iter().map(author).collect(),
        })
    })?;
    output::list(context.globals.json, &listed, || {
        let mut table = Table::new([
            Column::fixed("NAME"),
            Column::fixed("FINGERPRINT"),
            Column::flexible("TYPE"),
        ]);
        for author in &listed.authors {
            for key in &author.keys {
                let kind = key.key.split(' ').next().unwrap_or_default();
                table.row([author.name.clone(), key.fingerprint.clone(), kind.to_owned()]);
            }
        }
        table
    })?;
    if !context.globals.json {
        say!(
            "root {}; the next one must be signed by {} of {}",
            listed.root,
            listed.threshold,
            listed.authors.len()
        );
    }
    Ok(())
}
