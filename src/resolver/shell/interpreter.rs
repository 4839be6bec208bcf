//! What of a program's arguments and input is code to that program.
//!
//! Knows programs by `tables` alone, and refuses where an option may hide what a word is.

use crate::resolver::shell::client::{filter, git, options, redis, remote_paths, remote_reads_code, scripts};
use crate::resolver::shell::error::Context;
use crate::resolver::shell::line::{Command, DYNAMIC, Input, Line, Word, is_device, span};
use crate::resolver::shell::tables::{Language, Program, QUIET, program};
use crate::resolver::shell::taint::Taint;
use crate::resolver::shell::wrapper::effective;

/// Judges the words behind a program that is known, and what it reads. Returns how many of them are code, options and a name for it.
pub(super) fn interpret(
    taint: &mut Taint<'_>,
    name: &str,
    kind: Program,
    words: &[Word],
    command: &Command,
    end: usize,
) -> usize {
    let program = name.to_owned();
    let arguments = Context::Arguments { program };
    let mut understood = 0;
    let reads_code = match kind {
        Program::Shell => {
            let (reads, taken) = shell(taint, name, words);
            understood = taken;
            reads
        }
        Program::Language(language) => script(taint, name, &language, words),
        Program::Options(short, long) => {
            options(taint, short, long, words, &arguments);
            match name {
                "rsync" => remote_paths(taint, words, &arguments),
                "npm" | "pnpm" | "yarn" => scripts(taint, words, &arguments),
                _ => {}
            }
            false
        }
        Program::Client(short, long) => {
            options(taint, short, long, words, &arguments);
            match name {
                "redis-cli" | "valkey-cli" => redis(taint, words, &arguments),
                _ => !words.iter().any(|word| names_code(name, word)),
            }
        }
        Program::Filter => {
            filter(taint, words, &arguments);
            script_is_input(words)
        }
        Program::Git => {
            git(taint, words, &arguments);
            false
        }
        Program::Everything { input } => {
            taint.forbid(&span(words), &arguments);
            match name {
                "ssh" | "slogin" | "mosh" => remote_reads_code(words),
                // What it reads becomes arguments: of code, if it runs an interpreter.
                "xargs" => words
                    .iter()
                    .any(|word| word.program().and_then(self::program).is_some()),
                // Rules come from a file, if not told otherwise.
                "make" | "gmake" => words
                    .iter()
                    .any(|word| word.text.starts_with(b"-") && word.text.ends_with(b"-")),
                "awk" | "gawk" | "mawk" | "nawk" | "sed" | "gsed" => script_is_input(words),
                "perl" => !words.iter().any(|word| !word.is_option() || names_code(name, word)),
                _ => input,
            }
        }
    };
    if reads_code {
        standard_input(taint, name, command, end);
    }
    understood
}

/// Says whether an option gives code or a file of it, so that standard input is data.
fn names_code(name: &str, word: &Word) -> bool {
    let (flags, code, long): (&[u8], &[u8], &[&str]) = match name {
        "psql" => (b"AtqxXnsS1", b"cf", &["--command", "--file"]),
        "mysql" | "mariadb" => (b"BNstH", b"e", &["--execute"]),
        "perl" => (b"nplaws", b"eE", &[]),
        _ => (b"", b"", &["--eval"]),
    };
    let letters = word.text.strip_prefix(b"-").unwrap_or_default();
    let first = letters.iter().find(|letter| !flags.contains(letter));
    let short = first.is_some_and(|letter| code.contains(letter));
    short || long.iter().any(|option| word.text.starts_with(option.as_bytes()))
}

/// Says whether `-f` has standard input for a script.
fn script_is_input(words: &[Word]) -> bool {
    let names_file = |word: &Word| {
        let letters = word.text.strip_prefix(b"-").unwrap_or_default();
        let long = letters.strip_prefix(b"-").unwrap_or_default();
        let short = letters.contains(&b'f') && !letters.starts_with(b"-");
        short || letters.starts_with(b"E") || [&b"fi"[..], b"from", b"exec"].iter().any(|name| long.starts_with(name))
    };
    let is_input = |word: &Word| is_device(word) || word.is("-") || (names_file(word) && word.text.ends_with(b"-"));
    words.iter().any(names_file) && words.iter().any(is_input)
}

/// Refuses values in what a program reads.
pub(super) fn standard_input(taint: &mut Taint<'_>, name: &str, command: &Command, end: usize) {
    let program = name.to_owned();
    let context = Context::StandardInput { program };
    for input in &command.inputs {
        let range = match input {
            Input::Word(range) => Some(range.clone()),
            Input::HereDocument(body) => taint.line.bodies.get(*body).cloned().flatten(),
        };
        if let Some(range) = range {
            taint.forbid(&range, &context);
        }
    }
    // Somewhere in the line is what it reads.
    if !command.has_input && (taint.line.pipes || taint.line.feeds) {
        let quiet = prints_no_variables(taint.line, command);
        for range in [0..command.range.start, command.range.end..end] {
            if quiet {
                taint.forbid_printed(&range, &context);
            } else {
                taint.forbid(&range, &context);
            }
        }
    }
}

