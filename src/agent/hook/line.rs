//! A shell line as rules about commands see it: every command that it may run, and more rather than fewer.
//!
//! The line is taken apart twice, once with its quotes meaning what they mean to a shell and once as if there were none, since what is quoted may be
//! run too (`sh -c '…'`, `eval`, `xargs`). A rule is compared with each word of each command and what follows it, so that whatever stands before a
//! command (assignments, `env`, `sudo`, `timeout`, …) hides nothing. So a rule about `rm` also meets `echo rm`.

use std::{borrow::Cow, mem};

use crate::resolver::template::{Piece, Template};

/// A line, taken apart.
pub struct Line {
    /// The whole, as it was written and with references as plain words.
    texts: [String; 2],
    /// The words of each command.
    commands: Vec<Vec<String>>,
    /// What redirections name.
    files: Vec<String>,
}

impl Line {
    /// Takes a shell line apart. References are plain words in it: to a shell they would be here-documents.
    pub fn of_shell(template: &Template<'_>) -> Self {
        let written = String::from_utf8_lossy(template.source()).into_owned();
        let plain = plain(template);
        let mut quoted = Splitter::default();
        quoted.split(&plain);
        let mut flat = Splitter::default();
        flat.split(&without_quotes(&plain));
        let mut commands = quoted.commands;
        commands.extend(flat.commands);
        let mut files = quoted.files;
        files.extend(flat.files);
        Self {
            texts: [written, plain],
            commands,
            files,
        }
    }

    /// Takes a command that is started without a shell; a word of it may be a line for one.
    pub fn of_words(words: &[String]) -> Self {
        let joined = words.join(" ");
        let mut flat = Splitter::default();
        flat.split(&without_quotes(&joined));
        flat.commands.push(words.to_vec());
        Self {
            texts: [joined.clone(), joined],
            commands: flat.commands,
            files: flat.files,
        }
    }

    /// The whole line: as it was written, and with references as plain words.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Everything that may be a command: each word of the line with those that follow it.
    pub fn candidates(&self) -> impl Iterator<Item = &[String]> {
        self.commands
            .iter()
            .flat_map(|words| (0..words.len()).map(|from| &words[from..]))
    }

    /// The simple commands, each from its first word.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.commands.iter().map(Vec::as_slice)
    }

    /// Everything that may name a file: words, what redirections name, and what follows `=` and `@` in words.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let words = self.commands.iter().flatten().chain(&self.files);
        words.flat_map(|word| {
            let parts = word.match_indices(['=', '@']).map(|(at, _)| &word[at + 1..]);
            [word.as_str()].into_iter().chain(parts).filter(|part| !part.is_empty())
        })
    }
}

fn plain(template: &Template<'_>) -> String {
    let mut text = Vec::new();
    for piece in template.pieces() {
        match piece {
            Piece::Literal(bytes) => text.extend_from_slice(bytes),
            Piece::Reference(reference) => text.extend_from_slice(format!("secure.{}", reference.name).as_bytes()),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn without_quotes(text: &str) -> String {
    text.replace("\\\n", "").replace(['\'', '"', '\\'], "")
}

/// Takes a line apart, whatever it is: there is no line that it does not understand.
#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<String>>,
    files: Vec<String>,
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
    fn split(&mut self, text: &str) {
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

/// The last part of a program's path, which is its name.
pub fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// A text in which every run of blanks is one.
pub fn collapsed(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.contains("  ") || text.contains(['\t', '\n', '\r']) {
        true => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(line: &str, command: &str) -> bool {
        let template = Template::parse(line.as_bytes()).unwrap();
        let line = Line::of_shell(&template);
        line.candidates().any(|words| {
            let joined = words.join(" ");
            joined == command || joined.starts_with(&format!("{command} "))
        })
    }

    #[test]
    fn no_way_of_writing_a_command_hides_it() {
        let lines = [
            "rm x",
            "echo a; rm x",
            "echo a && rm x || b",
            "a | rm x",
            "a & rm x",
            "a\nrm x",
            "echo $(rm x)",
            "echo \"$(rm x)\"",
            "echo `rm x`",
            "(rm x)",
            "{ rm x; }",
            "if true; then rm x; fi",
            "for a in b; do rm x; done",
            "f() { rm x; }; f",
            "! rm x",
            "A=1 rm x",
            "A='b c' rm x",
            "env A=1 rm x",
            "sudo -u bob rm x",
            "timeout 5 rm x",
            "echo x | xargs rm x",
            "find . -exec rm x {} +",
            "eval 'rm x'",
            "eval \"rm x\"",
            "bash -c \"rm x\"",
            "bash -c 'a; rm x'",
            "\"rm\" x",
            "r\\m x",
            "'r'm x",
            "r\\\nm x",
            "rm<y x",
            ">f rm x",
            "2>/dev/null rm x",
            "rm 2>&1 x",
            "rm &>f x",
            "rm >|f x",
            "echo <<secure.token>>; rm x",
            "cat <(rm x)",
            "cat <<E\n$(rm x)\nE",
            "a \"b $(c \"d $(rm x)\")\"",
            "echo 'unclosed; rm x",
            "echo $(a; rm x",
            "a $((1+2)); rm x",
            "case a in b) rm x;; esac",
        ];
        for line in lines {
            assert!(has(line, "rm x"), "{line}");
        }
    }

    #[test]
    fn what_stands_behind_a_substitution_belongs_to_the_same_command() {
        assert!(has("git push $(a b) --force", "git push $() --force"));
        assert!(has("curl \"a;b\" -k", "curl a;b -k"));
        assert!(has("curl <<secure.a>> -k", "curl secure.a -k"));
        assert!(has("curl 2>f -k", "curl -k"));
        assert!(!has("rmdir x", "rm"));
        assert!(!has("a --rm x", "rm"));
    }

    #[test]
    fn files_are_words_and_what_redirections_name() {
        let template = Template::parse(b"curl -F f=@.env <in >>'out put' <<secure.x>>").unwrap();
        let line = Line::of_shell(&template);
        let files: Vec<&str> = line.files().collect();
        for file in [".env", "in", "out put", "secure.x"] {
            assert!(files.contains(&file), "{file}: {files:?}");
        }
    }
}
