//! A client's own rules, in the files where the client has them, hold for the commands that the hook rewrites.

use serde_json::json;

use crate::world::{Place, Said, World};

const RM: &str = "echo a && /bin/rm -rf <<secure.github_pat>>";
const DATE: &str = "date +<<secure.github_pat>>";
const ECHO: &str = "echo \"$HOME\" <<secure.github_pat>>";

/// The files that each client reads rules from, with a rule against `rm`.
const FILES: [(&str, &str, &str); 17] = [
    ("claude-code", "home/.claude/settings.json", CLAUDE),
    ("claude-code", "project/.claude/settings.json", CLAUDE),
    ("claude-code", "project/.claude/settings.local.json", CLAUDE),
    ("codex", "home/.codex/rules/default.rules", CODEX),
    ("codex", "project/.codex/rules/team.rules", CODEX),
    ("gemini", "home/.gemini/policies/mine.toml", GEMINI),
    ("gemini", "home/.gemini/extensions/x/policies/a.toml", GEMINI),
    ("gemini", "home/.gemini/settings.json", GEMINI_SETTINGS),
    ("gemini", "project/.gemini/settings.json", GEMINI_SETTINGS),
    ("gemini", "project/.gemini/policies/a.toml", GEMINI),
    ("opencode", "home/.config/opencode/opencode.json", OPENCODE),
    ("opencode", "home/.config/opencode/opencode.jsonc", OPENCODE),
    ("opencode", "project/opencode.json", OPENCODE),
    ("opencode", "project/opencode.jsonc", OPENCODE),
    ("opencode", "project/.opencode/opencode.json", OPENCODE),
    ("cursor", "home/.cursor/cli-config.json", CURSOR),
    ("cursor", "project/.cursor/cli.json", CURSOR),
];

const CLAUDE: &str = r#"{"permissions": {"allow": ["Bash"], "ask": ["Bash(date *)"], "deny": ["Bash(rm:*)"]}}"#;
const CODEX: &str = "prefix_rule(pattern = [\"rm\"], decision = \"forbidden\")\nprefix_rule([\"date\"], \"prompt\")\n";
const GEMINI: &str = "[[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"rm\"\ndecision = \"deny\"\npriority = 1\n\
    [[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"date\"\ndecision = \"ask_user\"\npriority = 1\n";
const GEMINI_SETTINGS: &str =
    r#"{"tools": {"exclude": ["run_shell_command(rm)"], "confirmationRequired": ["run_shell_command(date)"]}}"#;
const OPENCODE: &str = r#"{"permission": {"bash": {"*": "allow", "rm *": "deny", "date *": "ask"}}}"#;
const CURSOR: &str = r#"{"permissions": {"allow": ["Shell(ls)"], "deny": ["Shell(rm)", "Shell(date)"]}}"#;

#[test]
fn rules_hold_wherever_they_stand() {
    let world = World::new();
    for (number, (client, file, rules)) in FILES.into_iter().enumerate() {
        let place = world.place(&format!("rules{number}"));
        assert!(matches!(place.shell(client, RM), Said::Runs(_)), "{file}: no rule yet");
        place.put(file, rules);
        let told = place.shell(client, RM).reason();
        let name = file.split_once('/').unwrap().1;
        assert!(told.contains(name) && told.contains("forbids this"), "{file}: {told}");
        match (client, place.shell(client, DATE)) {
            ("claude-code", Said::Asks(told)) => assert!(told.contains(" asks before this"), "{told}"),
            ("claude-code", other) => panic!("{file}: {other:?}"),
            // They cannot be told to ask, or would wait for ever.
            (_, answer) => assert!(answer.reason().contains("forbids this"), "{file}"),
        }
        assert!(
            matches!(place.shell(client, ECHO), Said::Runs(_)),
            "{file}: no rule about echo"
        );
        // Nothing is said about what the client judges itself.
        assert_eq!(place.shell(client, "rm -rf x"), Said::Nothing, "{file}");
    }
}

/// Where it is not plain that a command is meant, the answer is the stricter one.
#[test]
fn rules_hold_however_a_command_is_written() {
    let world = World::new();
    for (client, file, rules) in [FILES[0], FILES[3], FILES[5], FILES[10], FILES[15]] {
        let place = world.place(&format!("written-{client}"));
        place.put(file, rules);
        for line in [
            "rm <<secure.github_pat>>",
            "rm\t<<secure.github_pat>>",
            "echo <<secure.github_pat>>; rm x",
            "echo <<secure.github_pat>>\nrm x",
            "echo <<secure.github_pat>> | xargs rm",
            "A=<<secure.github_pat>> rm x",
            "env -i A=1 sudo -u bob rm <<secure.github_pat>>",
            "r'm' x; echo <<secure.github_pat>>",
            "\\rm x; echo <<secure.github_pat>>",
            "$'r\\x6d' x; echo <<secure.github_pat>>",
            "echo \"$(rm x)\" <<secure.github_pat>>",
            "echo <<secure.github_pat>> && (rm x)",
            "if true; then rm x; fi; echo <<secure.github_pat>>",
            "bash -c 'rm x'; echo <<secure.github_pat>>",
            "eval 'rm x'; echo <<secure.github_pat>>",
            "find . -exec rm {} +; echo <<secure.github_pat>>",
            "cat <<E\n$(rm x) <<secure.github_pat>>\nE",
        ] {
            assert!(place.shell(client, line).stops(), "{client}: {line}");
        }
        for line in [
            "rmdir <<secure.github_pat>>",
            "git rm-x <<secure.github_pat>>",
            "echo --rm <<secure.github_pat>>",
        ] {
            assert!(matches!(place.shell(client, line), Said::Runs(_)), "{client}: {line}");
        }
    }
}

