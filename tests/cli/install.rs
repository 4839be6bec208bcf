//! `install` and `uninstall`: the configuration files of all clients, as real files of a project and of a home directory.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{Fleet, Run, run};

const CLIENTS: [&str; 6] = ["claude-code", "codex", "gemini", "copilot", "cursor", "opencode"];

/// A project beside the vault, whose agent is the member dev.
struct Project {
    fleet: Fleet,
}

impl Project {
    fn new() -> Self {
        let fleet = Fleet::without_vault();
        for directory in ["project/.git", "project/src", "home", "vault"] {
            fs::create_dir_all(fleet.path(directory)).unwrap();
        }
        fs::write(fleet.identity("dev"), "# a key\n").unwrap();
        Self { fleet }
    }

    /// Runs the resolver below the top of the project.
    fn resolver(&self, args: &[&str]) -> Run {
        self.resolver_with(args, &[])
    }

    fn resolver_with(&self, args: &[&str], variables: &[(&str, &Path)]) -> Run {
        let mut command = self.fleet.resolver_command("dev", args);
        command
            .current_dir(self.path("src"))
            .env_remove("XDG_CONFIG_HOME")
            .envs(variables.iter().copied());
        run(command, b"")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.fleet.path("project").join(name)
    }

    fn home(&self, name: &str) -> PathBuf {
        self.fleet.path("home").join(name)
    }

