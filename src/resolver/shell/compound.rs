//! `case`, `for`, `select`, `function` and `[[ ]]`: what has a grammar of its own.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::lexer::{Lexer, Step, Until};
use crate::resolver::shell::line::{Assignment, DYNAMIC, Expansion, is_name};
use crate::resolver::shell::names::names;

impl Lexer<'_> {
    /// Reads `case … esac`.
    pub(super) fn case(&mut self) -> Step {
        self.at += b"case".len();
        self.blanks()?;
        self.word(false)?;
        self.blanks_and_lines()?;
        if self.bare_word() != b"in" {
            return self.confused("'case' without 'in'");
        }
        self.at += b"in".len();
        loop {
            self.blanks_and_lines()?;
            if self.bare_word() == b"esac" {
                break;
            }
            self.patterns()?;
            self.list(Until::CaseItem)?;
            if self.look(0) == Some(b';') {
                // `;;`, `;&` or `;;&`
                self.at += 2;
                if self.look(0) == Some(b'&') {
                    self.at += 1;
                }
            }
        }
        self.at += b"esac".len();
        Ok(())
    }

    /// Reads `PATTERN | PATTERN)`.
    fn patterns(&mut self) -> Step {
        if self.look(0) == Some(b'(') {
            self.at += 1;
            self.blanks()?;
        }
        loop {
            self.word(false)?;
            self.blanks()?;
            match self.look(0) {
                Some(b'|') => {
                    self.at += 1;
                    self.blanks()?;
                }
                Some(b')') => break,
                _ => return self.confused("an odd pattern in 'case'"),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Reads the head of a loop, up to before `do`.
    pub(super) fn for_loop(&mut self) -> Step {
        self.at += self.bare_word().len();
        self.blanks()?;
        if self.look(0) == Some(b'(') && self.look(1) == Some(b'(') {
            self.bash_only("'for ((', which not every sh knows,")?;
            self.at += 2;
            self.arithmetic(Context::Arithmetic, b"))", b";")?;
            return Ok(());
        }
        let start = self.at;
        let word = self.refusing(Context::LoopVariable, |lexer| lexer.word(false))?;
        let name = word.map(|word| word.text).unwrap_or_default();
        if !is_name(&name) {
            return Err(self.confusion_at("a loop without the name of a variable", start));
        }
        self.blanks_and_lines()?;
        let mut from = self.at..self.at;
        if self.bare_word() == b"in" {
            self.at += b"in".len();
            self.blanks()?;
            from.start = self.at;
            while !matches!(self.look(0), None | Some(b'\n' | b';')) {
                if matches!(self.look(0), Some(b'&' | b'|' | b'(' | b')')) || self.at_redirection() {
                    return self.confused("an odd character in the words of a loop");
                }
                self.word(false)?;
                self.blanks()?;
            }
            from.end = self.at;
        } else {
            // Without words it runs over the arguments.
            self.line.expansions.push(Expansion {
                at: start,
                name: b"@".to_vec(),
            });
            from = start..self.at;
        }
        self.line.assignments.push(Assignment {
            name,
            from,
            extended: false,
            text: None,
        });
        Ok(())
    }

    /// Reads `function NAME`.
    pub(super) fn function(&mut self) -> Step {
        self.bash_only("'function', which not every sh knows,")?;
        self.at += b"function".len();
        self.blanks()?;
        let Some(name) = self.word(false)? else {
            return self.confused("a function without a name");
        };
        self.blanks()?;
        if self.look(0) == Some(b'(') {
            return self.head_of_function(&name);
        }
        for index in self.within(&name.range) {
            self.line.slots[index] = Some(Err(Context::FunctionName));
        }
        if name.fluid || name.text.contains(&DYNAMIC) {
            return self.confused("a function without a fixed name");
        }
        self.line.define(name.text, self.at..self.text.len());
        self.defined = Some(self.line.assignments.len() - 1);
        Ok(())
    }

    /// Reads `[[ … ]]`.
    pub(super) fn conditional(&mut self) -> Step {
        const NUMERIC: [&[u8]; 9] = [b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-v", b"-R", b"-t"];
        self.bash_only("'[[', which not every sh knows,")?;
        let start = self.at;
        self.at += b"[[".len();
        let numeric = self.refusing(Context::Conditional, |lexer| {
            let mut numeric = false;
            loop {
                lexer.blanks_and_lines()?;
                match lexer.look(0) {
                    None => return Err(lexer.confusion_at("'[[' without its end", start)),
                    Some(b';') => return lexer.confused("';' inside of '[[ ]]'"),
                    Some(b'<' | b'>') if lexer.look(1) == Some(b'(') => {
                        return lexer.confused("'<(' inside of '[[ ]]'");
                    }
                    Some(b'(' | b')' | b'|' | b'&' | b'<' | b'>') => lexer.at += 1,
                    Some(_) if lexer.bare_word() == b"]]" => break,
                    Some(_) => {
                        let word = lexer.word(false)?.unwrap_or_default();
                        numeric |= NUMERIC.contains(&word.text.as_slice());
                    }
                }
            }
            lexer.at += b"]]".len();
            Ok(numeric)
        })?;
        if numeric {
            let names = names(&self.text[start..self.at]);
            self.evaluates(Context::Conditional, start, names);
        }
        Ok(())
    }

    /// Skips blanks, comments and ends of lines.
    fn blanks_and_lines(&mut self) -> Step {
        loop {
            self.blanks()?;
            if self.look(0) != Some(b'\n') {
                return Ok(());
            }
            self.line_break()?;
        }
    }
}
