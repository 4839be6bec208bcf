//! `hooks install`, `status` and `remove`: the hooks in a repository. What is not fleetvault's is never overwritten, and comes back.

use std::{
    env, fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use fleetvault::{
    cli::Failure,
    say,
    terminal::{escape, report::Report},
    vault::{Access, Repository},
};
use serde::Serialize;

use super::{
    Hook, InstallArgs,
    git::{ask, git},
};
use crate::{context::Context, output};

/// The line that only fleetvault's hooks have.
const MARK: &str = "# fleetvault hook: ";

/// What a hook is called that was set aside.
const BEFORE: &str = "before-fleetvault";

/// The line of a hook that names the program.
const PROGRAM: &str = "program='fleetvault'";

/// How git shows files of a vault, as `.gitattributes` names it.
const TEXTCONV: &str = "diff.fleetvault.textconv";

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

impl Hook {
    const ALL: [Self; 3] = [Self::PreCommit, Self::PreReceive, Self::Update];

    const fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PreReceive => "pre-receive",
            Self::Update => "update",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::PreCommit => include_str!("../../../../../hooks/git/pre-commit"),
            Self::PreReceive => include_str!("../../../../../hooks/git/pre-receive"),
            Self::Update => include_str!("../../../../../hooks/git/update"),
        }
    }

    /// What somebody adds to a hook of their own.
    const fn line(self) -> &'static str {
        match self {
            Self::PreCommit => "fleetvault hooks check --staged || exit",
            Self::PreReceive => "fleetvault hooks check --received || exit   # reads standard input, as the hook does",
            Self::Update => "fleetvault hooks check --update \"$1\" \"$2\" \"$3\" || exit",
        }
    }
}

/// What stands in a hook's place.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
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
struct Place {
    hooks: PathBuf,
    work_dir: Option<PathBuf>,
    is_bare: bool,
    /// The hooks are those of every repository of this user or machine.
    is_shared: bool,
}

