//! Follows a line as a shell reads it: lists, simple commands, and the state that all files of the lexer share.
//!
//! Never guesses. What shells read in different ways, or what is not known here, ends the reading with a [`Confusion`].

use std::ops::Range;

use crate::resolver::shell::error::Context;
use crate::resolver::shell::heredoc::Pending;
use crate::resolver::shell::line::{Command, DYNAMIC, Dialect, Line, Word};
use crate::resolver::shell::{source, text};

/// Deeper nesting is refused: nobody writes it, and it takes stack.
pub(super) const MAX_DEPTH: usize = 40;

/// Why the reading ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confusion {
    pub what: &'static str,
    pub at: usize,
}

/// Is a line as far as it was understood.
pub(super) struct Lexed {
    pub line: Line,
    /// The line, and behind it the texts that it gives to shells.
    pub text: Vec<u8>,
    pub confusion: Option<Confusion>,
}

pub(super) type Step<T = ()> = Result<T, Confusion>;

/// What ends a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    End,
    Parenthesis,
    /// `;;` or `esac`, which stay to be read.
    CaseItem,
}

/// Where in a list the lexer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Start,
    /// Behind `fi`, `done`, `}`, `)`: only redirections, separators and further closing words.
    AfterCompound,
}

pub(super) struct Lexer<'t> {
    pub text: &'t [u8],
    pub dialect: Dialect,
    /// Each is an atom: nothing in it is looked at.
    pub references: Vec<Range<usize>>,
    pub at: usize,
    /// What is read as the end of the text.
    pub end: usize,
    pub depth: usize,
    /// What everything here stands in, if no reference may stand in that.
    pub refusing: Option<Context>,
    /// Here-documents whose bodies begin at the next line.
    pub pending: Vec<Pending>,
    /// Whether one waits outside of the substitution that is being read, or no new line may begin for another reason.
    pub one_line: bool,
    /// Where the fixed text of a quote that was just read begins.
    pub fixed_at: usize,
    /// Whether the next command reads what another one prints.
    pub after_pipe: bool,
    /// The number of the assignment that stands for a function whose body comes next.
    pub defined: Option<usize>,
    /// The same for each `{` that is open.
    pub braces: Vec<Option<usize>>,
    pub line: Line,
}

/// Reads a line, and the texts that it gives to shells. The places it did not come to stay empty.
pub(super) fn read(text: &[u8], references: Vec<Range<usize>>, dialect: Dialect) -> Lexed {
    let line = Line {
        slots: vec![None; references.len()],
        ..Line::default()
    };
    let mut lexer = Lexer::at(text, 0, dialect, line);
    lexer.references = references;
    let nul = (0..text.len()).find(|&at| text[at] == 0 || (text[at] == b'\r'));
    let result = match nul {
        Some(at) => Err(lexer.confusion_at("a NUL or a carriage return", at)),
        None => lexer.list(Until::End).and_then(|()| lexer.no_pending()),
    };
    let mut line = lexer.line;
    let text = text::read(text.to_vec(), &mut line, dialect);
    line.follow_calls();
    source::follow(&mut line, text.len());
    line.expansions.sort_by_key(|expansion| expansion.at);
    Lexed {
        line,
        text,
        confusion: result.err(),
    }
}

impl<'t> Lexer<'t> {
    /// Begins at a place of a text. What is found is added to a line.
    pub(super) const fn at(text: &'t [u8], at: usize, dialect: Dialect, line: Line) -> Self {
        Self {
            text,
            dialect,
            references: Vec::new(),
            at,
            end: text.len(),
            depth: 0,
            refusing: None,
            pending: Vec::new(),
            one_line: false,
            fixed_at: 0,
            after_pipe: false,
            defined: None,
            braces: Vec::new(),
            line,
        }
    }

    /// Reads commands up to an end. A closing parenthesis is read too.
    pub(super) fn list(&mut self, until: Until) -> Step {
        self.deeper(|lexer| lexer.commands(until))
    }

