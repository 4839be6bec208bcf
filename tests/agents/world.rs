//! A fleet with an agent `dev`, and places in which its client runs: a home directory and a project of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Fleet, Run, run};

/// All clients, by their names.
pub const CLIENTS: [&str; 6] = ["claude-code", "codex", "gemini", "copilot", "cursor", "opencode"];

/// The value of `github_pat`, which is for dev.
pub const VALUE: &str = "ghp-5QpZ8vLwX2yTnR7cKd1e";

/// The value of `deploy_key`, which is for rev.
const OTHER: &str = "dpk-9Wf3mGb6sHx0aJq4uVzN";

/// A fleet of alice, dev and rev.
pub struct World {
    pub fleet: Fleet,
}

/// Where a client runs.
pub struct Place<'w> {
    world: &'w World,
    directory: PathBuf,
}

/// What a hook says, in whatever words of its client.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Nothing,
    Runs(String),
    Asks(String),
    Denies(String),
}

impl World {
    pub fn new() -> Self {
        let fleet = Fleet::new();
        fleet.member("dev");
        fleet.member("rev");
        fleet.set("github_pat", VALUE, "dev");
        fleet.set("odd_one", "it's \"odd\" $HOME\\é", "dev");
        fleet.set("deploy_key", OTHER, "rev");
        Self { fleet }
    }

    /// An empty home, and an empty project in it.
    pub fn place(&self, name: &str) -> Place<'_> {
        let directory = self.fleet.path(&format!("places/{name}"));
        fs::create_dir_all(directory.join("home/project/.git")).unwrap();
        Place { world: self, directory }
    }
}

impl Place<'_> {
    pub fn home(&self) -> PathBuf {
        self.directory.join("home")
    }

    pub fn project(&self) -> PathBuf {
        self.directory.join("home/project")
    }

    /// Writes a file: `home/…` or `project/…`.
    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = match path.strip_prefix("project/") {
            Some(rest) => self.project().join(rest),
            None => self.directory.join(path),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The resolver as `install` has clients start it, before its subcommand.
    pub fn launch(&self) -> Vec<String> {
        let vault = self.world.fleet.vault();
        let identity = self.world.fleet.identity("dev");
        let paths = [vault, identity].map(|path| path.to_str().unwrap().to_owned());
        let program = env!("CARGO_BIN_EXE_fleetvault-resolver").to_owned();
        let [vault, identity] = paths;
        vec![program, "--vault".into(), vault, "--identity".into(), identity]
    }

    /// What a rewritten command begins with.
    pub fn rewrite(&self) -> String {
        format!("{} run --shell-program bash --shell", self.launch().join(" "))
    }

    /// A program in this place, with nothing of the machine's own.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.world.fleet.command(program, "dev");
        command
            .env("HOME", self.home())
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.project());
        command
    }

    /// Asks the hook of a client with exactly these bytes, in due time.
    pub fn ask(&self, launch: &[String], client: &str, options: &[&str], request: &[u8]) -> Run {
        let mut command = self.command(&launch[0]);
        command.args(&launch[1..]).args(["hook", client]).args(options);
        let start = Instant::now();
        let answer = run(command, request);
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "the hook took {:?}",
            start.elapsed()
        );
        for value in [VALUE, OTHER] {
            let expands = options.contains(&"--expand-tools");
            assert!(expands || !answer.out().contains(value), "a value: {}", answer.out());
            assert!(!answer.stderr.contains(value), "a value: {}", answer.stderr);
        }
        answer
    }

    /// Asks about a shell command, as the client would.
    pub fn shell(&self, client: &str, command: &str) -> Said {
        self.call(client, &self.shell_request(client, json!(command)))
    }

    /// Asks about any call.
    pub fn call(&self, client: &str, request: &Value) -> Said {
        let answer = self
            .ask(&self.launch(), client, &[], request.to_string().as_bytes())
            .ok();
        said(client, &answer)
    }

    /// What a client asks about a shell command.
    pub fn shell_request(&self, client: &str, command: Value) -> Value {
        let cwd = self.project();
        let input = json!({ "command": command });
        match client {
            "copilot" => json!({ "cwd": cwd, "toolName": "bash", "toolArgs": input }),
            "opencode" => json!({ "directory": cwd, "tool": "bash", "args": input }),
            "gemini" => json!({ "cwd": cwd, "tool_name": "run_shell_command", "tool_input": input }),
            "cursor" => json!({ "cwd": cwd, "tool_name": "Shell", "tool_input": input }),
            _ => json!({ "cwd": cwd, "tool_name": "Bash", "tool_input": input }),
        }
    }
}

/// Reads an answer as its client would.
#[track_caller]
pub fn said(client: &str, answer: &Run) -> Said {
    if answer.stdout.is_empty() {
        return Said::Nothing;
    }
    let json = answer.json();
    let inner = &json["hookSpecificOutput"];
    let (decision, reason, input) = match client {
        "claude-code" | "codex" => (
            &inner["permissionDecision"],
            &inner["permissionDecisionReason"],
            &inner["updatedInput"],
        ),
        "gemini" => (&json["decision"], &json["reason"], &inner["tool_input"]),
        "copilot" => (
            &json["permissionDecision"],
            &json["permissionDecisionReason"],
            &json["modifiedArgs"],
        ),
        "cursor" => (&json["permission"], &json["agent_message"], &json["updated_input"]),
        _ => (&json["decision"], &json["deny"], &json["args"]),
    };
    let reason = || reason.as_str().unwrap().to_owned();
    match decision.as_str() {
        Some("deny") => Said::Denies(reason()),
        None if client == "opencode" && json["deny"].is_string() => Said::Denies(reason()),
        Some("ask") => Said::Asks(reason()),
        // Only this client takes another input with it, and it grants nothing there.
        Some("allow") if client == "codex" => Said::Runs(input["command"].as_str().unwrap().to_owned()),
        None => Said::Runs(input["command"].as_str().unwrap().to_owned()),
        Some(other) => panic!("{client} was told {other}"),
    }
}

impl Said {
    /// Tells whether the call does not go on without a person.
    pub fn stops(&self) -> bool {
        matches!(self, Self::Asks(_) | Self::Denies(_))
    }

    /// The command that runs.
    #[track_caller]
    pub fn command(self) -> String {
        match self {
            Self::Runs(command) => command,
            other => panic!("no command: {other:?}"),
        }
    }

    /// The reason of a refusal.
    #[track_caller]
    pub fn reason(self) -> String {
        match self {
            Self::Denies(reason) => reason,
            other => panic!("no refusal: {other:?}"),
        }
    }
}

/// A path as text.
pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
