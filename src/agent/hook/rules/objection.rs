//! What stands against a command: a rule, and where it is written.

use std::{
    borrow::Cow,
    fmt,
    path::{Path, PathBuf},
};

/// The most that is shown of a rule, in characters.
const SHOWN_MAX: usize = 300;

/// What a rule says about a command. The stronger is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A person is to be asked.
    Ask,
    /// It must not run.
    Deny,
}

/// A rule that a command meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What it says.
    pub answer: Answer,
    /// The rule, as it is written.
    pub rule: String,
    /// Where it stands.
    pub file: PathBuf,
    /// What it says about itself.
    pub reason: Option<String>,
}

impl Objection {
    pub(super) fn new(answer: Answer, rule: impl Into<String>, file: &Path) -> Self {
        Self {
            answer,
            rule: rule.into(),
            file: file.to_owned(),
            reason: None,
        }
    }

    /// A file that may hold any rule.
    pub(super) fn unreadable(answer: Answer, file: &Path, problem: impl fmt::Display) -> Self {
        Self {
            reason: Some(format!("it cannot be read as rules: {problem}")),
            ..Self::new(answer, "every rule", file)
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.answer {
            Answer::Ask => "asks before this",
            Answer::Deny => "forbids this",
        };
        write!(f, "{} in {} {does}", shortened(&self.rule), self.file.display())?;
        match &self.reason {
            Some(reason) => write!(f, " ({})", shortened(reason)),
            None => Ok(()),
        }
    }
}

/// What stands in a file can be as long as the file, and be there to be read by a model.
fn shortened(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