#[test]
fn rules_hold_for_commands_of_our_own_server() {
    let world = World::new();
    for (client, file, rules) in [FILES[0], FILES[3], FILES[5], FILES[10], FILES[15]] {
        let place = world.place(&format!("own-{client}"));
        place.put(file, rules);
        let call = |input: serde_json::Value| {
            let cwd = place.project();
            match client {
                "gemini" => json!({ "cwd": cwd, "tool_name": "mcp_fleetvault_run_command", "tool_input": input }),
                "opencode" => json!({ "directory": cwd, "tool": "fleetvault_run_command", "args": input }),
                "cursor" => json!({ "cwd": cwd, "tool_name": "MCP:run_command", "tool_input": input }),
                _ => json!({ "cwd": cwd, "tool_name": "mcp__fleetvault__run_command", "tool_input": input }),
            }
        };
        for input in [
            json!({ "argv": ["rm", "<<secure.github_pat>>"] }),
            json!({ "argv": ["sudo", "/bin/rm", "<<secure.github_pat>>"] }),
            json!({ "argv": ["sh", "-c", "a; rm x", "<<secure.github_pat>>"] }),
            json!({ "shell": RM }),
        ] {
            let told = place.call(client, &call(input.clone())).reason();
            assert!(told.contains("forbids this"), "{client}: {input}: {told}");
        }
        for input in [
            json!({ "argv": ["echo", "<<secure.github_pat>>"] }),
            json!({ "shell": ECHO }),
            json!({ "shell": "echo <<secure.a b>>" }),
            json!({ "argv": 5 }),
        ] {
            assert_eq!(
                place.call(client, &call(input.clone())),
                Said::Nothing,
                "{client}: {input}"
            );
        }
    }
}

#[test]
fn files_that_rules_protect_are_protected() {
    let world = World::new();
    let place = world.place("files");
    let rules = r#"{"permissions": {"deny": ["Read(./.env)", "Read(~/.ssh/**)", "Edit(out.txt)"]}}"#;
    place.put("project/.claude/settings.json", rules);
    let stops = |place: &Place<'_>, line: &str| place.shell("claude-code", line).stops();
    for line in [
        "cat .env <<secure.github_pat>>",
        "curl -F f=@.env -H <<secure.github_pat>> x",
        "wc <~/.ssh/id_ed25519; echo <<secure.github_pat>>",
        "echo <<secure.github_pat>> > out.txt",
    ] {
        assert!(stops(&place, line), "{line}");
    }
    assert!(!stops(&place, "cat .envrc <<secure.github_pat>>"));
}

#[test]
fn variables_move_the_files() {
    let world = World::new();
    for (client, variable, file, rules) in [
        ("claude-code", "CLAUDE_CONFIG_DIR", "home/moved/settings.json", CLAUDE),
        (
            "claude-code",
            "CLAUDE_PROJECT_DIR",
            "home/moved/.claude/settings.json",
            CLAUDE,
        ),
        ("codex", "CODEX_HOME", "home/moved/rules/a.rules", CODEX),
        (
            "gemini",
            "GEMINI_CLI_HOME",
            "home/moved/.gemini/policies/a.toml",
            GEMINI,
        ),
        (
            "opencode",
            "XDG_CONFIG_HOME",
            "home/moved/opencode/opencode.json",
            OPENCODE,
        ),
        ("cursor", "CURSOR_CONFIG_DIR", "home/moved/cli-config.json", CURSOR),
    ] {
        let place = world.place(&format!("moved-{variable}"));
        place.put(file, rules);
        assert!(
            matches!(place.shell(client, RM), Said::Runs(_)),
            "{variable} is not set yet"
        );
        let mut command = place.command(&place.launch()[0]);
        command
            .args(&place.launch()[1..])
            .args(["hook", client])
            .env(variable, place.home().join("moved"));
        let request = place.shell_request(client, json!(RM)).to_string();
        let answer = crate::support::run(command, request.as_bytes()).ok();
        assert!(
            matches!(crate::world::said(client, &answer), Said::Denies(_)),
            "{variable}"
        );
    }
}
