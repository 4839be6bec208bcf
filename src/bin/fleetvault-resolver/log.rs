//! `log`: what was opened and refused here. Needs no identity and no vault.

use clap::Args;
use fleetvault::{
    cli::{Failure, Settings, audit_log},
    resolver::audit::Entry,
    say,
    terminal::{
        escape_json,
        report::Report,
        table::{Column, Table},
        whole,
    },
};
use vault_format::{CredentialName, MemberName};

use crate::launch::{LaunchArgs, warn};

#[derive(Args)]
pub struct LogArgs {
    /// Only uses of this credential
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,
    /// Only uses by this member
    #[arg(long, value_name = "MEMBER")]
    by: Option<MemberName>,
    /// Only what was refused
    #[arg(long)]
    refused: bool,
    /// Only the last N
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<usize>,
}

pub fn run(args: &LogArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let settings = Settings::from_environment();
    let log = audit_log(&launch.policy(&settings)?, &settings).ok_or_else(|| {
        Report::new(1, "io", "there is no home directory to look for the audit log")
            .hint("name it with --audit-log FILE")
    })?;
    let cannot = |what: &str, error: std::io::Error| Report::new(1, "io", format!("cannot {what}: {error}"));
    let (mut entries, broken) = log
        .read()
        .map_err(|error| cannot(&format!("read {}", log.path().display()), error))?;
    entries.retain(|entry| args.wants(entry));
    let first = args.last.map_or(0, |last| entries.len().saturating_sub(last));
    let entries = &entries[first..];
    if broken > 0 {
        warn(&format!(
            "{broken} lines of {} are no entries and are not shown",
            log.path().display()
        ));
    }
    if !launch.json {
        return whole(table(entries).print()).map_err(|error| cannot("write the list", error).into());
    }
    for entry in entries {
        let line = serde_json::to_string(entry).map_err(|error| cannot("write the list", error.into()))?;
        say!("{}", escape_json(&line));
    }
    Ok(())
}

impl LogArgs {
    fn wants(&self, entry: &Entry) -> bool {
        self.credential
            .as_ref()
            .is_none_or(|name| name.as_str() == entry.credential)
            && self.by.as_ref().is_none_or(|name| name.as_str() == entry.member)
            && (!self.refused || entry.outcome == "refused")
    }
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new([
        Column::fixed("TIME"),
        Column::fixed("MEMBER"),
        Column::flexible("CREDENTIAL"),
        Column::number("SERIAL"),
        Column::fixed("FOR"),
        Column::fixed("OUTCOME"),
    ]);
    for entry in entries {
        let outcome = match &entry.code {
            Some(code) => format!("{}: {code}", entry.outcome),
            None => entry.outcome.clone(),
        };
        table.row([
            entry.time.clone(),
            entry.member.clone(),
            entry.credential.clone(),
            entry.serial.map_or("-".into(), |serial| serial.to_string()),
            entry.purpose.clone(),
            outcome,
        ]);
    }
    table
}
