//! Assignments that commands make: `read`, `printf -v`, `export`, and arguments that set variables for what is started.
//!
//! Never says whether one is allowed.

use std::ops::Range;

use crate::resolver::shell::line::{Assignment, DYNAMIC, Line, Word, is_name, span};
use crate::resolver::shell::tables::DECLARATIONS;
use crate::resolver::shell::wrapper::effective;

/// Returns the assignments that commands make, the arguments of functions among them.
pub(super) fn assignments(line: &Line, end: usize) -> Vec<Assignment> {
    let mut found = Vec::new();
    for command in &line.commands {
        if !line.texts.is_empty() {
            // `env A=…`, `docker run -e A=…`: the shell that is started may have it.
            for word in command.words.iter().skip(1) {
                found.extend(handed_on(word).map(|name| assignment(name, word.range.clone())));
            }
        }
        let words = effective(&command.words);
        let Some((first, arguments)) = words.split_first() else {
            continue;
        };
        let name = first.program().unwrap_or_default();
        let is_function = line.functions.iter().any(|function| function == name);
        match name {
            b"read" | b"mapfile" | b"readarray" | b"getopts" => {
                // Where its input comes from is not followed.
                for name in arguments.iter().filter_map(target) {
                    found.push(assignment(name, 0..end));
                }
            }
            b"printf" => {
                let attached = arguments.first().and_then(|word| word.text.strip_prefix(b"-v"));
                let name = attached.filter(|name| !name.is_empty()).and_then(name_of);
                let name = name.or_else(|| arguments.get(1).and_then(target));
                if let Some(name) = name.filter(|_| attached.is_some()) {
                    found.push(assignment(name, span(arguments)));
                }
            }
            _ if DECLARATIONS.iter().any(|declaration| first.is(declaration)) => {
                for word in arguments {
                    if let Some(variable) = word.assigned() {
                        let fixed = !word.fluid && !word.text.contains(&DYNAMIC);
                        let text = Some(word.text[variable.len() + 1..].to_vec()).filter(|_| fixed);
                        let made = assignment(variable, word.range.clone());
                        found.push(Assignment { text, ..made });
                    }
                }
            }
            _ if is_function || name == b"set" => found.push(assignment(b"@", span(arguments))),
            _ => {}
        }
    }
    found
}

/// Returns the variable that an argument names: `a`, `a[0]`.
fn target(word: &Word) -> Option<&[u8]> {
    name_of(&word.text)
}

fn name_of(text: &[u8]) -> Option<&[u8]> {
    let name = text.split(|&byte| byte == b'[').next().unwrap_or_default();
    is_name(name).then_some(name)
}

/// Returns the variable that an argument may set for a program that is started: `A=…`, `-eA=…`, `--env=A=…`.
fn handed_on(word: &Word) -> Option<&[u8]> {
    let end = |text: &[u8]| text.iter().position(|&byte| byte == b'=');
    let text = word.text.as_slice();
    let text = match text.strip_prefix(b"--") {
        Some(long) => &long[end(long)? + 1..],
        None => text.strip_prefix(b"-e").unwrap_or(text),
    };
    Some(&text[..end(text)?]).filter(|name| is_name(name))
}

fn assignment(name: &[u8], from: Range<usize>) -> Assignment {
    Assignment {
        name: name.to_vec(),
        from,
        extended: false,
        text: None,
    }
}
