//! What the lexer found in a line: places of references, commands with their words, expansions, places that are code.
//!
//! Holds no rule about what a program or a variable means.

use std::ops::Range;

use crate::resolver::shell::error::Context;

/// Names the shells a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Any `sh`: what only some of them know is refused.
    Posix,
    /// bash.
    Bash,
}

/// How a reference is written as a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `"${v}"`
    Plain,
    /// `${v}`, between double quotes or in a here-document.
    Quoted,
    /// `'"${v}"'`
    Single,
}

/// What holds every variable: `printenv`, `${!v}`.
pub(super) const EVERYTHING: &[u8] = b"(printenv)";

/// What stands in a word's text for a part that only the shell knows.
pub(super) const DYNAMIC: u8 = 0;

/// Is a line taken apart. Lists are in the order in which things end, not in which they begin.
#[derive(Default)]
pub(super) struct Line {
    /// One for each reference, in the order of the text; none where the lexer has not been.
    pub slots: Vec<Option<Result<Style, Context>>>,
    pub expansions: Vec<Expansion>,
    pub code: Vec<Code>,
    pub commands: Vec<Command>,
    pub assignments: Vec<Assignment>,
    pub functions: Vec<Vec<u8>>,
    /// The bodies of here-documents, once they are read.
    pub bodies: Vec<Option<Range<usize>>>,
    /// Whether a command's output goes to another one.
    pub pipes: bool,
    /// Whether any input is redirected.
    pub feeds: bool,
    /// What stands behind `>&`.
    pub copied: Vec<Range<usize>>,
    /// Commands in `$( )`, `<( )` and back-ticks.
    pub substitutions: Vec<Range<usize>>,
    /// Texts that are run: where each begins behind the line, and where it stands.
    pub texts: Vec<(usize, usize)>,
    /// Whether the shell may make several words of what a variable holds.
    pub splits: bool,
}

impl Line {
    /// Notes a function. What it prints may hold every value behind its name, as a variable's would, under a name that no variable has.
    pub(super) fn define(&mut self, name: Vec<u8>, body: Range<usize>) {
        self.assignments.push(Assignment {
            name: output_of(&name),
            from: body,
            extended: false,
            text: None,
        });
        self.functions.push(name);
    }

    /// Takes calls of functions for expansions of what they print: right behind their names, which are no values themselves.
    pub(super) fn follow_calls(&mut self) {
        let first = self.commands.iter().filter_map(|command| command.words.first());
        let calls = first.filter(|word| self.functions.contains(&word.text));
        let calls = calls.map(|word| Expansion {
            at: word.range.end,
            name: output_of(&word.text),
        });
        let calls: Vec<Expansion> = calls.collect();
        self.expansions.extend(calls);
    }

    /// Returns the expansions in a range.
    pub(super) fn within(&self, range: &Range<usize>) -> &[Expansion] {
        let from = self.expansions.partition_point(|expansion| expansion.at < range.start);
        let to = self.expansions.partition_point(|expansion| expansion.at < range.end);
        &self.expansions[from..to.max(from)]
    }

    /// Returns where a place stands that may be in a text behind the line.
    pub(super) fn origin(&self, mut at: usize) -> usize {
        // Texts in texts stand further behind.
        for (start, origin) in self.texts.iter().rev() {
            if at >= *start {
                at = *origin;
            }
        }
        at
    }

    /// Says whether the line may make an array: by an assignment of elements, or by a command that reads into one.
    pub(super) fn has_arrays(&self) -> bool {
        let reads = |word: &Word| word.is("mapfile") || word.is("readarray") || word.is("-a") || word.is("-A");
        self.assignments.iter().any(|assignment| assignment.extended)
            || self.commands.iter().any(|command| command.words.iter().any(reads))
    }
}

fn output_of(function: &[u8]) -> Vec<u8> {
    [function, b"()"].concat()
}

/// A variable that this shell expands.
pub(super) struct Expansion {
    pub at: usize,
    pub name: Vec<u8>,
}

/// A place where the shell evaluates the values of variables.
pub(super) struct Code {
    pub context: Context,
    pub at: usize,
    pub names: Vec<Vec<u8>>,
}

/// A variable that gets its value from a part of the line.
pub(super) struct Assignment {
    pub name: Vec<u8>,
    pub from: Range<usize>,
    /// `a+=`, `a[1]=`, `a=( )`: not every sh takes it for an assignment.
    pub extended: bool,
    /// What it becomes, if that is fixed.
    pub text: Option<Vec<u8>>,
}

/// A simple command, or the redirections of a compound one.
#[derive(Clone, Default)]
pub(super) struct Command {
    pub range: Range<usize>,
    pub words: Vec<Word>,
    pub inputs: Vec<Input>,
    /// Whether one of them certainly is its standard input.
    pub has_input: bool,
    /// Whether it reads what the command before it prints.
    pub piped: bool,
    /// What the shell that runs it reads, where that is another one than the line's.
    pub dialect: Option<Dialect>,
}

/// Where a redirected input comes from, on whatever descriptor.
#[derive(Clone)]
pub(super) enum Input {
    /// A file, a here-string.
    Word(Range<usize>),
    /// The number of a here-document.
    HereDocument(usize),
}

/// A word without its quotes.
#[derive(Clone, Default)]
pub(super) struct Word {
    pub range: Range<usize>,
    /// The text, with [`DYNAMIC`] for what is expanded.
    pub text: Vec<u8>,
    /// Whether an unquoted pattern, brace or tilde may make other words of it.
    pub fluid: bool,
    /// Whether an unquoted expansion may make other words of it.
    pub splits: bool,
    /// What comes before the first byte that is fixed, or all of it where braces may make several words.
    pub leads: Range<usize>,
}

impl Word {
    /// Returns the last part of the path it is, if that is fixed.
    pub(super) fn program(&self) -> Option<&[u8]> {
        if self.fluid {
            return None;
        }
        let name = self.text.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let fixed = !name.is_empty() && !name.contains(&DYNAMIC);
        fixed.then_some(name)
    }

    /// Says whether it is certainly an option.
    pub(super) fn is_option(&self) -> bool {
        self.text.starts_with(b"-") && self.text.len() > 1
    }

    /// Says whether it has this text.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text.as_bytes()
    }

    /// Returns `NAME` of `NAME=…`, as a plain assignment or an argument of `env` has it.
    pub(super) fn assigned(&self) -> Option<&[u8]> {
        let end = self.text.iter().position(|&byte| byte == b'=')?;
        let name = &self.text[..end];
        is_name(name).then_some(name)
    }
}

/// Says whether a text is a variable's name.
pub(super) fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(|&byte| starts_name(byte)) && text.iter().all(|&byte| in_name(byte))
}

pub(super) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

pub(super) const fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the range from the first to the last of some words.
pub(super) fn span(words: &[Word]) -> Range<usize> {
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

/// A file that is a device is what another part of the line writes. There are many ways to write one, so a folder of that name is enough.
pub(super) fn is_device(word: &Word) -> bool {
    let mut folders = word.text.split(|&byte| byte == b'/').rev().skip(1);
    let device = folders.any(|folder| matches!(folder, b"dev" | b"proc" | b"fd" | b".."));
    device || word.text.first() == Some(&DYNAMIC) || (word.fluid && word.text.contains(&b'/'))
}
