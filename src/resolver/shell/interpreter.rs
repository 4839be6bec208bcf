//! What of a program's arguments and input is code to that program.
//!
//! Knows programs by `tables` alone, and refuses where an option may hide what a word is.

use std::ops::Range;

use crate::resolver::shell::error::Context;
use crate::resolver::shell::line::{Command, DYNAMIC, Input, Word};
use crate::resolver::shell::tables::{Language, Program, program};
use crate::resolver::shell::taint::Taint;

/// Returns the range from the first to the last of some words.
pub(super) fn span(words: &[Word]) -> Range<usize> {
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

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
            if name == "rsync" {
                remote_paths(taint, words, &arguments);
            }
            false
        }
        Program::Client(short, long) => {
            options(taint, short, long, words, &arguments);
            true
        }
        Program::Filter => {
            filter(taint, words, &arguments);
            false
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
                _ => input,
            }
        }
    };
    if reads_code {
        standard_input(taint, name, command, end);
    }
    understood
}

/// Refuses values in what a program reads.
fn standard_input(taint: &mut Taint<'_>, name: &str, command: &Command, end: usize) {
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
        taint.forbid(&(0..command.range.start), &context);
        taint.forbid(&(command.range.end..end), &context);
    }
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

/// A script that is a device is what another part of the line writes.
fn is_device(word: &Word) -> bool {
    word.text.starts_with(b"/dev/") || word.text.starts_with(b"/proc/") || word.text.first() == Some(&DYNAMIC)
}

/// Refuses values in and behind some options.
fn options(taint: &mut Taint<'_>, short: &[u8], long: &[&str], words: &[Word], context: &Context) {
    for (at, word) in words.iter().enumerate() {
        let text = word.text.as_slice();
        let next = span(words.get(at + 1..=at + 1).unwrap_or_default());
        if let Some(name) = text.strip_prefix(b"--") {
            let end = name.iter().position(|&byte| byte == b'=');
            let name = &name[..end.unwrap_or(name.len())];
            // Programs take a shortened name as well.
            if name.len() > 2 && long.iter().any(|known| known.as_bytes().starts_with(name)) {
                taint.forbid(&word.range, context);
                if end.is_none() {
                    taint.forbid(&next, context);
                }
            }
        } else if let Some(letters) = text.strip_prefix(b"-") {
            let ends = letters.first().into_iter().chain(letters.last());
            let mut capitals = letters.iter().filter(|letter| letter.is_ascii_uppercase());
            if ends.into_iter().any(|letter| short.contains(letter)) || capitals.any(|letter| short.contains(letter)) {
                taint.forbid(&word.range, context);
                taint.forbid(&next, context);
            }
        }
    }
}

/// The path behind `HOST:` may go through a shell over there.
fn remote_paths(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    for word in words {
        let url = word.text.windows(3).any(|part| part == b"://");
        if word.text.contains(&b':') && !url && !word.is_option() {
            taint.forbid(&word.range, context);
        }
    }
}

/// Judges `jq --arg NAME VALUE CODE`.
fn filter(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    let mut plain_from = 0;
    for (at, word) in words.iter().enumerate() {
        if word.is("--arg") || word.is("--argjson") {
            taint.forbid(&span(words.get(at + 1..=at + 1).unwrap_or_default()), context);
            plain_from = at + 3;
        } else if at + 1 != plain_from {
            taint.forbid(&word.range, context);
        }
    }
}

/// Judges settings that name programs, and commands that run some.
fn git(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    const PROGRAMS: [&str; 8] = [
        "--upload-pack",
        "--receive-pack",
        "--exec",
        "--exec-path",
        "--extcmd",
        "--config-env",
        "--open-files-in-pager",
        "-x",
    ];
    let mut command: Option<usize> = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1..=at + 1).unwrap_or_default();
        let attached = word.text.strip_prefix(b"--config=");
        if word.is("-c") || word.is("--config") {
            if !next.first().is_some_and(|setting| is_harmless(&setting.text)) {
                taint.forbid(&span(next), context);
            }
            at += 1;
        } else if attached.is_some_and(|setting| !is_harmless(setting)) {
            taint.forbid(&word.range, context);
        } else if PROGRAMS.iter().any(|option| word.text.starts_with(option.as_bytes())) {
            taint.forbid(&word.range, context);
            taint.forbid(&span(next), context);
        } else if word.is("-C") || word.is("--git-dir") || word.is("--work-tree") {
            at += 1;
        } else if !word.is_option() && command.is_none() {
            taint.forbid(&word.range, context);
            command = Some(at);
        }
        at += 1;
    }
    let rest = command.and_then(|at| words.get(at..)).unwrap_or_default();
    let Some(command) = rest.first() else {
        return;
    };
    let mut plain = rest[1..].iter().filter(|word| !word.is_option());
    let dangerous = match command.text.as_slice() {
        b"filter-branch" | b"difftool" | b"mergetool" | b"daemon" | b"instaweb" => true,
        b"submodule" => rest.iter().any(|word| word.is("foreach")),
        b"bisect" => rest.iter().any(|word| word.is("run")),
        b"config" => {
            let key = plain.find(|word| !word.is("set") && !word.is("get"));
            !key.is_some_and(|key| is_harmless(&key.text))
        }
        _ => false,
    };
    if dangerous {
        taint.forbid(&span(&rest[1..]), context);
    }
}

/// Says whether a setting of git is only ever a text.
fn is_harmless(setting: &[u8]) -> bool {
    let key = setting.split(|&byte| byte == b'=').next().unwrap_or_default();
    let section = key.split(|&byte| byte == b'.').next().unwrap_or_default();
    let known = [&b"http"[..], b"user", b"url", b"author", b"committer"];
    known.iter().any(|known| section.eq_ignore_ascii_case(known)) && key.contains(&b'.')
}

/// Says whether a remote shell takes its input for code: without a command, or with a shell as one.
fn remote_reads_code(words: &[Word]) -> bool {
    const VALUED: &[u8] = b"BbcDEeFIiJLlmOoPpQRSWw";
    let mut at = 0;
    while words.get(at).is_some_and(Word::is_option) {
        let valued = words[at].text.last().is_some_and(|letter| VALUED.contains(letter)) && words[at].text.len() == 2;
        at += if valued { 2 } else { 1 };
    }
    let Some(command) = words.get(at + 1..).filter(|command| !command.is_empty()) else {
        return true;
    };
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let mut parts = command
        .iter()
        .flat_map(|word| word.text.split(move |byte| !is_word(byte)));
    parts.any(|part| matches!(program(part), Some((_, Program::Shell | Program::Language(_)))))
}
