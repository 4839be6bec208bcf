//! What is wrong with a template, a command or the place for a result, and what policy refuses.

use std::fmt::Display;

use super::{Explain, first_of};
use crate::{
    cli::Failure,
    resolver::{
        PlaceError,
        policy::PolicyRefusal,
        run::{EnvFileError, RunError},
        template::{RenderErrors, SYNTAX, TemplateErrors},
    },
    terminal::report::Report,
};

impl From<TemplateErrors> for Failure {
    fn from(errors: TemplateErrors) -> Self {
        let report = |error: &dyn Display| Report::new(1, "template", error.to_string()).hint(SYNTAX);
        Self(first_of(errors.0.iter().map(|error| report(error))))
    }
}

impl From<RenderErrors> for Failure {
    fn from(errors: RenderErrors) -> Self {
        Self(first_of(
            errors.0.iter().map(|error| Report::new(1, "filter", error.to_string())),
        ))
    }
}

impl Explain for PolicyRefusal {
    fn explain(&self) -> Report {
        let code = match self {
            Self::Hook { .. } => "pre_resolve",
            Self::Approver { .. } => "not_approved",
            Self::FromRepository { .. } => "from_repository",
        };
        let report = Report::new(7, code, self.to_string());
        match (self, self.credential()) {
            (Self::FromRepository { .. }, _) => {
                report.hint("put it in a directory that only its administrator can write to")
            }
            (_, Some(credential)) => report.credential(credential.as_str()),
            (_, None) => report,
        }
    }
}

impl From<Vec<RunError>> for Failure {
    fn from(errors: Vec<RunError>) -> Self {
        Self(first_of(errors.into_iter().flat_map(|error| Self::from(error).0)))
    }
}

/// One report for each reference that is wrong, and one for everything else.
impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let one = |code| Report::new(1, code, error.to_string());
        match &error {
            RunError::Template { place, errors } => Self(first_of(errors.0.iter().map(|error| {
                Report::new(1, "template", format!("{place}: {error}")).hint(SYNTAX)
            }))),
            RunError::Render { place, errors } => {
                Self(first_of(errors.0.iter().map(|error| Report::new(1, "filter", format!("{place}: {error}")))))
            }
            RunError::Shell(errors) => Self(first_of(errors.0.iter().map(|error| {
                Report::new(7, "shell", error.to_string()).credential(error.name.as_str()).hint(error.hint())
            }))),
            RunError::EnvFile(EnvFileError::Unreadable { .. }) => one("io").into(),
            RunError::EnvFile(EnvFileError::NotOurs { path, .. } | EnvFileError::Writable { path }) => {
                Report::new(7, "env_file_owner", error.to_string())
                    .hint(format!("where you would run what it says, name it by its path: --env-file {}", path.display()))
                    .into()
            }
            RunError::ShellVariable { name } => Report::new(7, "shell_variable", error.to_string())
                .hint(format!("set it inside of the line, for the command that needs it: {name}=… COMMAND"))
                .into(),
            RunError::EnvFile(EnvFileError::Line { .. }) => {
                one("env_file").hint("a line is NAME=TEMPLATE, a comment begins with '#'").into()
            }
            RunError::Program { name } => Report::new(7, "program", error.to_string())
                .credential(name.as_str())
                .hint("name the program, and give it the value as an argument, in a variable (--env), a file (--file) or on standard input (--stdin)")
                .into(),
            RunError::Option { credentials, .. } => {
                let name = credentials.first().map_or("NAME", |name| name.as_str());
                Report::new(7, "option", error.to_string()).credential(name).hint(format!(
                    "put -- directly before it where the program knows that, or give it as --option=<<secure.{name}>>, in a variable or on \
                     standard input"
                )).into()
            }
            RunError::Nul { .. } | RunError::TooLong { .. } => {
                one("unfit").hint("give it to the command in a file (--file TEMPLATE_FILE:DEST) or on standard input (--stdin TEMPLATE)").into()
            }
            RunError::File { error, .. } if error.kind() == std::io::ErrorKind::AlreadyExists => {
                one("exists").hint("a file that is there already is never overwritten: name another, or remove it").into()
            }
            RunError::Output(_) => one("output").hint("the command was run").into(),
            RunError::File { .. } | RunError::Directory { .. } => one("io").into(),
            RunError::Network(_) => Report::new(7, "network", error.to_string())
                .hint("an author can change that: fleetvault scope NAME --network allow")
                .into(),
            RunError::Start { error: reason, .. } => match reason.kind() {
                std::io::ErrorKind::NotFound => Report::new(127, "not_started", error.to_string()).into(),
                std::io::ErrorKind::ArgumentListTooLong => Report::new(126, "not_started", error.to_string())
                    .hint("give large values in files (--file TEMPLATE_FILE:DEST) or on standard input (--stdin TEMPLATE)")
                    .into(),
                _ => Report::new(126, "not_started", error.to_string()).into(),
            },
            RunError::System { .. } => one("system").into(),
        }
    }
}

impl Explain for PlaceError {
    fn explain(&self) -> Report {
        match self {
            Self::Outside { .. } | Self::NoFile(_) => Report::new(7, "not_allowed", self.to_string())
                .hint("the launch names the directories in which files may be written: --allow-write DIR"),
            Self::System { .. } => Report::new(1, "io", self.to_string())
                .hint("its directory must exist, and no part of its path may be a link"),
        }
    }
}
