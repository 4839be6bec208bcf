//! Changes in TOML, with comments and order kept.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, TomlError, Value};

use super::{
    command::{self, Launch},
    error::Problem,
    json::{Removed, SERVER},
};

/// The table of servers.
const SERVERS: &str = "mcp_servers";

/// Merges the server of a snippet into a text; returns the text as it was where that stands there already.
///
/// # Errors
/// A text that is no TOML, or has something else where ours belongs.
pub fn merge(text: &str, snippet: &str, subcommand: &[&str], launch: &Launch) -> Result<String, Problem> {
    let snippet = parse(snippet)?;
    let entry = snippet
        .get(SERVERS)
        .and_then(|servers| servers.get(SERVER))
        .ok_or(Problem::OtherFile)?;
    let words = launch.fill(&words(entry)).ok_or(Problem::OtherFile)?;
    let mut document = parse(text)?;
    let servers = match document.entry(SERVERS) {
        toml_edit::Entry::Occupied(entry) => entry.into_mut(),
        toml_edit::Entry::Vacant(entry) => {
            let mut servers = Table::new();
            servers.set_implicit(true);
            entry.insert(Item::Table(servers))
        }
    };
    let is_inline = servers.is_inline_table();
    let servers = servers.as_table_like_mut().ok_or_else(|| not_a_table(SERVERS.into()))?;
    match servers.get(SERVER) {
        Some(found) if self::words(found) == words => return Ok(text.to_owned()),
        Some(found) if !is_ours(found, subcommand) => return Err(Problem::OtherServer(shown())),
        _ => {}
    }
    put(servers, &words, is_inline)?;
    Ok(with_line_breaks_of(text, document.to_string()))
}

/// Removes our server; returns nothing where there was none.
///
/// # Errors
/// A text that is no TOML, or has something else where ours belongs.
pub fn remove(text: &str, subcommand: &[&str]) -> Result<Option<Removed>, Problem> {
    let mut document = parse(text)?;
    let Some(servers) = document.get_mut(SERVERS) else {
        return Ok(None);
    };
    let servers = servers.as_table_like_mut().ok_or_else(|| not_a_table(SERVERS.into()))?;
    if !servers.get(SERVER).is_some_and(|found| is_ours(found, subcommand)) {
        return Ok(None);
    }
    servers.remove(SERVER);
    if servers.is_empty() {
        document.remove(SERVERS);
    }
    let text = with_line_breaks_of(text, document.to_string());
    Ok(Some(Removed {
        is_bare: text.trim().is_empty(),
        text,
    }))
}

/// Sets the command of our server, and leaves what else a user wrote there: time-outs, tools, comments.
fn put(servers: &mut dyn TableLike, words: &[String], is_inline: bool) -> Result<(), Problem> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    if servers.get(SERVER).is_none() {
        let mut table = Item::Table(Table::new());
        if is_inline {
            table.make_value();
        }
        servers.insert(SERVER, table);
    }
    let entry = servers.get_mut(SERVER).and_then(Item::as_table_like_mut);
    let entry = entry.ok_or_else(|| not_a_table(shown()))?;
    set(entry, "command", Value::from(program));
    set(entry, "args", Value::Array(arguments.iter().collect::<Array>()));
    Ok(())
}

/// Sets a key and keeps the comment behind its value.
fn set(entry: &mut dyn TableLike, key: &str, mut value: Value) {
    match entry.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            entry.insert(key, Item::Value(value));
        }
    }
}

fn parse(text: &str) -> Result<DocumentMut, Problem> {
    text.parse().map_err(|error: TomlError| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Problem::Syntax {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().trim().replace('\n', ", "),
        }
    })
}

/// The crate writes the line breaks of Unix.
fn with_line_breaks_of(before: &str, text: String) -> String {
    let lines = before.matches('\n').count();
    match lines > 0 && before.matches("\r\n").count() == lines {
        true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => text,
    }
}

fn is_ours(entry: &Item, subcommand: &[&str]) -> bool {
    command::runs(&words(entry), subcommand)
}

/// The program of a server and its arguments.
fn words(entry: &Item) -> Vec<String> {
    let program = entry.get("command").and_then(Item::as_str);
    let arguments = entry.get("args").and_then(Item::as_array).into_iter().flatten();
    let words = program.into_iter().chain(arguments.filter_map(Value::as_str));
    words.map(str::to_owned).collect()
}

