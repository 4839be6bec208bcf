//! Simple commands: which word is the program, and what builtins do with their arguments.
//!
//! Never reads the text of the line again; works on the words that the lexer found.

use crate::resolver::shell::Dialect;
use crate::resolver::shell::dollar::names;
use crate::resolver::shell::error::Context;
use crate::resolver::shell::interpreter::{interpret, span, standard_input};
use crate::resolver::shell::line::{Assignment, Command, DYNAMIC, Line, Word, is_name};
use crate::resolver::shell::option::places;
use crate::resolver::shell::tables::{
    BUILTINS, PLAIN, Program, RESERVED, TEST_NAMES, TEST_NUMBERS, WRAPPER_VALUES, is_special, program, wrapper,
};
use crate::resolver::shell::taint::Taint;

/// Builtins that give variables attributes.
const DECLARATIONS: [&str; 5] = ["declare", "typeset", "local", "readonly", "export"];

/// Returns the assignments that commands make, the arguments of functions among them.
pub(super) fn assignments(line: &Line, end: usize) -> Vec<Assignment> {
    let mut found = Vec::new();
    for command in &line.commands {
        let words = effective(&command.words);
        let Some((first, arguments)) = words.split_first() else {
            continue;
        };
        let name = first.program().unwrap_or_default();
        let is_function = line.functions.iter().any(|function| function == name);
        match name {
            b"read" | b"mapfile" | b"readarray" | b"getopts" => {
                // Where its input comes from is not followed.
                for word in arguments.iter().filter(|word| is_name(&word.text)) {
                    found.push(assignment(&word.text, 0..end));
                }
            }
            b"printf" => {
                let variable = arguments.iter().find(|word| is_name(&word.text));
                if let Some(variable) = variable.filter(|_| arguments[0].text.starts_with(b"-v")) {
                    found.push(assignment(&variable.text, span(arguments)));
                }
            }
            _ if DECLARATIONS.iter().any(|declaration| first.is(declaration)) => {
                for word in arguments {
                    if let Some(variable) = word.assigned() {
                        found.push(assignment(variable, word.range.clone()));
                    }
                }
            }
            _ if is_function || name == b"set" => found.push(assignment(b"@", span(arguments))),
            _ => {}
        }
    }
    found
}

fn assignment(name: &[u8], from: std::ops::Range<usize>) -> Assignment {
    Assignment {
        name: name.to_vec(),
        from,
        extended: false,
    }
}

/// Says whether the line defines an alias.
pub(super) fn has_alias(line: &Line) -> bool {
    let first = |command: &Command| effective(&command.words).first().is_some_and(|word| word.is("alias"));
    line.commands
        .iter()
        .any(|command| first(command) || runs_text_with(command, &["alias"]))
}

/// Says whether `eval` or `trap` is given a text with one of these words.
fn runs_text_with(command: &Command, commands: &[&str]) -> bool {
    let words = effective(&command.words);
    let runs = words.first().is_some_and(|word| word.is("eval") || word.is("trap"));
    let mentions = |word: &Word| {
        names(&word.text)
            .iter()
            .any(|name| commands.iter().any(|command| command.as_bytes() == name))
    };
    runs && words.iter().skip(1).any(mentions)
}

/// Judges all commands and assignments of a line.
pub(super) fn judge(taint: &mut Taint<'_>, more: &[Assignment], end: usize) {
    let line = taint.line;
    for code in &line.code {
        taint.forbid_names(&code.names, code.at, &code.context);
    }
    for command in &line.commands {
        words(taint, &command.words, command, end);
        options(taint, &command.words);
    }
    let attributes = line.commands.iter().any(gives_attributes);
    for assignment in line.assignments.iter().chain(more) {
        let variable = String::from_utf8_lossy(&assignment.name).into_owned();
        if is_special(&assignment.name) {
            taint.forbid(&assignment.from, &Context::Variable { variable });
        } else if attributes && variable != "@" {
            taint.forbid(&assignment.from, &Context::Attributes { variable });
        } else if assignment.extended && taint.dialect == Dialect::Posix {
            taint.forbid(&assignment.from, &Context::NotPosix);
        }
    }
}

/// Notes which values may be options. The arguments of a function are options where it uses them.
fn options(taint: &mut Taint<'_>, all: &[Word]) {
    if all
        .first()
        .is_some_and(|first| taint.line.functions.contains(&first.text))
    {
        return;
    }
    for at in places(all) {
        taint.may_lead(&all[at]);
    }
}

