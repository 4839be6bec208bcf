//! opencode: `permission` of its configuration. A plugin cannot have a person asked, so that asking for some commands forbids them.
//!
//! What holds for all commands needs no reading: opencode applies it to what the hook returns as well.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    matching,
    objection::{Answer, Objection},
    reading::json,
    surroundings::Surroundings,
};
use crate::agent::hook::line::Line;

pub(super) fn objections(surroundings: &Surroundings, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    for file in configurations(surroundings) {
        match json(&file) {
            Ok(None) => {}
            Ok(Some(configuration)) => {
                let agents = configuration.get("agent").and_then(Value::as_object);
                let agents = agents.into_iter().flat_map(|agents| agents.values());
                for permission in [&configuration].into_iter().chain(agents) {
                    objections.extend(of_permission(permission.get("permission"), &file, line));
                }
            }
            Err(problem) => objections.push(Objection::unreadable(Answer::Deny, &file, problem)),
        }
    }
    objections
}

fn configurations(surroundings: &Surroundings) -> Vec<PathBuf> {
    let user = surroundings
        .moved("XDG_CONFIG_HOME", ".config")
        .map(|config| config.join("opencode"));
    let mut all = Vec::new();
    all.extend(user.iter().map(|user| user.join("config.json")));
    let projects = surroundings.up_to_the_top();
    let below = projects.iter().map(|directory| directory.join(".opencode"));
    let named = projects.iter().map(|directory| directory.to_path_buf());
    let directories = user
        .into_iter()
        .chain(named)
        .chain(below)
        .chain([Path::new("/etc/opencode").to_owned()]);
    for directory in directories {
        all.extend(["opencode.json", "opencode.jsonc"].map(|name| directory.join(name)));
    }
    all.extend(surroundings.variable("OPENCODE_CONFIG").cloned());
    all
}

fn of_permission(permission: Option<&Value>, file: &Path, line: &Line) -> Vec<Objection> {
    let patterns = permission
        .and_then(|permission| permission.get("bash"))
        .and_then(Value::as_object);
    let objects = |(pattern, decision): &(&String, &Value)| {
        pattern.as_str() != "*" && *decision != "allow" && matching::is_like(line, pattern, true)
    };
    let met = patterns.into_iter().flatten().filter(objects);
    met.map(|(pattern, _)| Objection::new(Answer::Deny, format!("permission.bash '{pattern}'"), file))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::resolver::template::Template;

    fn judged(configuration: &str, command: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("opencode.jsonc"), configuration).unwrap();
        let surroundings = Surroundings {
            home: Some(home.path().into()),
            directory: home.path().into(),
            ..Surroundings::default()
        };
        let line = Line::of_shell(&Template::parse(command.as_bytes()).unwrap());
        super::super::judge(crate::agent::Client::Opencode, &surroundings, &line).map(|objection| objection.to_string())
    }

    #[test]
    fn what_forbids_or_asks_forbids() {
        let rules = r#"{ "permission": { "bash": { "*": "ask", "rm *": "deny", "date*": "ask", "ls *": "allow", }, "edit": "deny" },
            "agent": { "build": { "permission": { "bash": { "git push *": "deny" } } } } } // mine"#;
        let told = judged(rules, "env rm <<secure.a>>").unwrap();
        assert!(
            told.starts_with("permission.bash 'rm *' in ") && told.ends_with("forbids this"),
            "{told}"
        );
        assert!(judged(rules, "date <<secure.a>>").is_some());
        assert!(judged(rules, "git  push <<secure.a>>").is_some());
        assert_eq!(judged(rules, "ls <<secure.a>>"), None);
        assert_eq!(judged(r#"{ "permission": "ask" }"#, "rm <<secure.a>>"), None);
        assert!(judged("{", "echo <<secure.a>>").is_some());
    }
}