fn shown() -> String {
    format!("'{SERVERS}.{SERVER}'")
}

fn not_a_table(key: String) -> Problem {
    Problem::Shape {
        key: format!("'{}'", key.trim_matches('\'')),
        expected: "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNIPPET: &str = include_str!("../../../hooks/agents/codex/config.toml");

    fn launch(options: &[&str]) -> Launch {
        let options = options.iter().map(ToString::to_string).collect();
        Launch::new("/opt/fleetvault-resolver".into(), options).unwrap()
    }

    fn merged(text: &str) -> String {
        merge(text, SNIPPET, &["mcp"], &launch(&["--member", "dev"])).unwrap()
    }

    const OURS: &str =
        "[mcp_servers.fleetvault]\ncommand = \"/opt/fleetvault-resolver\"\nargs = [\"--member\", \"dev\", \"mcp\"]\n";

    #[test]
    fn an_empty_file_gets_the_snippet() {
        assert_eq!(merged(""), OURS);
        assert_eq!(merge("", SNIPPET, &["mcp"], &Launch::placeholder()).unwrap(), SNIPPET);
        let removed = remove(OURS, &["mcp"]).unwrap().unwrap();
        assert!(removed.is_bare, "{removed:?}");
    }

    #[test]
    fn what_others_wrote_keeps_its_bytes() {
        let text = "# mine\nmodel   = 'o5' # fast\n\n[mcp_servers.docs] # theirs\ncommand = \"docs\"\n\n[tools]\nweb = true\n# the end\n";
        let with = merged(text);
        for line in text.lines() {
            assert!(with.contains(line), "{line}\n{with}");
        }
        assert!(with.contains(OURS), "{with}");
        assert_eq!(merged(&with), with);
        let removed = remove(&with, &["mcp"]).unwrap().unwrap();
        assert!(!removed.is_bare);
        assert_eq!(removed.text.replace("\n\n", "\n"), text.replace("\n\n", "\n"));
    }

    #[test]
    fn an_older_entry_is_replaced_and_what_stands_beside_is_kept() {
        let text = "[mcp_servers.fleetvault]\ncommand = \"/old/fleetvault-resolver\" # here\nargs = [\"mcp\"]\nstartup_timeout_sec = 20\n";
        assert_eq!(
            merged(text),
            "[mcp_servers.fleetvault]\ncommand = \"/opt/fleetvault-resolver\" # here\nargs = [\"--member\", \"dev\", \"mcp\"]\nstartup_timeout_sec = 20\n"
        );
    }

    #[test]
    fn tables_in_a_line_are_merged_too() {
        let text = "mcp_servers = { docs = { command = \"docs\" } }\n";
        let with = merged(text);
        let value: toml::Table = with.parse().unwrap();
        assert_eq!(value["mcp_servers"]["docs"]["command"].as_str(), Some("docs"));
        assert_eq!(
            value["mcp_servers"]["fleetvault"]["command"].as_str(),
            Some("/opt/fleetvault-resolver")
        );
        assert_eq!(merged(&with), with);
        assert_eq!(remove(&with, &["mcp"]).unwrap().unwrap().text, text);
    }

    #[test]
    fn what_cannot_be_merged_is_refused() {
        for (text, problem) in [
            ("a = 1\nb = [1,\n", "line 2, column 8: unclosed array, expected `]`"),
            ("mcp_servers = 3\n", "'mcp_servers' should be a table"),
            (
                "[mcp_servers.fleetvault]\ncommand = \"other\"\n",
                "'mcp_servers.fleetvault' is the entry of another program",
            ),
            ("[[mcp_servers]]\nname = \"x\"\n", "'mcp_servers' should be a table"),
        ] {
            let error = merge(text, SNIPPET, &["mcp"], &launch(&[])).unwrap_err();
            assert_eq!(error.to_string(), problem, "{text}");
        }
        assert_eq!(remove("", &["mcp"]), Ok(None));
        assert_eq!(
            remove("[mcp_servers.fleetvault]\ncommand = \"other\"\n", &["mcp"]),
            Ok(None)
        );
    }

    #[test]
    fn line_breaks_of_windows_are_kept() {
        let text = "# mine\r\nmodel = \"o5\"\r\n";
        assert!(merged(text).starts_with(text), "{:?}", merged(text));
    }
}
