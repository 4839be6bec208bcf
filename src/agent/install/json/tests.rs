use serde_json::json;

use super::*;

const SNIPPET: &str = include_str!("../../../../hooks/agents/claude-code/settings.json");
const SERVER_SNIPPET: &str = include_str!("../../../../hooks/agents/claude-code/mcp.json");
const FLAT_SNIPPET: &str = include_str!("../../../../hooks/agents/cursor/hooks.json");
const HOOK: &[&str] = &["hook", "claude-code"];
const SPOT: Spot = Spot::Handler(&["hooks", "PreToolUse"]);
const SERVERS: Spot = Spot::Server(&["mcpServers"], None);
const NEWER: Spot = Spot::Server(&["mcp"], Some(&["mcp", "servers"]));

fn launch() -> Launch {
    Launch::new("/opt/fleetvault-resolver".into(), vec!["--member".into(), "dev".into()]).unwrap()
}

fn merged(text: &str) -> String {
    let merged = merge(text, SNIPPET, SPOT, HOOK, &launch()).unwrap();
    let again = merge(&merged, SNIPPET, SPOT, HOOK, &launch()).unwrap();
    assert_eq!(again, merged, "merged twice is merged once");
    merged
}

fn value(text: &str) -> serde_json::Value {
    CstRootNode::parse(text, &JSONC).unwrap().to_serde_value().unwrap()
}

fn ours() -> serde_json::Value {
    json!({"matcher": "Bash|mcp__.*", "hooks": [{
        "type": "command",
        "command": "/opt/fleetvault-resolver --member dev hook claude-code",
        "timeout": 30,
        "onFailure": "block",
    }]})
}

#[test]
fn a_file_that_is_not_there_gets_all_of_it() {
    for empty in ["", " \n", "{}", "{\n}\n"] {
        let text = merged(empty);
        assert_eq!(value(&text), json!({"hooks": {"PreToolUse": [ours()]}}), "{text}");
        assert!(remove(&text, SPOT, HOOK).unwrap().unwrap().is_bare);
    }
    let text = merged("");
    assert!(
        text.starts_with("{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n"),
        "{text}"
    );
    assert!(text.ends_with("\n}\n"), "{text}");
}

#[test]
fn what_others_wrote_keeps_its_bytes() {
    let text = r#"// my settings
{
    /* a model */ "model"  :  "opus",
    "permissions": {"deny": ["Bash(rm:*)"],}, // never
    "hooks": {
        // theirs
        "PostToolUse": [ {"matcher": "Edit", "hooks": [{"type":"command", "command":"fmt"}]} ],
        "PreToolUse": [
            // check first
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "guard \u0041"}]}, // guard
        ],
    },
    "zebra": 1e2, "alpha": null
}
// the end
"#;
    let with = merged(text);
    let mut rest = with.as_str();
    for line in text.lines() {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line}\n{with}"));
        rest = &rest[at + line.len()..];
    }
    assert_eq!(value(&with)["hooks"]["PreToolUse"][1], ours());
    let removed = remove(&with, SPOT, HOOK).unwrap().unwrap();
    assert!(!removed.is_bare);
    assert_eq!(removed.text, text);
}

#[test]
fn an_older_entry_of_ours_is_replaced_where_it_stands() {
    let text = r#"{"hooks": {"PreToolUse": [
        {"matcher": "a", "hooks": [{"command": "first"}]},
        {"matcher": "Bash", "hooks": [{"type": "command", "command": "/old/fleetvault-resolver --member x hook claude-code"}]},
        {"matcher": "z", "hooks": [{"command": "last"}]}
    ]}}"#;
    let with = value(&merged(text));
    let list = with["hooks"]["PreToolUse"].as_array().unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!(list[1], ours());
    assert_eq!(list[2]["matcher"], "z");
}