/// Says whether a command may make a variable an integer or the name of another one.
fn gives_attributes(command: &Command) -> bool {
    if runs_text_with(command, &DECLARATIONS) {
        return true;
    }
    let words = effective(&command.words);
    let Some((first, arguments)) = words.split_first() else {
        return false;
    };
    let lists = arguments.len() == 1 && arguments[0].is("-p");
    let option = |word: &Word| matches!(word.text.first(), Some(b'-' | b'+' | &DYNAMIC)) || word.fluid;
    DECLARATIONS.iter().any(|declaration| first.is(declaration)) && !lists && arguments.iter().any(option)
}

/// Judges words of which the first is the name of a program or builtin.
fn words(taint: &mut Taint<'_>, all: &[Word], command: &Command, end: usize) {
    let Some((first, arguments)) = all.split_first() else {
        return;
    };
    taint.forbid(&first.range, &Context::CommandWord);
    let Some(name) = first.program() else {
        taint.forbid(&span(arguments), &Context::UnknownProgram);
        // It may be an interpreter.
        standard_input(taint, "a program that is not known", command, end);
        return;
    };
    for word in arguments {
        let special = word.assigned().filter(|variable| is_special(variable));
        if let Some(variable) = special {
            let variable = String::from_utf8_lossy(variable).into_owned();
            taint.forbid(&word.range, &Context::Variable { variable });
        }
    }
    interpreters(taint, name, all, command, end);
    builtin(taint, name, arguments, end);
    if let Some((program, inner)) = wrapped(all) {
        before(taint, program, &all[1..inner]);
        if program == "sudo" && all[1..inner].iter().any(starts_shell) {
            let program = program.to_owned();
            taint.forbid(&span(&all[inner..]), &Context::Arguments { program });
        }
        if all
            .get(inner)
            .is_some_and(|word| RESERVED.iter().any(|reserved| word.is(reserved)))
        {
            taint.forbid(
                &(0..end),
                &Context::BeforeProgram {
                    program: program.to_owned(),
                },
            );
        }
        words(taint, &all[inner..], command, end);
    }
}

/// Judges what interpreters among the words are given.
fn interpreters(taint: &mut Taint<'_>, name: &[u8], all: &[Word], command: &Command, end: usize) {
    // What a wrapper runs is judged by itself.
    let alone = PLAIN.iter().any(|plain| plain.as_bytes() == name) || wrapped(all).is_some();
    let count = if alone { 1 } else { all.len() };
    let mut from = 0;
    for (at, word) in all.iter().enumerate().take(count) {
        let Some((name, kind)) = known(word).filter(|_| at >= from) else {
            continue;
        };
        if word.fluid {
            // Braces make more words of it.
            let program = name.to_owned();
            taint.forbid(&word.range, &Context::Code { program });
        }
        let understood = interpret(taint, name, kind, &all[at + 1..], command, end);
        if at == 0 && !matches!(kind, Program::Options(..)) {
            break;
        }
        // The word may have been no program at all, so the ones behind it are looked at as well.
        from = at + 1 + understood;
    }
}

/// Looks up a word that can be an interpreter, or be made one by braces.
fn known(word: &Word) -> Option<(&str, Program)> {
    if word.text.windows(3).any(|part| part == b"://") {
        return None;
    }
    if let Some(name) = word.program() {
        return program(name);
    }
    if !word.fluid {
        return None;
    }
    word.text.split(|byte| b"{},/".contains(byte)).find_map(program)
}

/// Refuses values in the options of a program that runs another one, but for assignments.
fn before(taint: &mut Taint<'_>, program: &str, options: &[Word]) {
    for word in options {
        if word.assigned().is_none() || !takes_assignments(program) {
            let program = program.to_owned();
            taint.forbid(&word.range, &Context::BeforeProgram { program });
        }
    }
}

/// `sudo -s` and `sudo -i` make a line for a shell of what follows.
fn starts_shell(option: &Word) -> bool {
    let long = option.is("--shell") || option.is("--login");
    let letters = option
        .text
        .strip_prefix(b"-")
        .filter(|letters| !letters.starts_with(b"-"));
    long || letters.is_some_and(|letters| letters.iter().any(|letter| b"si".contains(letter)))
}

fn takes_assignments(program: &str) -> bool {
    matches!(program, "env" | "sudo" | "doas")
}

/// Returns the words from the program on that is run in the end.
pub(super) fn effective(mut words: &[Word]) -> &[Word] {
    while let Some((_, inner)) = wrapped(words) {
        words = &words[inner..];
    }
    words
}

