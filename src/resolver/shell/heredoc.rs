//! Redirections, and the texts of here-documents.
//!
//! Never takes a line for the end of a here-document where one shell would and another would not.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::lexer::{Lexer, Step};
use crate::resolver::shell::line::{Command, DYNAMIC, Dialect, Input, Style, Word, is_device};

/// A here-document whose text has not begun yet.
pub(super) struct Pending {
    pub at: usize,
    delimiter: Vec<u8>,
    quoted: bool,
    /// `<<-`: tabs at the start of a line do not count.
    tabs: bool,
    body: usize,
}

impl Lexer<'_> {
    /// Says whether a redirection begins here.
    pub(super) fn at_redirection(&self) -> bool {
        let mut ahead = 0;
        if self.look(0) == Some(b'&') {
            return self.look(1) == Some(b'>');
        }
        while self.look(ahead).is_some_and(|byte| byte.is_ascii_digit()) {
            ahead += 1;
        }
        if ahead == 0 && self.look(0) == Some(b'{') {
            ahead = 1;
            while self
                .look(ahead)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                ahead += 1;
            }
            if ahead == 1 || self.look(ahead) != Some(b'}') {
                return false;
            }
            ahead += 1;
        }
        let operator = self.look(ahead).filter(|byte| b"<>".contains(byte));
        operator.is_some() && (ahead > 0 || self.look(1) != Some(b'('))
    }

    /// Reads one redirection.
    pub(super) fn redirection(&mut self, command: &mut Command) -> Step {
        if self.look(0) == Some(b'{') && self.dialect == Dialect::Posix {
            return self.confused("'{…}>', which not every sh reads as a redirection,");
        }
        let start = self.at;
        while self.look(0).is_some_and(|byte| !b"<>&".contains(&byte)) {
            self.at += 1;
        }
        let descriptor = &self.text[start..self.at];
        let is_input = descriptor.is_empty() || descriptor == b"0";
        if self.look(0) == Some(b'&') && self.dialect == Dialect::Posix {
            return self.confused("'&>', which not every sh reads as a redirection,");
        }
        let operator = self.operator();
        match operator {
            b"<<" | b"<<-" => {
                command.has_input |= is_input;
                self.delimiter(operator == b"<<-", command)
            }
            b"<" | b"<<<" | b"<&" | b"<>" => {
                let target = self.target()?;
                // A copied descriptor comes from somewhere else in the line, as may a device.
                let device = is_device(&target) && !target.is("/dev/null") && operator != b"<<<";
                let elsewhere = operator == b"<&" || device;
                command.has_input |= is_input && !elsewhere;
                self.input(command, Input::Word(target.range));
                Ok(())
            }
            b">&" => {
                let target = self.target()?;
                self.line.copied.push(target.range);
                Ok(())
            }
            _ => self.target().map(|_| ()),
        }
    }

    fn operator(&mut self) -> &'static [u8] {
        const OPERATORS: [&[u8]; 12] = [
            b"<<<", b"<<-", b"&>>", b"<<", b"<&", b"<>", b">>", b">&", b">|", b"&>", b"<", b">",
        ];
        let here = |operator: &&[u8]| (0..operator.len()).all(|i| self.look(i) == Some(operator[i]));
        let operator = OPERATORS.into_iter().find(here).unwrap_or_default();
        self.at += operator.len();
        operator
    }

    fn target(&mut self) -> Step<Word> {
        self.blanks()?;
        match self.word(false)? {
            Some(word) if !word.range.is_empty() => Ok(word),
            _ => self.confused("a redirection without a target"),
        }
    }

    /// Reads the word that ends a here-document.
    fn delimiter(&mut self, tabs: bool, command: &mut Command) -> Step {
        while matches!(self.look(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let at = self.at;
        let mut delimiter = Vec::new();
        let mut quoted = false;
        loop {
            match self.look(0) {
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')') => break,
                Some(DYNAMIC) => {
                    self.refusing(Context::Delimiter, |lexer| lexer.place(Style::Plain))?;
                    return self.confused("a reference as the delimiter of a here-document");
                }
                Some(quote @ (b'\'' | b'"')) => {
                    quoted = true;
                    self.at += 1;
                    while self.look(0) != Some(quote) {
                        match self.look(0) {
                            Some(DYNAMIC) => {
                                self.refusing(Context::Delimiter, |lexer| lexer.place(Style::Plain))?;
                                return self.confused("a reference as the delimiter of a here-document");
                            }
                            None | Some(b'\n' | b'\\' | b'$' | b'`') => {
                                return self.confused("an odd delimiter of a here-document");
                            }
                            Some(byte) => delimiter.push(byte),
                        }
                        self.at += 1;
                    }
                    self.at += 1;
                }
                Some(b'\\') => match self.look(1) {
                    Some(byte) if byte != b'\n' && byte != DYNAMIC => {
                        quoted = true;
                        delimiter.push(byte);
                        self.at += 2;
                    }
                    _ => return self.confused("an odd delimiter of a here-document"),
                },
                Some(b'$' | b'`' | b'#') => return self.confused("an odd delimiter of a here-document"),
                Some(byte) => {
                    delimiter.push(byte);
                    self.at += 1;
                }
            }
        }
        if delimiter.is_empty() || delimiter.starts_with(b"\t") {
            return self.confused("an odd delimiter of a here-document");
        }
        let body = self.line.bodies.len();
        self.line.bodies.push(None);
        self.input(command, Input::HereDocument(body));
        self.pending.push(Pending {
            at,
            delimiter,
            quoted,
            tabs,
            body,
        });
        Ok(())
    }

    /// Reads the texts of all here-documents that wait for this line to begin.
    pub(super) fn bodies(&mut self) -> Step {
        for pending in std::mem::take(&mut self.pending) {
            self.body(&pending)?;
        }
        Ok(())
    }

    fn body(&mut self, pending: &Pending) -> Step {
        let start = self.at;
        let mut from = start;
        let behind = loop {
            if from >= self.end {
                return Err(self.confusion_at("a here-document without its end", pending.at));
            }
            let rest = &self.text[from..self.end];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let mut line = &rest[..length];
            if pending.tabs {
                let tabs = line.iter().take_while(|&&byte| byte == b'\t').count();
                line = &line[tabs..];
            }
            if line == pending.delimiter {
                break (from + length + 1).min(self.end);
            }
            let backslashes = line.iter().rev().take_while(|&&byte| byte == b'\\').count();
            if !pending.quoted && backslashes % 2 == 1 {
                return Err(self.confusion_at("a line of a here-document that ends in a backslash", from));
            }
            from += length + 1;
        };
        let body = start..from;
        if pending.quoted {
            for index in self.within(&body) {
                self.line.slots[index] = Some(Err(Context::QuotedHereDocument));
            }
        } else {
            self.expanded(from)?;
        }
        self.line.bodies[pending.body] = Some(body);
        self.at = behind;
        Ok(())
    }

    /// Reads a text in which the shell expands variables and substitutions.
    fn expanded(&mut self, end: usize) -> Step {
        let outer = std::mem::replace(&mut self.end, end);
        // Some shells look for the end of the text first, some read what is nested first.
        let one_line = std::mem::replace(&mut self.one_line, true);
        while let Some(byte) = self.look(0) {
            match byte {
                DYNAMIC => self.place(Style::Quoted)?,
                // A reference behind it is refused when it is placed.
                b'\\' if self.look(1) == Some(DYNAMIC) => self.at += 1,
                b'\\' => self.at += 2,
                b'$' => self.dollar(true)?,
                b'`' => return self.confused("back-ticks in a here-document"),
                _ => self.at += 1,
            }
        }
        self.end = outer;
        self.one_line = one_line;
        Ok(())
    }
}
