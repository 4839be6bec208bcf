//! Simple commands: which word is the program, and what the other words are to it.
//!
//! Never reads the text of the line again; works on the words that the lexer found.

use crate::resolver::shell::builtin::builtin;
use crate::resolver::shell::client::is_harmless;
use crate::resolver::shell::error::Context;
use crate::resolver::shell::interpreter::{interpret, standard_input};
use crate::resolver::shell::lexer::Confusion;
use crate::resolver::shell::line::{Assignment, Command, DYNAMIC, Dialect, Line, Word, is_name, span};
use crate::resolver::shell::names::{expanded, names};
use crate::resolver::shell::option::places;
use crate::resolver::shell::tables::{DECLARATIONS, PLAIN, Program, RESERVED, only_sends, program};
use crate::resolver::shell::taint::Taint;
use crate::resolver::shell::variable::is_special;
use crate::resolver::shell::wrapper::{effective, takes_assignments, wrapped};

/// How many command substitutions are followed.
pub(super) const SUBSTITUTIONS_MAX: usize = 5000;

/// How many programs that run others are judged: `env nice sudo …`.
const WRAPPERS_MAX: usize = 40;

/// Says whether the line defines an alias.
pub(super) fn has_alias(line: &Line) -> bool {
    let first = |command: &Command| effective(&command.words).first().is_some_and(|word| word.is("alias"));
    let turned_on = |command: &Command| command.words.iter().any(|word| word.is("expand_aliases"));
    let array = line.assignments.iter().any(|one| one.name == b"BASH_ALIASES");
    array
        || line
            .commands
            .iter()
            .any(|command| first(command) || turned_on(command) || runs_text_with(command, &["alias"]))
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
    for target in &line.copied {
        taint.forbid(target, &Context::CopiedOutput);
    }
    for command in &line.commands {
        let mut run = Some(command.words.as_slice());
        for _ in 0..=WRAPPERS_MAX {
            run = run.and_then(|run| words(taint, run, command, end));
        }
        options(taint, &command.words);
    }
    if line.commands.iter().any(exports_function) {
        for function in line.assignments.iter().filter(|one| one.name.ends_with(b"()")) {
            taint.forbid_here(&function.from, &Context::ExportedFunction);
        }
    }
    let attributes = line.commands.iter().any(gives_attributes);
    for assignment in line.assignments.iter().chain(more) {
        let variable = String::from_utf8_lossy(&assignment.name).into_owned();
        if !is_name(&assignment.name) && assignment.name != b"@" {
            continue;
        }
        if is_special(&assignment.name) && !is_setting_of_git(line, more, &assignment.name) {
            taint.forbid(&assignment.from, &Context::Variable { variable });
        } else if attributes && variable != "@" {
            taint.forbid(&assignment.from, &Context::Attributes { variable });
        } else if assignment.extended && taint.dialect == Dialect::Posix {
            taint.forbid(&assignment.from, &Context::NotPosix);
        }
    }
}