#[test]
fn one_that_shares_its_group_leaves_the_others_there() {
    let text = r#"{"hooks": {"PreToolUse": [
        {"matcher": "Bash", "hooks": [
            {"command": "guard"},
            {"command": "/old/fleetvault-resolver", "args": ["hook", "claude-code"]},
            {"command": "log"}
        ]},
        {"matcher": "X", "hooks": [{"command": "exec /older/fleetvault-resolver hook claude-code"}]}
    ]}}"#;
    let list = value(&merged(text))["hooks"]["PreToolUse"].clone();
    assert_eq!(
        list,
        json!([{"matcher": "Bash", "hooks": [{"command": "guard"}, {"command": "log"}]}, ours()])
    );
    let removed = remove(text, SPOT, HOOK).unwrap().unwrap();
    assert_eq!(
        value(&removed.text),
        json!({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"command": "guard"}, {"command": "log"}]}]}})
    );
}

#[test]
fn hooks_of_other_clients_and_programs_are_not_ours() {
    let text = r#"{"hooks": {"PreToolUse": [
        {"hooks": [{"command": "/x/fleetvault-resolver hook codex"}]},
        {"hooks": [{"command": "/x/other hook claude-code"}]},
        {"hooks": [{"prompt": "fleetvault-resolver hook claude-code"}]},
        "fleetvault-resolver hook claude-code"
    ]}}"#;
    assert_eq!(remove(text, SPOT, HOOK).unwrap(), None);
    assert_eq!(value(&merged(text))["hooks"]["PreToolUse"].as_array().unwrap().len(), 5);
}

#[test]
fn a_version_is_put_first_and_never_changed() {
    let spot = Spot::Handler(&["hooks", "preToolUse"]);
    let merge = |text| merge(text, FLAT_SNIPPET, spot, &["hook", "cursor"], &launch()).unwrap();
    let text = merge("{\"x\": 1}");
    assert!(text.starts_with("{\n  \"version\": 1,\n"), "{text}");
    assert_eq!(
        value(&text)["hooks"]["preToolUse"][0]["command"],
        "/opt/fleetvault-resolver --member dev hook cursor"
    );
    assert_eq!(value(&merge("{\"version\": 2}"))["version"], 2);
    let bare = remove(&merge(""), spot, &["hook", "cursor"]).unwrap().unwrap();
    assert!(bare.is_bare);
    assert_eq!(value(&bare.text), json!({"version": 1}));
}

#[test]
fn a_program_with_arguments_is_filled_in_too() {
    let snippet = include_str!("../../../../hooks/agents/copilot/fleetvault.json");
    let spot = Spot::Handler(&["hooks", "preToolUse"]);
    let text = merge("", snippet, spot, &["hook", "copilot"], &launch()).unwrap();
    let handler = &value(&text)["hooks"]["preToolUse"][0];
    assert_eq!(handler["exec"], "/opt/fleetvault-resolver");
    assert_eq!(handler["args"], json!(["--member", "dev", "hook", "copilot"]));
}

#[test]
fn a_server_is_merged_under_its_name() {
    let text = "{\n\t\"mcpServers\": {\n\t\t\"docs\": { \"command\": \"docs\" }\n\t}\n}\n";
    let with = merge(text, SERVER_SNIPPET, SERVERS, &["mcp"], &launch()).unwrap();
    assert_eq!(
        value(&with)["mcpServers"]["fleetvault"],
        json!({"type": "stdio", "command": "/opt/fleetvault-resolver", "args": ["--member", "dev", "mcp"]})
    );
    assert!(with.contains("\n\t\t\"fleetvault\": {\n\t\t\t\"type\""), "{with}");
    let other = Launch::new("/new/fleetvault-resolver".into(), Vec::new()).unwrap();
    let newer = merge(&with, SERVER_SNIPPET, SERVERS, &["mcp"], &other).unwrap();
    assert_eq!(value(&newer)["mcpServers"]["fleetvault"]["args"], json!(["mcp"]));
    assert_eq!(remove(&newer, SERVERS, &["mcp"]).unwrap().unwrap().text, text);
}

