//! Which paths may stand in a tree: checked for everything that comes in, whoever made it.
//! Never touches a file.

use thiserror::Error;

/// Why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path:?} is no path inside the vault: {reason}")]
pub struct PathError {
    /// The path as it was given.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Checks that `path` names a file below a directory, in the only spelling it has.
///
/// # Errors
/// An empty or absolute path; a segment that is empty, `.`, `..` or `.git` (in any case, also the
/// way Windows and macOS would read it); a backslash, colon or control character.
pub fn check_path(path: &str) -> Result<(), PathError> {
    let refuse = |reason| {
        Err(PathError {
            path: path.to_owned(),
            reason,
        })
    };
    if path.is_empty() {
        return refuse("it is empty");
    }
    if path.starts_with('/') {
        return refuse("it is absolute");
    }
    if path.len() > 4000 {
        return refuse("it is longer than 4000 bytes");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return refuse("it has a backslash or a control character");
    }
    for segment in path.split('/') {
        match segment {
            "" => return refuse("a segment is empty"),
            "." | ".." => return refuse("a segment is '.' or '..'"),
            _ if segment.contains(':') => return refuse("it has a colon"),
            _ if is_git_directory(segment) => return refuse("a segment is '.git'"),
            _ if segment.len() > 250 => return refuse("a segment is longer than 250 bytes"),
            _ => {}
        }
    }
    Ok(())
}

/// Tells whether some file system takes this name for `.git`: case, the trailing dots and spaces
/// that Windows drops, its short name, and the characters that HFS+ ignores.
fn is_git_directory(segment: &str) -> bool {
    let seen: String = segment
        .chars()
        .filter(
            |c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'),
        )
        .collect();
    let seen = seen.trim_end_matches(['.', ' ']);
    seen.eq_ignore_ascii_case(".git") || seen.eq_ignore_ascii_case("git~1")
}

/// Joins a directory ("" for the top) and a path below it.
pub(super) fn join(directory: &str, path: &str) -> String {
    if directory.is_empty() {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    }
}

/// All directories above a path, innermost first.
pub(super) fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/'), |(above, _)| above.rsplit_once('/')).map(|(above, _)| above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_a_vault_has() {
        for path in [
            "fleetvault.toml",
            "credentials/prod/db/password.toml",
            ".gitattributes",
            "a/.github/x",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn refuses_everything_that_leaves_the_vault() {
        for (path, reason) in [
            ("", "it is empty"),
            ("/etc/passwd", "it is absolute"),
            ("a//b", "a segment is empty"),
            ("a/", "a segment is empty"),
            ("a/../b", "a segment is '.' or '..'"),
            ("./a", "a segment is '.' or '..'"),
            (".git/config", "a segment is '.git'"),
            ("a/.GIT/config", "a segment is '.git'"),
            (".git. /config", "a segment is '.git'"),
            ("GIT~1/config", "a segment is '.git'"),
            (".g\u{200c}it/config", "a segment is '.git'"),
            ("a\\b", "it has a backslash or a control character"),
            ("a\0b", "it has a backslash or a control character"),
            ("a\nb", "it has a backslash or a control character"),
            ("C:/x", "it has a colon"),
        ] {
            let error = check_path(path).unwrap_err();
            assert_eq!(error.reason, reason, "{path:?}");
        }
        assert_eq!(
            check_path("a//b").unwrap_err().to_string(),
            r#""a//b" is no path inside the vault: a segment is empty"#
        );
    }
}