/// Says whether `GIT_CONFIG_VALUE_n` goes with a `GIT_CONFIG_KEY_n` of the line that is only ever a text.
fn is_setting_of_git(line: &Line, more: &[Assignment], variable: &[u8]) -> bool {
    let Some(number) = variable.strip_prefix(b"GIT_CONFIG_VALUE_") else {
        return false;
    };
    let key = [b"GIT_CONFIG_KEY_", number].concat();
    let mut keys = line
        .assignments
        .iter()
        .chain(more)
        .filter(|one| one.name == key)
        .peekable();
    let words = line
        .commands
        .iter()
        .flat_map(|command| effective(&command.words).first().map(|first| (first, &command.words)));
    let elsewhere = words
        .filter(|(first, _)| !first.is("export"))
        .any(|(_, words)| words.iter().any(|word| word.assigned() == Some(&key)));
    !elsewhere && keys.peek().is_some() && keys.all(|one| one.text.as_deref().is_some_and(is_harmless))
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

/// Says whether a command gives a function to the shells that are started.
fn exports_function(command: &Command) -> bool {
    let words = effective(&command.words);
    let declares = words
        .first()
        .is_some_and(|first| DECLARATIONS.iter().any(|one| first.is(one)));
    declares
        && words[1..]
            .iter()
            .any(|word| word.is_option() && word.text.contains(&b'f'))
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
    let option = |word: &Word| {
        let harmless = word.is_option() && word.text[1..].iter().all(|letter| b"aAfFgprx".contains(letter));
        (matches!(word.text.first(), Some(b'-' | b'+' | &DYNAMIC)) || word.fluid) && !harmless && !word.is("--")
    };
    DECLARATIONS.iter().any(|declaration| first.is(declaration)) && !lists && arguments.iter().any(option)
}

/// Finds where a line has more programs that run one another, or more substitutions, than are judged.
pub(super) fn confusion(line: &Line) -> Option<Confusion> {
    if let Some(one) = line.substitutions.get(SUBSTITUTIONS_MAX) {
        return Some(Confusion {
            what: "very many command substitutions",
            at: one.start,
        });
    }
    line.commands.iter().find_map(|command| {
        let mut words = command.words.as_slice();
        for _ in 0..=WRAPPERS_MAX {
            words = &words[wrapped(words)?.1..];
        }
        Some(Confusion {
            what: "very many programs that run one another",
            at: command.words[0].range.start,
        })
    })
}

/// Judges words of which the first is the name of a program or builtin, and returns those that it runs in turn.
fn words<'w>(taint: &mut Taint<'_>, all: &'w [Word], command: &Command, end: usize) -> Option<&'w [Word]> {
    let (first, arguments) = all.split_first()?;
    taint.forbid(&first.range, &Context::CommandWord);
    let Some(name) = first.program() else {
        taint.forbid(&span(arguments), &Context::UnknownProgram);
        for word in arguments {
            // It may run a text.
            taint.forbid_names(&expanded(&word.text), word.range.start, &Context::UnknownProgram);
        }
        // It may be an interpreter.
        standard_input(taint, "a program that is not known", command, end);
        return None;
    };
    for word in arguments {
        let exports = name == b"export" || name == b"readonly";
        // Those are assignments of the line, and judged with them.
        let special = word.assigned().filter(|variable| is_special(variable) && !exports);
        if let Some(variable) = special {
            let variable = String::from_utf8_lossy(variable).into_owned();
            taint.forbid(&word.range, &Context::Variable { variable });
        }
    }
    interpreters(taint, name, all, command, end);
    builtin(taint, name, arguments, command, end);
    let (program, inner) = wrapped(all)?;
    before(taint, program, &all[1..inner]);
    if program == "sudo" && all[1..inner].iter().any(starts_shell) {
        let program = program.to_owned();
        taint.forbid(&span(&all[inner..]), &Context::Arguments { program });
    }
    let run = &all[inner..];
    if run
        .first()
        .is_some_and(|word| RESERVED.iter().any(|reserved| word.is(reserved)))
    {
        let program = program.to_owned();
        taint.forbid(&(0..end), &Context::BeforeProgram { program });
    }
    Some(run)
}

/// Judges what interpreters among the words are given.
fn interpreters(taint: &mut Taint<'_>, name: &[u8], all: &[Word], command: &Command, end: usize) {
    // What a wrapper runs is judged by itself.
    let sends =
        !all.iter().any(|word| word.is("--")) && sent(all).is_some_and(|command| only_sends(name, &command.text));
    let alone = sends || PLAIN.iter().any(|plain| plain.as_bytes() == name) || wrapped(all).is_some();
    let count = if alone { 1 } else { all.len() };
    let mut from = 0;
    let closed = Command {
        has_input: true,
        ..Command::default()
    };
    for (at, word) in all.iter().enumerate().take(count) {
        let Some((name, kind)) = known(word).filter(|_| at >= from) else {
            continue;
        };
        if word.fluid {
            // Braces make more words of it.
            let program = name.to_owned();
            taint.forbid(&word.range, &Context::Code { program });
        }
        let understood = match reads_nothing(all) && at > 0 {
            true => interpret(taint, name, kind, &all[at + 1..], &closed, end),
            false => interpret(taint, name, kind, &all[at + 1..], command, end),
        };
        if at == 0 && !matches!(kind, Program::Options(..)) {
            break;
        }
        // The word may have been no program at all, so the ones behind it are looked at as well.
        from = at + 1 + understood;
    }
}

/// Returns the command of `kubectl`, `docker` and such, behind options.
fn sent(all: &[Word]) -> Option<&Word> {
    let mut at = 1;
    while let Some(word) = all.get(at).filter(|word| word.is_option()) {
        let valued = ["-n", "--namespace", "--context", "--kubeconfig", "-H", "--host"];
        at += if valued.iter().any(|option| word.is(option)) {
            2
        } else {
            1
        };
    }
    all.get(at)
}

/// Says whether it is a container that gets no standard input: `docker run` without `-i`.
fn reads_nothing(all: &[Word]) -> bool {
    let docker = all
        .first()
        .is_some_and(|first| first.is("docker") || first.is("podman"));
    let attaches = |word: &Word| {
        let text = word.text.as_slice();
        let short =
            text.starts_with(b"-") && !text.starts_with(b"--") && (text.contains(&b'i') || text.contains(&b'a'));
        short
            || text.starts_with(b"--i")
            || text.starts_with(b"--at")
            || text.first() == Some(&DYNAMIC)
            || word.splits
            || word.fluid
    };
    docker && all.get(1).is_some_and(|command| command.is("run")) && !all.iter().any(attaches)
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