    /// The words that a client is to start: of the launch, and these.
    fn words(&self, rest: &[&str]) -> Vec<String> {
        let launch = [
            env!("CARGO_BIN_EXE_fleetvault-resolver").to_owned(),
            "--vault".into(),
            text(&self.fleet.vault()),
            "--identity".into(),
            text(&self.fleet.identity("dev")),
        ];
        launch.into_iter().chain(rest.iter().map(ToString::to_string)).collect()
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn value(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// All files below a directory, with what stands in them.
fn tree(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => found.push((path.clone(), fs::read(path).unwrap_or_default())),
        }
    }
    found.sort();
    found
}

#[test]
fn every_client_gets_its_files_in_a_project_and_loses_them_again() {
    for client in CLIENTS {
        let project = Project::new();
        let files = project.resolver(&["install", client, "--json"]).ok().json();
        let files = files["files"].as_array().unwrap();
        for file in files {
            assert_eq!(file["change"], "created", "{file}");
            assert_eq!(file["backup"], Value::Null, "{file}");
            let path = Path::new(file["path"].as_str().unwrap());
            assert!(path.starts_with(project.path("")), "{file}");
            assert_eq!(mode(path), 0o644);
            assert!(!fs::read_to_string(path).unwrap().contains("ermission"), "{file}");
        }
        let installed = tree(&project.path(""));
        assert_eq!(installed.len(), files.len());
        let again = project.resolver(&["install", client, "--json"]).ok().json();
        for file in again["files"].as_array().unwrap() {
            assert_eq!(file["change"], "unchanged", "{file}");
        }
        assert_eq!(tree(&project.path("")), installed);
        let removed = project.resolver(&["uninstall", client, "--json"]).ok().json();
        for file in removed["files"].as_array().unwrap() {
            assert_eq!(file["change"], "removed", "{file}");
            fs::remove_file(file["backup"].as_str().unwrap()).unwrap();
        }
        assert_eq!(tree(&project.path("")), []);
        project
            .resolver(&["uninstall", client])
            .ok()
            .prints("nothing of fleetvault was there\n");
        let none = project.resolver(&["uninstall", client, "--json"]).ok().json();
        assert_eq!(none, json!({"files": []}));
    }
}

#[test]
fn the_agent_is_launched_for_its_member() {
    let project = Project::new();
    for client in CLIENTS {
        project.resolver(&["install", client]).ok();
    }
    let hook = |client| project.words(&["hook", client]);
    let mcp = project.words(&["mcp"]);

    let claude = value(&project.path(".claude/settings.json"));
    let group = &claude["hooks"]["PreToolUse"][0];
    assert_eq!(group["matcher"], "Bash|mcp__.*");
    // One line, although Claude Code knows arguments: Copilot CLI runs this hook too, and without them.
    assert_eq!(
        group["hooks"],
        json!([{"type": "command", "command": hook("claude-code").join(" "), "timeout": 30, "onFailure": "block"}])
    );
    assert_eq!(
        value(&project.path(".mcp.json")),
        json!({"mcpServers": {"fleetvault": {"type": "stdio", "command": mcp[0], "args": mcp[1..]}}})
    );

    let codex = value(&project.path(".codex/hooks.json"));
    let group = &codex["hooks"]["PreToolUse"][0];
    assert_eq!(
        group["hooks"],
        json!([{"type": "command", "command": hook("codex").join(" "), "timeout": 30}])
    );
    let codex: toml::Table = fs::read_to_string(project.path(".codex/config.toml"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        json!(codex),
        json!({"mcp_servers": {"fleetvault": {"command": mcp[0], "args": mcp[1..]}}})
    );

    let gemini = value(&project.path(".gemini/settings.json"));
    let handler = &gemini["hooks"]["BeforeTool"][0]["hooks"][0];
    assert_eq!(handler["command"], hook("gemini").join(" "));
    assert_eq!(handler["timeout"], 30000);
    assert_eq!(gemini["mcpServers"]["fleetvault"]["args"], json!(mcp[1..]));

    let copilot = value(&project.path(".github/hooks/fleetvault.json"));
    let words = hook("copilot");
    assert_eq!(
        copilot,
        json!({"version": 1, "hooks": {"preToolUse": [
            {"type": "command", "exec": words[0], "args": words[1..], "timeoutSec": 30}
        ]}})
    );
    assert_eq!(
        value(&project.path(".github/mcp.json"))["mcpServers"]["fleetvault"]["tools"],
        json!(["*"])
    );

    let cursor = value(&project.path(".cursor/hooks.json"));
    assert_eq!(
        cursor,
        json!({"version": 1, "hooks": {"preToolUse": [
            {"command": hook("cursor").join(" "), "matcher": "Shell|MCP:.*", "timeout": 30, "failClosed": true}
        ]}})
    );
    assert_eq!(
        value(&project.path(".cursor/mcp.json"))["mcpServers"]["fleetvault"]["command"],
        mcp[0]
    );

    let script = fs::read_to_string(project.path(".opencode/plugins/fleetvault.js")).unwrap();
    let words = json!(hook("opencode")).to_string().replace("\",\"", "\", \"");
    assert!(script.contains(&format!("\nconst COMMAND = {words};\n")), "{script}");
    assert_eq!(
        value(&project.path("opencode.json")),
        json!({"mcp": {"fleetvault": {"type": "local", "command": mcp}}})
    );
}

#[test]
fn all_launch_options_are_installed_with_absolute_paths() {
    let project = Project::new();
    let root = format!("SHA256:{}", "A".repeat(43));
    #[rustfmt::skip]
    let args = [
        "--vault", "../v", "--ref", "origin/main", "--identity", "key.txt", "--member", "dev", "--root", &root,
        "--pre-resolve", "ask", "--audit-log", "log", "--allow-keeper", "install", "claude-code", "--mcp",
    ];
    fs::write(project.path("src/key.txt"), "").unwrap();
    project.resolver(&args).ok();
    let servers = value(&project.path(".mcp.json"));
    let here = |name: &str| text(&project.path("src").join(name));
    #[rustfmt::skip]
    let expected = json!([
        "--vault", here("../v"), "--ref", "origin/main", "--identity", here("key.txt"), "--member", "dev", "--root", root,
        "--pre-resolve", here("ask"), "--audit-log", here("log"), "--allow-keeper", "mcp",
    ]);
    assert_eq!(servers["mcpServers"]["fleetvault"]["args"], expected);
    assert!(!project.path(".claude").exists());
}

#[test]
fn what_was_not_given_is_left_to_the_launch_but_a_moved_identity_is_not() {
    let project = Project::new();
    let args = |moved: Option<&Path>| {
        let mut command = project.fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
        command
            .args(["install", "claude-code", "--print", "--mcp", "--json"])
            .current_dir(project.path(""))
            .env_remove("XDG_CONFIG_HOME")
            .envs(moved.map(|moved| ("XDG_CONFIG_HOME", moved)));
        let shown = run(command, b"").ok().json();
        let snippet: Value = serde_json::from_str(shown["files"][0]["snippet"].as_str().unwrap()).unwrap();
        snippet["mcpServers"]["fleetvault"]["args"].clone()
    };
    assert_eq!(args(None), json!(["mcp"]));
    assert_eq!(
        args(Some(Path::new("/moved"))),
        json!(["--identity", "/moved/fleetvault/identity.txt", "mcp"])
    );
}

#[test]
fn a_user_has_it_in_all_projects() {
    let project = Project::new();
    for client in CLIENTS {
        project.resolver(&["install", client, "--user"]).ok();
    }
    assert_eq!(tree(&project.path("")), []);
    let files = [
        ".claude/settings.json",
        ".claude.json",
        ".codex/config.toml",
        ".codex/hooks.json",
        ".config/opencode/opencode.json",
        ".config/opencode/plugins/fleetvault.js",
        ".copilot/hooks/fleetvault.json",
        ".copilot/mcp-config.json",
        ".cursor/hooks.json",
        ".cursor/mcp.json",
        ".gemini/settings.json",
    ];
    let found: Vec<PathBuf> = tree(&project.home("")).into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, files.map(|name| project.home(name)));
    assert!(found.iter().all(|path| mode(path) == 0o600));

    let own = project.fleet.path("own");
    for (client, variable, file) in [
        ("claude-code", "CLAUDE_CONFIG_DIR", "settings.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("copilot", "COPILOT_HOME", "hooks/fleetvault.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
    ] {
        project
            .resolver_with(&["install", client, "--user"], &[(variable, &own)])
            .ok();
        assert!(own.join(file).exists(), "{client}");
        project
            .resolver_with(&["uninstall", client, "--user"], &[(variable, &own)])
            .ok();
        assert!(!own.join(file).exists(), "{client}");
    }
    project
        .resolver(&["install", "codex", "--user", "--project"])
        .fails(2)
        .says("cannot be used with");
}

#[test]
fn what_stood_there_is_kept_with_a_copy_of_it() {
    let project = Project::new();
    let file = project.path(".claude/settings.json");
    let backup = project.path(".claude/settings.json.fleetvault-backup");
    let before = "{\n  // mine\n  \"model\": \"opus\",\n  \"hooks\": {\"Stop\": []}, // keep\n}\n";
    fs::create_dir(project.path(".claude")).unwrap();
    fs::write(&file, before).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();

    let shown = project.resolver(&["install", "claude-code", "--hook"]).ok();
    assert_eq!(
        shown.out().lines().next().unwrap(),
        format!("changed {} (hook); backup {}", file.display(), backup.display())
    );
    shown.says("fleetvault: warning: these files name paths of this machine, and a hook that cannot start stops the agent's commands: commit them only where all clones have these paths, and never the backups\n");
    assert_eq!(fs::read_to_string(&backup).unwrap(), before);
    assert_eq!((mode(&file), mode(&backup)), (0o640, 0o640));
    let installed = fs::read_to_string(&file).unwrap();
    for part in [
        "{\n  // mine\n  \"model\": \"opus\",\n",
        "\"Stop\": []",
        "}, // keep\n}\n",
    ] {
        assert!(installed.contains(part), "{part}\n{installed}");
    }
    let shown = project.resolver(&["install", "claude-code", "--hook"]).ok();
    shown
        .prints(&format!("unchanged {} (hook)\n", file.display()))
        .says_exactly("");

    // Another launch replaces the entry; an older copy is never overwritten, and one of the same is enough.
    let second = project.path(".claude/settings.json.fleetvault-backup.2");
    project
        .resolver(&["--member", "other", "install", "claude-code", "--hook"])
        .ok()
        .prints(&format!("backup {}\n", second.display()));
    assert_eq!(fs::read_to_string(&second).unwrap(), installed);
    let replaced = fs::read_to_string(&file).unwrap();
    assert_eq!(replaced.matches("fleetvault-resolver").count(), 1, "{replaced}");
    project.resolver(&["install", "claude-code", "--hook"]).ok();
    project
        .resolver(&["--member", "other", "install", "claude-code", "--hook"])
        .ok()
        .prints(&format!("backup {}\n", second.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), replaced);
    assert_eq!(fs::read_to_string(&backup).unwrap(), before);

    project
        .resolver(&["uninstall", "claude-code"])
        .ok()
        .prints(&format!("changed {} (hook); backup ", file.display()))
        .says_exactly(
            "fleetvault: warning: the backups lie in the project: remove them, rather than committing them\n",
        );
    let left = fs::read_to_string(&file).unwrap();
    assert_eq!(left.matches("// mine").count(), 1);
    assert!(!left.contains("fleetvault"), "{left}");
}

#[test]
fn printing_writes_nothing() {
    let project = Project::new();
    for client in CLIENTS {
        let shown = project.resolver(&["install", client, "--print"]).ok();
        assert!(shown.out().contains("fleetvault-resolver"));
    }
    assert_eq!(tree(&project.path("")), []);
    let shown = project.resolver(&["install", "codex", "--print"]).ok().out();
    let (hooks, config) = shown.split_once("\n\n").unwrap();
    assert!(hooks.starts_with(&format!("{}:\n{{\n", project.path(".codex/hooks.json").display())));
    let heading = format!(
        "{}:\n[mcp_servers.fleetvault]\n",
        project.path(".codex/config.toml").display()
    );
    assert!(config.starts_with(&heading), "{config}");
}

#[test]
fn what_cannot_be_merged_changes_no_file() {
    let project = Project::new();
    let hint = "fleetvault: hint: nothing was changed; 'install CLIENT --print' shows what to merge by hand\n";
    let other = "fleetvault: hint: nothing was changed; give it another name, then run this again\n";
    for (client, file, contents, problem, hint) in [
        (
            "claude-code",
            ".mcp.json",
            "{\n  \"a\": }",
            "line 2, column 8: unexpected close brace",
            hint,
        ),
        (
            "claude-code",
            ".claude/settings.json",
            "{\"hooks\": []}",
            "'hooks' should be an object",
            hint,
        ),
        (
            "codex",
            ".codex/config.toml",
            "a = \n",
            "line 1, column 5: string values must be quoted, expected literal string",
            hint,
        ),
        (
            "gemini",
            ".gemini/settings.json",
            "[]",
            "the whole file should be an object",
            hint,
        ),
        (
            "cursor",
            ".cursor/mcp.json",
            "{\"mcpServers\": {\"fleetvault\": {\"url\": \"https://x\"}}}",
            "'mcpServers.fleetvault' is the entry of another program",
            other,
        ),
        (
            "opencode",
            ".opencode/plugins/fleetvault.js",
            "export const Mine = 1;\n",
            "it was not written by fleetvault",
            other,
        ),
    ] {
        let path = project.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        let before = tree(&project.path(""));
        project
            .resolver(&["install", client])
            .fails(1)
            .silent()
            .says_exactly(&format!("fleetvault: error: {}: {problem}\n{hint}", path.display()));
        assert_eq!(tree(&project.path("")), before);
        fs::remove_file(path).unwrap();
    }
    let report = {
        fs::write(project.path(".mcp.json"), "{").unwrap();
        project.resolver(&["install", "claude-code", "--json"]).fails(1).stderr
    };
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["code"], "configuration");
}

#[test]
fn files_that_are_none_are_refused() {
    let project = Project::new();
    let path = project.path(".mcp.json");
    let refused = |problem: &str| {
        for command in ["install", "uninstall"] {
            project
                .resolver(&[command, "claude-code"])
                .fails(1)
                .silent()
                .says(&format!("fleetvault: error: {} {problem}\n", path.display()));
        }
        assert!(!project.path(".claude").exists());
    };
    fs::create_dir(&path).unwrap();
    refused("is not a regular file");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, " ".repeat((4 << 20) + 1)).unwrap();
    refused("is larger than 4 MiB");
    fs::write(&path, b"\xff\xfe").unwrap();
    refused("is not UTF-8");
    fs::remove_file(&path).unwrap();
    symlink("/nowhere/at/all", &path).unwrap();
    refused("is a link to a file that is not there");
}

