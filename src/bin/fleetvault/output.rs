//! What commands say: results on standard output, remarks on standard error.

use std::io;

use fleetvault::{
    cli::Failure,
    terminal::{
        escape,
        report::{Report, warning},
        style::Style,
        table::Table,
    },
    vault::{WorkTree, Written},
};
use serde::Serialize;

/// Tells what a commit did, or would do.
pub fn written(written: &Written, summary: &[String]) {
    let style = Style::stdout();
    for line in summary {
        println!("{}", escape(line));
    }
    for path in &written.left_alone {
        note(&format!(
            "an interrupted run had written {path}, which was changed since and is left as it is"
        ));
    }
    let Some(commit) = written.commit else {
        println!("{}", style.dim("dry run: nothing was written"));
        return;
    };
    println!(
        "{}",
        style.dim(&format!("commit {} on {}", commit.short(), escape(&written.branch)))
    );
    if written.work_tree == WorkTree::OtherBranch {
        println!("to share it: git push -u origin {}", escape(&written.branch));
    }
}

/// Says something on standard error that stops nothing.
pub fn note(message: &str) {
    let _ = warning(message, Style::stderr(), &mut io::stderr().lock());
}

/// Prints a list as JSON or as a table.
pub fn list<T: Serialize>(json: bool, lines: &T, table: impl FnOnce() -> Table) -> Result<(), Failure> {
    if json {
        return print_json(lines);
    }
    table().print().map_err(|error| cannot_write(&error))
}

/// Prints one JSON value.
pub fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| cannot_write(&error.into()))?;
    println!("{text}");
    Ok(())
}

/// An error of the operating system on the way out.
pub fn cannot_write(error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot write to standard output: {error}")).into()
}
