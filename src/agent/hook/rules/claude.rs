//! Claude Code: `permissions.deny` and `permissions.ask` of its settings files.

use std::path::{Path, PathBuf};

use super::{
    matching,
    objection::{Answer, Objection},
    paths::Files,
    reading::{files, json, strings},
    surroundings::Surroundings,
};
use crate::agent::hook::line::Line;

/// Where an administrator's settings are.
const MANAGED: &str = "/etc/claude-code";

/// The tool that runs shell lines.
const SHELL: &str = "Bash";

pub(super) fn objections(surroundings: &Surroundings, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    for file in settings(surroundings) {
        match json(&file) {
            Ok(None) => {}
            Ok(Some(settings)) => {
                // What a file calls its own root is the directory that its .claude lies in.
                let root = file.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
                for (key, answer) in [("permissions.deny", Answer::Deny), ("permissions.ask", Answer::Ask)] {
                    let rules = strings(&settings, key).into_iter();
                    let met = rules.filter(|rule| is_met(rule, root, surroundings, line));
                    objections.extend(met.map(|rule| Objection::new(answer, rule, &file)));
                }
            }
            Err(problem) => objections.push(Objection::unreadable(Answer::Ask, &file, problem)),
        }
    }
    objections
}

/// Every file that may hold rules. Which of them count for this session is not to be seen from here; more of them are only stricter.
fn settings(surroundings: &Surroundings) -> Vec<PathBuf> {
    let managed = Path::new(MANAGED);
    let mut all = vec![managed.join("managed-settings.json")];
    all.extend(files(&managed.join("managed-settings.d"), "json").unwrap_or_default());
    let user = surroundings.moved("CLAUDE_CONFIG_DIR", ".claude");
    all.extend(user.map(|user| user.join("settings.json")));
    let started = surroundings.variable("CLAUDE_PROJECT_DIR").map(PathBuf::as_path);
    let mut projects = surroundings.up_to_the_top();
    projects.extend(started);
    for project in projects {
        for name in ["settings.json", "settings.local.json"] {
            let file = project.join(".claude").join(name);
            if !all.contains(&file) {
                all.push(file);
            }
        }
    }
    all
}

fn is_met(rule: &str, root: &Path, surroundings: &Surroundings, line: &Line) -> bool {
    let Some((tool, content)) = parts(rule) else {
        return false;
    };
    match tool {
        // About the tool as a whole: that rule holds for what the hook returns as well.
        _ if content.is_empty() || content == "*" => false,
        SHELL => is_met_by_command(&content, line),
        "Read" | "Edit" | "Write" => {
            Files::of(&content, root, surroundings).is_none_or(|files| files.are_named_in(line, surroundings))
        }
        _ => false,
    }
}

fn is_met_by_command(content: &str, line: &Line) -> bool {
    if let Some(prefix) = content.strip_suffix(":*") {
        return matching::begins_with(line, prefix);
    }
    match content.replace("\\*", "").contains('*') {
        true => matching::is_like(line, content, false),
        false => matching::is(line, content),
    }
}

/// The tool of a rule and what stands in its parentheses.
fn parts(rule: &str) -> Option<(&str, String)> {
    let Some((tool, rest)) = rule.split_once('(') else {
        return Some((rule, String::new()));
    };
    let content = rest.strip_suffix(')')?;
    Some((tool, content.replace("\\(", "(").replace("\\)", ")")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::resolver::template::Template;

    fn judged(settings: &str, command: &str) -> Option<(Answer, String)> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".claude")).unwrap();
        fs::write(home.path().join(".claude/settings.json"), settings).unwrap();
        let surroundings = Surroundings {
            home: Some(home.path().into()),
            directory: home.path().into(),
            ..Surroundings::default()
        };
        let line = Line::of_shell(&Template::parse(command.as_bytes()).unwrap());
        let objection = super::super::judge(crate::agent::Client::ClaudeCode, &surroundings, &line)?;
        Some((objection.answer, objection.to_string()))
    }

    #[test]
    fn a_rule_meets_the_original_command() {
        let rules = r#"{ "permissions": {
            "allow": ["Bash(curl:*)"],
            "ask": ["Bash(git push *)", "Bash(curl:*)", "Bash(date)"],
            "deny": ["Bash(rm:*)", 5, "Bash(unclosed", "Read(./.env)", "Bash"]
        } }"#;
        let answer = |command| judged(rules, command).map(|(answer, _)| answer);
        assert_eq!(answer("echo <<secure.a>>"), None);
        assert_eq!(answer("rm <<secure.a>>"), Some(Answer::Deny));
        assert_eq!(answer("curl <<secure.a>>; rm x"), Some(Answer::Deny));
        assert_eq!(answer("curl <<secure.a>>"), Some(Answer::Ask));
        assert_eq!(answer("git push"), Some(Answer::Ask));
        assert_eq!(answer("x; date"), Some(Answer::Ask));
        assert_eq!(answer("date -u"), None);
        assert_eq!(answer("cat .env"), Some(Answer::Deny));
        let (_, told) = judged(rules, "rm <<secure.a>>").unwrap();
        assert!(
            told.starts_with("Bash(rm:*) in ") && told.ends_with("/.claude/settings.json forbids this"),
            "{told}"
        );
    }

    #[test]
    fn a_rule_is_not_shown_at_any_length() {
        let rules = format!(r#"{{ "permissions": {{ "deny": ["Bash(*{})"] }} }}"#, "*".repeat(9000));
        let (_, told) = judged(&rules, "echo <<secure.a>>").unwrap();
        assert!(told.len() < 500 && told.starts_with("Bash(**"), "{told}");
    }

    #[test]
    fn a_file_that_cannot_be_read_asks() {
        let (answer, told) = judged("{ \"permissions\": { ", "echo <<secure.a>>").unwrap();
        assert_eq!(answer, Answer::Ask);
        assert!(told.contains("cannot be read as rules"), "{told}");
        // Comments are more than the client understands; what is in there is honoured all the same.
        let rules = "{ // mine\n \"permissions\": { \"deny\": [\"Bash(rm:*)\",] } }";
        assert_eq!(judged(rules, "rm x").unwrap().0, Answer::Deny);
    }
}
