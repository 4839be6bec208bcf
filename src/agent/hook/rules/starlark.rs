//! What Codex's rules are written in, as far as it is literal: calls of functions with strings and lists, one after the other.
//!
//! The language has more (variables, loops, functions), and what rules those would make is not found out here: a file that has any of it is told
//! by its line, and taken for one whose rules are not known.

use thiserror::Error;

/// A call, such as `prefix_rule(pattern = ["rm"], decision = "forbidden")`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub function: String,
    /// The arguments, with their names where they have one.
    pub arguments: Vec<(Option<String>, Literal)>,
}

/// A value that stands there as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    List(Vec<Literal>),
    /// `None`, `True`, `False`, or a number.
    Other,
}

/// Something that is no literal call.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("line {line} is more than a rule with its words")]
pub(super) struct NotLiteral {
    line: usize,
}

impl Call {
    /// The argument of this name, or else the one at this place among those without a name.
    pub(super) fn argument(&self, name: &str, place: usize) -> Option<&Literal> {
        let named = self.arguments.iter().find(|(given, _)| given.as_deref() == Some(name));
        let mut unnamed = self.arguments.iter().filter(|(given, _)| given.is_none());
        named.or_else(|| unnamed.nth(place)).map(|(_, value)| value)
    }

    /// The text of an argument.
    pub(super) fn text(&self, name: &str, place: usize) -> Option<&str> {
        match self.argument(name, place) {
            Some(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Reads a file of rules.
///
/// # Errors
/// [`NotLiteral`].
pub(super) fn calls(text: &str) -> Result<Vec<Call>, NotLiteral> {
    let mut reader = Reader { text, at: 0 };
    let mut calls = Vec::new();
    while reader.skip_blanks() {
        calls.push(reader.call().ok_or_else(|| reader.problem())?);
    }
    Ok(calls)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn problem(&self) -> NotLiteral {
        NotLiteral {
            line: 1 + self.text[..self.at].matches('\n').count(),
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Passes over blanks and comments. Returns whether anything comes.
    fn skip_blanks(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return !trimmed.is_empty();
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn name(&mut self) -> Option<&'t str> {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
            .unwrap_or(rest.len());
        let starts = rest.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
        starts.then(|| {
            self.at += end;
            &rest[..end]
        })
    }

    fn call(&mut self) -> Option<Call> {
        let function = self.name()?.to_owned();
        if !self.take("(") {
            return None;
        }
        let mut arguments = Vec::new();
        while !self.take(")") {
            let start = self.at;
            let name = self.name().map(str::to_owned);
            let name = match name {
                Some(name) if self.take("=") => Some(name),
                _ => {
                    self.at = start;
                    None
                }
            };
            arguments.push((name, self.literal(0)?));
            if !self.take(",") && !{ self.skip_blanks() && self.rest().starts_with(')') } {
                return None;
            }
        }
        Some(Call { function, arguments })
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        if depth > 4 {
            return None;
        }
        if self.take("[") {
            let mut items = Vec::new();
            while !self.take("]") {
                items.push(self.literal(depth + 1)?);
                if !self.take(",") && !{ self.skip_blanks() && self.rest().starts_with(']') } {
                    return None;
                }
            }
            return Some(Literal::List(items));
        }
        if self.rest().starts_with(['"', '\'']) {
            return self.string().map(Literal::Text);
        }
        let other = ["None", "True", "False"];
        if let Some(name) = self.name() {
            return other.contains(&name).then_some(Literal::Other);
        }
        let digits = self.rest().len() - self.rest().trim_start_matches(|char: char| char.is_ascii_digit()).len();
        self.at += digits;
        (digits > 0).then_some(Literal::Other)
    }

    /// A string in single or double quotes, one or three of them.
    fn string(&mut self) -> Option<String> {
        let quote = &self.rest()[..1];
        let triple = quote.repeat(3);
        let end = if self.rest().starts_with(&triple) {
            triple.as_str()
        } else {
            quote
        };
        self.at += end.len();
        let mut text = String::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(end) {
                self.at += end.len();
                return Some(text);
            }
            let mut chars = rest.chars();
            match chars.next()? {
                '\n' if end.len() == 1 => return None,
                '\\' => {
                    let escaped = chars.next()?;
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        '\\' | '\'' | '"' => escaped,
                        _ => return None,
                    });
                    self.at += 2;
                }
                char => {
                    text.push(char);
                    self.at += char.len_utf8();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_rules_are_read() {
        let text = r#"
            # mine
            prefix_rule(pattern = ["rm", ["-r", '-rf']], decision = "forbidden", justification = "no \"rm\"", match = None,)
            prefix_rule(["date"], "prompt")  # positional
            network_rule(host = """a""", protocol = "https", decision = "deny")
        "#;
        let calls = calls(text).unwrap();
        assert_eq!(calls.len(), 3);
        assert_eq!(calls[0].text("decision", 1), Some("forbidden"));
        assert_eq!(calls[0].text("justification", 4), Some("no \"rm\""));
        assert_eq!(calls[1].text("decision", 1), Some("prompt"));
        let Some(Literal::List(pattern)) = calls[0].argument("pattern", 0) else {
            panic!()
        };
        assert_eq!(pattern[0], Literal::Text("rm".into()));
        assert!(matches!(&pattern[1], Literal::List(either) if either.len() == 2));
    }

    #[test]
    fn anything_else_is_told_by_its_line() {
        for text in [
            "x = [\"rm\"]",
            "prefix_rule(pattern = x)",
            "prefix_rule([\"r\" + \"m\"])",
            "for x in [1]:\n  prefix_rule([x])",
            "def f():\n  pass",
            "prefix_rule([\"%s\" % 1])",
            "prefix_rule([f\"rm\"])",
            "prefix_rule([\"rm\"]",
            "prefix_rule([\"rm",
            "prefix_rule(pattern = [[[[[[\"rm\"]]]]]])",
            "load(\"a\", \"b\") if x else y",
            "\"\\x72m\"",
        ] {
            assert!(calls(text).is_err(), "{text}");
        }
        assert_eq!(
            calls("\n\nx = 1").unwrap_err().to_string(),
            "line 3 is more than a rule with its words"
        );
    }
}
