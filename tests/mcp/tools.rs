//! What the tools look like, what they answer, and how they refuse.

use serde_json::{Value, json};

use crate::{fleet, pipe::Serves};

#[test]
fn the_list_is_the_same_each_time_and_complete() {
    let fleet = fleet();
    let mut lists = Vec::new();
    for modern in [false, false, true] {
        let mut peer = if modern {
            fleet.modern_server(&[])
        } else {
            fleet.server(&[])
        };
        for _ in 0..2 {
            lists.push(peer.request("tools/list", json!({}))["result"]["tools"].to_string());
        }
        peer.finish();
    }
    assert!(lists.iter().all(|list| *list == lists[0]));
    let tools: Value = serde_json::from_str(&lists[0]).unwrap();
    let names: Vec<&Value> = tools.as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["list_credentials", "check_template", "run_command"]);
    for tool in tools.as_array().unwrap() {
        assert!(!tool["title"].as_str().unwrap().is_empty());
        assert!(!tool["description"].as_str().unwrap().is_empty());
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{tool}");
            assert_eq!(tool[schema]["additionalProperties"], false, "{tool}");
        }
        for property in tool["inputSchema"]["properties"].as_object().unwrap().values() {
            assert!(
                property["type"].is_string() && property["description"].is_string(),
                "{tool}"
            );
        }
        let hints = &tool["annotations"];
        assert_eq!(hints["readOnlyHint"], tool["name"] != "run_command");
        assert_eq!(hints["openWorldHint"], tool["name"] == "run_command");
        // Nobody else can be named.
        for name in ["member", "identity", "ref", "vault", "root", "cwd"] {
            assert_eq!(tool["inputSchema"]["properties"][name], Value::Null);
        }
    }
    assert_eq!(tools[2]["annotations"]["destructiveHint"], true);
}

#[test]
fn the_instructions_name_the_member_and_how_to_write_a_reference() {
    let fleet = fleet();
    let mut peer = fleet.peer(fleet.server_command(&["--allow-command", "git push", "--allow-command", "curl"]));
    let greeted = peer.initialize("2025-11-25", json!({}));
    let instructions = greeted["instructions"].as_str().unwrap();
    for part in [
        "member 'dev'",
        "<<secure.NAME>>",
        "<<secure.NAME | base64>>",
        "[REDACTED:NAME]",
    ] {
        assert!(instructions.contains(part), "{instructions}");
    }
    assert!(
        instructions.ends_with("begin with 'git push', 'curl', given as argv."),
        "{instructions}"
    );
    peer.finish();
}

#[test]
fn a_member_sees_what_it_may_use_and_nothing_of_others() {
    let fleet = fleet();
    fleet.set("prod/db", "s3cr3t-of-the-database", "dev");
    fleet
        .fleetvault(&["scope", "prod/db", "--network", "confirm", "--ttl", "30d"])
        .ok();
    let mut peer = fleet.server(&[]);
    let listed = peer.call("list_credentials", json!({}));
    let text = listed.text();
    assert!(
        text.starts_with("other\nprod/db (a person is asked for each use), expires on 20"),
        "{text}"
    );
    let listed = listed.ok();
    let names: Vec<&Value> = listed["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["other", "prod/db", "token"]);
    assert_eq!(
        listed["credentials"][0],
        json!({ "name": "other", "network": "allow", "expired": false })
    );
    assert_eq!((&listed["omitted"], &listed["untrusted"]), (&json!(0), &json!(0)));
    assert!(!peer.heard().contains("private"));
    let listed = peer.call("list_credentials", json!({ "pattern": "*db*" })).ok();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    let none = peer.call("list_credentials", json!({ "pattern": "private" }));
    assert_eq!(none.text(), "no credential that you may use");
    peer.call("list_credentials", json!({ "pattern": "[a" }))
        .says("'[a' is no pattern");
    peer.finish();
}

#[test]
fn check_says_for_each_reference_what_stands_against_it() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let mut check = |template: &str| peer.call("check_template", json!({ "template": template }));
    let usable = check("a <<secure.token>> {{secure.other | base64}} <<secure.token>>");
    assert_eq!(usable.text(), "usable: other, token");
    assert_eq!(usable.ok(), json!({ "credentials": ["other", "token"] }));
    assert_eq!(check("none").ok(), json!({ "credentials": [] }));
    assert_eq!(
        check("<<secure.private>> <<secure.tokn>> <<secure.token>>").refused(),
        "Credential 'private' is not accessible to member 'dev'. Allowed: alice\n\
         fleetvault: hint: an author can widen the scope: fleetvault scope private --add dev\n\
         Credential 'tokn' not found.\n\
         fleetvault: hint: did you mean 'token'?"
    );
    check("<<secure.a b>>").says("fleetvault: error: line 1, column 1: ");
    check("<<secure.token").refused();
    // Nothing was opened for it.
    assert!(!fleet.path("dev-state/fleetvault/audit.jsonl").exists());
}

