//! `member`: add, list, show, remove, rekey.

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use fleetvault::say;
use fleetvault::{
    author::{self, AuthorError, NewMember, OldKeys},
    cli::Failure,
    resolver::nearest,
    terminal::{
        escape,
        table::{Column, Table},
    },
    vault::Vault,
};
use serde::Serialize;
use vault_format::{FilePath, Member, MemberName, Verified};

use super::leaving;
use crate::{
    commit::{Keys, ReadArgs, WriteArgs},
    complete,
    context::{Context, fail},
    output,
    recipients::KeysArgs,
    trust::Strictness,
};

#[derive(Subcommand)]
pub enum MemberCommand {
    /// Register a member's public keys and let it use what is for everyone
    Add(AddArgs),
    /// Let in who asked to join, after comparing the fingerprint
    Approve(super::approve::ApproveArgs),
    /// List members
    List(ReadArgs),
    /// Show a member's keys and groups
    Show(ShowArgs),
    /// Remove a member: its grants go, its groups get new keys, and no scope names it any more
    Remove(RemoveArgs),
    /// Give a member other keys
    Rekey(RekeyArgs),
}

#[derive(Args)]
#[command(
    after_help = "EXAMPLE:\n  fleetvault keygen -o fleet-dev.txt              (on the member's machine; prints the public key)\n  fleetvault member add fleet-dev --recipient age1…"
)]
pub struct AddArgs {
    /// The member's name: A-Z a-z 0-9 . _ -, beginning with a letter or digit
    name: MemberName,
    #[command(flatten)]
    keys: KeysArgs,
    /// Put the member also into this one's groups and scopes
    #[arg(long, value_name = "OTHER", add = ArgValueCandidates::new(complete::members))]
    like: Option<MemberName>,
    /// A line for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Args)]
pub struct ShowArgs {
    /// The member
    #[arg(add = ArgValueCandidates::new(complete::members))]
    name: MemberName,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Args)]
#[command(after_help = "What the member could read it still knows: the values to rotate are listed.")]
pub struct RemoveArgs {
    /// The member
    #[arg(add = ArgValueCandidates::new(complete::members))]
    name: MemberName,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Args)]
pub struct RekeyArgs {
    /// The member
    #[arg(add = ArgValueCandidates::new(complete::members))]
    name: MemberName,
    #[command(flatten)]
    keys: KeysArgs,
    /// The old keys were destroyed and nobody has a copy: the member's groups keep theirs
    #[arg(long)]
    destroyed: bool,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct Line {
    name: String,
    recipients: Vec<String>,
    groups: Vec<String>,
    epoch: u64,
    serial: u64,
    authors: Vec<String>,
    note: Option<String>,
}

pub fn run(command: &MemberCommand, context: &Context) -> Result<(), Failure> {
    match command {
        MemberCommand::Add(args) => add(args, context),
        MemberCommand::Approve(args) => super::approve::run(args, context),
        MemberCommand::List(args) => list(args, context),
        MemberCommand::Show(args) => show(args, context),
        MemberCommand::Remove(args) => remove(args, context),
        MemberCommand::Rekey(args) => rekey(args, context),
    }
}

fn add(args: &AddArgs, context: &Context) -> Result<(), Failure> {
    let new = NewMember {
        name: args.name.clone(),
        recipients: args.keys.recipients()?,
        note: args.note.clone(),
        like: args.like.clone(),
    };
    context.write(&args.write, Keys::Identity, |desk| Ok(author::add_member(desk, &new)?))
}

fn remove(args: &RemoveArgs, context: &Context) -> Result<(), Failure> {
    context.write(&args.write, Keys::Identity, |desk| {
        let vault = desk.vault;
        let mut plan = author::remove_member(desk, &args.name)?;
        plan.rotate = leaving::known_to(vault, &args.name)?;
        Ok(plan)
    })
}

fn rekey(args: &RekeyArgs, context: &Context) -> Result<(), Failure> {
    let recipients = args.keys.recipients()?;
    let old = match args.destroyed {
        true => OldKeys::Destroyed,
        false => OldKeys::MayBeKnown,
    };
    context.write(&args.write, Keys::Identity, |desk| {
        Ok(author::rekey_member(desk, &args.name, &recipients, old)?)
    })
}

fn list(args: &ReadArgs, context: &Context) -> Result<(), Failure> {
    let (lines, broken) = context.read(args, Strictness::Noted, |vault| {
        let (mut lines, mut broken) = (Vec::new(), Vec::new());
        let grants = vault.paths("grants")?;
        for name in vault.member_names()? {
            match vault.look_at::<Member>(&FilePath::Member(name)) {
                Ok(Some(file)) => lines.extend(line(vault, &file, &grants)?),
                Ok(None) => {}
                Err(error) => broken.push(error),
            }
        }
        Ok((lines, broken))
    })?;
    output::list(context.globals.json, &lines, || {
        let mut table = Table::new([
            Column::fixed("NAME"),
            Column::fixed("GROUPS"),
            Column::flexible("RECIPIENTS"),
        ]);
        for line in &lines {
            table.row([line.name.clone(), line.groups.join(", "), line.recipients.join(", ")]);
        }
        table
    })?;
    Failure::unless_none(&broken)
}

fn show(args: &ShowArgs, context: &Context) -> Result<(), Failure> {
    let line = context.read(&args.read, Strictness::Noted, |vault| {
        let file = vault.look_at::<Member>(&FilePath::Member(args.name.clone()))?;
        let grants = vault.paths("grants")?;
        match file.map(|file| line(vault, &file, &grants)).transpose()?.flatten() {
            Some(line) => Ok(line),
            None => Err(fail(AuthorError::UnknownMember {
                near: nearest(
                    args.name.as_str(),
                    vault.member_names()?.into_iter().filter(|n| n != &args.name),
                    3,
                ),
                name: args.name.clone(),
            })),
        }
    })?;
    if context.globals.json {
        return output::print_json(&line);
    }
    say!("name       {}", line.name);
    for recipient in &line.recipients {
        say!("recipient  {recipient}");
    }
    say!("groups     {}", line.groups.join(", "));
    say!("note       {}", escape(line.note.as_deref().unwrap_or("none")));
    say!("epoch      {}", line.epoch);
    say!("serial     {}", line.serial);
    say!("signed by  {}", line.authors.join(", "));
    Ok(())
}

fn line(vault: &Vault<'_>, file: &Verified<Member>, grants: &[FilePath]) -> Result<Option<Line>, Failure> {
    let Some(body) = file.body() else { return Ok(None) };
    let mut groups = Vec::new();
    for path in grants {
        if let FilePath::Grant(group, member) = path
            && member == file.subject()
            && vault
                .look_at::<vault_format::Grant>(path)?
                .is_some_and(|grant| grant.body().is_some())
        {
            groups.push(group.to_string());
        }
    }
    Ok(Some(Line {
        name: file.subject().to_string(),
        recipients: body.recipients.iter().map(ToString::to_string).collect(),
        groups,
        epoch: body.epoch,
        serial: file.serial(),
        authors: file.authors().map(ToString::to_string).collect(),
        note: body.note.clone(),
    }))
}
