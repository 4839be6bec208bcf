//! Where values come from by other ways than their names: standard input, the list of all variables, numbers.
//!
//! Makes variables of such ways, under names that no variable has, so that they are followed like others.

use std::ops::Range;

use crate::resolver::shell::line::{Assignment, Command, DYNAMIC, EVERYTHING, Expansion, Line, Word, is_device};
use crate::resolver::shell::wrapper::effective;

/// What is read from another part of the line.
const INPUT: &[u8] = b"(cat)";

/// Notes what these ways bring.
pub(super) fn follow(line: &mut Line, end: usize) {
    let mut found = outputs_of_texts(line, end);
    // Only those in a substitution become part of a word; pipes are followed by themselves.
    for command in line.commands.iter().filter(|command| shows_variables(command)) {
        let file = command.words.iter().find(|word| is_environment(word));
        let first = command.words.first().map_or(command.range.end, |word| word.range.end);
        found.push((file.map_or(first, |word| word.range.start), EVERYTHING.to_vec()));
    }
    if line.pipes || line.feeds {
        let mut readers: Vec<usize> = line.commands.iter().filter(|command| reads(command)).map(at).collect();
        readers.sort_unstable();
        for inside in &line.substitutions {
            let next = readers.partition_point(|&at| at < inside.start);
            if readers.get(next).is_some_and(|&at| at < inside.end) {
                found.push((before(inside), INPUT.to_vec()));
            }
        }
    }
    let new = found.into_iter().map(|(at, name)| Expansion { at, name });
    line.expansions.extend(new);
    line.assignments.extend([INPUT, EVERYTHING].map(|name| Assignment {
        name: name.to_vec(),
        from: 0..end,
        extended: false,
        text: None,
    }));
}

/// The place before what a substitution runs: in the word, and in no word of its commands.
fn before(inside: &Range<usize>) -> usize {
    inside.start.saturating_sub(1)
}

/// What a text prints is in the word of the substitution that runs it, and in what a function prints that does.
fn outputs_of_texts(line: &mut Line, end: usize) -> Vec<(usize, Vec<u8>)> {
    let mut found: Vec<(usize, Vec<u8>)> = Vec::new();
    if line.texts.is_empty() {
        return found;
    }
    line.expansions.sort_by_key(|expansion| expansion.at);
    let mut stop = end;
    for &(start, at) in line.texts.iter().rev() {
        let text = start..stop;
        stop = start;
        if let Some(inside) = substitution_around(line, at) {
            let to = before(inside);
            let mut more: Vec<_> = line.within(&text).iter().map(|one| (to, one.name.clone())).collect();
            more.extend(
                found
                    .iter()
                    .filter(|(at, _)| text.contains(at))
                    .map(|(_, name)| (to, name.clone())),
            );
            found.extend(more);
        }
        let functions = line
            .assignments
            .iter()
            .filter(|one| one.name.ends_with(b"()") && one.from.contains(&at));
        let functions: Vec<Vec<u8>> = functions.map(|one| one.name.clone()).collect();
        line.assignments.extend(functions.into_iter().map(|name| Assignment {
            name,
            from: text.clone(),
            extended: false,
            text: None,
        }));
    }
    found
}

/// Finds the substitution that a text runs in: in its own text, or in the one in which that stands.
fn substitution_around(line: &Line, mut at: usize) -> Option<&Range<usize>> {
    loop {
        let around = line.substitutions.iter().filter(|inside| inside.contains(&at));
        if let Some(inside) = around.min_by_key(|inside| inside.len()) {
            return Some(inside);
        }
        let outer = line.texts.iter().rev().find(|(start, _)| *start <= at);
        at = outer?.1;
    }
}

fn at(command: &Command) -> usize {
    command.range.start
}

/// Says whether a command prints the variables of the shell.
fn shows_variables(command: &Command) -> bool {
    let words = effective(&command.words);
    let Some((first, arguments)) = words.split_first() else {
        // Without a program.
        return command.words.iter().any(|word| word.is("env"));
    };
    let lists = arguments.iter().all(|word| word.text.starts_with(b"-"));
    match first.program().unwrap_or_default() {
        b"printenv" => true,
        b"set" => arguments.is_empty(),
        b"export" | b"declare" | b"typeset" | b"readonly" | b"local" => {
            lists
                || arguments
                    .first()
                    .is_some_and(|word| word.text.starts_with(b"-") && word.text.contains(&b'p'))
        }
        _ => words.iter().any(is_environment),
    }
}

fn is_environment(word: &Word) -> bool {
    word.text.ends_with(b"/environ")
}

/// Says whether a command in a substitution may read what the line is given, rather than what it has of its own.
fn reads(command: &Command) -> bool {
    const NEVER: [&str; 26] = [
        "echo", "printf", "date", "pwd", "hostname", "whoami", "id", "uname", "basename", "dirname", "mktemp", "seq",
        "which", "command", "type", "test", "[", "true", "false", "nproc", "printenv", "ls", "realpath", "readlink",
        "stat", "du",
    ];
    const OF_GIT: [&str; 12] = [
        "describe",
        "rev-parse",
        "log",
        "branch",
        "config",
        "diff",
        "remote",
        "tag",
        "show",
        "ls-files",
        "ls-remote",
        "merge-base",
    ];
    let words = effective(&command.words);
    let Some((first, arguments)) = words.split_first() else {
        return !command.inputs.is_empty() && !command.has_input;
    };
    if command.has_input || command.piped {
        return false;
    }
    let plain =
        |word: &Word| !word.text.contains(&DYNAMIC) && !word.fluid && !is_device(word) && !word.text.ends_with(b"-");
    match first.program().unwrap_or_default() {
        b"cat" => !arguments.iter().any(|word| !word.is_option()) || !arguments.iter().all(plain),
        b"curl" => arguments
            .iter()
            .any(|word| word.text.ends_with(b"-") || is_device(word)),
        b"git" => {
            !arguments
                .first()
                .is_some_and(|word| OF_GIT.iter().any(|known| word.is(known)))
                || !arguments.iter().all(|word| !word.text.ends_with(b"stdin"))
        }
        name => !NEVER.iter().any(|known| known.as_bytes() == name),
    }
}
