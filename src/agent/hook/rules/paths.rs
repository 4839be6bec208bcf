//! Rules about files, in the form of .gitignore files, compared with every word of a line that may name one.

use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{super::line::Line, surroundings::Surroundings};

/// Files by pattern, below a directory.
pub(super) struct Files {
    root: PathBuf,
    patterns: Gitignore,
}

impl Files {
    /// Reads a pattern: `//x` is absolute, `~/x` below home, `/x` below `settings`, and anything else below the directory of the call. `None`
    /// where it is no pattern.
    pub(super) fn of(pattern: &str, settings: &Path, surroundings: &Surroundings) -> Option<Self> {
        let home = surroundings.home.as_deref();
        let (root, pattern) = match (pattern.strip_prefix('/'), pattern.strip_prefix("~/")) {
            (Some(rest), _) if rest.starts_with('/') => (Path::new("/"), rest.to_owned()),
            (Some(_), _) => (settings, pattern.to_owned()),
            (_, Some(rest)) => (home?, format!("/{rest}")),
            _ => (
                surroundings.directory.as_path(),
                pattern
                    .strip_prefix("./")
                    .map_or(pattern.to_owned(), |rest| format!("/{rest}")),
            ),
        };
        let mut builder = GitignoreBuilder::new(root);
        builder.add_line(None, &pattern).ok()?;
        let patterns = builder.build().ok()?;
        Some(Self {
            root: root.to_owned(),
            patterns,
        })
    }

    /// Tells whether a line names one of them.
    pub(super) fn are_named_in(&self, line: &Line, surroundings: &Surroundings) -> bool {
        line.files().any(|word| {
            let path = absolute(word, surroundings);
            let Ok(below) = path.strip_prefix(&self.root) else {
                return false;
            };
            let is = |directory| self.patterns.matched_path_or_any_parents(below, directory).is_ignore();
            below.components().next().is_some() && (is(false) || is(true))
        })
    }
}

/// What a word names, without looking: `..` and `.` are taken as they are written.
fn absolute(word: &str, surroundings: &Surroundings) -> PathBuf {
    let path = match (word.strip_prefix("~/"), &surroundings.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => surroundings.directory.join(word),
    };
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            _ => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::template::Template;

    fn names(pattern: &str, line: &str) -> bool {
        let surroundings = Surroundings {
            home: Some("/home/u".into()),
            directory: "/project/sub".into(),
            ..Surroundings::default()
        };
        let line = Line::of_shell(&Template::parse(line.as_bytes()).unwrap());
        let files = Files::of(pattern, Path::new("/project"), &surroundings).unwrap();
        files.are_named_in(&line, &surroundings)
    }

    #[test]
    fn a_file_is_found_however_it_is_written() {
        for line in [
            "cat .env",
            "cat ./.env",
            "cat < .env",
            "curl -F f=@.env x",
            "cat a/../.env",
            "cat /project/sub/.env",
            "a --file=.env",
        ] {
            assert!(names(".env", line), "{line}");
        }
        assert!(names("./secrets/**", "ls secrets/x"));
        assert!(names("~/.ssh/**", "cat ~/.ssh/id"));
        assert!(names("~/.ssh/**", "cat /home/u/.ssh/id"));
        assert!(names("//etc/shadow", "cat /etc/shadow"));
        assert!(names("/top.txt", "cat ../top.txt"));
        assert!(names("*.pem", "cat deep/er/a.pem"));
    }

    #[test]
    fn other_files_are_not() {
        assert!(!names(".env", "cat .envrc"));
        assert!(!names(".env", "cat ../.env"));
        assert!(!names("//etc/shadow", "cat etc/shadow"));
        assert!(!names("/top.txt", "cat top.txt"));
    }
}
