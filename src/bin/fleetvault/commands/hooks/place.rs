//! A repository's hooks: where they are, what is there now, and what stands against another one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fleetvault::{
    cli::Failure,
    terminal::{escape, report::Report},
    vault::{Access, Repository},
};
use serde::Serialize;

use super::{
    git::{ask, git},
    hook::{Hook, script},
};

/// The line that only fleetvault's hooks have.
const MARK: &str = "# fleetvault hook: ";

/// What a hook is called that was set aside.
const BEFORE: &str = "before-fleetvault";

/// Files by which programs are known that write hooks themselves, and what they are to be told.
const FRAMEWORKS: [(&str, &str, &str); 6] = [
    (".pre-commit-config.yaml", "pre-commit", PRE_COMMIT),
    (
        ".husky",
        "Husky",
        "add to .husky/pre-commit:\nfleetvault hooks check --staged",
    ),
    ("lefthook.yml", "lefthook", LEFTHOOK),
    ("lefthook.yaml", "lefthook", LEFTHOOK),
    (".lefthook.yml", "lefthook", LEFTHOOK),
    (
        "lefthook.toml",
        "lefthook",
        "add to lefthook.toml:\n[pre-commit.commands.fleetvault]\nrun = \"fleetvault hooks check --staged\"",
    ),
];
const PRE_COMMIT: &str = "add to .pre-commit-config.yaml:\n- repo: local\n  hooks:\n  - id: fleetvault\n    name: fleetvault\n    \
    entry: fleetvault hooks check --staged\n    language: system\n    pass_filenames: false\n    always_run: true";
const LEFTHOOK: &str =
    "add to it:\npre-commit:\n  commands:\n    fleetvault:\n      run: fleetvault hooks check --staged";

/// What stands in a hook's place.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Nothing.
    Absent,
    /// This version's hook.
    Installed,
    /// A hook of fleetvault with other contents.
    Outdated,
    /// Somebody else's.
    Other,
}

/// A repository and where its hooks are.
pub(super) struct Place {
    pub hooks: PathBuf,
    work_dir: Option<PathBuf>,
    pub is_bare: bool,
    /// The hooks are those of every repository of this user or machine.
    is_shared: bool,
}

impl Place {
    pub(super) fn find() -> Result<Self, Failure> {
        let repository = Repository::open(Path::new("."), Access::Write)?;
        let hooks = git(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"], &[])?;
        let scope = ask(&["config", "--show-scope", "--get", "core.hooksPath"])?.unwrap_or_default();
        Ok(Self {
            hooks: hooks.into(),
            work_dir: repository.work_dir().map(Path::to_owned),
            is_bare: repository.is_bare(),
            is_shared: scope.starts_with("global") || scope.starts_with("system"),
        })
    }

    pub(super) fn path(&self, hook: Hook) -> PathBuf {
        self.hooks.join(hook.name())
    }

    pub(super) fn before(&self, hook: Hook) -> PathBuf {
        self.hooks.join(format!("{}.{BEFORE}", hook.name()))
    }

    pub(super) fn state(&self, hook: Hook) -> Result<State, Failure> {
        let path = self.path(hook);
        let Ok(data) = path.symlink_metadata() else {
            return Ok(State::Absent);
        };
        if !data.is_file() {
            return Ok(State::Other);
        }
        let text = fs::read(&path).map_err(|error| cannot("read", &path, &error))?;
        let has_mark = text
            .split(|&byte| byte == b'\n')
            .nth(1)
            .is_some_and(|line| line.starts_with(MARK.as_bytes()));
        Ok(match has_mark {
            true if text == script(hook).as_bytes() => State::Installed,
            true => State::Outdated,
            false => State::Other,
        })
    }

    /// A program that writes this repository's hooks.
    pub(super) fn framework(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let top = self.work_dir.as_ref()?;
        FRAMEWORKS.into_iter().find(|(file, ..)| top.join(file).exists())
    }

    /// Tells whether a hook that is set aside would look for what it runs by its new name, and not find it: Husky's do, and programs that stand
    /// under the names of all hooks.
    pub(super) fn goes_by_its_name(&self, path: &Path) -> bool {
        // What cannot be read, a link to nowhere for example, does not run either.
        let text = fs::read(path).unwrap_or_default();
        let has = |part: &[u8]| memchr::memmem::find(&text, part).is_some();
        self.hooks.ends_with(".husky/_") || (text.starts_with(b"#!") && has(b"basename"))
    }

    /// Refuses what would take somebody's hook away, or put one where it is not expected.
    pub(super) fn check(&self, hook: Hook, state: State, chain: bool) -> Result<(), Failure> {
        let (name, path) = (hook.name(), self.path(hook));
        if self.is_shared {
            let text = format!("core.hooksPath is set for all repositories, to {}", shown(&self.hooks));
            return Err(Report::new(1, "hooks", text)
                .hint(format!(
                    "add to {name} there:\n{}\nor set it for this one: git config core.hooksPath .git/hooks",
                    hook.line()
                ))
                .into());
        }
        if matches!(state, State::Installed | State::Outdated) {
            return Ok(());
        }
        if hook == Hook::PreCommit
            && !chain
            && let Some((file, program, how)) = self.framework()
        {
            let text = format!("{file} is there, so {program} writes the hooks of this repository");
            return Err(Report::new(1, "hooks", text)
                .hint(format!(
                    "{how}
or install the hook all the same: --chain"
                ))
                .into());
        }
        if state == State::Absent {
            return Ok(());
        }
        if !chain {
            let text = format!("there is another {name} hook: {}", shown(&path));
            return Err(Report::new(1, "hooks", text)
                .hint(format!(
                    "add to it:\n{}\nor let fleetvault call it first: --chain",
                    hook.line()
                ))
                .into());
        }
        if self.goes_by_its_name(&path) {
            let text = format!(
                "the hook goes by its own name, and would do nothing under another: {}",
                shown(&path)
            );
            let line = hook.line();
            return Err(Report::new(1, "hooks", text)
                .hint(match self.framework() {
                    Some((.., how)) => how.to_owned(),
                    None => format!("add to it:\n{line}"),
                })
                .into());
        }
        let before = self.before(hook);
        match before.symlink_metadata() {
            Ok(_) => Err(Report::new(1, "hooks", format!("{} is there already", shown(&before))).into()),
            Err(_) => Ok(()),
        }
    }
}

pub(super) fn shown(path: &Path) -> String {
    escape(&path.display().to_string()).into_owned()
}

pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot {what} {}: {error}", shown(path))).into()
}
