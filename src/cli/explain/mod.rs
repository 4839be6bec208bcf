//! Every error as a person reads it: exit code, machine code, and what to do next.
//!
//! Exit codes: 3 outside the scope, 4 unknown, 5 expired, 6 not to be trusted, 7 refused by policy, 2 usage, 1 anything else.

mod author;
mod launch;
mod run;
mod vault;

use std::fmt::Display;

use crate::terminal::report::Report;

/// How many errors of one run are shown.
const REPORTS_MAX: usize = 100;

/// An error that a person can be told about.
pub trait Explain {
    /// Says what happened and what to do.
    fn explain(&self) -> Report;
}

fn plugin_hint(plugin: &str) -> String {
    format!(
        "install it where PATH finds it, or try it by itself: age -d -i IDENTITY FILE starts age-plugin-{plugin} too"
    )
}

/// The first reports, and one that stands for the rest with the highest of their exit codes: ten megabytes of broken references must not
/// become a hundred of errors.
pub(super) fn first_of(mut reports: impl Iterator<Item = Report>) -> Vec<Report> {
    let mut shown: Vec<Report> = reports.by_ref().take(REPORTS_MAX).collect();
    let (count, exit) = reports.fold((0, 0), |(count, exit), report| (count + 1, report.exit.max(exit)));
    if count > 0 {
        shown.push(Report::new(
            exit,
            "more",
            format!("{count} more errors or more are not shown"),
        ));
    }
    shown
}

fn list<N: Display>(names: &[N]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}