#[test]
fn a_refusal_is_the_sentence_that_people_know() {
    let fleet = fleet();
    for modern in [false, true] {
        let mut peer = if modern {
            fleet.modern_server(&[])
        } else {
            fleet.server(&[])
        };
        let refused = peer
            .call("run_command", json!({ "argv": ["touch", "ran", "<<secure.private>>"] }))
            .refused();
        assert_eq!(
            refused.lines().next(),
            Some("Credential 'private' is not accessible to member 'dev'. Allowed: alice")
        );
        assert!(!fleet.path("ran").exists());
        peer.finish();
    }
}

#[test]
fn arguments_that_a_tool_does_not_have_are_refused() {
    let fleet = fleet();
    let mut peer = fleet.server(&["--reveal", "--allow-write", "."]);
    for name in [
        "member",
        "identity",
        "ref",
        "vault",
        "root",
        "cwd",
        "directory",
        "timeout",
        "ARGV",
        "argv ",
    ] {
        for (tool, mut arguments) in [
            ("list_credentials", json!({})),
            ("check_template", json!({ "template": "x" })),
            ("run_command", json!({ "argv": ["touch", "ran", "<<secure.token>>"] })),
            ("resolve_template", json!({ "template": "<<secure.token>>" })),
            ("render_file", json!({ "template": "<<secure.token>>", "path": "ran" })),
        ] {
            arguments[name] = json!("alice");
            peer.call(tool, arguments)
                .says(&format!("wrong arguments: unknown field `{name}`"));
        }
    }
    for (arguments, problem) in [
        (json!({}), "give either argv, with the program first, or shell"),
        (json!({ "argv": [] }), "give either argv"),
        (json!({ "argv": ["a"], "shell": "b" }), "give either argv"),
        (json!({ "argv": "touch ran" }), "invalid type: string"),
        (json!({ "argv": ["touch", 1] }), "invalid type: integer"),
        (json!({ "shell": ["touch"] }), "invalid type: sequence"),
        (
            json!({ "argv": ["true", "<<secure.token>>"], "env": { "A": null } }),
            "invalid type: null",
        ),
        (
            json!({ "argv": ["true", "<<secure.token>>"], "env": { "A=B": "" } }),
            "env: ",
        ),
        (
            json!({ "argv": ["true", "<<secure.token>>"], "timeout_seconds": 0 }),
            "must be at least 1",
        ),
        (
            json!({ "argv": ["true", "<<secure.token>>"], "timeout_seconds": -1 }),
            "invalid value",
        ),
        (
            json!({ "argv": ["true", "<<secure.token>>"], "timeout_seconds": 1.5 }),
            "invalid type",
        ),
    ] {
        peer.call("run_command", arguments).says(problem);
    }
    peer.call("check_template", json!({})).says("missing field `template`");
    assert!(!fleet.path("ran").exists());
    peer.finish();
}
