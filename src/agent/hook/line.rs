//! A shell line as rules about commands see it: every command that it may run, and more rather than fewer.
//!
//! The line is taken apart twice, once with its quotes meaning what they mean to a shell and once as if there were none, since what is quoted may be
//! run too (`sh -c '…'`, `eval`, `xargs`). A rule is compared with each word of each command and what follows it, so that whatever stands before a
//! command (assignments, `env`, `sudo`, `timeout`, …) hides nothing. So a rule about `rm` also meets `echo rm`.

use std::borrow::Cow;

use super::splitter::Splitter;
use crate::resolver::template::{Piece, Template};

/// A line, taken apart.
pub struct Line {
    /// The whole and each command, as texts.
    texts: Vec<Text>,
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
        Self::of([written, plain], commands, files)
    }

    /// Takes a command that is started without a shell; a word of it may be a line for one.
    pub fn of_words(words: &[String]) -> Self {
        let joined = words.join(" ");
        let mut flat = Splitter::default();
        flat.split(&without_quotes(&joined));
        flat.commands.push(words.to_vec());
        Self::of([joined], flat.commands, flat.files)
    }

    fn of<const N: usize>(whole: [String; N], commands: Vec<Vec<String>>, files: Vec<String>) -> Self {
        let whole = whole.iter().map(|text| Text::whole(text));
        Self {
            texts: whole.chain(commands.iter().map(|words| Text::of(words))).collect(),
            commands,
            files,
        }
    }

    /// Everything that a rule about whole commands may mean: the line as it was written and with references as plain words, and each command.
    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// Everything that may be a command: each word of the line with those that follow it.
    pub fn candidates(&self) -> impl Iterator<Item = &[String]> {
        self.commands
            .iter()
            .flat_map(|words| (0..words.len()).map(|from| &words[from..]))
    }

    /// What is started for sure, as far as it can be told: each command from its first word, and from where a word before it only says how.
    pub fn programs(&self) -> impl Iterator<Item = &[String]> {
        self.commands.iter().flat_map(|words| {
            let leads = |word: &String| {
                word.contains('=')
                    || word.starts_with(|char: char| char.is_ascii_digit() || ['-', '!', '{'].contains(&char))
                    || LEADING.contains(&base_name(word))
            };
            let before = words.iter().take_while(|word| leads(word)).count();
            (0..=before.min(words.len() - 1)).map(|from| &words[from..])
        })
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

/// Words before a command that are no program, or one that starts another.
const LEADING: [&str; 28] = [
    "builtin", "command", "coproc", "do", "doas", "elif", "else", "env", "eval", "exec", "if", "ionice", "nice",
    "nohup", "parallel", "setsid", "stdbuf", "strace", "sudo", "then", "time", "timeout", "trap", "until", "watch",
    "while", "xargs", "pkexec",
];

/// A command as one text, in which every run of blanks is one, and where a rule may have to be compared with it.
#[derive(Debug)]
pub struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    fn whole(text: &str) -> Self {
        Self {
            text: collapsed(text).into_owned(),
            starts: vec![0],
        }
    }

    fn of(words: &[String]) -> Self {
        let mut text = String::new();
        let mut starts = Vec::new();
        for word in words {
            let word = collapsed(word);
            if word.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            starts.push(text.len());
            let name = base_name(&word);
            if name.len() < word.len() && !name.is_empty() {
                starts.push(text.len() + word.len() - name.len());
            }
            text.push_str(&word);
        }
        Self { text, starts }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where each word begins, and the name of each that is a path; in ascending order.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The text from each of these places on.
    pub fn tails(&self) -> impl Iterator<Item = &str> {
        self.starts.iter().map(|&start| &self.text[start..])
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
            "$'rm' x",
            "$'\\x72\\155' x",
            "$'it\\'s'; rm x",
            "$\"rm\" x",
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
