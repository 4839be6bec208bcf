//! How rules are compared with the commands of a line.
//!
//! A line may have many words, and files of rules many rules, written by whoever wrote the repository: what is compared is cut from one text, and
//! patterns are matched without being compiled.

use super::super::line::{Line, base_name, collapsed};

/// Tells whether any command begins with these words, whatever its program's path.
pub(super) fn begins_with(line: &Line, prefix: &str) -> bool {
    let prefix: Vec<&str> = prefix.split_whitespace().collect();
    let Some((program, rest)) = prefix.split_first() else {
        return true;
    };
    line.candidates().any(|words| {
        words.len() >= prefix.len()
            && is_program(&words[0], program)
            && words[1..].iter().zip(rest).all(|(word, wanted)| word == wanted)
    })
}

/// Tells whether any command is exactly this one.
pub(super) fn is(line: &Line, command: &str) -> bool {
    let command = collapsed(command);
    line.texts().iter().any(|text| text.tails().any(|tail| tail == command))
}

/// Tells whether any command, or the whole line, is like a pattern. Nothing but `*` has a meaning in it, and `?` where `one` says so.
pub(super) fn is_like(line: &Line, pattern: &str, one: bool) -> bool {
    let pattern = Wildcard::new(&collapsed(pattern), one);
    line.texts().iter().any(|text| match pattern.is_open() {
        // What begins with anything is like a part of a text only if it is like the whole.
        true => pattern.is_like(text.as_str()),
        false => text.tails().any(|tail| pattern.is_like(tail)),
    })
}

/// Tells whether a program's name is one that a rule names.
pub(super) fn is_program(word: &str, rule: &str) -> bool {
    word == rule || base_name(word) == base_name(rule)
}

/// A pattern: what stands between its stars.
struct Wildcard {
    first: Segment,
    /// Behind the first star; none where there is no star.
    rest: Vec<Segment>,
    /// The tail of "git push *" may be missing, if that is the only star.
    whole: Option<Segment>,
}

impl Wildcard {
    fn new(pattern: &str, one: bool) -> Self {
        let mut segments = vec![Segment::default()];
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            let token = match char {
                '*' => {
                    segments.push(Segment::default());
                    continue;
                }
                '\\' => Some(chars.next().unwrap_or('\\')),
                '?' if one => None,
                char => Some(char),
            };
            if let Some(segment) = segments.last_mut() {
                segment.0.push(token);
            }
        }
        let start = pattern.strip_suffix(" *").filter(|start| !start.contains('*'));
        let rest = segments.split_off(1);
        let first = segments.pop().unwrap_or_default();
        Self {
            whole: start.map(|_| Segment(first.0[..first.0.len() - 1].to_vec())),
            first,
            rest,
        }
    }

    /// Tells whether it begins with a star.
    fn is_open(&self) -> bool {
        self.first.0.is_empty() && !self.rest.is_empty()
    }

    fn is_like(&self, text: &str) -> bool {
        if self
            .whole
            .as_ref()
            .is_some_and(|whole| whole.strip_start(text) == Some(""))
        {
            return true;
        }
        let Some(text) = self.first.strip_start(text) else {
            return false;
        };
        let Some((last, middle)) = self.rest.split_last() else {
            return text.is_empty();
        };
        let text = last.strip_end(text);
        // The first place that fits is the best.
        text.and_then(|text| middle.iter().try_fold(text, |text, segment| segment.find(text)))
            .is_some()
    }
}

/// A part of a pattern: characters, and `None` for any one.
#[derive(Default)]
struct Segment(Vec<Option<char>>);

impl Segment {
    fn strip_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        let fits = |wanted: &Option<char>| {
            rest.next()
                .is_some_and(|char| wanted.is_none_or(|wanted| wanted == char))
        };
        self.0.iter().all(fits).then_some(rest.as_str())
    }

    fn strip_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        let fits = |wanted: &Option<char>| {
            rest.next_back()
                .is_some_and(|char| wanted.is_none_or(|wanted| wanted == char))
        };
        self.0.iter().rev().all(fits).then_some(rest.as_str())
    }

    /// What follows the first place where it stands.
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let ends = [text.len()];
        let places = text.char_indices().map(|(place, _)| place).chain(ends);
        places.into_iter().find_map(|place| self.strip_start(&text[place..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::template::Template;

    fn line(text: &str) -> Line {
        Line::of_shell(&Template::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_prefix_is_made_of_words() {
        for text in [
            "git push",
            "git  push x",
            "a; git push",
            "/usr/bin/git push",
            "sudo git push -f",
        ] {
            assert!(begins_with(&line(text), "git push"), "{text}");
        }
        for text in ["git pushx", "git -C . push", "gitpush"] {
            assert!(!begins_with(&line(text), "git push"), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_and_a_last_one_for_nothing_too() {
        assert!(is_like(&line("git push"), "git push *", false));
        assert!(is_like(&line("x; git push origin main"), "git * main", false));
        assert!(is_like(&line("/bin/rm -rf x"), "rm -rf *", false));
        assert!(is_like(&line("foo --force"), "* --force", false));
        assert!(!is_like(&line("foo --force x"), "* --force", false));
        assert!(!is_like(&line("git pushx"), "git push *", false));
        assert!(is_like(&line("echo <<secure.token>>"), "*secure*", false));
        assert!(is_like(&line("echo <<secure.token>>"), "*<<secure.*", false));
        assert!(is_like(&line("ab"), "a?", true));
        assert!(!is_like(&line("ab"), "a?", false));
        assert!(is_like(&line("a '*'"), "a \\*", false));
        assert!(is_like(&line("abcbd"), "a*b*d", false));
        assert!(is_like(&line("abd"), "a?d", true));
        assert!(is_like(&line("xaéby"), "*a?b*", true));
        assert!(!is_like(&line("ab"), "ab*b", false), "one text is not there twice");
        assert!(is_like(&line("a"), "*", false));
        assert!(!is_like(&line("a b"), "a \\*", false));
    }

    #[test]
    fn many_words_and_many_stars_take_no_time() {
        let line = line(&format!("echo {}", "a ".repeat(60_000)));
        for pattern in ["a *b", "*b", "a * c *b", &format!("{}b", "*".repeat(60_000))] {
            assert!(!is_like(&line, pattern, false));
        }
    }

    #[test]
    fn an_exact_rule_is_about_one_command() {
        assert!(is(&line("x && ls"), "ls"));
        assert!(is(&line("cat   a"), "cat  a"));
        assert!(!is(&line("ls -l"), "ls"));
    }
}
