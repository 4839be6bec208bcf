//! Codex: `prefix_rule`s with `prompt` and `forbidden`. Its hook cannot have a person asked, so that both forbid.

use std::path::{Path, PathBuf};

use toml::Value;

use super::{
    matching,
    objection::{Answer, Objection},
    reading::{files, text},
    starlark::{Call, Literal, calls},
    surroundings::Surroundings,
};
use crate::agent::hook::line::Line;

/// Where an administrator's rules are.
const SYSTEM: &str = "/etc/codex";

pub(super) fn objections(surroundings: &Surroundings, line: &Line) -> Vec<Objection> {
    let mut objections = Vec::new();
    for directory in directories(surroundings) {
        let found = match files(&directory, "rules") {
            Ok(found) => found,
            Err(error) => {
                objections.push(Objection::unreadable(Answer::Deny, &directory, error));
                continue;
            }
        };
        for file in found {
            match rules(&file) {
                Ok(rules) => objections.extend(
                    rules
                        .iter()
                        .filter(|rule| rule.is_met(line))
                        .map(|rule| rule.objection(&file)),
                ),
                Err(problem) => objections.push(Objection::unreadable(Answer::Deny, &file, problem)),
            }
        }
    }
    objections.extend(required(line));
    objections
}

/// The directories of rules: the administrator's, the user's, and those of the project and what lies in it, trusted or not.
fn directories(surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut all = vec![Path::new(SYSTEM).join("rules")];
    all.extend(
        surroundings
            .moved("CODEX_HOME", ".codex")
            .map(|home| home.join("rules")),
    );
    let projects = surroundings.up_to_the_top().into_iter();
    all.extend(projects.map(|directory| directory.join(".codex/rules")));
    all
}

/// A rule that objects.
struct Rule {
    /// Each word in the forms that it may have.
    pattern: Vec<Vec<String>>,
    decision: String,
    justification: Option<String>,
}

impl Rule {
    fn is_met(&self, line: &Line) -> bool {
        let Some((program, rest)) = self.pattern.split_first() else {
            return true;
        };
        // What a variable or a pattern stands for is not known here.
        let is_open = |word: &str| word.contains(['$', '*', '?', '[']);
        let follows = |words: &[String]| {
            let fits = |(forms, word): (&Vec<String>, &String)| is_open(word) || forms.contains(word);
            words.len() > rest.len() && rest.iter().zip(&words[1..]).all(fits)
        };
        let is_named = |word: &str| program.iter().any(|form| matching::is_program(word, form));
        line.candidates().any(|words| is_named(&words[0]) && follows(words))
            || line.programs().any(|words| is_open(&words[0]) && follows(words))
    }

    fn objection(&self, file: &Path) -> Objection {
        let words: Vec<String> = self.pattern.iter().map(|forms| forms.join("|")).collect();
        Objection {
            reason: self.justification.clone(),
            ..Objection::new(
                Answer::Deny,
                format!("the rule '{}' ({})", words.join(" "), self.decision),
                file,
            )
        }
    }
}

fn rules(file: &Path) -> Result<Vec<Rule>, String> {
    let text = text(file).map_err(|error| error.to_string())?.unwrap_or_default();
    let mut rules = Vec::new();
    for call in calls(&text).map_err(|problem| problem.to_string())? {
        match call.function.as_str() {
            "prefix_rule" => rules.extend(rule(&call)?),
            // Programs by path, and hosts: no rules about commands.
            "host_executable" | "network_rule" => {}
            other => return Err(format!("'{other}' is no rule that is known here")),
        }
    }
    Ok(rules)
}

