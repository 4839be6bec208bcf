//! What commands say: results on standard output, remarks on standard error.

use std::{fmt::Display, io};

use fleetvault::say;
use fleetvault::{
    cli::Failure,
    terminal::{
        escape, escape_json, failure,
        report::{Report, warning},
        style::Style,
        table::Table,
        whole,
    },
    vault::{WorkTree, Written},
};
use serde::Serialize;
use vault_format::CredentialName;

/// A commit as `--json` tells it.
#[derive(Serialize)]
struct Told<'a> {
    commit: Option<String>,
    branch: Option<&'a str>,
    files: &'a [String],
    summary: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    rotate: &'a [String],
}

/// Tells what a commit did, or would do, and which values somebody knows who may use them no more.
pub fn written(json: bool, written: &Written, summary: &[String], rotate: &[CredentialName]) -> Result<(), Failure> {
    let rotate: Vec<String> = rotate.iter().map(ToString::to_string).collect();
    for path in &written.left_alone {
        note(&format!(
            "{path} was changed while fleetvault wrote; it is left as it is: look at it"
        ));
    }
    if json {
        return print_json(&Told {
            commit: written.commit.map(|commit| commit.to_string()),
            branch: Some(&written.branch),
            files: &written.paths,
            summary,
            rotate: &rotate,
        });
    }
    let style = Style::stdout();
    if written.commit.is_none() {
        say!("{}", style.dim("dry run, nothing is written; it would say:"));
    }
    for line in summary {
        say!("{}", escape(line));
    }
    if !rotate.is_empty() {
        let noun = if rotate.len() == 1 { "value is" } else { "values are" };
        say!("{} {noun} known to somebody who may not use it any more:", rotate.len());
        // In one piece: a line each would be ten thousand writes.
        say!("  {}", rotate.join("\n  "));
        say!("to give each a new one: fleetvault rotate --exposed");
    }
    let Some(commit) = written.commit else { return Ok(()) };
    say!(
        "{}",
        style.dim(&format!("commit {} on {}", commit.short(), escape(&written.branch)))
    );
    if written.work_tree == WorkTree::OtherBranch {
        say!("to share it: git push -u origin {}", escape(&written.branch));
    }
    Ok(())
}

/// Tells that there was nothing to do, where that is what one hopes for.
pub fn nothing(json: bool, why: &str) -> Result<(), Failure> {
    if json {
        return print_json(&Told {
            commit: None,
            branch: None,
            files: &[],
            summary: &[why.to_owned()],
            rotate: &[],
        });
    }
    say!("{why}");
    Ok(())
}

/// Tells whether all lines were written that were said.
pub fn finish() -> Result<(), Failure> {
    failure().map_or(Ok(()), |error| Err(cannot_write(&error)))
}

/// Says something on standard error that stops nothing.
pub fn note(message: &str) {
    let _ = warning(message, Style::stderr(), &mut io::stderr().lock());
}

/// Says that this machine does not remember what was used, where that is so: it stops nothing.
pub fn remembered<E: Display>(saved: Result<(), E>) {
    if let Err(error) = saved {
        note(&format!(
            "this machine's memory of serials could not be written: {error}"
        ));
    }
}

/// Prints a list as JSON or as a table.
pub fn list<T: Serialize>(json: bool, lines: &T, table: impl FnOnce() -> Table) -> Result<(), Failure> {
    if json {
        return print_json(lines);
    }
    whole(table().print()).map_err(|error| cannot_write(&error))
}

/// Prints one JSON value.
pub fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| cannot_write(&error.into()))?;
    say!("{}", escape_json(&text));
    Ok(())
}

/// An error of the operating system on the way out.
pub fn cannot_write(error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot write to standard output: {error}")).into()
}
