//! A sandbox with repositories in it, and `git` in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fleetvault::vault::{
    Access, CommitRequest, FileChange, Repository, Snapshot, WriteError, WriteFailure, WriteOptions, Written, write,
};
use tempfile::TempDir;

pub const VAULT: &str = "fleetvault.toml";

pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::write(dir.path().join("home/.gitconfig"), "").unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// A command that sees nothing of the machine's git configuration.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("GIT_") || name.starts_with("GPG") || name.starts_with("SSH_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.home())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("EMAIL")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.home().join(".gitconfig"));
        command
    }

    pub fn try_git(&self, dir: &Path, args: &[&str]) -> Output {
        let mut git = self.command("git");
        git.arg("-C").arg(dir).args(args).output().unwrap()
    }

    pub fn git(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.try_git(dir, args);
        assert!(
            output.status.success(),
            "git {args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// An empty repository, whose own settings outdo those of the machine.
    pub fn empty(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        self.git(self.dir.path(), &["init", "-q", "-b", "main", name]);
        self.configure(&dir);
        dir
    }

    pub fn configure(&self, dir: &Path) {
        for (key, value) in [
            ("user.name", "Tester"),
            ("user.email", "tester@example.org"),
            ("commit.gpgsign", "false"),
            ("core.autocrlf", "false"),
            ("gc.auto", "0"),
        ] {
            self.git(dir, &["config", key, value]);
        }
    }

    /// A repository with a vault at its top, made by git alone.
    pub fn vault(&self, name: &str) -> PathBuf {
        let dir = self.empty(name);
        put(&dir, VAULT, "root\n");
        put(&dir, ".gitattributes", "* -text\n");
        put(&dir, "credentials/a.toml", "a 1\n");
        put(&dir, "credentials/b.toml", "b 1\n");
        put(&dir, "README", "not ours\n");
        self.commit_all(&dir, "first");
        dir
    }

    pub fn commit_all(&self, dir: &Path, message: &str) {
        self.git(dir, &["add", "-A"]);
        self.git(dir, &["commit", "-q", "-m", message]);
    }

    /// Checks everything that must hold after every command.
    pub fn assert_sound(&self, dir: &Path) {
        let fsck = self.try_git(dir, &["fsck", "--full", "--strict", "--no-dangling"]);
        assert!(
            fsck.status.success() && fsck.stdout.is_empty(),
            "fsck: {}{}",
            String::from_utf8_lossy(&fsck.stdout),
            String::from_utf8_lossy(&fsck.stderr)
        );
        let left = leftovers(dir);
        assert!(left.is_empty(), "left over: {left:?}");
    }

    pub fn assert_clean(&self, dir: &Path) {
        assert_eq!(self.status(dir), "");
        self.assert_sound(dir);
    }

    pub fn status(&self, dir: &Path) -> String {
        self.git(dir, &["status", "--porcelain", "--untracked-files=all"])
    }

    pub fn head(&self, dir: &Path) -> String {
        self.git(dir, &["rev-parse", "HEAD"])
    }
}

/// Locks, journals and temporary files below a directory.
pub fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let mut left = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                todo.push(path);
                continue;
            }
            let ours = dir.ends_with("fleetvault") && name != "lock";
            if ours || name.ends_with(".lock") || name.starts_with(".fleetvault-") {
                left.push(path);
            }
        }
    }
    left
}

pub fn put(dir: &Path, path: &str, contents: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

pub fn get(dir: &Path, path: &str) -> String {
    fs::read_to_string(dir.join(path)).unwrap()
}

pub fn open(dir: &Path) -> Repository {
    Repository::open(dir, Access::Write).unwrap()
}

pub fn request(files: &[(&str, &str)]) -> CommitRequest {
    CommitRequest {
        files: files
            .iter()
            .map(|(path, contents)| FileChange {
                path: (*path).to_owned(),
                contents: contents.as_bytes().to_vec(),
            })
            .collect(),
        subject: "fleetvault: set".to_owned(),
        trailers: vec![("Fleetvault-Credential".to_owned(), "a".to_owned())],
    }
}

pub fn never(_: &Snapshot<'_>) -> Result<CommitRequest, std::convert::Infallible> {
    Ok(request(&[("credentials/a.toml", "never\n")]))
}

/// Writes files of the vault that `dir` is in.
pub fn set(dir: &Path, files: &[(&str, &str)]) -> Result<Written, WriteFailure> {
    set_with(dir, &WriteOptions::default(), files)
}

pub fn set_with(dir: &Path, options: &WriteOptions, files: &[(&str, &str)]) -> Result<Written, WriteFailure> {
    let repository = Repository::open(dir, Access::Write)?;
    let written = write(&repository, options, |_| {
        Ok::<_, std::convert::Infallible>(request(files))
    });
    written.map_err(|error| match error {
        WriteError::Write(failure) => failure,
        WriteError::Plan(never) => match never {},
    })
}

pub fn branch(name: &str) -> WriteOptions {
    WriteOptions {
        branch: Some(name.to_owned()),
        ..WriteOptions::default()
    }
}

pub fn dry_run() -> WriteOptions {
    WriteOptions {
        dry_run: true,
        ..WriteOptions::default()
    }
}

/// Says, visibly, that something could not be tested as this user or on this system.
pub fn skip(what: &str) {
    use std::io::Write as _;
    // Past the capture of the test harness, which hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// The same, for a program that is not installed; where it must be, that is a failure.
pub fn skip_without(program: &str, what: &str) {
    assert!(std::env::var_os("CI").is_none(), "no {program}, for {what}");
    skip(&format!("{what} (needs {program})"));
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn impatient() -> WriteOptions {
    WriteOptions {
        wait: std::time::Duration::from_millis(200),
        ..WriteOptions::default()
    }
}
