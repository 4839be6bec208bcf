//! A command as it was written, with templates in its arguments, variables, files and standard input.
//!
//! Knows texts only: looks nothing up, starts nothing.

use super::{
    error::RunError,
    templates::{FileTemplate, Shell, Templates, env_place, file_place, word_place},
};
use crate::resolver::{
    shell::{bind, is_refused},
    template::Template,
};

/// A command as it was written.
pub struct Wanted {
    /// What is run.
    pub action: Action,
    /// Variables for it, each with its template; of two with one name the later counts.
    pub env: Vec<(String, Vec<u8>)>,
    /// Files for it.
    pub files: Vec<FileTemplate>,
    /// What it gets on standard input, in place of ours.
    pub stdin: Option<Vec<u8>>,
}

/// What is run.
pub enum Action {
    /// A program with its arguments, each a template. The program itself has no reference.
    Direct(Vec<Vec<u8>>),
    /// A line for a shell.
    Shell {
        /// The shell.
        shell: Shell,
        /// The line, a template.
        line: Vec<u8>,
    },
}

impl Wanted {
    /// Takes all templates apart.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn templates(&self) -> Result<Templates<'_>, Vec<RunError>> {
        let mut errors = Vec::new();
        let mut parse = |place: String, text| match Template::parse(text) {
            Ok(template) => Some(template),
            Err(problem) => {
                errors.push(RunError::Template { place, errors: problem });
                None
            }
        };
        let (words, line) = match &self.action {
            Action::Direct(words) => (words.as_slice(), None),
            Action::Shell { shell, line } => (&[][..], Some((shell, line))),
        };
        let words = words.iter().enumerate();
        let words: Vec<Template<'_>> = words
            .filter_map(|(index, word)| parse(word_place(index), word))
            .collect();
        let line = line.and_then(|(shell, line)| Some((shell, parse("the shell line".into(), line)?)));
        let env = self
            .env
            .iter()
            .filter_map(|(name, text)| Some((name.as_str(), parse(env_place(name), text)?)))
            .collect();
        let files = self
            .files
            .iter()
            .filter_map(|file| Some((file, parse(file_place(file), &file.text)?)))
            .collect();
        let stdin = self
            .stdin
            .as_ref()
            .and_then(|text| parse("standard input".into(), text));
        if let (Action::Direct(_), Some(program)) = (&self.action, words.first()) {
            errors.extend(
                program
                    .references()
                    .map(|one| RunError::Program { name: one.name.clone() }),
            );
        }
        if matches!(self.action, Action::Shell { .. }) {
            let refused = self.env.iter().filter(|(name, _)| is_refused(name.as_bytes()));
            errors.extend(refused.map(|(name, _)| RunError::ShellVariable { name: name.clone() }));
        }
        let shell = match line.map(|(shell, line)| (shell, bind(&line, shell.dialect()))) {
            Some((shell, Ok(bound))) => Some((shell, bound)),
            Some((_, Err(problem))) => {
                errors.push(problem.into());
                None
            }
            None => None,
        };
        let templates = Templates {
            words,
            shell,
            env,
            files,
            stdin,
        };
        if errors.is_empty() { Ok(templates) } else { Err(errors) }
    }

    /// The program and its arguments as they were written, with references in place of values.
    pub fn words(&self) -> Vec<String> {
        match &self.action {
            Action::Direct(words) => words.iter().map(|word| readable(word)).collect(),
            Action::Shell { shell, line } => vec![readable(shell.as_bytes()), "-c".into(), readable(line)],
        }
    }
}

/// A text as people and programs are shown it: bytes that are no UTF-8 as `\xNN`, since two commands that differ must not look the same.
pub fn readable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}

/// The words as one would type them.
pub fn quoted_line(words: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c))
    };
    let quoted: Vec<String> = words
        .iter()
        .map(|word| match plain(word) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        })
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn bytes_that_are_no_text_are_shown_one_by_one() {
        assert_eq!(readable("a é\n".as_bytes()), "a é\n");
        assert_eq!(readable(b"a\xff\xc3 \xe2\x82"), "a\\xff\\xc3 \\xe2\\x82");
        assert_ne!(readable(b"\xfe"), readable(b"\xff"));
    }
}
