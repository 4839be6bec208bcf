//! Which words of a command its program may take for options, so that no value may begin them with `-`.
//!
//! Sees words, never values: whether a value begins so is known when the command gets it.

use crate::resolver::shell::line::{DYNAMIC, Word};
use crate::resolver::shell::tables::{Program, program};
use crate::resolver::shell::wrapper::effective;

/// Says how a value may become an option where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// It begins a word.
    pub whole: bool,
    /// The line splits it, so that a part of it may begin a word.
    pub parts: bool,
}

impl Leads {
    /// Says whether a value would begin a word with `-`.
    pub fn makes_option(self, value: &[u8]) -> bool {
        // What splits is for the line to say, so that anything but letters and digits may.
        let splits = |pair: &[u8]| pair[1] == b'-' && !pair[0].is_ascii_alphanumeric() && !b"-_".contains(&pair[0]);
        let begins = value.first() == Some(&b'-');
        (self.whole && begins) || (self.parts && (begins || value.windows(2).any(splits)))
    }
}

/// Says which words of a program that is started directly begin with a value, and may be options. The words have 0 for each value.
pub fn option_places(words: impl Iterator<Item = Vec<u8>>) -> Vec<usize> {
    let words: Vec<Word> = words
        .map(|text| Word {
            text,
            ..Word::default()
        })
        .collect();
    places(&words)
}

/// Says which words begin with what only the shell knows, and may be options.
pub(super) fn places(all: &[Word]) -> Vec<usize> {
    let words = effective(all);
    let before = all.len() - words.len();
    let from = match words.first().and_then(Word::program) {
        // They have none, or none that matters.
        Some(b"echo" | b":" | b"true" | b"false" | b"test" | b"[" | b"set") => return Vec::new(),
        Some(b"printf")
            if words
                .get(1)
                .is_some_and(|format| !begins(format) && !format.is_option()) =>
        {
            return Vec::new();
        }
        Some(name) if matches!(program(name), Some((_, Program::Shell))) => match code_of_shell(words) {
            // Its name and arguments, which only that code reads.
            Some(_) => return Vec::new(),
            None => 1,
        },
        _ => 1,
    };
    let mut operands = false;
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate().skip(from) {
        // Another word behind `--` may be a program that has options of its own: `kubectl exec POD -- psql …`.
        operands = word.is("--") || (operands && begins(word));
        if !operands && (begins(word) || word.splits) {
            found.push(before + at);
        }
    }
    found
}

/// Says whether a word may begin with a value; braces make several of it.
fn begins(word: &Word) -> bool {
    let several = word.fluid && word.text.contains(&b'{') && word.text.contains(&DYNAMIC);
    word.text.first() == Some(&DYNAMIC) || several
}

/// Returns the number of the word that a shell takes for its code: that of `sh -c CODE NAME ARGUMENTS`.
pub(super) fn code_of_shell(words: &[Word]) -> Option<usize> {
    let (mut at, mut code) = (1, false);
    while let Some(word) = words.get(at) {
        let text = word.text.as_slice();
        if !matches!(text.first(), Some(b'-' | b'+')) {
            break;
        }
        at += 1;
        if matches!(text, b"-" | b"--") {
            break;
        }
        if text.starts_with(b"--") {
            at += usize::from(matches!(text, b"--rcfile" | b"--init-file"));
            continue;
        }
        code |= text[0] == b'-' && text.contains(&b'c');
        at += usize::from(matches!(text.last(), Some(b'o' | b'O')));
    }
    (code && at < words.len()).then_some(at)
}
