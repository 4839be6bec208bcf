//! What a sync did, in words and as JSON.

use fleetvault::{
    cli::Failure,
    say,
    terminal::{counted, escape},
};
use serde::Serialize;

use super::round::Outcome;
use crate::output::{self, note};

#[derive(Serialize)]
struct Json<'a> {
    upstream: &'a str,
    branch: &'a str,
    before: String,
    commit: String,
    fetched: usize,
    rebased: usize,
    pushed: usize,
    unpushed: usize,
    merged: &'a [String],
    stale: Vec<&'a str>,
    older: &'a [String],
    dry_run: bool,
}

/// Tells a person, or a program.
pub fn tell(outcome: &Outcome, json: bool, dry_run: bool) -> Result<(), Failure> {
    if !outcome.stale.is_empty() {
        note(&format!(
            "{} is sealed to keys that are no longer current: an author can mend it ('fleetvault verify' lists all)",
            several(
                &outcome
                    .stale
                    .iter()
                    .map(|stale| stale.path.as_str())
                    .collect::<Vec<_>>()
            )
        ));
    }
    if !outcome.older.is_empty() {
        let paths: Vec<&str> = outcome.older.iter().map(String::as_str).collect();
        note(&format!(
            "{} {} older here than what this machine has used, and refused to who reads it: made on another branch, that is still to be merged? given up: fleetvault trust accept {}",
            several(&paths),
            if paths.len() == 1 { "is" } else { "are" },
            paths.join(" ")
        ));
    }
    if json {
        return output::print_json(&Json {
            upstream: &outcome.upstream,
            branch: &outcome.branch,
            before: outcome.before.to_string(),
            commit: outcome.after.to_string(),
            fetched: outcome.fetched,
            rebased: outcome.rebased,
            pushed: outcome.pushed,
            unpushed: outcome.unpushed,
            merged: &outcome.merged,
            stale: outcome.stale.iter().map(|stale| stale.path.as_str()).collect(),
            older: &outcome.older,
            dry_run,
        });
    }
    for line in &outcome.merged {
        say!("{}", escape(line));
    }
    let prefix = if dry_run {
        "dry run, nothing is written; it would say: "
    } else {
        ""
    };
    say!("{prefix}{}", escape(&line(outcome)));
    Ok(())
}

/// One line for what happened.
pub fn line(outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    let mut count = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{what} {}", counted(number, "commit")));
        }
    };
    count(outcome.fetched, "fetched");
    count(outcome.rebased, "rebased");
    count(outcome.pushed, "pushed");
    count(outcome.unpushed, "not pushed:");
    let at = format!("{} at {}", outcome.branch, outcome.after.short());
    match parts.is_empty() {
        true if outcome.before == outcome.after => format!("{at} is up to date with {}", outcome.upstream),
        true => format!("{at} follows {}", outcome.upstream),
        false => format!("{at}: {} ({})", parts.join(", "), outcome.upstream),
    }
}

fn several(paths: &[&str]) -> String {
    match paths {
        [one] => (*one).to_owned(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}
