//! What the shell does itself: which arguments of its builtin commands are code, names, numbers or options.
//!
//! Knows no program.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::line::{Command, DYNAMIC, Dialect, Word, is_device, span};
use crate::resolver::shell::names::names;
use crate::resolver::shell::tables::{BUILTINS, DECLARATIONS, TEST_NAMES, TEST_NUMBERS};
use crate::resolver::shell::taint::Taint;

/// Judges the arguments of what the shell does itself.
pub(super) fn builtin(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word], command: &Command, end: usize) {
    evaluated(taint, name, arguments);
    if let Some(builtin) = BUILTINS.iter().copied().find(|builtin| builtin.as_bytes() == name) {
        taint.forbid(&span(arguments), &Context::Builtin { builtin });
        if matches!(builtin, "source" | "." | "eval") {
            let reads = arguments
                .iter()
                .any(|word| is_device(word) || word.text.contains(&DYNAMIC));
            if reads && (taint.line.pipes || taint.line.feeds) {
                taint.forbid(&(0..end), &Context::Builtin { builtin });
            }
        }
        return;
    }
    match name {
        b"declare" | b"typeset" | b"local" | b"readonly" | b"export" => declaration(taint, name, arguments),
        b"printf" => printf(taint, arguments),
        b"test" | b"[" => test(taint, name, arguments, command.dialect),
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
    if matches!(builtin, "eval" | "trap") {
        // What they run is read by itself.
        return;
    }
    for word in arguments {
        if builtin == "let" || word.text.contains(&b'[') {
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
        let plain = name == b"export" || name == b"readonly";
        let fits = assigns && (plain || !taint.has_reference(&word.range));
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
fn test(taint: &mut Taint<'_>, name: &[u8], arguments: &[Word], dialect: Option<Dialect>) {
    let builtin = if name == b"[" { "[" } else { "test" };
    let count = arguments.iter().filter(|word| !word.is("]")).count();
    let numbers: &[&[u8]] = match dialect.unwrap_or(taint.dialect) {
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
