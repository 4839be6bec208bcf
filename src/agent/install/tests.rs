use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const PARTS: [Part; 2] = [Part::Hook, Part::Mcp];

fn snippets() -> impl Iterator<Item = Snippet> {
    Client::ALL
        .into_iter()
        .flat_map(|client| PARTS.map(|part| Snippet::of(client, part)))
}

fn launch(member: &str) -> Launch {
    let options = ["--vault", "/srv/the vault", "--member", member];
    Launch::new(
        "/opt/my tools/fleetvault-resolver".into(),
        options.map(str::to_owned).into(),
    )
    .unwrap()
}

/// The snippets are what a user copies by hand, so what is merged into an empty file must be just that.
#[test]
fn the_snippets_are_what_is_installed() {
    for client in Client::ALL {
        let mut files: Vec<(&str, String)> = Vec::new();
        for snippet in PARTS.map(|part| Snippet::of(client, part)) {
            let before = match files.last() {
                Some((text, made)) if *text == snippet.text => made.clone(),
                _ => String::new(),
            };
            let made = snippet.merge(&before, &Launch::placeholder()).unwrap();
            files.retain(|(text, _)| *text != snippet.text);
            files.push((snippet.text, made));
        }
        for (text, made) in files {
            match serde_json::from_str::<Value>(text) {
                Ok(value) => assert_eq!(value, serde_json::from_str::<Value>(&made).unwrap(), "{client}"),
                Err(_) => assert_eq!(text, made, "{client}"),
            }
        }
    }
}

#[test]
fn every_snippet_is_found_again_and_launched_for_its_member() {
    for snippet in snippets() {
        let text = snippet.merge("", &launch("dev")).unwrap();
        assert!(
            text.contains("/opt/my tools/fleetvault-resolver") && text.contains("/srv/the vault"),
            "{text}"
        );
        assert!(!text.contains(command::PLACEHOLDER), "{text}");
        let other = snippet.merge(&text, &launch("rev")).unwrap();
        assert_eq!(other, snippet.merge("", &launch("rev")).unwrap());
        assert!(snippet.remove(&other).unwrap().unwrap().is_bare, "{other}");
        assert_eq!(snippet.remove("").unwrap(), None);
    }
}

/// A rule that lets the resolver run would let every command through that holds a reference.
#[test]
fn no_snippet_allows_anything() {
    for snippet in snippets() {
        let text = snippet.text.to_lowercase();
        assert!(!text.contains("permission") && !text.contains("allow"), "{text}");
    }
}

#[test]
fn every_client_has_its_own_files() {
    let user = |own: Option<&str>| Directories::of_user("/home/a".into(), own.map(PathBuf::from));
    let project = Directories::of_project("/p".into());
    let path = |client, part, directories: &Directories| Snippet::of(client, part).path(directories);
    for (client, files) in [
        (
            Client::ClaudeCode,
            [
                "/p/.claude/settings.json",
                "/p/.mcp.json",
                "/home/a/.claude/settings.json",
                "/home/a/.claude.json",
                "/own/settings.json",
                "/own/.claude.json",
            ],
        ),
        (
            Client::Codex,
            [
                "/p/.codex/hooks.json",
                "/p/.codex/config.toml",
                "/home/a/.codex/hooks.json",
                "/home/a/.codex/config.toml",
                "/own/hooks.json",
                "/own/config.toml",
            ],
        ),
        (
            Client::Gemini,
            [
                "/p/.gemini/settings.json",
                "/p/.gemini/settings.json",
                "/home/a/.gemini/settings.json",
                "/home/a/.gemini/settings.json",
                "/own/.gemini/settings.json",
                "/own/.gemini/settings.json",
            ],
        ),
        (
            Client::Copilot,
            [
                "/p/.github/hooks/fleetvault.json",
                "/p/.github/mcp.json",
                "/home/a/.copilot/hooks/fleetvault.json",
                "/home/a/.copilot/mcp-config.json",
                "/own/hooks/fleetvault.json",
                "/own/mcp-config.json",
            ],
        ),
        (
            Client::Cursor,
            [
                "/p/.cursor/hooks.json",
                "/p/.cursor/mcp.json",
                "/home/a/.cursor/hooks.json",
                "/home/a/.cursor/mcp.json",
                "/own/hooks.json",
                "/own/mcp.json",
            ],
        ),
        (
            Client::Opencode,
            [
                "/p/.opencode/plugins/fleetvault.js",
                "/p/opencode.json",
                "/home/a/.config/opencode/plugins/fleetvault.js",
                "/home/a/.config/opencode/opencode.json",
                "/own/opencode/plugins/fleetvault.js",
                "/own/opencode/opencode.json",
            ],
        ),
    ] {
        let found = [project.clone(), user(None), user(Some("/own"))]
            .iter()
            .flat_map(|directories| PARTS.map(|part| path(client, part, directories)))
            .collect::<Vec<_>>();
        assert_eq!(found, files.map(PathBuf::from));
    }
}

/// A configuration: whatever keys, with lists of hooks and servers of others among them.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let any_value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    });
    let keys = prop::collection::btree_map("[a-z/\"\\\\é]{1,8}", any_value.clone(), 0..5);
    let handlers = prop::option::of(prop::collection::vec(any_value.clone(), 1..4));
    let servers = prop::option::of(prop::collection::btree_map("[a-z]{1,6}", any_value, 1..4));
    (keys, handlers, servers).prop_map(|(keys, handlers, servers)| {
        let mut document: Map<String, Value> = keys.into_iter().collect();
        document.remove("hooks");
        document.remove("mcp");
        if let Some(handlers) = handlers {
            let hooks = json!({"PreToolUse": handlers, "preToolUse": handlers, "BeforeTool": handlers});
            document.insert("hooks".into(), hooks);
        }
        if let Some(servers) = servers {
            document.insert("mcpServers".into(), json!(servers));
            document.insert("mcp".into(), json!(servers));
        }
        document.insert("version".into(), json!(1));
        Value::Object(document)
    })
}

proptest! {
    #[test]
    fn what_is_installed_and_removed_leaves_a_file_as_it_was(document in document(), pretty in any::<bool>()) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&document).unwrap(),
            false => document.to_string(),
        };
        for snippet in snippets().filter(|snippet| matches!(snippet.form, Form::Json(_))) {
            let once = snippet.merge(&text, &launch("dev")).unwrap();
            prop_assert_eq!(&snippet.merge(&once, &launch("dev")).unwrap(), &once);
            let other = snippet.merge(&once, &launch("rev")).unwrap();
            let directly = snippet.merge(&text, &launch("rev")).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&directly).unwrap(), serde_json::from_str::<Value>(&other).unwrap());
            prop_assert!(!pretty || directly == other, "{}", other);
            let removed = snippet.remove(&other).unwrap().unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(&removed.text).unwrap(), &document);
            if pretty {
                prop_assert_eq!(&removed.text, &text);
            }
            prop_assert_eq!(snippet.remove(&text).unwrap(), None);
        }
    }

    #[test]
    fn no_text_makes_it_stumble(text in "[\\[\\]{}:,\"'/* \\n\\\\a-c0-9.#=-]{0,60}") {
        for snippet in snippets() {
            if let Ok(merged) = snippet.merge(&text, &launch("dev")) {
                prop_assert_eq!(snippet.merge(&merged, &launch("dev")).unwrap(), merged.clone());
                prop_assert!(snippet.remove(&merged).unwrap().is_some());
            }
            let _ = snippet.remove(&text);
        }
    }
}
