//! A throw-away fleet for tests: a vault by `alice` in a temporary directory, members with keys of their own, and the two real binaries.
//!
//! Nothing of the machine's own configuration is used: every process gets a HOME, a configuration and a state of the fleet's.

#![allow(dead_code)]

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use tempfile::TempDir;

/// A vault with its author, in a directory that goes away.
pub struct Fleet {
    directory: TempDir,
}

/// The values of each fleet, by its HOME, which every process of that fleet has: none may show in what a failing process prints.
static VALUES: Mutex<Option<HashMap<OsString, Vec<Vec<u8>>>>> = Mutex::new(None);

/// Shorter texts stand in messages by chance.
const TELLING: usize = 8;

/// What a process left behind.
pub struct Run {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    what: String,
}

impl Fleet {
    /// A new vault at the top of its repository, with `alice` as author, member and keeper.
    pub fn new() -> Self {
        let fleet = Self::without_vault();
        fs::create_dir(fleet.vault()).unwrap();
        fleet.fleetvault(&["init", "--author", "alice"]).ok();
        fleet
    }

    /// Directories and keys for nobody yet.
    pub fn without_vault() -> Self {
        let fleet = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let config = "[user]\n\tname = Alice\n\temail = alice@fleet.example\n[init]\n\tdefaultBranch = main\n";
        fs::write(fleet.path("gitconfig"), config).unwrap();
        fleet
    }

    /// A path inside the fleet's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The work tree of the vault.
    pub fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    /// A member's identity file; alice's is in her configuration.
    pub fn identity(&self, member: &str) -> PathBuf {
        match member {
            "alice" => self.path("alice/fleetvault/identity.txt"),
            _ => self.path(&format!("{member}.txt")),
        }
    }

    /// The vault's id, as `trust show` tells it.
    pub fn id(&self) -> String {
        let shown = self.fleetvault(&["trust", "show", "--json"]).ok();
        let json: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        json["vault"].as_str().unwrap().to_owned()
    }

    /// Makes an identity with its anchor, registers it, and returns its public key.
    pub fn member(&self, name: &str) -> String {
        let file = self.identity(name);
        let key = self
            .fleetvault(&["keygen", "--member", name, "-o", file.to_str().unwrap()])
            .ok()
            .out();
        let key = key.trim().to_owned();
        self.fleetvault(&["member", "add", name, "--recipient", &key]).ok();
        key
    }

    /// Sets a credential; `members` may be `*`.
    pub fn set(&self, name: &str, value: &str, members: &str) {
        self.fleetvault_with(&["set", name, "--members", members], value.as_bytes())
            .ok();
    }

    /// Runs `fleetvault` as alice in the vault, with nothing on standard input.
    pub fn fleetvault(&self, args: &[&str]) -> Run {
        self.fleetvault_with(args, b"")
    }

    /// Runs `fleetvault` as alice in the vault. What `set` and `rotate` read is remembered as a value.
    pub fn fleetvault_with(&self, args: &[&str], stdin: &[u8]) -> Run {
        if args.iter().any(|arg| ["set", "rotate"].contains(arg)) {
            self.remember(stdin);
        }
        run(self.fleetvault_command(args), stdin)
    }

    /// `fleetvault` as alice in the vault, to be changed before it runs.
    pub fn fleetvault_command(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_fleetvault"), "alice");
        command.args(args).current_dir(self.vault());
        command
    }

    /// Remembers a value, and each of its longer lines: from now on no failing process of this fleet may print it, and none on standard error.
    pub fn remember(&self, value: &[u8]) {
        let lines = value.split(|&byte| byte == b'\n').filter(|line| line.len() >= TELLING);
        let mut values = VALUES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_fleet = values.get_or_insert_default().entry(self.path("home").into());
        of_fleet.or_default().extend(lines.map(<[u8]>::to_vec));
    }

    /// The values of this fleet, none of which may show where none is to be seen.
    pub fn values(&self) -> Vec<Vec<u8>> {
        let values = VALUES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_fleet = values
            .as_ref()
            .and_then(|values| values.get(self.path("home").as_os_str()));
        of_fleet.cloned().unwrap_or_default()
    }

    /// Runs `fleetvault-resolver` for a member, outside the vault, with that member's own state.
    pub fn resolver(&self, member: &str, args: &[&str], stdin: &[u8]) -> Run {
        run(self.resolver_command(member, args), stdin)
    }

