//! Gemini CLI: policies (TOML) and the tools of its settings. A hook that asks would hang where nobody is there, so that asking forbids too.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value as Json;
use toml::Value;

use super::{
    matching,
    objection::{Answer, Objection},
    reading::{files, json, strings, text},
    surroundings::Surroundings,
};
use crate::agent::hook::line::{Line, Text};

/// Where an administrator's files are.
const SYSTEM: &str = "/etc/gemini-cli";

/// What the shell tool is called.
const SHELL: [&str; 2] = ["run_shell_command", "ShellTool"];

pub(super) fn objections(surroundings: &Surroundings, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    let mut policies = vec![Path::new(SYSTEM).join("policies")];
    let user = surroundings
        .moved("GEMINI_CLI_HOME", "")
        .map(|home| home.join(".gemini"));
    let projects = projects(surroundings);
    policies.extend(user.iter().chain(&projects).map(|directory| directory.join("policies")));
    for file in settings(surroundings, user.as_deref(), &projects) {
        match json(&file) {
            Ok(None) => {}
            Ok(Some(settings)) => {
                for key in ["policyPaths", "adminPolicyPaths"] {
                    let named = strings(&settings, key).into_iter();
                    policies.extend(named.map(|path| below_home(path, surroundings)));
                }
                objections.extend(by_settings(&settings, &file, line));
            }
            Err(problem) => objections.push(Objection::unreadable(Answer::Deny, &file, problem)),
        }
    }
    policies.extend(of_extensions(user.as_deref()));
    for place in policies {
        let found = match place.is_file() {
            true => Ok(vec![place.clone()]),
            false => files(&place, "toml"),
        };
        match found {
            Ok(found) => objections.extend(found.iter().flat_map(|file| by_policies(file, line))),
            Err(error) => objections.push(Objection::unreadable(Answer::Deny, &place, error)),
        }
    }
    objections
}

fn projects(surroundings: &Surroundings) -> Vec<PathBuf> {
    let started = surroundings.variable("GEMINI_PROJECT_DIR").map(PathBuf::as_path);
    let mut all: Vec<PathBuf> = Vec::new();
    for directory in surroundings.up_to_the_top().into_iter().chain(started) {
        let directory = directory.join(".gemini");
        if !all.contains(&directory) {
            all.push(directory);
        }
    }
    all
}

fn settings(surroundings: &Surroundings, user: Option<&Path>, projects: &[PathBuf]) -> Vec<PathBuf> {
    let system = |variable, name| {
        let moved = surroundings.variable(variable).cloned();
        moved.unwrap_or_else(|| Path::new(SYSTEM).join(name))
    };
    let mut all = vec![
        system("GEMINI_CLI_SYSTEM_DEFAULTS_PATH", "system-defaults.json"),
        system("GEMINI_CLI_SYSTEM_SETTINGS_PATH", "settings.json"),
    ];
    let own = projects.iter().map(PathBuf::as_path);
    for file in user
        .into_iter()
        .chain(own)
        .map(|directory| directory.join("settings.json"))
    {
        if !all.contains(&file) {
            all.push(file);
        }
    }
    all
}

fn of_extensions(user: Option<&Path>) -> Vec<PathBuf> {
    let extensions = user.and_then(|user| std::fs::read_dir(user.join("extensions")).ok());
    let extensions = extensions.into_iter().flatten().flatten();
    extensions.map(|extension| extension.path().join("policies")).collect()
}

fn below_home(path: &str, surroundings: &Surroundings) -> PathBuf {
    match (path.strip_prefix("~/"), &surroundings.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => surroundings.directory.join(path),
    }
}

/// `tools.exclude`, `tools.confirmationRequired`, and lists of what alone may run.
fn by_settings(settings: &Json, file: &Path, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    for key in ["tools.exclude", "tools.confirmationRequired"] {
        let rules = strings(settings, key).into_iter();
        let met = rules.filter(|rule| {
            shell_rule(rule).is_some_and(|prefix| prefix.is_none_or(|prefix| matching::begins_with(line, prefix)))
        });
        objections.extend(met.map(|rule| Objection::new(Answer::Deny, format!("{key} '{rule}'"), file)));
    }
    for key in ["tools.core", "tools.allowed"] {
        let rules = strings(settings, key);
        let shell: Vec<Option<&str>> = rules.iter().filter_map(|rule| shell_rule(rule)).collect();
        // Whoever allows some commands by name forbids the others; a list of tools without the shell forbids all.
        let narrows = !shell.is_empty() || (key == "tools.core" && !rules.is_empty());
        let allows = |words: &[String]| {
            shell
                .iter()
                .any(|prefix| prefix.is_none_or(|prefix| starts(words, prefix)))
        };
        if narrows && !line.commands().all(allows) {
            objections.push(Objection::new(
                Answer::Deny,
                format!("{key}, which lists other commands,"),
                file,
            ));
        }
    }
    objections
}

