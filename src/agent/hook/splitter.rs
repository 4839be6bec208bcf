//! The taking apart of a shell line into commands and their words.

use std::{
    iter::{self, Peekable},
    mem,
    str::Chars,
};

/// Takes a line apart, whatever it is: there is no line that it does not understand.
#[derive(Default)]
pub(super) struct Splitter {
    /// The words of each command.
    pub(super) commands: Vec<Vec<String>>,
    /// What redirections name.
    pub(super) files: Vec<String>,
    /// The command that is being read, and those around it that go on behind a substitution.
    words: Vec<String>,
    word: Option<String>,
    to_file: bool,
    outer: Vec<Outer>,
    quoted: bool,
}

/// A command in the middle of which another one stands.
struct Outer {
    words: Vec<String>,
    word: Option<String>,
    to_file: bool,
    quoted: bool,
    ends_with: char,
}

impl Splitter {
    /// Reads a text to its end.
    pub(super) fn split(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some('\n') | None => {}
                    Some(next) => self.push(next),
                },
                '"' => {
                    self.quoted = !self.quoted;
                    self.word.get_or_insert_default();
                }
                // Quotes with escapes, and those that are translated.
                '$' if chars.peek() == Some(&'\'') && !self.quoted => {
                    chars.next();
                    self.escaped(&mut chars);
                }
                '$' if chars.peek() == Some(&'"') && !self.quoted => {}
                '$' | '<' | '>' if chars.peek() == Some(&'(') && (char == '$' || !self.quoted) => {
                    chars.next();
                    self.enter(')');
                }
                '`' if self.outer.last().is_some_and(|outer| outer.ends_with == '`') => self.leave(),
                '`' => self.enter('`'),
                _ if self.quoted => self.push(char),
                '\'' => {
                    self.word.get_or_insert_default();
                    for quoted in chars.by_ref().take_while(|&char| char != '\'') {
                        self.push(quoted);
                    }
                }
                ')' if self.outer.last().is_some_and(|outer| outer.ends_with == ')') => self.leave(),
                '(' => self.enter(')'),
                '&' if chars.peek() == Some(&'>') => {}
                '<' | '>' => {
                    chars.next_if(|&char| matches!(char, '&' | '|'));
                    self.redirect();
                }
                ';' | '&' | '|' | '\n' | ')' => self.end_command(),
                _ if char.is_whitespace() => self.end_word(),
                _ => self.push(char),
            }
        }
        while !self.outer.is_empty() {
            self.leave();
        }
        self.end_command();
    }

    /// The inside of `$'…'`.
    fn escaped(&mut self, chars: &mut Peekable<Chars<'_>>) {
        self.word.get_or_insert_default();
        while let Some(char) = chars.next().filter(|&char| char != '\'') {
            let escape = (char == '\\').then(|| chars.next()).flatten();
            let char = match escape {
                None => char,
                Some('a' | 'b' | 'e' | 'E' | 'f' | 'v') => '\u{1}',
                Some('n' | 't' | 'r') => ' ',
                Some('x') => number(chars, 16, 2),
                Some('u') => number(chars, 16, 4),
                Some('U') => number(chars, 16, 8),
                Some(digit @ '0'..='7') => {
                    let first = digit.to_digit(8).unwrap_or_default();
                    let rest = iter::from_fn(|| chars.next_if(|char| char.is_digit(8))).take(2);
                    let value = rest.fold(first, |value, char| value * 8 + char.to_digit(8).unwrap_or_default());
                    char::from_u32(value).unwrap_or_default()
                }
                Some(other) => other,
            };
            self.push(char);
        }
    }

    fn push(&mut self, char: char) {
        self.word.get_or_insert_default().push(char);
    }

    /// Begins a command within a command. Its place is kept in the word that it stands in.
    fn enter(&mut self, ends_with: char) {
        self.outer.push(Outer {
            words: mem::take(&mut self.words),
            word: self.word.take(),
            to_file: mem::take(&mut self.to_file),
            quoted: mem::take(&mut self.quoted),
            ends_with,
        });
    }

    fn leave(&mut self) {
        self.end_command();
        if let Some(outer) = self.outer.pop() {
            self.words = outer.words;
            self.word = Some(outer.word.unwrap_or_default() + "$()");
            self.to_file = outer.to_file;
            self.quoted = outer.quoted;
        }
    }

    /// A redirection is no word of the command, nor is the number before it; what follows is a file.
    fn redirect(&mut self) {
        if self
            .word
            .as_ref()
            .is_some_and(|word| word.chars().all(|char| char.is_ascii_digit()))
        {
            self.word = None;
        }
        self.end_word();
        self.to_file = true;
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            match mem::take(&mut self.to_file) {
                true => self.files.push(word),
                false => self.words.push(word),
            }
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.to_file = false;
        if !self.words.is_empty() {
            self.commands.push(mem::take(&mut self.words));
        }
    }
}

/// The character of a number in an escape.
fn number(chars: &mut Peekable<Chars<'_>>, radix: u32, digits: usize) -> char {
    let digits = iter::from_fn(|| chars.next_if(|char| char.is_digit(radix))).take(digits);
    let value = digits.fold(0_u32, |value, char| {
        value
            .wrapping_mul(radix)
            .wrapping_add(char.to_digit(radix).unwrap_or_default())
    });
    char::from_u32(value).unwrap_or_default()
}
