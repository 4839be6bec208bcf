//! Cursor: `permissions.deny` of its command line's configuration. What its editor keeps for itself is not to be seen from here.

use std::path::{Path, PathBuf};

use super::{
    matching,
    objection::{Answer, Objection},
    paths::Files,
    reading::{json, strings},
    surroundings::Surroundings,
};
use crate::agent::hook::line::Line;

pub(super) fn objections(surroundings: &Surroundings, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    for file in configurations(surroundings) {
        match json(&file) {
            Ok(None) => {}
            Ok(Some(configuration)) => {
                let root = file.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
                let rules = strings(&configuration, "permissions.deny").into_iter();
                let met = rules.filter(|rule| is_met(rule, root, surroundings, line));
                objections.extend(met.map(|rule| Objection::new(Answer::Deny, rule, &file)));
            }
            Err(problem) => objections.push(Objection::unreadable(Answer::Deny, &file, problem)),
        }
    }
    objections
}

fn configurations(surroundings: &Surroundings) -> Vec<PathBuf> {
    let home = surroundings.moved("CURSOR_CONFIG_DIR", ".cursor");
    let moved = surroundings
        .variable("XDG_CONFIG_HOME")
        .map(|config| config.join("cursor"));
    let users = home
        .into_iter()
        .chain(moved)
        .map(|directory| directory.join("cli-config.json"));
    let projects = surroundings.up_to_the_top().into_iter();
    users
        .chain(projects.map(|directory| directory.join(".cursor/cli.json")))
        .collect()
}

/// `Shell(program)` or `Shell(program:arguments)`, with `*`; `Read(files)` and `Write(files)`.
fn is_met(rule: &str, root: &Path, surroundings: &Surroundings, line: &Line) -> bool {
    let Some((tool, content)) = rule
        .split_once('(')
        .and_then(|(tool, rest)| Some((tool, rest.strip_suffix(')')?)))
    else {
        return false;
    };
    match tool {
        "Shell" => {
            let (program, arguments) = content.split_once(':').unwrap_or((content, "*"));
            matching::is_like(line, &format!("{program} {arguments}"), false) || matching::begins_with(line, content)
        }
        "Read" | "Write" => {
            Files::of(content, root, surroundings).is_none_or(|files| files.are_named_in(line, surroundings))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::resolver::template::Template;

    #[test]
    fn what_is_denied_is_denied_for_the_original() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".cursor")).unwrap();
        let rules = r#"{ "permissions": { "allow": ["Shell(ls)"], "deny": ["Shell(rm)", "Shell(curl:* -k)", "Read(.env*)"] } }"#;
        fs::write(home.path().join(".cursor/cli-config.json"), rules).unwrap();
        let surroundings = Surroundings {
            home: Some(home.path().into()),
            directory: home.path().into(),
            ..Surroundings::default()
        };
        let judged = |command: &str| {
            let line = Line::of_shell(&Template::parse(command.as_bytes()).unwrap());
            super::super::judge(crate::agent::Client::Cursor, &surroundings, &line).is_some()
        };
        for command in [
            "rm <<secure.a>>",
            "sudo /bin/rm x",
            "rm",
            "curl <<secure.a>> -k",
            "cat .env.local",
        ] {
            assert!(judged(command), "{command}");
        }
        for command in ["ls <<secure.a>>", "curl <<secure.a>>"] {
            assert!(!judged(command), "{command}");
        }
    }
}
