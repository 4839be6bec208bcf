//! Programs that run another one: `env nice sudo …`.

use crate::resolver::shell::line::Word;
use crate::resolver::shell::tables::{WRAPPER_VALUES, wrapper};

/// Returns the words from the program on that is run in the end.
pub(super) fn effective(mut words: &[Word]) -> &[Word] {
    while let Some((_, inner)) = wrapped(words) {
        words = &words[inner..];
    }
    words
}

/// Finds the program that another program runs: the other's name, and the number of the word.
pub(super) fn wrapped(words: &[Word]) -> Option<(&'static str, usize)> {
    let (program, valued, leading) = wrapper(words.first()?.program()?)?;
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let text = word.text.as_slice();
        if text == b"--" {
            at += 1;
            break;
        }
        if let Some(name) = text.strip_prefix(b"--") {
            at += if WRAPPER_VALUES.iter().any(|known| known.as_bytes() == name) {
                2
            } else {
                1
            };
        } else if let Some(letters) = text.strip_prefix(b"-") {
            let value = letters.iter().position(|letter| valued.contains(letter));
            let is_next = value.is_some_and(|value| value + 1 == letters.len());
            at += if is_next { 2 } else { 1 };
        } else if takes_assignments(program) && word.assigned().is_some() {
            at += 1;
        } else {
            break;
        }
    }
    Some((program, (at + leading).min(words.len())))
}

/// Says whether words like `NAME=VALUE` before the program are variables for it.
pub(super) fn takes_assignments(program: &str) -> bool {
    matches!(program, "env" | "sudo" | "doas")
}