    fn commands(&mut self, until: Until) -> Step {
        let mut position = Position::Start;
        loop {
            self.blanks()?;
            match self.look(0) {
                None if until == Until::End => return Ok(()),
                None => return self.confused("a group, a substitution or a 'case' without its end"),
                Some(b'\n') => {
                    self.line_break()?;
                    position = Position::Start;
                }
                Some(b';') if self.look(1) == Some(b';') || self.look(1) == Some(b'&') => {
                    return match until {
                        Until::CaseItem => Ok(()),
                        _ => self.confused("';;' outside of 'case'"),
                    };
                }
                Some(b'&') if self.look(1) == Some(b'>') => {
                    let mut command = Command::default();
                    self.redirection(&mut command)?;
                    position = self.add(command, position);
                }
                Some(b';' | b'&' | b'|') => {
                    self.separator();
                    position = Position::Start;
                }
                Some(b')') if until == Until::Parenthesis => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b')') => return self.confused("')' without '('"),
                Some(b'(') if position == Position::Start => {
                    self.group()?;
                    position = Position::AfterCompound;
                }
                Some(_) => match self.word_of_grammar(until, position)? {
                    Some(next) => position = next,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Reads `&&`, `||`, `|`, `|&`, `;` or `&`.
    fn separator(&mut self) {
        let first = self.look(0);
        let double = first != Some(b';') && self.look(1) == first;
        self.after_pipe = first == Some(b'|') && !double;
        self.line.pipes |= self.after_pipe;
        let with_errors = first == Some(b'|') && self.look(1) == Some(b'&');
        self.at += if double || with_errors { 2 } else { 1 };
    }

    /// Reads `( … )` or `(( … ))`.
    fn group(&mut self) -> Step {
        if self.look(1) != Some(b'(') {
            self.at += 1;
            return self.list(Until::Parenthesis);
        }
        if self.dialect == Dialect::Posix {
            return self.confused("'((', which not every sh reads as arithmetic,");
        }
        self.at += 2;
        self.arithmetic(Context::Arithmetic, b"))", b"")
    }

    /// Reads a reserved word with what belongs to it, or a simple command. Nothing is returned at an `esac` that ends the list.
    fn word_of_grammar(&mut self, until: Until, position: Position) -> Step<Option<Position>> {
        let word = self.bare_word();
        let length = word.len();
        let defined = self.defined.take();
        let next = match word {
            b"}" => {
                if let Some(function) = self.braces.pop().flatten() {
                    self.line.assignments[function].from.end = self.at;
                }
                Position::AfterCompound
            }
            b"{" => {
                self.braces.push(defined);
                Position::Start
            }
            b"fi" | b"done" => Position::AfterCompound,
            b"if" | b"then" | b"else" | b"elif" | b"do" | b"while" | b"until" => Position::Start,
            b"!" if self.look(1) == Some(b'(') => return self.confused("'!(', which may be a pattern,"),
            b"!" => Position::Start,
            b"esac" if until == Until::CaseItem => return Ok(None),
            b"esac" => return self.confused("'esac' without 'case'"),
            b"coproc" => return self.confused("'coproc'"),
            _ if position == Position::AfterCompound => return self.after_compound().map(Some),
            b"case" => return self.case().map(|()| Some(Position::AfterCompound)),
            b"for" | b"select" => return self.for_loop().map(|()| Some(Position::Start)),
            b"function" => return self.function().map(|()| Some(Position::Start)),
            b"[[" => return self.conditional().map(|()| Some(Position::AfterCompound)),
            _ => return self.simple().map(Some),
        };
        self.at += length;
        Ok(Some(next))
    }

    fn after_compound(&mut self) -> Step<Position> {
        let mut command = Command::default();
        if !self.at_redirection() {
            return self.confused("a word behind the end of a compound command");
        }
        self.redirection(&mut command)?;
        Ok(self.add(command, Position::AfterCompound))
    }

    /// Reads a simple command, or the head of a function.
    fn simple(&mut self) -> Step<Position> {
        let start = self.at;
        let mut command = Command::default();
        let mut assigned = false;
        loop {
            self.blanks()?;
            if self.at_redirection() {
                self.redirection(&mut command)?;
                continue;
            }
            match self.look(0) {
                None | Some(b'\n' | b';' | b'&' | b'|' | b')') => break,
                Some(b'(') => {
                    let [name] = command.words.as_slice() else {
                        return self.confused("'(' inside a command");
                    };
                    if assigned || !command.inputs.is_empty() {
                        return self.confused("'(' inside a command");
                    }
                    let name = name.clone();
                    return self.head_of_function(&name).map(|()| Position::Start);
                }
                Some(_) => {
                    let first = command.words.is_empty();
                    match self.word(first)? {
                        Some(word) => command.words.push(word),
                        None => assigned = true,
                    }
                }
            }
        }
        command.range = start..self.at;
        Ok(self.add(command, Position::Start))
    }

    fn add(&mut self, mut command: Command, position: Position) -> Position {
        if command.range.is_empty() {
            command.range = self.at..self.at;
        }
        self.line.feeds |= !command.inputs.is_empty();
        command.piped = std::mem::take(&mut self.after_pipe);
        self.line.commands.push(command);
        position
    }

    /// Reads `()` behind a function's name.
    pub(super) fn head_of_function(&mut self, name: &Word) -> Step {
        self.at += 1;
        self.blanks()?;
        if self.look(0) != Some(b')') {
            return self.confused("'(' inside a word");
        }
        self.at += 1;
        for index in self.within(&name.range) {
            self.line.slots[index] = Some(Err(Context::FunctionName));
        }
        if name.fluid || name.text.contains(&DYNAMIC) {
            return self.confused("a function without a fixed name");
        }
        self.line.define(name.text.clone(), self.at..self.text.len());
        self.defined = Some(self.line.assignments.len() - 1);
        Ok(())
    }

    /// Skips blanks, continued lines, and a comment.
    pub(super) fn blanks(&mut self) -> Step {
        loop {
            match self.look(0) {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\\') if self.look(1) == Some(b'\n') => self.continuation()?,
                Some(b'#') => return self.comment(),
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Step {
        let start = self.at;
        let nested = self.depth > 1;
        while self.look(0).is_some_and(|byte| byte != b'\n') {
            // Older shells look for the end of a substitution in its comments.
            if nested && self.look(0).is_some_and(|byte| b"'\"`()\\".contains(&byte)) {
                return Err(self.confusion_at("a comment with quotes or parentheses inside of a group", start));
            }
            match self.reference() {
                Some(index) => self.refuse(index, Context::Comment),
                None => self.at += 1,
            }
        }
        Ok(())
    }

    /// Skips `\` and the end of a line outside of quotes, where nothing is joined by it.
    pub(super) fn continuation(&mut self) -> Step {
        const OPERATORS: &[u8] = b"|&;<>()";
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        let behind = self.look(2);
        let blank = |byte: Option<u8>| byte.is_none_or(|byte| b" \t\n".contains(&byte));
        let operator = |byte: Option<u8>| byte.is_some_and(|byte| OPERATORS.contains(&byte));
        if blank(before) || blank(behind) || (operator(before) && !operator(behind)) {
            self.at += 2;
            return self.no_line_break_pending();
        }
        self.confused("a word or an operator across two lines")
    }

    /// Reads the end of a line, and the here-documents that begin there.
    pub(super) fn line_break(&mut self) -> Step {
        if self.one_line {
            return self.confused("a new line inside of a substitution before the text of a here-document");
        }
        self.at += 1;
        self.bodies()
    }

    /// Takes the end of a line in a place where no here-document can begin.
    pub(super) fn no_line_break_pending(&self) -> Step {
        if self.one_line || !self.pending.is_empty() {
            return self.confused("a line that goes on before the text of a here-document");
        }
        Ok(())
    }

    pub(super) fn no_pending(&self) -> Step {
        match self.pending.first() {
            None => Ok(()),
            Some(pending) => Err(self.confusion_at("a here-document without its text", pending.at)),
        }
    }

    /// Returns the word here if it has no quotes and nothing to expand, as reserved words have not.
    pub(super) fn bare_word(&self) -> &'t [u8] {
        let mut length = 0;
        loop {
            match self.look(length) {
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')') => break,
                Some(DYNAMIC | b'\'' | b'"' | b'\\' | b'$' | b'`') => return &[],
                Some(_) => length += 1,
            }
        }
        &self.text[self.at..self.at + length]
    }
}