impl Place {
    fn find() -> Result<Self, Failure> {
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

    fn path(&self, hook: Hook) -> PathBuf {
        self.hooks.join(hook.name())
    }

    fn before(&self, hook: Hook) -> PathBuf {
        self.hooks.join(format!("{}.{BEFORE}", hook.name()))
    }

    fn state(&self, hook: Hook) -> Result<State, Failure> {
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
    fn framework(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let top = self.work_dir.as_ref()?;
        FRAMEWORKS.into_iter().find(|(file, ..)| top.join(file).exists())
    }

    /// Tells whether a hook that is set aside would look for what it runs by its new name, and not find it: Husky's do, and programs that stand
    /// under the names of all hooks.
    fn goes_by_its_name(&self, path: &Path) -> bool {
        // What cannot be read, a link to nowhere for example, does not run either.
        let text = fs::read(path).unwrap_or_default();
        let has = |part: &[u8]| memchr::memmem::find(&text, part).is_some();
        self.hooks.ends_with(".husky/_") || (text.starts_with(b"#!") && has(b"basename"))
    }

    /// Refuses what would take somebody's hook away, or put one where it is not expected.
    fn check(&self, hook: Hook, state: State, chain: bool) -> Result<(), Failure> {
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

pub fn install(args: &InstallArgs) -> Result<(), Failure> {
    let place = Place::find()?;
    let usual = if place.is_bare {
        Hook::PreReceive
    } else {
        Hook::PreCommit
    };
    let hooks = if args.hooks.is_empty() {
        vec![usual]
    } else {
        args.hooks.clone()
    };
    // All that could stand against it is looked at before anything is written.
    let mut states = Vec::new();
    for hook in hooks {
        let state = place.state(hook)?;
        place.check(hook, state, args.chain)?;
        states.push((hook, state));
    }
    show_headers_only(args.dry_run)?;
    for (hook, state) in states {
        let (name, path) = (hook.name(), place.path(hook));
        let would = if args.dry_run { "would be " } else { "" };
        if state == State::Installed {
            say!("{name} is installed");
            continue;
        }
        if state == State::Other {
            let before = place.before(hook);
            if !args.dry_run {
                fs::rename(&path, &before).map_err(|error| cannot("rename", &path, &error))?;
            }
            say!(
                "{name}: the hook that was there {would}kept as {}, and called first",
                shown(&before)
            );
        }
        if !args.dry_run {
            write(&path, &script(hook)).map_err(|error| cannot("write", &path, &error))?;
        }
        say!("{name} {would}installed: {}", shown(&path));
    }
    Ok(())
}

/// Tells git to show headers only, unless somebody told it something else.
fn show_headers_only(dry_run: bool) -> Result<(), Failure> {
    let ours = textconv();
    match ask(&["config", "--local", "--get", TEXTCONV])? {
        Some(value) if !is_ours(&value) => say!("git diff stays as {TEXTCONV} says: {}", escape(&value)),
        Some(value) if value == ours => {}
        _ if dry_run => {}
        _ => drop(git(&["config", "--local", TEXTCONV, &ours], &[])?),
    }
    Ok(())
}

fn is_ours(value: &str) -> bool {
    value.ends_with(" hooks textconv")
}

pub fn remove() -> Result<(), Failure> {
    let place = Place::find()?;
    let mut removed = false;
    for hook in Hook::ALL {
        if !matches!(place.state(hook)?, State::Installed | State::Outdated) {
            continue;
        }
        let (name, path, before) = (hook.name(), place.path(hook), place.before(hook));
        removed = true;
        // A rename replaces, so that there is no moment without any hook.
        if before.symlink_metadata().is_ok() {
            fs::rename(&before, &path).map_err(|error| cannot("rename", &before, &error))?;
            say!("{name}: the hook that was there before is back");
        } else {
            fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
            say!("{name} removed");
        }
    }
    if ask(&["config", "--local", "--get", TEXTCONV])?.is_some_and(|value| is_ours(&value)) {
        git(&["config", "--local", "--unset", TEXTCONV], &[])?;
        removed = true;
    }
    if !removed {
        say!("there is no hook of fleetvault here");
    }
    Ok(())
}

pub fn status(context: &Context) -> Result<(), Failure> {
    let place = Place::find()?;
    let states = Hook::ALL.map(|hook| place.state(hook).map(|state| (hook, state)));
    let states = states.into_iter().collect::<Result<Vec<_>, _>>()?;
    let textconv = ask(&["config", "--get", TEXTCONV])?;
    if context.globals.json {
        let hooks: serde_json::Map<_, _> = states
            .iter()
            .map(|(hook, state)| (hook.name().to_owned(), serde_json::json!(state)))
            .collect();
        return output::print_json(&serde_json::json!({
            "directory": place.hooks.display().to_string(),
            "hooks": hooks,
            "textconv": textconv,
            "framework": place.framework().map(|(_, program, _)| program),
        }));
    }
    for (hook, state) in states {
        let chained = place.before(hook).symlink_metadata().is_ok();
        let says = match state {
            State::Absent => "not there",
            State::Installed if chained => "installed, after the hook that was there before",
            State::Installed => "installed",
            State::Outdated => "of another version: fleetvault hooks install",
            State::Other => "another program's",
        };
        say!("{:<12} {says}", hook.name());
    }
    let says = if textconv.is_some() {
        "headers only"
    } else {
        "all of each file"
    };
    say!("{:<12} {says}", "git diff");
    if let Some((file, program, _)) = place.framework() {
        say!("{file} is there: {program} writes hooks here");
    }
    Ok(())
}

/// A hook's script, with the program in it that installed it.
fn script(hook: Hook) -> String {
    let script = hook.script();
    match program() {
        Some(program) => script.replacen(PROGRAM, &format!("program={program}"), 1),
        None => script.to_owned(),
    }
}

fn textconv() -> String {
    format!("{} hooks textconv", program().unwrap_or_else(|| "fleetvault".into()))
}

/// The path of this program, quoted for a shell. One that the shell finds by its name is called by that, so that an update can move it.
fn program() -> Option<String> {
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

/// Writes a hook beside its place, and renames it there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fleetvault-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn shown(path: &Path) -> String {
    escape(&path.display().to_string()).into_owned()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Report::new(1, "io", format!("cannot {what} {}: {error}", shown(path))).into()
}
