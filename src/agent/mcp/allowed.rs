//! `--allow-command`: which commands may be run, where the launch narrows it.

use glob::Pattern;

/// The first words of commands that may be run, each a pattern; empty where all may.
#[derive(Default, Clone)]
pub struct AllowedCommands(Vec<Vec<Pattern>>);

/// Is why a pattern is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PatternError {
    /// There is no word in it.
    #[error("expected the first words of a command, such as 'git push'")]
    Empty,
    /// One of its words is no pattern.
    #[error("'{word}' is no pattern: {reason}")]
    Word {
        /// The word.
        word: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl AllowedCommands {
    /// Adds a command by its first words, separated by blanks: `git push` allows `git push` with whatever follows. In each word `*` stands for
    /// any text and `?` for one character. A program is allowed as it is written: `curl` is the one of the path, `/usr/bin/curl` another.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn add(&mut self, text: &str) -> Result<(), PatternError> {
        let pattern = |word: &str| {
            Pattern::new(word).map_err(|error| PatternError::Word {
                word: word.to_owned(),
                reason: error.msg.to_owned(),
            })
        };
        let words: Vec<Pattern> = text.split_whitespace().map(pattern).collect::<Result<_, _>>()?;
        if words.is_empty() {
            return Err(PatternError::Empty);
        }
        self.0.push(words);
        Ok(())
    }

    /// Tells whether all commands may be run.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a command may be run.
    pub fn allows(&self, argv: &[String]) -> bool {
        let begins = |words: &Vec<Pattern>| {
            words.len() <= argv.len() && words.iter().zip(argv).all(|(pattern, word)| pattern.matches(word))
        };
        self.is_all() || self.0.iter().any(begins)
    }

    /// Says what may be run, for a refusal.
    pub fn list(&self) -> String {
        let command = |words: &Vec<Pattern>| {
            let words: Vec<&str> = words.iter().map(Pattern::as_str).collect();
            format!("'{}'", words.join(" "))
        };
        self.0.iter().map(command).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(patterns: &[&str], command: &str) -> bool {
        let mut allowed = AllowedCommands::default();
        for pattern in patterns {
            allowed.add(pattern).unwrap();
        }
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        allowed.allows(&argv)
    }

    #[test]
    fn a_command_is_allowed_by_its_first_words() {
        assert!(allows(&[], "anything at all"));
        assert!(allows(&["git push"], "git push origin"));
        assert!(allows(&["curl", "git push"], "curl https://api.example"));
        assert!(allows(
            &["curl -H * https://api.example/*"],
            "curl -H x https://api.example/v1 -o out"
        ));
        assert!(!allows(&["git push"], "git"));
        assert!(!allows(&["git push"], "git -c core.pager=sh push"));
        assert!(!allows(&["curl"], "/tmp/curl x"));
        assert!(!allows(&["curl"], "curl2 x"));
        assert!(!allows(&["git pu*"], "git commit"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        let mut allowed = AllowedCommands::default();
        assert_eq!(allowed.add("  "), Err(PatternError::Empty));
        assert_eq!(
            allowed.add("a [b").unwrap_err().to_string(),
            "'[b' is no pattern: invalid range pattern"
        );
        assert!(allowed.is_all());
    }
}
