//! Shell lines with references, in which no value ever becomes source of a shell.
//!
//! Each reference becomes an unexported variable of the shell that is started. A prologue binds it from the environment and removes it from
//! there; the line then expands the variable where the reference stood. Reads the text of the line only: never a value, never a file, and
//! never starts anything.
//!
//! # What a reference becomes
//!
//! ```text
//! plain word, assignment, redirection, array    "${v}"
//! inside double quotes                          ${v}
//! inside single quotes                          '"${v}"'
//! text of a here-document                       ${v}
//! ```
//!
//! The same inside of `$( )`, `( )`, `{ }` and `<( )`. Everywhere else a line is refused as a whole, before anything runs; [`Context`] lists
//! where, and [`ShellError::hint`] says what to write instead.
//!
//! # Where a value must not go
//!
//! 1. *Code of this shell:* `eval`, arithmetic, subscripts, `[[ ]]`, names of variables, and what shells read in different ways.
//! 2. *Code of another program:* the words behind `sh -c` or `python -c`, all arguments of `ssh`, `awk`, `xargs` and such, and the input of
//!    a shell without a script. Programs are known by name, wherever their name stands in the command.
//! 3. *Variables that are code:* `EDITOR`, `PS4`, `BASH_ENV`, and all where the line gives variables attributes.
//!
//! A variable of the line that was assigned from a reference must not reach the first two either, nor in the fixed texts that `eval`, `trap`
//! and `sh -c` run: those are read behind the line, as a part of it.
//!
//! # What is not understood
//!
//! The lexer follows the whole line. What shells read in different ways, or what it does not know, refuses every reference of the line: those
//! before it as well, since their values may go anywhere behind it.

mod assign;
mod builtin;
mod client;
mod command;
mod compound;
mod cursor;
mod dollar;
mod error;
mod heredoc;
mod interpreter;
mod lexer;
mod line;
mod names;
mod option;
mod source;
mod tables;
mod taint;
#[cfg(test)]
mod tests;
mod text;
mod variable;
mod words;
mod wrapper;

use vault_format::CredentialName;

pub use crate::resolver::shell::error::{Context, ShellError, ShellErrors};
pub use crate::resolver::shell::line::Dialect;
pub use crate::resolver::shell::option::{Leads, option_places};

use crate::resolver::shell::lexer::{Confusion, Lexed};
use crate::resolver::shell::line::{Line, Style};
use crate::resolver::shell::taint::{Found, Taint};
use crate::resolver::template::{Filter, Reference, Template};

/// Holds a line in which variables stand for the references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What the shell gets behind `-c`: the prologue on a line of its own, then the line. Without references it is the line.
    pub script: Vec<u8>,
    /// What the shell's environment must hold.
    pub bindings: Vec<Binding>,
}

/// Says which value an environment variable of the shell must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The credential.
    pub name: CredentialName,
    /// What its value goes through, first filter first.
    pub filters: Vec<Filter>,
    /// The variable. The prologue removes it before the line begins.
    pub environment: String,
    /// Whether its value may become an option of a program: no value may be put in that does.
    pub leads: Leads,
}

/// Names what must not be in the environment of the shell. See [`is_scrubbed`] for names that only begin alike.
///
/// With these, something would run before the prologue, or change how it is read, or export or show the variables.
pub const SCRUBBED: [&str; 11] = [
    "BASH_ENV",
    "ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "BASH_XTRACEFD",
    "BASH_COMPAT",
    "BASH_LOADABLES_PATH",
    "POSIXLY_CORRECT",
    "PS4",
    "IFS",
    "PROMPT_COMMAND",
];

/// Names what loads code into every program. Inherited ones are the user's own; a project's file must not bring any.
const LOADS: [&str; 3] = ["LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"];

/// Says whether a variable must be removed from the environment of the shell: one of [`SCRUBBED`], or an exported function of bash.
///
/// A function named `unset` would see the values.
pub fn is_scrubbed(variable: &[u8]) -> bool {
    let function = variable.starts_with(b"BASH_FUNC_") || variable.starts_with(b"__BASH_FUNC");
    function || SCRUBBED.iter().any(|name| name.as_bytes() == variable)
}

/// Says whether nobody may set a variable for the shell: one that must be removed, or that loads code into whatever is started.
pub fn is_refused(variable: &[u8]) -> bool {
    is_scrubbed(variable) || LOADS.iter().any(|name| name.as_bytes() == variable)
}

/// Puts variables in the places of a line's references.
///
/// # Errors
/// Every reference that fits nowhere, in the order of the line.
pub fn bind(template: &Template<'_>, dialect: Dialect) -> Result<Bound, ShellErrors> {
    let references: Vec<&Reference> = template.references().collect();
    let placed = styles(template, &references, dialect)?;
    Ok(write(template.source(), &references, &placed))
}