#[test]
fn what_a_user_narrowed_stays_narrow() {
    let text = r#"{"mcpServers": {"fleetvault": {
        "command": "/old/fleetvault-resolver", // the old one
        "args": ["mcp"],
        "type": "local", "tools": ["list_credentials"], "trust": false
    }}}"#;
    let with = merge(text, SERVER_SNIPPET, SERVERS, &["mcp"], &launch()).unwrap();
    assert_eq!(
        with,
        text.replace("/old/", "/opt/")
            .replace(r#"["mcp"]"#, r#"["--member", "dev", "mcp"]"#)
    );
}

#[test]
fn servers_that_a_newer_client_has_elsewhere_are_joined_there() {
    let snippet = include_str!("../../../../hooks/agents/opencode/opencode.json");
    let merge = |text| value(&merge(text, snippet, NEWER, &["mcp"], &launch()).unwrap());
    let ours = json!({"type": "local", "command": ["/opt/fleetvault-resolver", "--member", "dev", "mcp"]});
    assert_eq!(merge(""), json!({"mcp": {"fleetvault": ours}}));
    assert_eq!(
        merge(r#"{"mcp": {"servers": {}}}"#),
        json!({"mcp": {"servers": {"fleetvault": ours}}})
    );
    let named_servers = json!({"type": "local", "command": ["x"]});
    assert_eq!(
        merge(r#"{"mcp": {"servers": {"type": "local", "command": ["x"]}}}"#),
        json!({"mcp": {"servers": named_servers, "fleetvault": ours}})
    );
}

#[test]
fn what_cannot_be_merged_is_refused() {
    for (text, problem) in [
        (
            "{\n  \"a\": 1,\n  b: 2\n}",
            "line 3, column 3: expected string for object property",
        ),
        ("{\"a\": 1", "line 1, column 1: unterminated object"),
        ("{'a': 1}", "line 1, column 2: single-quoted strings are not allowed"),
        (
            "{} {}",
            "line 1, column 4: text cannot contain more than one JSON value",
        ),
        ("[]", "the whole file should be an object"),
        ("null", "the whole file should be an object"),
        ("{\"hooks\": []}", "'hooks' should be an object"),
        (
            "{\"hooks\": {\"PreToolUse\": {}}}",
            "'hooks.PreToolUse' should be a list",
        ),
        (
            "{\"hooks\": {}, \"h\\u006foks\": {}}",
            "'hooks' stands there more than once",
        ),
        (
            "{\"hooks\": {\"PreToolUse\": [], \"PreToolUse\": []}}",
            "'hooks.PreToolUse' stands there more than once",
        ),
    ] {
        let error = merge(text, SNIPPET, SPOT, HOOK, &launch()).unwrap_err();
        assert_eq!(error.to_string(), problem, "{text}");
        assert_eq!(remove(text, SPOT, HOOK), Err(error), "{text}");
    }
    let taken = "{\"mcpServers\": {\"fleetvault\": {\"command\": \"other\"}}}";
    let error = merge(taken, SERVER_SNIPPET, SERVERS, &["mcp"], &launch()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'mcpServers.fleetvault' is the entry of another program"
    );
    assert_eq!(remove(taken, SERVERS, &["mcp"]).unwrap(), None);
    let deep = "[".repeat(5000);
    assert!(merge(&deep, SNIPPET, SPOT, HOOK, &launch()).is_err());
}

#[test]
fn line_breaks_of_windows_are_kept() {
    let text = "{\r\n  \"model\": \"opus\"\r\n}\r\n";
    let with = merged(text);
    assert_eq!(with.matches('\n').count(), with.matches("\r\n").count(), "{with:?}");
    assert_eq!(remove(&with, SPOT, HOOK).unwrap().unwrap().text, text);
}

#[test]
fn comments_where_ours_was_are_kept() {
    let text = "{\n  \"hooks\": {\n    // none yet\n  }\n}\n";
    let removed = remove(&merged(text), SPOT, HOOK).unwrap().unwrap();
    assert!(!removed.is_bare);
    assert_eq!(removed.text, text);
}