fn starts(words: &[String], prefix: &str) -> bool {
    let prefix: Vec<&str> = prefix.split_whitespace().collect();
    words.len() >= prefix.len() && words.iter().zip(prefix).all(|(word, wanted)| word == wanted)
}

/// What a setting says about the shell tool: all commands, or those with a prefix.
fn shell_rule(rule: &str) -> Option<Option<&str>> {
    match rule.split_once('(') {
        None => (rule == "*" || SHELL.contains(&rule)).then_some(None),
        Some((tool, rest)) if SHELL.contains(&tool) => Some(Some(rest.strip_suffix(')').unwrap_or(rest))),
        Some(_) => None,
    }
}

/// `[[rule]]`s of one file. Modes, priorities and what allows are passed over.
fn by_policies(file: &Path, line: &Line) -> Vec<Objection> {
    let unreadable = |problem: String| vec![Objection::unreadable(Answer::Deny, file, problem)];
    let policies: toml::Table = match text(file) {
        Ok(text) => match text.unwrap_or_default().parse() {
            Ok(table) => table,
            Err(error) => return unreadable(error.to_string()),
        },
        Err(error) => return unreadable(error.to_string()),
    };
    let rules = policies.get("rule").and_then(Value::as_array);
    let objects = |rule: &&Value| {
        let decision = rule.get("decision").and_then(Value::as_str);
        decision != Some("allow") && is_about_shell(rule) && is_met(rule, line)
    };
    let met = rules.into_iter().flatten().filter(objects);
    met.map(|rule| {
        let told = ["denyMessage", "deny_message"].iter().find_map(|key| rule.get(*key));
        Objection {
            reason: told.and_then(Value::as_str).map(str::to_owned),
            ..Objection::new(Answer::Deny, format!("the rule {}", shown(rule)), file)
        }
    })
    .collect()
}

fn texts<'v>(rule: &'v Value, key: &str) -> Vec<&'v str> {
    match rule.get(key) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_about_shell(rule: &Value) -> bool {
    let tools = texts(rule, "toolName");
    rule.get("mcpName").is_none() && tools.iter().any(|tool| *tool == "*" || SHELL.contains(tool))
}

fn is_met(rule: &Value, line: &Line) -> bool {
    let prefixes = texts(rule, "commandPrefix");
    if !prefixes.is_empty() {
        return prefixes.iter().any(|prefix| matching::begins_with(line, prefix));
    }
    // Expressions search the arguments as JSON, in which every argument stands between two NULs.
    let expressions = texts(rule, "argsPattern").into_iter().map(str::to_owned);
    let of_commands = texts(rule, "commandRegex")
        .into_iter()
        .map(|expression| format!("\"command\":\"{expression}"));
    let expressions: Vec<String> = expressions.chain(of_commands).collect();
    if expressions.is_empty() {
        return true;
    }
    expressions.iter().any(|expression| match Regex::new(expression) {
        Ok(expression) => line.texts().iter().any(|text| is_found(&expression, text)),
        // Another dialect of expressions: what it means is not known here.
        Err(_) => true,
    })
}

/// Searches the arguments that each part of a text would be. A character is written alike wherever it stands, so that the parts of what is
/// written are cut from one text as well.
fn is_found(expression: &Regex, text: &Text) -> bool {
    let starts = text.starts();
    let ends = starts.iter().skip(1).copied().chain([text.as_str().len()]);
    let mut written = String::new();
    let mut places = Vec::new();
    for (&start, end) in starts.iter().zip(ends) {
        places.push(written.len());
        let part = serde_json::to_string(&text.as_str()[start..end]).unwrap_or_default();
        written.push_str(part.get(1..part.len().saturating_sub(1)).unwrap_or_default());
    }
    let mut arguments = String::with_capacity(written.len() + 20);
    places.into_iter().any(|place| {
        arguments.clear();
        arguments.extend(["{\0\"command\":\"", &written[place..], "\"\0}"]);
        expression.is_match(&arguments)
    })
}