/// Says whether nothing in the line prints a variable that is not named there, but for the program that reads.
fn prints_no_variables(line: &Line, reader: &Command) -> bool {
    let quiet = |command: &Command| {
        let words = effective(&command.words);
        let name = words.first().and_then(Word::program);
        let known = name.is_some_and(|name| QUIET.iter().any(|quiet| quiet.as_bytes() == name));
        let plain = words.iter().all(|word| !word.fluid && !is_device(word));
        command.words.is_empty() || (known && plain)
    };
    let others = line.commands.iter().filter(|command| command.range != reader.range);
    line.functions.is_empty() && line.texts.is_empty() && others.into_iter().all(quiet)
}

/// Judges `sh -c CODE NAME ARGUMENTS`, and says whether it reads its code, and how many words `-c` takes.
fn shell(taint: &mut Taint<'_>, name: &str, words: &[Word]) -> (bool, usize) {
    let program = name.to_owned();
    let context = Context::Code { program };
    let (mut code, mut reads, mut at) = (false, false, 0);
    while let Some(word) = words.get(at) {
        let text = word.text.as_slice();
        at += 1;
        if text == b"--" || text == b"-" {
            break;
        }
        if !matches!(text.first(), Some(b'-' | b'+')) {
            at -= 1;
            break;
        }
        taint.forbid(&word.range, &context);
        if text.starts_with(b"--") {
            code |= text.starts_with(b"--c") || text.starts_with(b"--init-command");
            if matches!(text, b"--rcfile" | b"--init-file" | b"--command" | b"--init-command") {
                taint.forbid(&span(words.get(at..=at).unwrap_or_default()), &context);
                at += 1;
            }
            continue;
        }
        code |= text[0] == b'-' && (text.contains(&b'c') || text.contains(&b'C'));
        reads |= text[0] == b'-' && text.contains(&b's');
        if matches!(text.last(), Some(b'o' | b'O')) {
            taint.forbid(&span(words.get(at..=at).unwrap_or_default()), &context);
            at += 1;
        }
    }
    let Some(word) = words.get(at) else {
        return (!code, 0);
    };
    if code {
        taint.forbid(&word.range, &context);
        // An option that was hidden by an expansion may have taken a word away.
        if word.text.first() == Some(&DYNAMIC) {
            taint.forbid(&span(words.get(at + 1..=at + 1).unwrap_or_default()), &context);
        }
        return (false, at + 2);
    }
    if reads {
        return (true, 0);
    }
    taint.forbid(&word.range, &context);
    (is_device(word), 0)
}

/// Judges `python -c CODE ARGUMENTS` and its like, and says whether it reads its code.
fn script(taint: &mut Taint<'_>, name: &str, language: &Language, words: &[Word]) -> bool {
    let program = name.to_owned();
    let context = Context::Code { program };
    let (mut code, mut uncertain, mut at) = (false, false, 0);
    while let Some(word) = words.get(at) {
        let text = word.text.as_slice();
        at += 1;
        if text == b"-" {
            return !code;
        }
        if text == b"--" {
            break;
        }
        if !word.is_option() {
            if matches!(name, "deno" | "bun") && matches!(text, b"run" | b"test") {
                continue;
            }
            at -= 1;
            break;
        }
        taint.forbid(&word.range, &context);
        let next = span(words.get(at..=at).unwrap_or_default());
        match option(text, language) {
            Meaning::Code { attached } => {
                code = true;
                if !attached {
                    taint.forbid(&next, &context);
                    at += 1;
                }
                if name.starts_with("p") && language.arguments && name != "php" {
                    // Whatever follows belongs to the code.
                    return false;
                }
            }
            Meaning::Value => {
                taint.forbid(&next, &context);
                at += 1;
                if text.ends_with(b"m") && language.code == b"c" {
                    return false;
                }
            }
            Meaning::Unknown => uncertain = true,
            Meaning::Flag => {}
        }
    }
    let Some(word) = words.get(at) else {
        return !code;
    };
    let rest = &words[at..];
    let hidden = uncertain
        && rest
            .iter()
            .any(|word| matches!(option(&word.text, language), Meaning::Code { .. }));
    let evaluates =
        matches!(name, "deno" | "bun") && matches!(word.text.as_slice(), b"eval" | b"repl" | b"exec" | b"x");
    if hidden || evaluates || (code && !language.arguments) {
        taint.forbid(&span(rest), &context);
    } else if !code {
        taint.forbid(&word.range, &context);
    }
    !code && is_device(word)
}

/// What an option of a language does with the next word.
enum Meaning {
    Code { attached: bool },
    Value,
    Flag,
    Unknown,
}

fn option(text: &[u8], language: &Language) -> Meaning {
    if let Some(long) = text.strip_prefix(b"--") {
        let end = long.iter().position(|&byte| byte == b'=');
        let name = &long[..end.unwrap_or(long.len())];
        if !name.is_empty() && language.long.iter().any(|known| known.as_bytes().starts_with(name)) {
            return Meaning::Code {
                attached: end.is_some(),
            };
        }
        return if end.is_some() { Meaning::Flag } else { Meaning::Unknown };
    }
    let Some(letters) = text.strip_prefix(b"-") else {
        return Meaning::Flag;
    };
    for (at, letter) in letters.iter().enumerate() {
        let last = at + 1 == letters.len();
        if language.code.contains(letter) {
            // `-pe`, `-ne`: the letter for code may still come.
            let more = letters[at + 1..].iter().all(|letter| letter.is_ascii_alphabetic());
            return Meaning::Code {
                attached: !last && !more,
            };
        }
        if language.valued.contains(letter) {
            return if last { Meaning::Value } else { Meaning::Flag };
        }
    }
    Meaning::Flag
}
