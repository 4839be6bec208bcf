//! `group`: add, list, show, grant, revoke, remove.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, AuthorError},
    cli::Failure,
    say,
    terminal::table::{Column, Table},
    vault::Vault,
};
use serde::Serialize;
use vault_format::{GroupName, MemberName};

use super::leaving;
use crate::{
    commit::{Keys, ReadArgs, WriteArgs},
    complete,
    context::{Context, fail},
    output,
    trust::Strictness,
};

#[derive(Subcommand)]
pub enum GroupCommand {
    /// Make a group, for scopes that name it as @GROUP
    Add(ChangeArgs),
    /// List groups and who has them
    List(ReadArgs),
    /// Show a group's key, members and credentials
    Show(ShowArgs),
    /// Give a group's key to members, with all values it could ever open
    Grant(MembersArgs),
    /// Take a group from members: those who stay get new keys
    Revoke(MembersArgs),
    /// Remove a group that no scope names
    Remove(RemoveArgs),
}

#[derive(Args)]
#[command(
    after_help = "EXAMPLE:\n  fleetvault group add deployers build-1 build-2\n  fleetvault set deploy_key --members @deployers"
)]
pub struct ChangeArgs {
    /// The group's name: A-Z a-z 0-9 . _ -, beginning with a letter or digit
    name: GroupName,
    /// Its first members
    #[arg(value_name = "MEMBER", add = ArgValueCandidates::new(complete::members))]
    members: Vec<MemberName>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Args)]
pub struct MembersArgs {
    /// The group; 'keepers' are those who can open every credential
    #[arg(add = ArgValueCandidates::new(complete::groups))]
    name: GroupName,
    /// The members
    #[arg(required = true, value_name = "MEMBER", add = ArgValueCandidates::new(complete::members))]
    members: Vec<MemberName>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Args)]
pub struct ShowArgs {
    /// The group
    #[arg(add = ArgValueCandidates::new(complete::groups))]
    name: GroupName,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Args)]
pub struct RemoveArgs {
    /// The group
    #[arg(add = ArgValueCandidates::new(complete::groups))]
    name: GroupName,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Serialize)]
struct Line {
    name: String,
    epoch: u64,
    recipient: String,
    members: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<Vec<String>>,
}

pub fn run(command: &GroupCommand, context: &Context) -> Result<(), Failure> {
    match command {
        GroupCommand::Add(args) => {
            let members = distinct(&args.members);
            // The group's key is new: nothing is opened for it.
            context.write(&args.write, Keys::SigningOnly, |desk| {
                Ok(author::add_group(desk, &args.name, &members)?)
            })
        }
        GroupCommand::Grant(args) => {
            let members = distinct(&args.members);
            context.write(&args.write, Keys::Identity, |desk| {
                Ok(author::grant_group(desk, &args.name, &members)?)
            })
        }
        GroupCommand::Revoke(args) => {
            let members = distinct(&args.members);
            context.write(&args.write, Keys::Identity, |desk| {
                let vault = desk.vault;
                let mut plan = author::revoke_group(desk, &args.name, &members)?;
                plan.rotate = leaving::known_through(vault, &args.name, &members)?;
                Ok(plan)
            })
        }
        GroupCommand::Remove(args) => context.write(&args.write, Keys::SigningOnly, |desk| {
            Ok(author::remove_group(desk, &args.name)?)
        }),
        GroupCommand::List(args) => list(args, context),
        GroupCommand::Show(args) => show(args, context),
    }
}

fn list(args: &ReadArgs, context: &Context) -> Result<(), Failure> {
    let lines = context.read(args, Strictness::Noted, |vault| {
        let groups = author::living_groups(vault).map_err(fail)?;
        groups
            .iter()
            .map(|name| line(vault, name))
            .collect::<Result<Vec<_>, _>>()
    })?;
    output::list(context.globals.json, &lines, || {
        let mut table = Table::new([
            Column::fixed("NAME"),
            Column::fixed("EPOCH"),
            Column::flexible("MEMBERS"),
        ]);
        for line in &lines {
            table.row([line.name.clone(), line.epoch.to_string(), line.members.join(", ")]);
        }
        table
    })
}

fn show(args: &ShowArgs, context: &Context) -> Result<(), Failure> {
    let line = context.read(&args.read, Strictness::Noted, |vault| {
        let mut line = line(vault, &args.name)?;
        let credentials = author::scoped_to_group(vault, &args.name).map_err(fail)?;
        line.credentials = Some(credentials.iter().map(ToString::to_string).collect());
        Ok(line)
    })?;
    if context.globals.json {
        return output::print_json(&line);
    }
    say!("name         {}", line.name);
    say!("recipient    {}", line.recipient);
    say!("epoch        {}", line.epoch);
    say!("members      {}", or_none(&line.members));
    say!(
        "credentials  {}",
        or_none(line.credentials.as_deref().unwrap_or_default())
    );
    Ok(())
}

fn line(vault: &Vault<'_>, name: &GroupName) -> Result<Line, Failure> {
    let file = vault.group(name)?;
    let Some(body) = file.as_ref().and_then(|file| file.body()) else {
        return Err(fail(AuthorError::UnknownGroup(name.clone())));
    };
    let members = author::granted(vault, name).map_err(fail)?;
    Ok(Line {
        name: name.to_string(),
        epoch: body.epoch,
        recipient: body.recipient.to_string(),
        members: members.iter().map(ToString::to_string).collect(),
        credentials: None,
    })
}

fn or_none(names: &[String]) -> String {
    match names.is_empty() {
        true => "none".into(),
        false => names.join(", "),
    }
}

/// `a b a` and `a b` mean the same.
fn distinct(members: &[MemberName]) -> BTreeSet<MemberName> {
    members.iter().cloned().collect()
}
