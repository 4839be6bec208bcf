//! Words: plain text, quotes, and assignments with their arrays.
//!
//! Never says what a word means; reads substitutions with `dollar`.

use std::ops::Range;

use crate::resolver::shell::error::Context;
use crate::resolver::shell::lexer::{Lexer, Step};
use crate::resolver::shell::line::{Assignment, DYNAMIC, Dialect, Style, Word, in_name, is_name, starts_name};

impl Lexer<'_> {
    /// Reads a word, or nothing but notes it where it is an assignment. Those are only looked for if `first`: before the command's name.
    pub(super) fn word(&mut self, first: bool) -> Step<Option<Word>> {
        if first && self.assignment()? {
            return Ok(None);
        }
        let start = self.at;
        let mut word = self.parts()?;
        let name = word.text.strip_suffix(b"=").unwrap_or_default();
        if self.look(0) == Some(b'(') && !first && is_name(name) {
            // `declare a=( )`; behind other commands it is an error in every shell.
            let name = name.to_vec();
            let from = self.array()?;
            self.line.assignments.push(Assignment {
                name,
                from,
                extended: true,
                text: None,
            });
            word.text.push(DYNAMIC);
        }
        word.range = start..self.at;
        if word.range.is_empty() {
            return self.confused("an odd word");
        }
        Ok(Some(word))
    }

    /// Reads `NAME=…`, `NAME+=…` or `NAME[…]=…`, if one of them is here.
    fn assignment(&mut self) -> Step<bool> {
        let mut length = 0;
        if !self.look(0).is_some_and(starts_name) {
            return Ok(false);
        }
        while self.look(length).is_some_and(in_name) {
            length += 1;
        }
        let subscript = self.look(length) == Some(b'[');
        let appends = self.look(length) == Some(b'+') && self.look(length + 1) == Some(b'=');
        if !subscript && !appends && self.look(length) != Some(b'=') {
            return Ok(false);
        }
        let name = self.text[self.at..self.at + length].to_vec();
        self.at += length;
        if subscript {
            self.subscript()?;
        }
        let mut extended = subscript;
        let mut fixed = None;
        if self.look(0) == Some(b'+') {
            extended = true;
            self.at += 1;
        }
        if self.look(0) != Some(b'=') {
            return self.confused("a pattern where a command or an assignment is expected");
        }
        self.at += 1;
        let from = if self.look(0) == Some(b'(') {
            extended = true;
            self.array()?
        } else {
            let start = self.at;
            let word = self.parts()?;
            fixed = Some(word.text).filter(|text| !extended && !word.fluid && !text.contains(&DYNAMIC));
            start..self.at
        };
        self.line.assignments.push(Assignment {
            name,
            from,
            extended,
            text: fixed,
        });
        Ok(true)
    }

    /// Reads `( … )` of an array, and returns its inside.
    fn array(&mut self) -> Step<Range<usize>> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.look(0) {
                Some(b')') => break,
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n') => {
                    self.no_line_break_pending()?;
                    self.at += 1;
                }
                Some(b'\\') if self.look(1) == Some(b'\n') => self.continuation()?,
                None | Some(b'#' | b';' | b'&' | b'|' | b'(') => return self.confused("an odd array"),
                Some(b'[') => {
                    self.subscript()?;
                    if self.look(0) != Some(b'=') {
                        return self.confused("an odd array");
                    }
                    self.at += 1;
                    self.parts()?;
                }
                Some(_) => {
                    let before = self.at;
                    self.parts()?;
                    if self.at == before {
                        return self.confused("an odd array");
                    }
                }
            }
        }
        let inside = start..self.at;
        self.at += 1;
        Ok(inside)
    }

    /// Reads up to what ends a word.
    fn parts(&mut self) -> Step<Word> {
        let start = self.at;
        let mut word = Word::default();
        let mut fixed = None;
        while let Some(byte) = self.look(0) {
            self.fixed_at = self.at;
            let before = word.text.len();
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' => break,
                b'<' | b'>' if self.look(1) == Some(b'(') => {
                    self.process_substitution()?;
                    word.text.push(DYNAMIC);
                }
                b'<' | b'>' => break,
                DYNAMIC => {
                    self.place(Style::Plain)?;
                    word.text.push(DYNAMIC);
                }
                b'\\' => self.escape(&mut word.text)?,
                b'\'' => self.single(&mut word.text)?,
                b'"' => self.double(&mut word.text)?,
                b'$' => {
                    self.dollar(false)?;
                    word.text.push(DYNAMIC);
                    word.splits = true;
                    self.line.splits = true;
                }
                b'`' => {
                    self.back_ticks(false)?;
                    word.text.push(DYNAMIC);
                    word.splits = true;
                    self.line.splits = true;
                }
                _ => {
                    word.fluid |= matches!(byte, b'*' | b'?' | b'[' | b'{') || (byte == b'~' && self.at == start);
                    word.text.push(byte);
                    self.at += 1;
                }
            }
            if fixed.is_none() && word.text[before..].iter().any(|&byte| byte != DYNAMIC) {
                fixed = Some(self.fixed_at);
            }
        }
        // Alone these are no patterns.
        word.fluid &= !matches!(word.text.as_slice(), b"[" | b"[[" | b"{" | b"{}");
        word.range = start..self.at;
        let braces = word.fluid && word.text.contains(&b'{');
        word.leads = start..fixed.filter(|_| !braces).unwrap_or(self.at);
        Ok(word)
    }

    fn process_substitution(&mut self) -> Step {
        if self.dialect == Dialect::Posix {
            return self.confused("'<(', which not every sh knows,");
        }
        self.line.pipes = true;
        self.at += 2;
        self.substitution()
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Step {
        match self.look(1) {
            None => return self.confused("a backslash at the end"),
            Some(b'\n') => return self.continuation(),
            // Refused when it is placed.
            Some(DYNAMIC) => self.at += 1,
            Some(byte) => {
                text.push(byte);
                self.at += 2;
            }
        }
        Ok(())
    }

    pub(super) fn single(&mut self, text: &mut Vec<u8>) -> Step {
        let start = self.at;
        self.at += 1;
        let mut fixed = None;
        loop {
            match self.look(0) {
                None => return Err(self.confusion_at("a single quote without its end", start)),
                Some(b'\'') => break,
                Some(DYNAMIC) => {
                    self.place(Style::Single)?;
                    text.push(DYNAMIC);
                }
                Some(byte) => {
                    if byte == b'\n' {
                        self.no_line_break_pending()?;
                    }
                    fixed.get_or_insert(self.at);
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.fixed_at = fixed.unwrap_or(start);
        self.at += 1;
        Ok(())
    }

    pub(super) fn double(&mut self, text: &mut Vec<u8>) -> Step {
        let start = self.at;
        self.at += 1;
        let mut fixed = None;
        loop {
            match self.look(0) {
                None => return Err(self.confusion_at("a double quote without its end", start)),
                Some(b'"') => break,
                Some(DYNAMIC) => {
                    self.place(Style::Quoted)?;
                    text.push(DYNAMIC);
                }
                Some(b'\\') => {
                    fixed.get_or_insert(self.at);
                    self.escape_in_quotes(text)?;
                }
                Some(b'$') => {
                    self.dollar(true)?;
                    text.push(DYNAMIC);
                }
                Some(b'`') => {
                    self.back_ticks(true)?;
                    text.push(DYNAMIC);
                }
                Some(byte) => {
                    if byte == b'\n' {
                        self.no_line_break_pending()?;
                    }
                    fixed.get_or_insert(self.at);
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.fixed_at = fixed.unwrap_or(start);
        self.at += 1;
        Ok(())
    }

    fn escape_in_quotes(&mut self, text: &mut Vec<u8>) -> Step {
        match self.look(1) {
            None => return self.confused("a backslash at the end"),
            Some(DYNAMIC) => {
                self.at += 1;
                return Ok(());
            }
            Some(b'\n') => self.no_line_break_pending()?,
            Some(byte @ (b'"' | b'\\' | b'$' | b'`')) => text.push(byte),
            Some(byte) => text.extend([b'\\', byte]),
        }
        self.at += 2;
        Ok(())
    }

    /// Reads `$'…'`, from its `'`.
    pub(super) fn ansi(&mut self) -> Step {
        self.refusing(Context::AnsiQuotes, |lexer| {
            let start = lexer.at;
            lexer.at += 1;
            loop {
                match lexer.look(0) {
                    None => return Err(lexer.confusion_at("$'…' without its end", start)),
                    Some(b'\'') => break,
                    // Where it is no quoting of its own, the backslash does not keep the quote open.
                    Some(b'\\') if lexer.dialect == Dialect::Posix => {
                        return lexer.confused("a backslash in $'…', which not every sh knows,");
                    }
                    Some(b'\\') if lexer.look(1) == Some(DYNAMIC) => lexer.at += 1,
                    Some(b'\\') => lexer.at += 2,
                    Some(b'\n') => {
                        lexer.no_line_break_pending()?;
                        lexer.at += 1;
                    }
                    Some(DYNAMIC) => lexer.place(Style::Plain)?,
                    Some(_) => lexer.at += 1,
                }
            }
            lexer.at += 1;
            Ok(())
        })
    }
}
