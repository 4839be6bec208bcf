//! Fixed texts that a shell runs: what `eval`, `trap` and `sh -c` are given. They are read as the line is, behind its end.
//!
//! Never judges: what their commands do with values is judged with those of the line.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::lexer::{Lexer, Until};
use crate::resolver::shell::line::{Assignment, Code, Command, DYNAMIC, Dialect, Line, Word, span};
use crate::resolver::shell::option::code_of_shell;
use crate::resolver::shell::tables::{Program, program};
use crate::resolver::shell::wrapper::effective;

/// What stands for a part that is not known: a variable of nobody, so that it can be anything but a value.
const UNKNOWN: &[u8] = b"${FLEETVAULT_UNKNOWN}";

/// A text that is run.
struct Text {
    program: String,
    code: Vec<u8>,
    /// Where it stands in the line, or in another text.
    at: usize,
    dialect: Dialect,
    /// What it gets as `$1` and so on.
    arguments: std::ops::Range<usize>,
}

/// Reads all texts, also those in other texts. Returns the line with the texts behind it.
pub(super) fn read(mut text: Vec<u8>, line: &mut Line, dialect: Dialect) -> Vec<u8> {
    let most = text.len().saturating_mul(4) + 4096;
    let mut next = 0;
    while next < line.commands.len() {
        let command = line.commands[next].clone();
        next += 1;
        let dialect = command.dialect.unwrap_or(dialect);
        for one in texts(&command, dialect) {
            let at = one.at;
            let start = text.len() + 1;
            text.push(b'\n');
            text.extend_from_slice(&one.code);
            line.texts.push((start, at));
            line.assignments.push(Assignment {
                name: b"@".to_vec(),
                from: one.arguments.clone(),
                extended: false,
                text: None,
            });
            let understood = text.len() <= most && add(&text, start, line, &command, one.dialect);
            if !understood {
                line.code.push(Code {
                    context: Context::Text { program: one.program },
                    at,
                    names: crate::resolver::shell::names::names(&one.code),
                });
            }
            if text.len() > most {
                return text;
            }
        }
    }
    text
}

/// Reads one text, from where it begins. Says whether it was understood.
fn add(text: &[u8], start: usize, line: &mut Line, outer: &Command, dialect: Dialect) -> bool {
    let first = line.commands.len();
    let pipes = std::mem::take(&mut line.pipes);
    let mut lexer = Lexer::at(text, start, dialect, std::mem::take(line));
    let read = lexer.list(Until::End).and_then(|()| lexer.no_pending());
    *line = lexer.line;
    let understood = read.is_ok() && !text[start..].iter().any(|&byte| byte == b'\r' || byte == 0);
    for command in &mut line.commands[first..] {
        command.dialect = Some(dialect);
        // They read what it reads.
        if outer.has_input && !line.pipes && command.inputs.is_empty() {
            command.inputs.extend(outer.inputs.iter().cloned());
            command.has_input = true;
        }
    }
    line.pipes |= pipes;
    understood
}

fn texts(command: &Command, dialect: Dialect) -> Vec<Text> {
    let words = effective(&command.words);
    let mut found = Vec::new();
    let text = |program: &str, words: &[Word], dialect| {
        let code: Vec<&[u8]> = words.iter().map(|word| word.text.as_slice()).collect();
        Text {
            program: program.to_owned(),
            code: known(&code.join(&b' ')),
            at: span(words).start,
            dialect,
            arguments: 0..0,
        }
    };
    match words.first().and_then(Word::program) {
        Some(b"eval") if words.len() > 1 => found.push(text("eval", &words[1..], dialect)),
        Some(b"trap") => {
            let first = if words.get(1).is_some_and(|word| word.is("--")) {
                2
            } else {
                1
            };
            found.extend(
                words
                    .get(first)
                    .map(|word| text("trap", std::slice::from_ref(word), dialect)),
            );
        }
        Some(b"watch") => {
            let skipped =
                |word: &Word| word.is_option() || word.text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
            let first = words[1..].iter().position(|word| !skipped(word)).map(|at| at + 1);
            found.extend(first.map(|first| text("watch", &words[first..], Dialect::Posix)));
        }
        _ => {}
    }
    for (at, word) in words.iter().enumerate() {
        let Some((name, kind)) = word.program().and_then(program) else {
            continue;
        };
        let rest = &words[at..];
        if matches!(kind, Program::Shell) {
            let Some(code) = code_of_shell(rest) else {
                continue;
            };
            let dialect = if name == "bash" { Dialect::Bash } else { Dialect::Posix };
            let mut text = text(name, &rest[code..=code], dialect);
            text.arguments = span(&rest[code + 1..]);
            found.push(text);
        } else if ["su", "script", "flock", "runuser", "sg"].contains(&name) {
            let option = rest.iter().position(|word| word.is("-c") || word.is("--command"));
            let code = option.and_then(|option| rest.get(option + 1));
            found.extend(code.map(|code| text(name, std::slice::from_ref(code), Dialect::Posix)));
        }
    }
    found
}

/// Puts a variable in the places of what only the shell knows.
fn known(text: &[u8]) -> Vec<u8> {
    text.split(|&byte| byte == DYNAMIC).collect::<Vec<_>>().join(UNKNOWN)
}
