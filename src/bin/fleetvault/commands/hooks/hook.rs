//! The hooks: what each is called, and its script.

use std::{env, path::PathBuf};

use clap::ValueEnum;

/// The line of a hook that names the program.
const PROGRAM: &str = "program='fleetvault'";

/// A hook of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hook {
    /// Judges what is staged
    PreCommit,
    /// Judges a push, as a whole
    PreReceive,
    /// Judges a push, one reference at a time
    Update,
}

impl Hook {
    pub(super) const ALL: [Self; 3] = [Self::PreCommit, Self::PreReceive, Self::Update];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PreReceive => "pre-receive",
            Self::Update => "update",
        }
    }

    pub(super) const fn script(self) -> &'static str {
        match self {
            Self::PreCommit => include_str!("../../../../../hooks/git/pre-commit"),
            Self::PreReceive => include_str!("../../../../../hooks/git/pre-receive"),
            Self::Update => include_str!("../../../../../hooks/git/update"),
        }
    }

    /// What somebody adds to a hook of their own.
    pub(super) const fn line(self) -> &'static str {
        match self {
            Self::PreCommit => "fleetvault hooks check --staged || exit",
            Self::PreReceive => "fleetvault hooks check --received || exit   # reads standard input, as the hook does",
            Self::Update => "fleetvault hooks check --update \"$1\" \"$2\" \"$3\" || exit",
        }
    }
}

/// A hook's script, with the program in it that installed it.
pub(super) fn script(hook: Hook) -> String {
    let script = hook.script();
    match program() {
        Some(program) => script.replacen(PROGRAM, &format!("program={program}"), 1),
        None => script.to_owned(),
    }
}

/// The path of this program, quoted for a shell. One that the shell finds by its name is called by that, so that an update can move it.
pub(super) fn program() -> Option<String> {
    let this = env::current_exe().ok()?;
    let path = env::var_os("PATH")?;
    let mut found = env::split_paths(&path).map(|directory| directory.join("fleetvault"));
    let found = found.find(|path| path.is_file());
    let same = |path: &PathBuf| {
        path.canonicalize()
            .is_ok_and(|path| this.canonicalize().is_ok_and(|this| this == path))
    };
    if found.as_ref().is_some_and(same) {
        return None;
    }
    Some(format!("'{}'", this.to_str()?.replace('\'', "'\\''")))
}