fn rule(call: &Call) -> Result<Option<Rule>, String> {
    let decision = match call.argument("decision", 1) {
        None => "allow",
        Some(_) => call.text("decision", 1).ok_or("a decision that is no text")?,
    };
    let words = match call.argument("pattern", 0) {
        Some(Literal::List(words)) => words.iter().map(forms).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let pattern = words.ok_or("a pattern that is no list of words")?;
    Ok((decision != "allow").then(|| Rule {
        pattern,
        decision: decision.to_owned(),
        justification: call.text("justification", 4).map(str::to_owned),
    }))
}

fn forms(word: &Literal) -> Option<Vec<String>> {
    match word {
        Literal::Text(text) => Some(vec![text.clone()]),
        Literal::List(either) => either
            .iter()
            .map(|one| match one {
                Literal::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        Literal::Other => None,
    }
}

/// `[rules]` of an administrator's requirements.
fn required(line: &Line) -> Vec<Objection> {
    let file = Path::new(SYSTEM).join("requirements.toml");
    let unreadable = |problem: String| vec![Objection::unreadable(Answer::Deny, &file, problem)];
    let text = match text(&file) {
        Ok(Some(text)) => text,
        Ok(None) => return Vec::new(),
        Err(error) => return unreadable(error.to_string()),
    };
    let requirements: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return unreadable(error.to_string()),
    };
    let rules = requirements.get("rules").and_then(|rules| rules.get("prefix_rules"));
    let Some(rules) = rules.and_then(Value::as_array) else {
        return Vec::new();
    };
    let rules = rules.iter().map(required_rule).collect::<Option<Vec<Rule>>>();
    match rules {
        Some(rules) => rules
            .iter()
            .filter(|rule| rule.is_met(line))
            .map(|rule| rule.objection(&file))
            .collect(),
        None => unreadable("a prefix rule in it has another form".into()),
    }
}

fn required_rule(rule: &Value) -> Option<Rule> {
    let word = |word: &Value| match (word.get("token"), word.get("any_of")) {
        (Some(token), None) => Some(vec![token.as_str()?.to_owned()]),
        (None, Some(any)) => any
            .as_array()?
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    };
    Some(Rule {
        pattern: rule
            .get("pattern")?
            .as_array()?
            .iter()
            .map(word)
            .collect::<Option<_>>()?,
        decision: rule.get("decision")?.as_str()?.to_owned(),
        justification: rule.get("justification").and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::resolver::template::Template;

    fn judged(rules: &str, command: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".codex/rules")).unwrap();
        fs::write(home.path().join(".codex/rules/default.rules"), rules).unwrap();
        let surroundings = Surroundings {
            home: Some(home.path().into()),
            directory: home.path().into(),
            ..Surroundings::default()
        };
        let line = Line::of_shell(&Template::parse(command.as_bytes()).unwrap());
        super::super::judge(crate::agent::Client::Codex, &surroundings, &line).map(|objection| objection.to_string())
    }

    #[test]
    fn forbidden_and_prompt_forbid() {
        let rules = "prefix_rule(pattern=[\"rm\", [\"-r\", \"-rf\"]], decision=\"forbidden\", justification=\"use trash\")\n\
                     prefix_rule([\"date\"], \"prompt\")\nprefix_rule(pattern=[\"git\"], decision=\"allow\")\nprefix_rule([\"ls\"])\n";
        let told = judged(rules, "a && /bin/rm -rf <<secure.a>>").unwrap();
        assert!(told.starts_with("the rule 'rm -r|-rf' (forbidden) in "), "{told}");
        assert!(told.ends_with("forbids this (use trash)"), "{told}");
        assert!(judged(rules, "rm $X <<secure.a>>").is_some());
        assert!(judged(rules, "env A=1 date <<secure.a>>").is_some());
        assert!(judged(rules, "$X <<secure.a>>").is_some(), "it may be date");
        assert!(judged(rules, "env A=1 $X <<secure.a>>").is_some());
        assert_eq!(judged(rules, "curl \"$URL\" -H <<secure.a>> *.txt"), None);
        assert_eq!(judged(rules, "rm <<secure.a>>"), None);
        assert_eq!(judged(rules, "git push; ls <<secure.a>>"), None);
    }

    #[test]
    fn rules_that_are_not_known_forbid_everything() {
        let told = judged("x = [\"rm\"]\nprefix_rule(x, \"forbidden\")", "echo <<secure.a>>").unwrap();
        assert!(told.contains("line 1 is more than a rule with its words"), "{told}");
        assert!(judged("exec_rule([\"rm\"])", "echo <<secure.a>>").is_some());
        assert_eq!(judged("", "echo <<secure.a>>"), None);
    }
}