fn shown(rule: &Value) -> String {
    let keys = ["commandPrefix", "commandRegex", "argsPattern", "toolName"];
    let found = keys
        .iter()
        .find_map(|key| Some((key, texts(rule, key).first().copied()?.to_owned())));
    found.map_or("without a name".into(), |(key, text)| format!("{key} '{text}'"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::resolver::template::Template;

    fn judged(name: &str, rules: &str, command: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".gemini").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, rules).unwrap();
        let surroundings = Surroundings {
            home: Some(home.path().into()),
            directory: home.path().join("work"),
            ..Surroundings::default()
        };
        let line = Line::of_shell(&Template::parse(command.as_bytes()).unwrap());
        super::super::judge(crate::agent::Client::Gemini, &surroundings, &line).map(|objection| objection.to_string())
    }

    fn by_policy(rules: &str, command: &str) -> bool {
        judged("policies/mine.toml", rules, command).is_some()
    }

    fn by_settings(settings: &str, command: &str) -> bool {
        judged("settings.json", settings, command).is_some()
    }

    #[test]
    fn policies_meet_the_original() {
        let rule = |middle: &str, decision: &str| {
            format!("[[rule]]\ntoolName = \"run_shell_command\"\n{middle}\ndecision = \"{decision}\"\npriority = 100\n")
        };
        let deny = rule("commandPrefix = [\"rm\", \"git push\"]\ndenyMessage = \"no\"", "deny");
        assert!(by_policy(&deny, "rm <<secure.a>>"));
        assert!(by_policy(&deny, "A=1 git push <<secure.a>>"));
        assert!(!by_policy(&deny, "git pull <<secure.a>>"));
        let told = judged("policies/mine.toml", &deny, "rm <<secure.a>>").unwrap();
        assert!(
            told.starts_with("the rule commandPrefix 'rm' in ") && told.ends_with("forbids this (no)"),
            "{told}"
        );
        assert!(by_policy(
            &rule("commandPrefix = \"date\"", "ask_user"),
            "date <<secure.a>>"
        ));
        assert!(!by_policy(
            &rule("commandPrefix = \"date\"", "allow"),
            "date <<secure.a>>"
        ));
        assert!(by_policy(
            &rule("commandRegex = \"curl.*-k\"", "deny"),
            "x; curl <<secure.a>> -k"
        ));
        assert!(!by_policy(
            &rule("commandRegex = \"curl.*-k\"", "deny"),
            "curl <<secure.a>>"
        ));
        assert!(by_policy(
            &rule("argsPattern = '\"command\":\"rm'", "deny"),
            "rm <<secure.a>>"
        ));
        assert!(
            by_policy(&rule("commandRegex = \"(?=x)\"", "deny"), "echo <<secure.a>>"),
            "another dialect"
        );
        assert!(by_policy(&rule("", "ask_user"), "echo <<secure.a>>"));
        assert!(!by_policy(
            "[[rule]]\ntoolName = \"write_file\"\ndecision = \"deny\"\n",
            "echo <<secure.a>>"
        ));
        assert!(by_policy("[[rule", "echo <<secure.a>>"), "a file that cannot be read");
    }

    #[test]
    fn settings_meet_the_original() {
        assert!(by_settings(
            r#"{ "tools": { "exclude": ["run_shell_command(rm)"] } }"#,
            "rm <<secure.a>>"
        ));
        assert!(!by_settings(
            r#"{ "tools": { "exclude": ["ShellTool(rm)"] } }"#,
            "echo <<secure.a>>"
        ));
        assert!(by_settings(
            r#"{ "tools": { "confirmationRequired": ["run_shell_command"] } }"#,
            "echo <<secure.a>>"
        ));
        let core = r#"{ "tools": { "core": ["run_shell_command(curl)", "read_file"] } } // mine"#;
        assert!(!by_settings(core, "curl <<secure.a>>"));
        assert!(by_settings(core, "curl <<secure.a>>; rm x"));
        assert!(by_settings(
            r#"{ "tools": { "core": ["read_file"] } }"#,
            "echo <<secure.a>>"
        ));
        assert!(by_settings(
            r#"{ "tools": { "allowed": ["run_shell_command(date)"] } }"#,
            "echo <<secure.a>>"
        ));
        assert!(!by_settings(
            r#"{ "tools": { "allowed": ["read_file"] } }"#,
            "echo <<secure.a>>"
        ));
        assert!(by_settings("{", "echo <<secure.a>>"));
    }
}
