//! An agent that was talked into something, and a project that somebody prepared: the hook neither hangs nor lets the call through.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::Command,
};

use serde_json::json;

use crate::{
    support::Fleet,
    world::{CLIENTS, Place, Said, World, text},
};

const ECHO: &str = "echo <<secure.github_pat>>";

/// The files of a project that each client's rules are read from.
const PROJECT: [(&str, &str); 6] = [
    ("claude-code", ".claude/settings.json"),
    ("claude-code", ".claude/settings.local.json"),
    ("codex", ".codex/rules/a.rules"),
    ("gemini", ".gemini/policies/a.toml"),
    ("cursor", ".cursor/cli.json"),
    ("opencode", "opencode.json"),
];

#[test]
fn a_line_that_begins_like_ours_is_judged_as_any_other() {
    let world = World::new();
    let place = world.place("begins");
    place.put(
        "home/.claude/settings.json",
        r#"{"permissions": {"deny": ["Bash(rm:*)"]}}"#,
    );
    let ours = format!("{} '{ECHO}'", place.rewrite());
    assert_eq!(place.shell("claude-code", &ours), Said::Nothing);
    for line in [
        format!("{ours}; rm <<secure.github_pat>>"),
        format!("{} 'rm <<secure.github_pat>>'", place.rewrite()),
        format!("{} run --shell 'rm <<secure.github_pat>>'", place.launch()[0]),
        "fleetvault-resolver run -- rm '<<secure.github_pat>>'".to_owned(),
    ] {
        assert!(place.shell("claude-code", &line).stops(), "{line}");
    }
}

#[test]
fn references_where_no_value_fits_are_refused_with_what_to_write() {
    let world = World::new();
    let place = world.place("nowhere");
    for client in CLIENTS {
        assert!(
            matches!(place.shell(client, "X=<<secure.github_pat>> env"), Said::Runs(_)),
            "{client}"
        );
        for line in [
            "cat <<'E'\n<<secure.github_pat>>\nE",
            "<<secure.github_pat>> x",
            "{rm,keep,<<secure.github_pat>>}",
            "bash -c 'echo <<secure.github_pat>>'",
            "eval echo <<secure.github_pat>>",
            "X=rm; $X <<secure.github_pat>>",
            "alias a=rm; a <<secure.github_pat>>",
            "echo 'unclosed <<secure.github_pat>>",
            "a\0b <<secure.github_pat>>",
            "a\rb <<secure.github_pat>>",
        ] {
            let told = place.shell(client, line).reason();
            assert!(told.contains("fleetvault: error: "), "{client}: {line}: {told}");
        }
    }
}

#[test]
fn control_characters_stay_where_they_are() {
    let world = World::new();
    let place = world.place("control");
    let line = "printf %s '\u{1b}[2J\u{7}\u{202e}' <<secure.github_pat>>";
    for client in CLIENTS {
        let command = place.shell(client, line).command();
        assert!(command.contains("\u{1b}[2J\u{7}\u{202e}"), "{client}: {command:?}");
    }
}

#[test]
fn what_is_no_text_is_no_command() {
    let world = World::new();
    let place = world.place("types");
    for client in CLIENTS {
        for command in [
            json!(["rm", "<<secure.github_pat>>"]),
            json!(5),
            json!(null),
            json!({ "a": ECHO }),
        ] {
            let request = place.shell_request(client, command.clone());
            assert_eq!(place.call(client, &request), Said::Nothing, "{client}: {command}");
        }
        // Of two, the last one counts, as it does for the clients; the other one is gone.
        let request = place.shell_request(client, json!(ECHO)).to_string();
        let twice = request.replace(
            "{\"command\":",
            "{\"command\":\"rm <<secure.deploy_key>>\",\"command\":",
        );
        assert_ne!(request, twice);
        let answer = place.ask(&place.launch(), client, &[], twice.as_bytes()).ok();
        assert!(!answer.out().contains("rm "), "{client}");
        assert_eq!(
            crate::world::said(client, &answer).command(),
            format!("{} '{ECHO}'", place.rewrite())
        );
    }
}

/// Every client hears that the rules cannot be read.
#[track_caller]
fn is_stopped(place: &Place<'_>, client: &str, what: &str) {
    let said = place.shell(client, ECHO);
    assert!(said.stops(), "{client}: {what}: {said:?}");
    let (Said::Asks(told) | Said::Denies(told)) = said else {
        unreachable!()
    };
    assert!(told.contains("it cannot be read as rules"), "{client}: {what}: {told}");
    assert!(told.len() < 2000, "{client}: {what}: {} bytes are told", told.len());
    assert_eq!(place.shell(client, "echo plain"), Said::Nothing, "{client}: {what}");
}

#[test]
fn files_that_never_end_are_not_read() {
    let world = World::new();
    for (number, (client, file)) in PROJECT.into_iter().enumerate() {
        let place = world.place(&format!("endless{number}"));
        let path = place.project().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();

        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        is_stopped(&place, client, "a pipe");
        fs::remove_file(&path).unwrap();

        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        is_stopped(&place, client, "a gigabyte of nothing");
        fs::remove_file(&path).unwrap();

        symlink("/dev/zero", &path).unwrap();
        is_stopped(&place, client, "a device");
        fs::remove_file(&path).unwrap();

        symlink(&path, &path).unwrap();
        is_stopped(&place, client, "a link to itself");
        fs::remove_file(&path).unwrap();

        fs::create_dir(&path).unwrap();
        is_stopped(&place, client, "a directory");
    }
}

