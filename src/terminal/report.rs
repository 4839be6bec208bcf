//! How errors, hints and warnings are written, as text and as JSON.
//!
//! Says what it is given and nothing of its own: no exit, no value, no unescaped character of somebody else's.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::terminal::escape::{escape, escape_json};
use crate::terminal::style::{Paint, Style};

/// What both binaries call themselves in messages.
const PROGRAM: &str = "fleetvault";

/// Is one failure, as a person and a program are told about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What a program recognises it by, for example `outside_scope`.
    pub code: &'static str,
    /// One line, lower case, without full stop.
    pub message: String,
    /// What to do about it; may have several lines.
    pub hint: Option<String>,
    /// The credential it is about.
    pub credential: Option<String>,
    /// The member it is about.
    pub member: Option<String>,
    /// The exit code it asks for. `run` ends with another, so that it is not taken for the command's.
    pub exit: u8,
    /// Whether the message stands alone, without `fleetvault: error: `.
    #[serde(skip)]
    pub bare: bool,
}

impl Report {
    /// Makes a report without hint, credential and member.
    pub fn new(exit: u8, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            credential: None,
            member: None,
            exit,
            bare: false,
        }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the credential it is about.
    pub fn credential(mut self, credential: impl Into<String>) -> Self {
        self.credential = Some(credential.into());
        self
    }

    /// Adds the member it is about.
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Lets the message stand alone.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }
}

/// Returns the exit code of several failures: the highest, since a broken seal matters more than a wrong name.
pub fn exit_code(reports: &[Report]) -> u8 {
    reports.iter().map(|report| report.exit).max().unwrap_or(0)
}

/// Writes reports, in text or as one line of JSON each. Hints that repeat the previous one are left out of the text.
///
/// # Errors
/// What the writer gives.
pub fn print(reports: &[Report], json: bool, style: Style, to: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    for (index, report) in reports.iter().enumerate() {
        if json {
            text.push_str(&to_json(report)?);
            text.push('\n');
            continue;
        }
        if report.bare {
            text.push_str(&escape(&report.message));
            text.push('\n');
        } else {
            line(&mut text, style, Paint::Red, "error", &report.message);
        }
        // Ten broken references need to be told once how one is written.
        let repeated = reports.get(index + 1).is_some_and(|next| next.hint == report.hint);
        if let Some(hint) = report.hint.as_deref().filter(|_| !repeated) {
            for hint in hint.lines() {
                line(&mut text, style, Paint::Bold, "hint", hint);
            }
        }
    }
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// Writes a warning, one line for each line of the message.
///
/// # Errors
/// What the writer gives.
pub fn warning(message: &str, style: Style, to: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    for message in message.lines() {
        line(&mut text, style, Paint::Yellow, "warning", message);
    }
    to.write_all(text.as_bytes())?;
    to.flush()
}

fn line(text: &mut String, style: Style, paint: Paint, level: &str, message: &str) {
    let level = style.paint(paint, &format!("{level}:"));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{PROGRAM}: {level} {}", escape(message));
}

/// Writes one report as JSON, in which no character acts on a terminal either.
fn to_json(report: &Report) -> io::Result<String> {
    Ok(escape_json(&serde_json::to_string(report)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reports: &[Report], json: bool) -> String {
        let mut out = Vec::new();
        print(reports, json, Style::PLAIN, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn refused() -> Report {
        Report::new(
            3,
            "outside_scope",
            "Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev",
        )
        .credential("github_pat")
        .member("fleet-rev")
        .bare()
    }

    #[test]
    fn an_error_and_each_line_of_its_hint_have_a_prefix() {
        let report = Report::new(1, "no_vault", "no vault found in '/x' or above").hint("make one:\n  fleetvault init");
        assert_eq!(
            text(&[report], false),
            "fleetvault: error: no vault found in '/x' or above\n\
             fleetvault: hint: make one:\n\
             fleetvault: hint:   fleetvault init\n"
        );
    }

    #[test]
    fn a_bare_message_stands_alone() {
        assert_eq!(
            text(&[refused()], false),
            "Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev\n"
        );
    }

    #[test]
    fn a_hint_shared_by_neighbours_is_given_once() {
        let one = Report::new(1, "template", "a").hint("h");
        let two = Report::new(1, "template", "b").hint("h");
        let three = Report::new(1, "template", "c");
        assert_eq!(
            text(&[one, two, three], false),
            "fleetvault: error: a\nfleetvault: error: b\nfleetvault: hint: h\nfleetvault: error: c\n"
        );
    }

    #[test]
    fn json_is_one_line_a_report() {
        let other = Report::new(6, "bad_seal", "a \"b\"\n\u{9b}\u{202e}").hint("c\nd");
        assert_eq!(
            text(&[refused(), other], true),
            concat!(
                r#"{"code":"outside_scope","message":"Credential 'github_pat' is not accessible to member 'fleet-rev'. "#,
                r#"Allowed: fleet-dev","hint":null,"credential":"github_pat","member":"fleet-rev","exit":3}"#,
                "\n",
                r#"{"code":"bad_seal","message":"a \"b\"\n\u009b\u202e","hint":"c\nd","credential":null,"member":null,"exit":6}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_others_wrote_is_escaped() {
        let report = Report::new(6, "unknown_file", "unknown file 'a\x1b[2J\nfleetvault: ok'").hint("rm 'a\x1b'");
        assert_eq!(
            text(&[report], false),
            "fleetvault: error: unknown file 'a\\u{1b}[2J\\u{a}fleetvault: ok'\nfleetvault: hint: rm 'a\\u{1b}'\n"
        );
        let mut out = Vec::new();
        warning("one\x07\ntwo", Style::PLAIN, &mut out).unwrap();
        assert_eq!(out, b"fleetvault: warning: one\\u{7}\nfleetvault: warning: two\n");
    }

    #[test]
    fn the_highest_exit_code_wins() {
        let seal = Report::new(6, "bad_seal", "x");
        assert_eq!(exit_code(&[refused(), seal, refused()]), 6);
        assert_eq!(exit_code(&[]), 0);
    }
}