/// Finds how each reference is to be written.
fn styles(
    template: &Template<'_>,
    references: &[&Reference],
    dialect: Dialect,
) -> Result<Vec<(Style, Leads)>, ShellErrors> {
    let source = template.source();
    let ranges: Vec<_> = references.iter().map(|reference| reference.range.clone()).collect();
    let Lexed {
        mut line,
        text,
        confusion,
    } = lexer::read(source, ranges.clone(), dialect);
    let confusion = confusion.or_else(|| command::confusion(&line));
    if confusion.is_some() {
        // It is refused, and need not be followed through all of them.
        line.substitutions.truncate(command::SUBSTITUTIONS_MAX);
    }
    let more = assign::assignments(&line, text.len());
    let mut taint = Taint::new(&line, &text, &ranges, &more, dialect);
    command::judge(&mut taint, &more, text.len());
    taint.follow_leading(&more);
    let has_alias = command::has_alias(&line);

    let mut styles = Vec::with_capacity(references.len());
    let mut errors = Vec::new();
    for ((reference, slot), found) in references.iter().zip(&line.slots).zip(taint.refused) {
        let outcome = match (slot, found) {
            _ if reference.filters.contains(&Filter::ShellQuote) => Err(Context::ShellQuote),
            (Some(Err(context)), _) => Err(context.clone()),
            (_, Some(found)) => Err(explain(template, &line, found)),
            (_, None) if has_alias => Err(Context::Alias),
            (Some(Ok(style)), None) if confusion.is_none() => Ok(*style),
            _ => Err(not_understood(template, confusion)),
        };
        match outcome {
            Ok(style) => styles.push(style),
            Err(context) => {
                let (line, column) = template.position(reference.range.start);
                let name = reference.name.clone();
                errors.push(ShellError {
                    line,
                    column,
                    name,
                    context,
                });
            }
        }
    }
    if errors.is_empty() {
        Ok(styles.into_iter().zip(taint.leads).collect())
    } else {
        Err(ShellErrors(errors))
    }
}

fn explain(template: &Template<'_>, shell_line: &Line, found: Found) -> Context {
    let Some((variable, at)) = found.through else {
        return found.context;
    };
    let (line, column) = template.position(shell_line.origin(at));
    Context::Flows {
        variable: String::from_utf8_lossy(&variable).into_owned(),
        line,
        column,
        context: Box::new(found.context),
    }
}

fn not_understood(template: &Template<'_>, confusion: Option<Confusion>) -> Context {
    let confusion = confusion.unwrap_or(Confusion {
        what: "a place that was not reached",
        at: 0,
    });
    let (line, column) = template.position(confusion.at);
    let what = confusion.what;
    Context::NotUnderstood { what, line, column }
}

/// Writes the prologue and the line.
fn write(source: &[u8], references: &[&Reference], placed: &[(Style, Leads)]) -> Bound {
    let prefix = unused(source);
    let mut bindings: Vec<Binding> = Vec::new();
    let mut body = Vec::with_capacity(source.len());
    let mut from = 0;
    for (reference, (style, leads)) in references.iter().zip(placed) {
        let known = bindings
            .iter()
            .position(|binding| binding.name == reference.name && binding.filters == reference.filters);
        let index = known.unwrap_or(bindings.len());
        if known.is_none() {
            bindings.push(Binding {
                name: reference.name.clone(),
                filters: reference.filters.clone(),
                environment: format!("FLEETVAULT_VALUE_{}", index + 1),
                leads: *leads,
            });
        }
        bindings[index].leads.whole |= leads.whole;
        bindings[index].leads.parts |= leads.parts;
        let variable = format!("${{{prefix}{}}}", index + 1);
        let written = match style {
            Style::Plain => format!("\"{variable}\""),
            Style::Quoted => variable,
            Style::Single => format!("'\"{variable}\"'"),
        };
        body.extend_from_slice(&source[from..reference.range.start]);
        body.extend_from_slice(written.as_bytes());
        from = reference.range.end;
    }
    body.extend_from_slice(&source[from..]);
    let mut script = prologue(&prefix, &bindings).into_bytes();
    script.extend_from_slice(&body);
    Bound { script, bindings }
}

/// Binds the variables. A variable that the shell inherited is exported, so it is removed first.
fn prologue(prefix: &str, bindings: &[Binding]) -> String {
    let mut commands = Vec::new();
    for (index, binding) in bindings.iter().enumerate() {
        let variable = format!("{prefix}{}", index + 1);
        let environment = &binding.environment;
        commands.push(format!(
            "unset {variable};{variable}=${environment};unset {environment}"
        ));
    }
    if commands.is_empty() {
        return String::new();
    }
    commands.join(";") + "\n"
}

/// Finds the start of a variable's name that does not occur in the line.
fn unused(source: &[u8]) -> String {
    let mut prefix = "_fv".to_owned();
    while memchr::memmem::find(source, prefix.as_bytes()).is_some() {
        prefix.push('v');
    }
    prefix
}