    /// `fleetvault-resolver` for a member, to be changed before it runs.
    pub fn resolver_command(&self, member: &str, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), member);
        command
            .args(args)
            .current_dir(self.directory.path())
            .env("FLEETVAULT_VAULT", self.vault())
            .env("FLEETVAULT_IDENTITY", self.identity(member));
        command
    }

    /// Expands a template for a member.
    pub fn expand(&self, member: &str, template: &str) -> Run {
        self.resolver(member, &["expand"], template.as_bytes())
    }

    /// Runs real `git` in the vault, and returns what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.vault(), args).ok().out()
    }

    /// Runs real `git` somewhere.
    pub fn git_in(&self, directory: &Path, args: &[&str]) -> Run {
        let mut command = self.command("git", "alice");
        command.args(args).current_dir(directory);
        run(command, b"")
    }

    /// A process with nothing of this machine's in its environment but PATH. `who` has a configuration and a state of its own.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, who: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path(who))
            .env("XDG_STATE_HOME", self.path(&format!("{who}-state")))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        command
    }

    /// Reads a file of the vault's work tree.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.vault().join(path)).unwrap()
    }

    /// Replaces a file of the vault and commits it with plain git, as anybody with push rights can.
    pub fn forge(&self, path: &str, contents: impl AsRef<[u8]>) {
        let file = self.vault().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, contents).unwrap();
        self.commit_all("forged");
    }

    /// Commits the whole work tree with plain git.
    pub fn commit_all(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }
}

impl Run {
    /// Demands success.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.fails(0)
    }

    /// Demands an exit code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        let stdout = String::from_utf8_lossy(&self.stdout);
        assert_eq!(
            self.code, code,
            "{}\nstdout: {stdout}\nstderr: {}",
            self.what, self.stderr
        );
        self
    }

    /// Demands a text on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "{}\nexpected on stderr: {text}\nstderr: {}",
            self.what,
            self.stderr
        );
        self
    }

    /// Demands a text on standard output.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(
            String::from_utf8_lossy(&self.stdout).contains(text),
            "{}\nexpected on stdout: {text}\nstdout: {}\nstderr: {}",
            self.what,
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }

    /// Demands exactly this on standard error.
    #[track_caller]
    pub fn says_exactly(self, text: &str) -> Self {
        assert_eq!(self.stderr, text, "{}", self.what);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{}\n{error}\n{}", self.what, String::from_utf8_lossy(&self.stdout)))
    }

    /// Demands that nothing was printed on standard output.
    #[track_caller]
    pub fn silent(self) -> Self {
        assert_eq!(
            String::from_utf8_lossy(&self.stdout),
            "",
            "{}\nstderr: {}",
            self.what,
            self.stderr
        );
        self
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

/// Starts a command. A program that was just written cannot be started as long as a child that another test has just forked holds it open.
fn started(command: &mut Command) -> std::io::Result<std::process::Child> {
    let mut tries = 100;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy && tries > 0 => {
                tries -= 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            started => return started,
        }
    }
}

/// Runs a command with this on its standard input. No value of the fleet may leak.
#[track_caller]
pub fn run(mut command: Command, stdin: &[u8]) -> Run {
    let what = format!("{command:?}");
    let values = values_of(&command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = started(&mut command).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut pipe = child.stdin.take().unwrap();
    let input = stdin.to_owned();
    // In a thread of its own: a child that writes before it has read everything must not wait for us.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    for value in &values {
        assert!(!holds(&stderr, value), "a value on standard error: {what}");
        assert!(
            status.success() || !holds(&stdout, value),
            "a value although it failed: {what}"
        );
    }
    assert!(!holds_private_key(&stderr), "a private key on standard error: {what}");
    Run {
        code: status.code().unwrap_or(-1),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        what,
    }
}

/// The values of the fleet that a command belongs to.
fn values_of(command: &Command) -> Vec<Vec<u8>> {
    let home = command.get_envs().find(|(name, _)| *name == OsStr::new("HOME"));
    let values = VALUES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    home.and_then(|(_, home)| values.as_ref()?.get(home?).cloned())
        .unwrap_or_default()
}

/// Tells whether a text holds another one.
fn holds(text: &[u8], part: &[u8]) -> bool {
    part.len() <= text.len() && text.windows(part.len()).any(|window| window == part)
}

/// Tells whether a text holds the start of a private key, and not just its name as a hint has it.
fn holds_private_key(text: &[u8]) -> bool {
    const PREFIX: &[u8] = b"AGE-SECRET-KEY-1";
    let starts = |window: &[u8]| window.starts_with(PREFIX) && window[PREFIX.len()].is_ascii_alphanumeric();
    text.windows(PREFIX.len() + 1).any(starts)
}

/// Tells whether an outside program is installed. Where CI=true it must be; elsewhere its absence is said and the test passes.
pub fn has(program: &str) -> bool {
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file());
    if !found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{program} must be installed where CI=true"
        );
        skip(&format!("{program} is not installed"));
    }
    found
}

/// Says, past the harness that hides what a passing test prints, that something could not be tested here.
pub fn skip(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}