#[test]
fn files_that_make_parsers_fail_are_refused() {
    let world = World::new();
    for (number, (client, file)) in PROJECT.into_iter().enumerate() {
        let place = world.place(&format!("parsers{number}"));
        let file = format!("project/{file}");
        let deep = "[".repeat(1 << 20);
        let objects = format!("{}1{}", "{\"a\":".repeat(1 << 18), "}".repeat(1 << 18));
        let value = format!("a = {deep}");
        for text in [
            deep.as_str(),
            &objects,
            &value,
            "\u{0}\u{0}",
            "{",
            "prefix_rule(",
            "[[rule",
        ] {
            place.put(&file, text);
            is_stopped(&place, client, &text[..text.len().min(20)]);
        }
        place.put(&file, b"\xff\xfe\x00");
        is_stopped(&place, client, "no UTF-8");
    }
}

#[test]
fn expressions_that_explode_stop_the_call_in_time() {
    let world = World::new();
    let place = world.place("expressions");
    let policy = |expression: &str| {
        format!(
            "[[rule]]\ntoolName = \"run_shell_command\"\ncommandRegex = '{expression}'\ndecision = \"deny\"\npriority = 1\n"
        )
    };
    let line = format!("echo {} <<secure.github_pat>>", "a".repeat(20_000));
    // Harmless where expressions are matched in linear time.
    place.put("project/.gemini/policies/a.toml", policy("echo (a+)+$"));
    assert!(matches!(place.shell("gemini", &line), Said::Runs(_)));
    for expression in [
        r"(((\w{100}){100}){100})".to_owned(),
        "(".repeat(50_000),
        format!("{}a{}", "(".repeat(50_000), ")".repeat(50_000)),
        r"(?=x)\1".to_owned(),
    ] {
        place.put("project/.gemini/policies/a.toml", policy(&expression));
        let told = place.shell("gemini", &line).reason();
        assert!(told.len() < 1000, "{} bytes are told", told.len());
    }
    // Larger than any file of rules.
    place.put("project/.gemini/policies/a.toml", policy(&"a".repeat(10 << 20)));
    is_stopped(&place, "gemini", "ten megabytes");
    // So many that comparing them takes for ever: the time is up before the client's is.
    place.put("project/.gemini/policies/a.toml", policy(r"\w{200}").repeat(30_000));
    let mut command = place.command(&place.launch()[0]);
    command.args(&place.launch()[1..]).args(["hook", "gemini"]);
    let request = place.shell_request("gemini", json!(ECHO)).to_string();
    crate::support::run(command, request.as_bytes())
        .fails(2)
        .silent()
        .says("comparing this command with your rules takes too long, and so it is blocked");
}

#[test]
fn many_words_and_many_rules_do_not_hold_it_up() {
    let world = World::new();
    let place = world.place("many");
    let rules: Vec<String> = (0..1_000).map(|number| format!("Bash(x{number} *y*z)")).collect();
    let rules = json!({ "permissions": { "deny": rules, "ask": ["Bash(*b)", "Bash(a *b)", "Bash(* a * b)"] } });
    place.put("project/.claude/settings.json", rules.to_string());
    place.put("project/.gemini/policies/a.toml", GEMINI);
    let line = format!("echo <<secure.github_pat>> {}", "a ".repeat(2_000));
    for client in CLIENTS {
        assert!(matches!(place.shell(client, &line), Said::Runs(_)), "{client}");
        let told = place.shell(client, &format!("{ECHO} {}", "a ".repeat(70_000))).reason();
        assert!(told.contains("too long to be run with credentials"), "{client}: {told}");
    }
}

const GEMINI: &str =
    "[[rule]]\ntoolName = \"run_shell_command\"\ncommandRegex = \"x.*y\"\ndecision = \"deny\"\npriority = 1\n";

/// The anchor is in the identity: a vault that a project brings along is not the one that the agent was launched for.
#[test]
fn a_vault_that_the_project_brings_is_refused() {
    let world = World::new();
    let place = world.place("brought");
    let theirs = Fleet::new();
    theirs.set("github_pat", "what-they-would-have-us-send", "alice");
    fs::remove_dir(place.project().join(".git")).unwrap();
    fs::remove_dir(place.project()).unwrap();
    fs::rename(theirs.vault(), place.project()).unwrap();
    let launch = place.launch();
    let launch = [
        launch[0].clone(),
        "--identity".into(),
        text(&world.fleet.identity("dev")),
    ];
    for client in CLIENTS {
        let request = place.shell_request(client, json!(ECHO)).to_string();
        let answer = place.ask(&launch, client, &[], request.as_bytes());
        let told = match client {
            "copilot" => crate::world::said(client, &answer.ok()).reason(),
            _ => answer.fails(2).silent().stderr,
        };
        assert!(told.contains("vault"), "{client}: {told}");
        assert!(told.contains("SHA256:"), "{client}: {told}");
    }
}
