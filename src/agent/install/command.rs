//! The commands that a client starts: how they are written into its configuration, and how they are found there again.

use super::error::Problem;

/// The program's name. An entry that runs a program of this name is ours, wherever that lies and however it is launched.
pub const PROGRAM: &str = "fleetvault-resolver";

/// What stands in the snippets in place of the program.
pub const PLACEHOLDER: &str = "/usr/local/bin/fleetvault-resolver";

/// Is how the program is to be launched by a client.
#[derive(Clone, Debug)]
pub struct Launch {
    program: String,
    options: Vec<String>,
}

impl Launch {
    /// Takes the absolute path of the program, and the options that stand before its subcommand.
    ///
    /// # Errors
    /// A word that clients would change: they expand `$NAME` and `{env:NAME}`, and control characters do not survive a shell line.
    pub fn new(program: String, options: Vec<String>) -> Result<Self, Problem> {
        let is_unfit = |word: &&String| {
            word.contains(char::is_control) || ["$", "{env:", "{file:"].iter().any(|part| word.contains(part))
        };
        if let Some(word) = options.iter().chain([&program]).find(is_unfit) {
            return Err(Problem::Unfit(word.escape_debug().to_string()));
        }
        Ok(Self { program, options })
    }

    /// Returns what stands in the snippets: no options, and the program where `make install` would put it.
    pub fn placeholder() -> Self {
        Self {
            program: PLACEHOLDER.into(),
            options: Vec::new(),
        }
    }

    /// Puts the program and its options in the place of a snippet's program; none where these are words of something else.
    pub fn fill(&self, words: &[String]) -> Option<Vec<String>> {
        let (program, rest) = words.split_first()?;
        let own = [&self.program].into_iter().chain(&self.options);
        (program == PLACEHOLDER).then(|| own.chain(rest).cloned().collect())
    }

    /// Does the same to a command that is one line of a shell.
    pub fn fill_line(&self, line: &str) -> Option<String> {
        let words = self.fill(&shlex::split(line)?)?;
        shlex::try_join(words.iter().map(String::as_str)).ok()
    }
}

/// Tells whether a command runs our program with this subcommand, a word or two, behind whatever options. The program may stand behind
/// others: `env`, or a shell's `exec`.
pub fn runs(words: &[String], subcommand: &[&str]) -> bool {
    let is_program = |word: &String| {
        let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
        name.strip_suffix(".exe").unwrap_or(name) == PROGRAM
    };
    let Some(at) = words.iter().position(is_program) else {
        return false;
    };
    words[at..].windows(subcommand.len()).any(|words| words == subcommand)
}

/// Does the same for a command that is one line of a shell.
pub fn line_runs(line: &str, arguments: &[String], subcommand: &[&str]) -> bool {
    let Some(mut words) = shlex::split(line) else {
        return false;
    };
    words.extend_from_slice(arguments);
    runs(&words, subcommand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(ToString::to_string).collect()
    }

    fn launch() -> Launch {
        let options = words(&["--vault", "/it's here/v", "--member", "dev"]);
        Launch::new("/opt/my tools/fleetvault-resolver".into(), options).unwrap()
    }

    #[test]
    fn options_stand_before_the_subcommand() {
        assert_eq!(
            launch().fill(&words(&[PLACEHOLDER, "hook", "codex"])).unwrap(),
            words(&[
                "/opt/my tools/fleetvault-resolver",
                "--vault",
                "/it's here/v",
                "--member",
                "dev",
                "hook",
                "codex"
            ])
        );
        assert_eq!(launch().fill(&words(&["/bin/sh", "hook"])), None);
        assert_eq!(launch().fill(&[]), None);
    }

    #[test]
    fn a_line_is_quoted_for_a_shell() {
        let line = launch().fill_line(&format!("{PLACEHOLDER} hook codex")).unwrap();
        assert_eq!(
            shlex::split(&line).unwrap(),
            launch().fill(&words(&[PLACEHOLDER, "hook", "codex"])).unwrap()
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s\\n' {line}")])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "/opt/my tools/fleetvault-resolver\n--vault\n/it's here/v\n--member\ndev\nhook\ncodex\n"
        );
    }

    #[test]
    fn what_a_client_would_expand_is_refused() {
        for bad in ["/home/$USER/v", "/v/{env:HOME}", "/v/{file:x}", "/a\nb", "/a\u{1b}b"] {
            let error = Launch::new(PLACEHOLDER.into(), words(&["--vault", bad])).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("'{}' cannot stand in a client's configuration", bad.escape_debug())
            );
        }
        assert!(Launch::new("/a $b/fleetvault-resolver".into(), Vec::new()).is_err());
    }

    #[test]
    fn ours_is_recognised_whatever_its_path_and_options() {
        let hook: &[&str] = &["hook", "codex"];
        for ours in [
            "/usr/bin/fleetvault-resolver hook codex",
            "fleetvault-resolver --member dev hook codex",
            "'/my tools/fleetvault-resolver' hook codex --vault /v",
            "env A=b /x/fleetvault-resolver hook codex",
            "'C:\\bin\\fleetvault-resolver.exe' hook codex",
        ] {
            assert!(line_runs(ours, &[], hook), "{ours}");
        }
        for other in [
            "/usr/bin/fleetvault-resolver hook gemini",
            "/usr/bin/fleetvault-resolver mcp",
            "fleetvault hook codex",
            "echo hook codex fleetvault-resolver",
            "/usr/bin/my-fleetvault-resolver hook codex",
            "unbalanced ' fleetvault-resolver hook codex",
            "",
        ] {
            assert!(!line_runs(other, &[], hook), "{other}");
        }
        assert!(line_runs(
            "/x/fleetvault-resolver",
            &words(&["--root", "r", "mcp"]),
            &["mcp"]
        ));
    }
}