/// Finds the program that another program runs: the other's name, and the number of the word.
fn wrapped(words: &[Word]) -> Option<(&'static str, usize)> {
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

/// Judges the arguments of what the shell does itself.
fn builtin(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word], end: usize) {
    evaluated(taint, name, arguments);
    if let Some(builtin) = BUILTINS.iter().copied().find(|builtin| builtin.as_bytes() == name) {
        taint.forbid(&span(arguments), &Context::Builtin { builtin });
        if matches!(builtin, "source" | "." | "eval") {
            let reads = arguments.iter().any(|word| {
                word.text.starts_with(b"/dev/") || word.text.starts_with(b"/proc/") || word.text.contains(&DYNAMIC)
            });
            if reads && (taint.line.pipes || taint.line.feeds) {
                taint.forbid(&(0..end), &Context::Builtin { builtin });
            }
        }
        return;
    }
    match name {
        b"declare" | b"typeset" | b"local" | b"readonly" | b"export" => declaration(taint, name, arguments),
        b"printf" => printf(taint, arguments),
        b"test" | b"[" => test(taint, name, arguments),
        b"set" => {
            let builtin = "set";
            let end = arguments.iter().position(|word| word.is("--") || word.is("-"));
            let before = &arguments[..end.unwrap_or(arguments.len())];
            taint.forbid(&span(before), &Context::Builtin { builtin });
        }
        b"find" => {
            for pair in arguments.windows(2) {
                if ["-exec", "-execdir", "-ok", "-okdir"]
                    .iter()
                    .any(|option| pair[0].is(option))
                {
                    taint.forbid(&pair[1].range, &Context::CommandWord);
                }
            }
        }
        _ => {}
    }
}

/// Names stand without `$` in expressions: in all arguments of `let`, and in subscripts.
fn evaluated(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word]) {
    let all = BUILTINS.into_iter().chain(DECLARATIONS).chain(["printf", "test", "["]);
    let Some(builtin) = all.into_iter().find(|builtin| builtin.as_bytes() == name) else {
        return;
    };
    // What `eval` and `trap` run may evaluate once more what is in a variable.
    let again = |text: &[u8]| {
        let calls = names(text)
            .iter()
            .any(|name| [&b"eval"[..], b"let", b"source", b"c"].contains(&name.as_slice()));
        calls || text.windows(2).any(|part| part == b"((")
    };
    for word in arguments {
        let runs = matches!(builtin, "eval" | "trap") && again(&word.text);
        if builtin == "let" || runs || word.text.contains(&b'[') {
            taint.forbid_names(&names(&word.text), word.range.start, &Context::Builtin { builtin });
        }
    }
}

/// `export NAME=…` is an assignment like another one; what else they do depends on the words.
fn declaration(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word]) {
    let builtin = DECLARATIONS.iter().copied().find(|builtin| builtin.as_bytes() == name);
    let context = Context::Builtin {
        builtin: builtin.unwrap_or("declare"),
    };
    let odd = arguments.iter().any(|word| word.text.contains(&b'[') && word.fluid);
    // Where the name is that of an array, bash takes `(…)` in the value for its elements, and evaluates their subscripts.
    let arrays = name != b"export" && name != b"readonly" && taint.line.has_arrays();
    for word in arguments {
        let assigns = word.assigned().is_some() && !odd && !arrays;
        // A value in a variable may be handed on; the reference itself is better written as an assignment.
        let fits = assigns && (name == b"export" || !taint.has_reference(&word.range));
        if !fits {
            taint.forbid(&word.range, &context);
        }
    }
}

/// `printf -v NAME`: a value that begins with `-v` would be read as that.
fn printf(taint: &mut Taint<'_>, arguments: &[Word]) {
    let builtin = "printf";
    let Some(first) = arguments.first() else {
        return;
    };
    match first.text.first() {
        Some(b'-') if !first.is("--") && first.text.len() > 1 => {
            taint.forbid(&span(arguments), &Context::Builtin { builtin });
        }
        Some(&DYNAMIC) => taint.forbid(&first.range, &Context::Builtin { builtin }),
        _ => {}
    }
}

/// `test -v NAME`, and numbers, which bash takes as digits and some other shells evaluate.
fn test(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word]) {
    let builtin = if name == b"[" { "[" } else { "test" };
    let count = arguments.iter().filter(|word| !word.is("]")).count();
    let numbers: &[&[u8]] = match taint.dialect {
        Dialect::Posix => &TEST_NUMBERS,
        Dialect::Bash => &[],
    };
    let evaluates = arguments
        .iter()
        .any(|word| TEST_NAMES.contains(&word.text.as_slice()) || numbers.contains(&word.text.as_slice()));
    let hidden = count == 2 && arguments[0].text.first() == Some(&DYNAMIC);
    if evaluates || hidden {
        taint.forbid(&span(arguments), &Context::Builtin { builtin });
    }
    // One that becomes several words may bring operators along: `-v a[$(…)] -o 1`.
    for word in arguments.iter().filter(|word| word.splits) {
        taint.forbid(&word.range, &Context::Builtin { builtin });
    }
}
