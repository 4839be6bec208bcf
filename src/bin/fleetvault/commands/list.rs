//! `list`: credentials and who may use them.

use std::collections::HashMap;

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::AuthorError,
    cli::{Failure, time},
    terminal::{
        style::Paint,
        table::{Cell, Column, Table},
    },
    vault::Vault,
};
use serde::Serialize;
use vault_format::{Credential, FilePath, MemberName, Timestamp, Verified};

use super::exposure;
use crate::{
    commit::ReadArgs,
    complete,
    context::{Context, fail},
    output,
    trust::Strictness,
};

#[derive(Args)]
pub struct ListArgs {
    /// Only those that this member may use
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::members))]
    member: Option<MemberName>,
    /// Also look through the history, and tell which are known to someone who may not use them: they are to be rotated
    #[arg(long)]
    exposed: bool,
    #[command(flatten)]
    read: ReadArgs,
}

/// A credential as `list` and `show` print it.
#[derive(Serialize)]
pub struct Line {
    pub name: String,
    pub members: Vec<String>,
    pub network: String,
    pub expires: Option<String>,
    pub expired: bool,
    pub value_set: String,
    pub note: Option<String>,
    pub serial: u64,
    pub authors: Vec<String>,
    pub sealed_to: Vec<String>,
    /// Who knows the value and may not use it any more; only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also_known_to: Option<Vec<String>>,
}

pub fn run(args: &ListArgs, context: &Context) -> Result<(), Failure> {
    let (lines, broken) = context.read(&args.read, Strictness::Noted, |vault| {
        if let Some(member) = &args.member {
            check_member(vault, member)?;
        }
        let now = time::now();
        let (mut lines, mut broken) = (Vec::new(), Vec::new());
        for name in vault.credential_names()? {
            match vault.look_at::<Credential>(&FilePath::Credential(name)) {
                Ok(Some(file)) => {
                    if let Some(terms) = file.body()
                        && args
                            .member
                            .as_ref()
                            .map_or(Ok(true), |member| vault.reaches(&terms.scope, member))?
                    {
                        lines.push(line(&file, terms, now));
                    }
                }
                Ok(None) => {}
                Err(error) => broken.push(error),
            }
        }
        // What was used here and is gone without a tombstone is no less missing for not being listed.
        for (path, _) in vault.floors().list().unwrap_or_default() {
            if let Some(path @ FilePath::Credential(_)) = FilePath::parse(&path)
                && !vault.snapshot().contains(&path.to_string()).unwrap_or(true)
            {
                broken.extend(vault.look_at::<Credential>(&path).err());
            }
        }
        if args.exposed {
            let found = exposure::read(vault, &exposure::EXPOSED, false)?;
            let mut known: HashMap<String, Vec<String>> = { found.worklist() }
                .map(|(name, value)| {
                    let who = value.still_known_to().map(|knower| knower.member.to_string());
                    (name.to_string(), who.collect())
                })
                .collect();
            for line in &mut lines {
                line.also_known_to = Some(known.remove(&line.name).unwrap_or_default());
            }
            exposure::remark(&found);
        }
        Ok((lines, broken))
    })?;
    output::list(context.globals.json, &lines, || table(&lines, args.exposed))?;
    // One broken file hides no other, but the list is not complete, and a script must notice.
    Failure::unless_none(&broken)
}

/// The line of one credential.
pub fn line(file: &Verified<Credential>, terms: &Credential, now: Timestamp) -> Line {
    Line {
        name: file.subject().to_string(),
        members: terms.scope.entries(),
        network: terms.network.to_string(),
        expires: terms.expires.map(|time| time.to_string()),
        expired: terms.expires.is_some_and(|time| time <= now),
        value_set: terms.value_set.to_string(),
        note: terms.note.clone(),
        serial: file.serial(),
        authors: file.authors().map(ToString::to_string).collect(),
        sealed_to: terms.sealed_to.holders().iter().map(ToString::to_string).collect(),
        also_known_to: None,
    }
}

fn check_member(vault: &Vault<'_>, name: &MemberName) -> Result<(), Failure> {
    let member = vault.look_at::<vault_format::Member>(&FilePath::Member(name.clone()))?;
    if member.is_some_and(|member| member.body().is_some()) {
        return Ok(());
    }
    Err(fail(AuthorError::UnknownMember {
        near: fleetvault::resolver::nearest(name.as_str(), vault.member_names()?, 3),
        name: name.clone(),
    }))
}

fn table(lines: &[Line], exposed: bool) -> Table {
    let mut columns = vec![
        Column::fixed("NAME"),
        Column::flexible("MEMBERS"),
        Column::fixed("NETWORK"),
        Column::fixed("EXPIRES"),
        Column::fixed("VALUE SET"),
        Column::number("SERIAL"),
    ];
    if exposed {
        columns.push(Column::flexible("ALSO KNOWN TO"));
    }
    let mut table = Table::new(columns);
    for line in lines {
        let day = |time: &str| time.chars().take(10).collect::<String>();
        let expires = line.expires.as_deref().map_or_else(|| "never".into(), day);
        let others = line.also_known_to.as_ref().map(|others| others.join(", "));
        table.row([
            Cell::from(&line.name),
            Cell::from(line.members.join(", ")),
            Cell::from(&line.network),
            Cell::from(if line.expired {
                format!("{expires} (expired)")
            } else {
                expires
            }),
            Cell::from(day(&line.value_set)),
            Cell::from(line.serial.to_string()),
            Cell::painted(&others.unwrap_or_default(), Paint::Red),
        ]);
    }
    table
}