#[test]
fn a_project_does_not_choose_a_file_outside() {
    let project = Project::new();
    let outside = project.home("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("settings.json"), "{}\n").unwrap();
    fs::write(project.path(".git/config"), "").unwrap();
    let says = |file: &str| {
        project
            .resolver(&["install", "claude-code", "--hook"])
            .fails(1)
            .silent()
            .says(&format!(
                "fleetvault: error: {} is a link that leads out of the project\n",
                project.path(file).display()
            ));
    };
    symlink(&outside, project.path(".claude")).unwrap();
    says(".claude/settings.json");
    fs::remove_file(outside.join("settings.json")).unwrap();
    says(".claude/settings.json");
    fs::remove_file(project.path(".claude")).unwrap();
    fs::create_dir(project.path(".claude")).unwrap();
    fs::write(outside.join("settings.json"), "{}\n").unwrap();
    symlink(outside.join("settings.json"), project.path(".claude/settings.json")).unwrap();
    says(".claude/settings.json");
    fs::remove_file(project.path(".claude/settings.json")).unwrap();
    symlink("../.git/config", project.path(".claude/settings.json")).unwrap();
    says(".claude/settings.json");
    assert_eq!(fs::read_to_string(outside.join("settings.json")).unwrap(), "{}\n");

    // One that stays inside is followed.
    fs::remove_file(project.path(".claude/settings.json")).unwrap();
    fs::write(project.path("src/real.json"), "{\"a\": 1}\n").unwrap();
    symlink("../src/real.json", project.path(".claude/settings.json")).unwrap();
    project.resolver(&["install", "claude-code", "--hook"]).ok();
    assert!(project.path(".claude/settings.json").is_symlink());
    assert_eq!(value(&project.path("src/real.json"))["a"], 1);
}

#[test]
fn dotfiles_that_are_links_stay_links() {
    let project = Project::new();
    let real = project.fleet.path("dotfiles.json");
    let link = project.home(".gemini/settings.json");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    fs::write(&real, "{}\n").unwrap();
    symlink(&real, &link).unwrap();
    project.resolver(&["install", "gemini", "--user"]).ok();
    assert!(link.is_symlink());
    assert!(value(&real)["hooks"]["BeforeTool"].is_array());
    assert!(project.home(".gemini/settings.json.fleetvault-backup").exists());
    project.resolver(&["uninstall", "gemini", "--user"]).ok();
    assert!(link.is_symlink());
    assert_eq!(value(&real), json!({}));
}

#[test]
fn a_mark_of_utf_8_and_line_breaks_of_windows_are_kept() {
    let project = Project::new();
    let file = project.path(".mcp.json");
    fs::write(&file, "\u{feff}{\r\n  \"a\": 1\r\n}\r\n").unwrap();
    project.resolver(&["install", "claude-code", "--mcp"]).ok();
    let installed = fs::read_to_string(&file).unwrap();
    assert!(installed.starts_with("\u{feff}{\r\n  \"a\": 1,\r\n"), "{installed:?}");
    assert_eq!(installed.matches('\n').count(), installed.matches("\r\n").count());
}

#[test]
fn it_says_how_to_see_that_it_works_and_what_is_missing() {
    let project = Project::new();
    let next = |args: &[&str]| {
        let shown = project.resolver(args).ok().out();
        shown.lines().last().unwrap().to_owned()
    };
    for client in CLIENTS {
        let line = next(&["install", client]);
        assert!(line.starts_with("next: start "), "{line}");
        assert!(line.contains("it must print '[REDACTED:NAME]'"), "{line}");
        let line = next(&["install", client, "--mcp"]);
        assert!(line.contains("must list the") && !line.contains("REDACTED"), "{line}");
    }
    let top = project.path("").display().to_string();
    let top = top.trim_end_matches('/');
    let seen = "then ask for 'echo <<secure.NAME>>' with a credential that the member may use: it must print '[REDACTED:NAME]', anything else means that the hook did not run";
    for (args, start) in [
        (
            ["install", "claude-code", "--project"],
            format!("Claude Code anew in {top}, not below it; '/hooks' must list the hook"),
        ),
        (
            ["install", "claude-code", "--user"],
            "Claude Code anew; '/hooks' must list the hook".into(),
        ),
        (
            ["install", "codex", "--project"],
            format!(
                "Codex anew in {top}, as a folder that you trust; trust the hook with '/hooks', until then Codex skips it and says nothing"
            ),
        ),
        (
            ["install", "gemini", "--project"],
            format!(
                "Gemini CLI anew in {top}, not below it, as a folder that you trust; '/hooks panel' must list the hook"
            ),
        ),
        (["install", "copilot", "--user"], "GitHub Copilot CLI anew".into()),
    ] {
        assert_eq!(next(&args), format!("next: start {start}; {seen}"));
    }

    let missing = "fleetvault: warning: there is no identity nokey yet: nothing can be resolved until there is\n";
    project
        .resolver(&["--identity", "nokey", "install", "codex"])
        .ok()
        .says(missing);
    project
        .resolver(&["--identity", "fd:3", "install", "codex"])
        .fails(2)
        .says("fleetvault: error: the identity fd:3 will not be open when a client starts\nfleetvault: hint: name a file\n");
    project
        .resolver(&["--vault", "/a/$HOME/v", "install", "codex"])
        .fails(1)
        .says("fleetvault: error: '/a/$HOME/v' cannot stand in a client's configuration\n");

    let mut command = project.fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
    command
        .args(["install", "cursor", "--user"])
        .current_dir(project.path(""));
    run(command, b"")
        .ok()
        .says("Cursor starts hooks of a user in ~/.cursor, where no vault is found: name it with --vault DIR");
}

#[test]
fn only_a_program_of_that_name_is_installed() {
    let project = Project::new();
    let renamed = project.fleet.path("renamed");
    fs::copy(env!("CARGO_BIN_EXE_fleetvault-resolver"), &renamed).unwrap();
    let mut command = project.fleet.command(&renamed, "dev");
    command.args(["install", "codex"]).current_dir(project.path(""));
    run(command, b"").fails(1).silent().says_exactly(&format!(
        "fleetvault: error: this program is called {}\nfleetvault: hint: a client's configuration can only hold it by its own name, fleetvault-resolver\n",
        renamed.display()
    ));
}

#[test]
fn an_unknown_client_is_told_which_there_are() {
    let project = Project::new();
    project
        .resolver(&["install", "emacs"])
        .fails(2)
        .says("[possible values: claude-code, codex, gemini, copilot, cursor, opencode]");
}
