//! What goes wrong stops the call, with a reason that the client's model or user sees.

use std::{fs, thread, time::Duration};

use serde_json::json;

use crate::world::{CLIENTS, Said, World, text};

#[test]
fn every_client_hears_why_a_reference_is_refused() {
    let world = World::new();
    world.fleet.set("old_token", "old-value-of-nothing", "dev");
    world.fleet.fleetvault(&["scope", "old_token", "--ttl", "1s"]).ok();
    thread::sleep(Duration::from_millis(2100));
    let place = world.place("refused");
    for client in CLIENTS {
        let reason = |command: &str| place.shell(client, command).reason();
        assert!(
            reason("echo <<secure.deploy_key>>")
                .starts_with("Credential 'deploy_key' is not accessible to member 'dev'. Allowed: rev\n"),
            "{client}"
        );
        let unknown = reason("echo {{secure.githubpat}}");
        assert!(
            unknown.starts_with("Credential 'githubpat' not found.\n") && unknown.contains("'github_pat'"),
            "{client}: {unknown}"
        );
        assert!(
            reason("echo <<secure.old_token>>").starts_with("Credential 'old_token' expired on 20"),
            "{client}"
        );
        // All of them at once.
        let both = reason("echo <<secure.deploy_key>> <<secure.nothing>> <<secure.github_pat>>");
        assert!(
            both.contains("'deploy_key'") && both.contains("'nothing'"),
            "{client}: {both}"
        );
        for broken in [
            "<<secure.a b>>",
            "<<secure.github_pat",
            "{{secure.}}",
            "<<secure.github_pat | nofilter>>",
        ] {
            let told = reason(&format!("echo {broken}"));
            assert!(told.contains("line 1, column 6"), "{client}: {broken}: {told}");
        }
    }
}

#[test]
fn what_cannot_be_read_blocks() {
    let world = World::new();
    let place = world.place("garbage");
    let large = vec![b' '; 20 << 20];
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let lone = br#"{"tool_name":"Bash","tool_input":{"command":"echo \ud800 <<secure.github_pat>>"}}"#;
    let cut = br#"{"tool_name":"Bash","tool_input":{"command":"echo"#;
    let inputs: [&[u8]; 7] = [b"", b"garbage", b"\xff\xfe", &large, &deep, lone, cut];
    for client in CLIENTS {
        for input in inputs {
            let answer = place.ask(&place.launch(), client, &[], input).fails(2).silent();
            assert!(
                answer
                    .stderr
                    .starts_with("fleetvault: error: cannot read what the client asks: "),
                "{client}: {}",
                answer.stderr
            );
        }
        // JSON that is no request of a tool is none of ours.
        for input in ["5", "null", "[]", "{}", "\"<<secure.github_pat>>\""] {
            place.ask(&place.launch(), client, &[], input.as_bytes()).ok().silent();
        }
    }
}

#[test]
fn without_its_identity_or_vault_nothing_with_a_reference_runs() {
    let world = World::new();
    let place = world.place("gone");
    let launch = place.launch();
    let vault = world.fleet.vault();
    let identity = world.fleet.identity("dev");
    let away = world.fleet.path("away");
    for (gone, told) in [
        (&identity, "cannot read the identity "),
        (&vault, " is not in a git repository"),
    ] {
        fs::rename(gone, &away).unwrap();
        for client in CLIENTS {
            let ask = |command: &str| {
                let request = place.shell_request(client, json!(command)).to_string();
                place.ask(&launch, client, &[], request.as_bytes())
            };
            // Who has nothing to do with it is not held up.
            ask("echo plain").ok().silent();
            let answer = ask("echo <<secure.github_pat>>");
            match client {
                // It shows nobody what stands on standard error.
                "copilot" => assert!(crate::world::said(client, &answer.ok()).reason().contains(told)),
                _ => drop(answer.fails(2).silent().says(told)),
            }
        }
        fs::rename(&away, gone).unwrap();
    }
}

#[test]
fn an_answer_that_cannot_be_written_blocks() {
    let world = World::new();
    let place = world.place("full");
    let request = place.put(
        "request.json",
        place
            .shell_request("codex", json!("echo <<secure.github_pat>>"))
            .to_string(),
    );
    let words = place.launch().join(" ");
    let line = format!("{words} hook codex < {} > /dev/full", text(&request));
    let output = place.command("sh").args(["-c", &line]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Not even the reason, and not even an option that there is.
    for line in [
        format!("{words} hook codex 2> /dev/full"),
        format!("{words} hook codex --no-such-option"),
    ] {
        let output = place.command("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
    }
}

#[test]
fn tools_of_other_servers_get_values_only_where_a_person_says_so() {
    let world = World::new();
    let place = world.place("servers");
    let tool = |client, name: &str| match client {
        "copilot" => json!({ "toolName": name, "toolArgs": { "deep": [{ "q": "<<secure.github_pat>>" }] } }),
        "opencode" => json!({ "tool": name, "args": { "deep": [{ "q": "<<secure.github_pat>>" }] } }),
        _ => json!({ "tool_name": name, "tool_input": { "deep": [{ "q": "<<secure.github_pat>>" }] } }),
    };
    let names = [
        ("claude-code", "mcp__web__get"),
        ("codex", "mcp__web__get"),
        ("gemini", "mcp_web_get"),
        ("copilot", "web-get"),
        ("cursor", "MCP:get"),
        ("opencode", "web_get"),
    ];
    for (client, name) in names {
        let request = tool(client, name).to_string();
        let told = place.call(client, &tool(client, name)).reason();
        assert!(told.contains(" would get the reference as text: "), "{client}: {told}");
        let other = ["--expand-tools", "*other*"];
        let answer = place.ask(&place.launch(), client, &other, request.as_bytes()).ok();
        assert!(
            matches!(crate::world::said(client, &answer), Said::Denies(_)),
            "{client}"
        );
        let all = ["--expand-tools", "*"];
        let answer = place.ask(&place.launch(), client, &all, request.as_bytes()).ok();
        let printed = answer.out();
        assert!(
            printed.contains(&format!(r#"{{"deep":[{{"q":"{}"}}]}}"#, crate::world::VALUE)),
            "{client}: {printed}"
        );
        // The scope holds here, too.
        let request = request.replace("github_pat", "deploy_key");
        let answer = place.ask(&place.launch(), client, &all, request.as_bytes()).ok();
        assert!(answer.out().contains("is not accessible to member 'dev'"), "{client}");
    }
}
