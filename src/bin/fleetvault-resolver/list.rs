//! `list`: what this member may use. No value is opened.

use clap::Args;
use fleetvault::say;
use fleetvault::{
    cli::{Failure, time},
    terminal::{
        escape_json,
        table::{Column, Table},
        whole,
    },
};
use serde::Serialize;

use crate::launch::LaunchArgs;

#[derive(Args)]
pub struct ListArgs {
    /// List also what this member may not use
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Line {
    name: String,
    members: Vec<String>,
    accessible: bool,
    network: String,
    expires: Option<String>,
    expired: bool,
    note: Option<String>,
}

pub fn run(args: &ListArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let now = time::now();
    let (lines, broken) = launch.with_resolver(|resolver, _| {
        let (listed, broken) = resolver.list()?;
        let lines: Vec<Line> = listed
            .into_iter()
            .filter(|listed| args.all || listed.accessible)
            .map(|listed| Line {
                name: listed.name.to_string(),
                members: listed.terms.scope.entries(),
                accessible: listed.accessible,
                network: listed.terms.network.to_string(),
                expires: listed.terms.expires.map(|time| time.to_string()),
                expired: listed.terms.expires.is_some_and(|time| time <= now),
                note: listed.terms.note,
            })
            .collect();
        Ok((lines, broken))
    })?;
    let written = if launch.json {
        serde_json::to_string_pretty(&lines)
            .map_err(std::io::Error::from)
            .map(|json| say!("{}", escape_json(&json)))
    } else {
        whole(table(&lines).print())
    };
    written.map_err(|error| {
        fleetvault::terminal::report::Report::new(1, "io", format!("cannot write the list: {error}"))
    })?;
    Failure::unless_none(&broken)
}

fn table(lines: &[Line]) -> Table {
    let mut table = Table::new([
        Column::fixed("NAME"),
        Column::flexible("MEMBERS"),
        Column::fixed("NETWORK"),
        Column::fixed("EXPIRES"),
    ]);
    for line in lines {
        let expires = line.expires.clone().unwrap_or_else(|| "never".into());
        let expires = if line.expired {
            format!("{expires} (expired)")
        } else {
            expires
        };
        table.row([
            line.name.clone(),
            line.members.join(", "),
            line.network.clone(),
            expires,
        ]);
    }
    table
}
