//! What one look has found, and what to do about it.

use fleetvault::terminal::report::Report;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Check {
    pub state: State,
    pub what: String,
    pub todo: Option<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Good,
    /// True of many machines, and worth knowing.
    Note,
    Risk,
    Bad,
}

pub(super) fn from_reports(state: State, reports: Vec<Report>) -> Check {
    match reports.into_iter().next() {
        Some(report) => check(state, report.message, report.hint),
        None => check(state, "unknown", None),
    }
}

pub(super) fn check(state: State, what: impl Into<String>, todo: Option<String>) -> Check {
    Check {
        state,
        what: what.into(),
        todo,
    }
}
