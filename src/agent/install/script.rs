//! The plugin of opencode: a script that is ours as a whole.

use super::{
    command::{self, Launch},
    error::Problem,
    json::Removed,
};

/// What stands before the words of the command.
const COMMAND: &str = "const COMMAND = ";

/// Returns the script for a launch, in the place of an older one or of nothing.
///
/// # Errors
/// A text that is no script of ours.
pub fn merge(text: &str, snippet: &str, subcommand: &[&str], launch: &Launch) -> Result<String, Problem> {
    if !text.trim().is_empty() && !is_ours(text, subcommand) {
        return Err(Problem::OtherFile);
    }
    let line = command_line(snippet).ok_or(Problem::OtherFile)?;
    let words = words(line)
        .and_then(|words| launch.fill(&words))
        .ok_or(Problem::OtherFile)?;
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    Ok(snippet.replacen(line, &format!("{COMMAND}[{}];", words.join(", ")), 1))
}

/// Tells that a script of ours is to be removed as a whole; returns nothing where it is not ours.
pub fn remove(text: &str, subcommand: &[&str]) -> Option<Removed> {
    is_ours(text, subcommand).then(|| Removed {
        text: String::new(),
        is_bare: true,
    })
}

fn is_ours(text: &str, subcommand: &[&str]) -> bool {
    let words = command_line(text).and_then(words);
    words.is_some_and(|words| command::runs(&words, subcommand))
}

fn command_line(text: &str) -> Option<&str> {
    text.lines().find(|line| line.starts_with(COMMAND))
}

fn words(line: &str) -> Option<Vec<String>> {
    let list = line.strip_prefix(COMMAND)?.trim_end().trim_end_matches(';');
    serde_json::from_str(list).ok()
}

/// A string of JSON is one of JavaScript.
fn quoted(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNIPPET: &str = include_str!("../../../hooks/agents/opencode/fleetvault.js");
    const HOOK: &[&str] = &["hook", "opencode"];

    fn merged(text: &str, program: &str) -> Result<String, Problem> {
        let launch = Launch::new(program.into(), vec!["--member".into(), "dev".into()]).unwrap();
        merge(text, SNIPPET, HOOK, &launch)
    }

    #[test]
    fn the_command_is_put_in() {
        assert_eq!(merge("", SNIPPET, HOOK, &Launch::placeholder()).unwrap(), SNIPPET);
        let script = merged("", "/my \"tools\"/fleetvault-resolver").unwrap();
        assert!(
            script.contains(
                r#"const COMMAND = ["/my \"tools\"/fleetvault-resolver", "--member", "dev", "hook", "opencode"];"#
            ),
            "{script}"
        );
        assert_eq!(script.lines().count(), SNIPPET.lines().count());
    }

    #[test]
    fn an_older_script_is_replaced_and_another_one_is_not() {
        let older = merged("", "/old/fleetvault-resolver").unwrap();
        let newer = merged(&older, "/new/fleetvault-resolver").unwrap();
        assert!(newer.contains("/new/") && !newer.contains("/old/"));
        assert_eq!(merged(&newer, "/new/fleetvault-resolver").unwrap(), newer);
        assert_eq!(remove(&newer, HOOK).map(|removed| removed.is_bare), Some(true));
        for other in ["export const Mine = async () => ({});\n", "const COMMAND = [\"x\"];\n"] {
            assert_eq!(merged(other, "/new/fleetvault-resolver"), Err(Problem::OtherFile));
            assert_eq!(remove(other, HOOK), None);
        }
    }
}
