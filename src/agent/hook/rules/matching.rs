//! How rules are compared with the commands of a line.

use regex::{Regex, RegexBuilder};

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
    texts(line).any(|text| text == command)
}

/// Tells whether any command, or the whole line, is like a pattern. Nothing but `*` has a meaning in it, and `?` where `one` says so.
pub(super) fn is_like(line: &Line, pattern: &str, one: bool) -> bool {
    match wildcard(&collapsed(pattern), one) {
        // A pattern that cannot be compared is taken for one that matches.
        None => true,
        Some(pattern) => texts(line).any(|text| pattern.is_match(&text)),
    }
}

/// Tells whether a program's name is one that a rule names.
pub(super) fn is_program(word: &str, rule: &str) -> bool {
    word == rule || base_name(word) == base_name(rule)
}

/// Everything that a rule about whole commands may mean: the line as written, each command and each part of one that may be a command, with
/// its program by path and by name.
pub(super) fn texts(line: &Line) -> impl Iterator<Item = String> {
    let whole = line.texts().iter().map(|text| collapsed(text).into_owned());
    let parts = line.candidates().flat_map(|words| {
        let text = words.join(" ");
        let text = collapsed(&text).into_owned();
        let named = base_name(&words[0]);
        let by_name = (named != words[0]).then(|| [named, &text[words[0].len().min(text.len())..]].concat());
        [Some(text), by_name].into_iter().flatten()
    });
    whole.chain(parts)
}

fn wildcard(pattern: &str, one: bool) -> Option<Regex> {
    // The tail of "git push *" may be missing, if that is the only star.
    let (pattern, tail) = match pattern.strip_suffix(" *") {
        Some(start) if !start.contains('*') => (start, "( .*)?"),
        _ => (pattern, ""),
    };
    let mut expression = String::from("^");
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                let literal = chars.next().unwrap_or('\\');
                expression.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            '*' => expression.push_str(".*"),
            '?' if one => expression.push('.'),
            _ => expression.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(tail);
    expression.push('$');
    RegexBuilder::new(&expression).dot_matches_new_line(true).build().ok()
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
        assert!(!is_like(&line("a b"), "a \\*", false));
    }

    #[test]
    fn an_exact_rule_is_about_one_command() {
        assert!(is(&line("x && ls"), "ls"));
        assert!(is(&line("cat   a"), "cat  a"));
        assert!(!is(&line("ls -l"), "ls"));
    }
}
