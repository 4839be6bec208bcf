//! What begins with `$`, back-ticks, and the places that shells evaluate: arithmetic and subscripts.
//!
//! Notes the names in places that are evaluated; whether a value is in them is not known here.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::heredoc::Pending;
use crate::resolver::shell::lexer::{Lexer, Step, Until};
use crate::resolver::shell::line::{
    Assignment, Code, DYNAMIC, Dialect, EVERYTHING, Expansion, Style, in_name, starts_name,
};
use crate::resolver::shell::names::names;

impl Lexer<'_> {
    /// Reads what a `$` begins; `quoted` in double quotes and here-documents.
    pub(super) fn dollar(&mut self, quoted: bool) -> Step {
        self.deeper(|lexer| lexer.after_dollar(quoted))
    }

    fn after_dollar(&mut self, quoted: bool) -> Step {
        match self.look(1) {
            Some(b'(') if self.look(2) == Some(b'(') => {
                self.at += 3;
                self.arithmetic(Context::Arithmetic, b"))", b"")
            }
            Some(b'(') => {
                self.at += 2;
                self.substitution()
            }
            Some(b'{') => self.refusing(Context::Parameter, |lexer| lexer.parameter(quoted)),
            Some(b'[') => self.confused("'$['"),
            Some(b'\'') if !quoted => {
                self.at += 1;
                self.ansi()
            }
            Some(b'"') if !quoted => {
                self.at += 1;
                self.refusing(Context::LocaleQuotes, |lexer| lexer.double(&mut Vec::new()))
            }
            Some(byte) if starts_name(byte) => {
                self.at += 1;
                let at = self.at;
                while self.look(0).is_some_and(in_name) {
                    self.at += 1;
                }
                self.expands(at..self.at);
                self.no_joined_line()
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.at += 2;
                self.expands(self.at - 1..self.at);
                Ok(())
            }
            _ => {
                self.at += 1;
                self.no_joined_line()
            }
        }
    }

    fn expands(&mut self, range: std::ops::Range<usize>) {
        let name = self.text[range.clone()].to_vec();
        self.line.expansions.push(Expansion { at: range.start, name });
    }

    /// Refuses `$\` at the end of a line, as the next line may belong to the name.
    fn no_joined_line(&self) -> Step {
        if self.look(0) == Some(b'\\') && self.look(1) == Some(b'\n') {
            return self.confused("the name of a variable across two lines");
        }
        Ok(())
    }

    /// Reads the commands of `$(…)` or `<(…)`.
    pub(super) fn substitution(&mut self) -> Step {
        let outer: Vec<Pending> = std::mem::take(&mut self.pending);
        let one_line = self.one_line;
        self.one_line |= !outer.is_empty();
        let (start, after_pipe) = (self.at, std::mem::take(&mut self.after_pipe));
        self.list(Until::Parenthesis)?;
        self.line.substitutions.push(start..self.at);
        self.after_pipe = after_pipe;
        self.no_pending()?;
        self.one_line = one_line;
        self.pending = outer;
        Ok(())
    }

    /// Reads `` `…` ``.
    pub(super) fn back_ticks(&mut self, quoted: bool) -> Step {
        let open = self.at;
        self.at += 1;
        let mut ahead = 0;
        let mut odd = false;
        loop {
            match self.look(ahead) {
                None => return Err(self.confusion_at("a back-tick without its end", open)),
                Some(b'`') => break,
                Some(b'\\') => ahead += 2,
                Some(b'"' | b'\'') if quoted => ahead += 1,
                Some(_) => {
                    ahead += 1;
                    continue;
                }
            }
            odd = true;
        }
        let end = self.at + ahead;
        if odd {
            for index in self.within(&(open..end)) {
                self.line.slots[index] = Some(Err(Context::BackTicks));
            }
            return Err(self.confusion_at("back-ticks with quotes inside of quotes, or with backslashes", open));
        }
        let outer_end = std::mem::replace(&mut self.end, end);
        let outer = std::mem::take(&mut self.pending);
        let one_line = std::mem::replace(&mut self.one_line, true);
        let after_pipe = std::mem::take(&mut self.after_pipe);
        self.refusing(Context::BackTicks, |lexer| lexer.list(Until::End))?;
        self.line.substitutions.push(open + 1..end);
        self.after_pipe = after_pipe;
        self.no_pending()?;
        self.one_line = one_line;
        self.pending = outer;
        self.end = outer_end;
        self.at = end + 1;
        Ok(())
    }

    /// Reads `${…}`.
    fn parameter(&mut self, quoted: bool) -> Step {
        let open = self.at;
        self.at += 2;
        let special = |byte: u8| byte.is_ascii_digit() || b"@*#?-$!".contains(&byte);
        let is_length = self.look(0) == Some(b'#') && self.look(1).is_some_and(|byte| byte != b'}');
        let is_indirect = self.look(0) == Some(b'!') && self.look(1).is_some_and(|byte| byte != b'}');
        if is_length || is_indirect {
            self.at += 1;
        }
        let at = self.at;
        match self.look(0) {
            Some(byte) if starts_name(byte) => {
                while self.look(0).is_some_and(in_name) {
                    self.at += 1;
                }
            }
            Some(byte) if byte.is_ascii_digit() => {
                while self.look(0).is_some_and(|byte| byte.is_ascii_digit()) {
                    self.at += 1;
                }
            }
            Some(byte) if special(byte) => self.at += 1,
            Some(DYNAMIC) => {
                self.place(Style::Plain)?;
                return self.confused("a reference as the name of a variable");
            }
            _ => return self.confused("an odd '${'"),
        }
        let name = self.text[at..self.at].to_vec();
        self.expands(at..self.at);
        if is_indirect {
            self.line.expansions.push(Expansion {
                at,
                name: EVERYTHING.to_vec(),
            });
        }
        if self.look(0) == Some(b'[') {
            self.subscript()?;
        }
        if is_indirect {
            self.evaluates(Context::Indirect, open, vec![name.clone()]);
        }
        let from = self.at;
        match (self.look(0), self.look(1)) {
            (Some(b'}'), _) => {
                self.at += 1;
                return Ok(());
            }
            (Some(b':'), Some(byte)) if !b"-=?+".contains(&byte) => {
                self.at += 1;
                return self.arithmetic(Context::Arithmetic, b"}", b"");
            }
            (Some(b'@'), Some(b'P')) => self.evaluates(Context::Indirect, open, vec![name.clone()]),
            (Some(b'@' | b'-' | b'=' | b'?' | b'+' | b':' | b'#' | b'%' | b'/' | b'^' | b',' | b'*'), _) => {}
            (Some(DYNAMIC), _) => {
                self.place(Style::Plain)?;
                return self.confused("a reference in the name of a variable");
            }
            _ => return self.confused("an odd '${'"),
        }
        self.rest_of_parameter(open, quoted)?;
        // `${a:=…}` assigns.
        self.line.assignments.push(Assignment {
            name,
            from: from..self.at,
            extended: false,
            text: None,
        });
        Ok(())
    }

    fn rest_of_parameter(&mut self, open: usize, quoted: bool) -> Step {
        loop {
            match self.look(0) {
                None => return Err(self.confusion_at("'${' without its end", open)),
                Some(b'}') => break,
                Some(b'\'' | b'"') if quoted => return self.confused("quotes in '${…}' inside of quotes"),
                Some(b'\'') => self.single(&mut Vec::new())?,
                Some(b'"') => self.double(&mut Vec::new())?,
                Some(b'`') => self.back_ticks(quoted)?,
                Some(b'$') => self.dollar(quoted)?,
                Some(b'\\') if self.look(1) == Some(DYNAMIC) => self.at += 1,
                Some(b'\\') if self.look(1).is_some_and(|byte| byte != b'\n') => self.at += 2,
                Some(b'\\' | b'{' | b'\n' | b'(' | b')' | b'<' | b'>') => {
                    return self.confused("an odd character in '${…}'");
                }
                Some(DYNAMIC) => self.place(Style::Plain)?,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads an expression up to what closes it.
    pub(super) fn arithmetic(&mut self, context: Context, close: &[u8], also: &[u8]) -> Step {
        let start = self.at;
        let outer = context.clone();
        self.refusing(outer, |lexer| lexer.expression(start, close, also))?;
        let names = names(&self.text[start..self.at]);
        self.evaluates(context, start, names);
        Ok(())
    }

    fn expression(&mut self, start: usize, close: &[u8], also: &[u8]) -> Step {
        const PLAIN: &[u8] = b" \t_+-*/%<>=!&|^~?:,#.@";
        let mut open = 0_usize;
        loop {
            match self.look(0) {
                None => return Err(self.confusion_at("an arithmetic expression without its end", start)),
                Some(byte) if open == 0 && byte == close[0] => {
                    if close.len() > 1 && self.look(1) != Some(b')') {
                        return Err(self.confusion_at("'((', which may be arithmetic or two groups,", start));
                    }
                    self.at += close.len();
                    return Ok(());
                }
                Some(b'(') => open += 1,
                Some(b')') if open > 0 => open -= 1,
                Some(b'$') => {
                    self.dollar(true)?;
                    continue;
                }
                Some(b'[') => {
                    self.subscript()?;
                    continue;
                }
                Some(DYNAMIC) => {
                    self.place(Style::Plain)?;
                    continue;
                }
                Some(b'\n') => self.no_line_break_pending()?,
                Some(byte) if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) || also.contains(&byte) => {}
                Some(_) => return self.confused("an odd character in an arithmetic expression"),
            }
            self.at += 1;
        }
    }

    /// Reads `[…]` behind a name.
    pub(super) fn subscript(&mut self) -> Step {
        let start = self.at;
        self.refusing(Context::Subscript, |lexer| {
            lexer.deeper(|lexer| lexer.inside_subscript(start))
        })?;
        let names = names(&self.text[start..self.at]);
        self.evaluates(Context::Subscript, start, names);
        Ok(())
    }

    fn inside_subscript(&mut self, start: usize) -> Step {
        const PLAIN: &[u8] = b"_+-*/%:.,@#!=";
        self.at += 1;
        loop {
            match self.look(0) {
                None => return Err(self.confusion_at("a subscript without its end", start)),
                Some(b']') => break,
                Some(b'$') => self.dollar(false)?,
                Some(b'"') => self.double(&mut Vec::new())?,
                Some(b'\'') => self.single(&mut Vec::new())?,
                Some(DYNAMIC) => self.place(Style::Plain)?,
                Some(byte) if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => self.at += 1,
                Some(_) => return self.confused("an odd character in a subscript"),
            }
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn evaluates(&mut self, context: Context, at: usize, names: Vec<Vec<u8>>) {
        self.line.code.push(Code { context, at, names });
    }

    /// Says whether bash alone understands what comes, and stops where the line is for any sh.
    pub(super) fn bash_only(&self, what: &'static str) -> Step {
        match self.dialect {
            Dialect::Bash => Ok(()),
            Dialect::Posix => self.confused(what),
        }
    }
}
