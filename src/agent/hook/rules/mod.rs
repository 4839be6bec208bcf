//! The rules by which a client's user allows and forbids commands, read from where the client reads them.
//!
//! A client compares its rules with the command that the hook returns, in which the original is only an argument: a rule against `rm` would not
//! meet it any more. So the hook answers for the original. It is stricter than the clients: it ignores what allows, honours what is switched
//! off, and where it cannot read a file it takes it for one that objects.

mod claude;
mod codex;
mod cursor;
mod gemini;
mod matching;
mod opencode;
mod paths;
mod starlark;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::line::Line;
use crate::agent::Client;

/// The largest file of rules that is read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// The most that is shown of a rule, in characters.
const SHOWN_MAX: usize = 300;

/// Where a client runs, as far as it decides which rules hold.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The directory of the call; absolute.
    pub directory: PathBuf,
    /// The variables of [`VARIABLES`] that are set.
    pub variables: BTreeMap<&'static str, PathBuf>,
}

/// The variables that say where rules are.
pub const VARIABLES: [&str; 10] = [
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_PROJECT_DIR",
    "CODEX_HOME",
    "CURSOR_CONFIG_DIR",
    "GEMINI_CLI_HOME",
    "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
    "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
    "GEMINI_PROJECT_DIR",
    "OPENCODE_CONFIG",
    "XDG_CONFIG_HOME",
];

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

/// Returns the strongest rule that stands against a command.
pub fn judge(client: Client, surroundings: &Surroundings, line: &Line) -> Option<Objection> {
    let objections = match client {
        Client::ClaudeCode => claude::objections(surroundings, line),
        Client::Codex => codex::objections(surroundings, line),
        Client::Gemini => gemini::objections(surroundings, line),
        Client::Cursor => cursor::objections(surroundings, line),
        Client::Opencode => opencode::objections(surroundings, line),
        // Its rules are options of its command line, which a hook does not see.
        Client::Copilot => Vec::new(),
    };
    // The first of the strongest.
    objections.into_iter().rev().max_by_key(|objection| objection.answer)
}

impl Objection {
    fn new(answer: Answer, rule: impl Into<String>, file: &Path) -> Self {
        Self {
            answer,
            rule: rule.into(),
            file: file.to_owned(),
            reason: None,
        }
    }

    /// A file that may hold any rule.
    fn unreadable(answer: Answer, file: &Path, problem: impl std::fmt::Display) -> Self {
        Self {
            reason: Some(format!("it cannot be read as rules: {problem}")),
            ..Self::new(answer, "every rule", file)
        }
    }
}

impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

impl Surroundings {
    fn variable(&self, name: &str) -> Option<&PathBuf> {
        self.variables.get(name)
    }

    /// A directory that a variable moves, or one below home.
    fn moved(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let usual = || self.home.as_ref().map(|home| home.join(below_home));
        self.variable(variable).cloned().or_else(usual)
    }

    /// The directory of the call and those above it, up to the top of its work tree; that one alone where there is none.
    fn up_to_the_top(&self) -> Vec<&Path> {
        let all: Vec<&Path> = self.directory.ancestors().collect();
        match all.iter().position(|directory| directory.join(".git").exists()) {
            Some(top) => all[..=top].to_vec(),
            None => all[..1].to_vec(),
        }
    }
}

/// Reads a file; `None` where there is none.
fn text(file: &Path) -> io::Result<Option<String>> {
    match fs::metadata(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Ok(meta) if meta.len() > FILE_MAX => return Err(io::ErrorKind::FileTooLarge.into()),
        Ok(meta) if !meta.is_file() => return Err(io::Error::other("it is no regular file")),
        _ => {}
    }
    fs::read_to_string(file).map(Some)
}

/// Reads JSON, with comments or without; `None` where there is no file.
fn json(file: &Path) -> Result<Option<Value>, String> {
    let Some(text) = text(file).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    jsonc_parser::parse_to_serde_value(&text, &Default::default()).map_err(|error| error.to_string())
}

/// The files of a directory whose names end so, in the order of their names.
fn files(directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The strings at a place of a JSON object; what is no string is passed over, as the clients do.
fn strings<'v>(value: &'v Value, path: &str) -> Vec<&'v str> {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    match found {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}
