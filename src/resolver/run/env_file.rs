//! A file of variables: lines `NAME=TEMPLATE`, so that a repository can say which credentials its commands need. It holds no values.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// The name under which a file of variables is found upwards from the working directory.
pub const ENV_FILE: &str = ".fleetvault.env";

/// The largest such file, in bytes.
const ENV_FILE_MAX: u64 = 1 << 20;

/// The variables of one file, in its order.
pub struct EnvFile(pub Vec<(String, Vec<u8>)>);

/// What is wrong with a file of variables. Shows names, never what is behind the `=`: somebody may have put a value there.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line that is no variable.
    #[error("{}, line {line}: {problem}", .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected.
        problem: String,
    },
}

impl EnvFile {
    /// Reads a file; [`ENV_FILE`] is looked for in the directories above as well.
    ///
    /// # Errors
    /// [`EnvFileError`].
    pub fn read(named: &Path) -> Result<Self, EnvFileError> {
        let path = found_upwards(named);
        let text = read_limited(&path).map_err(|error| EnvFileError::Unreadable {
            path: path.clone(),
            error,
        })?;
        Self::parse(&text).map_err(|(line, problem)| EnvFileError::Line { path, line, problem })
    }

    /// Reads `NAME=TEMPLATE` lines; `#` begins a comment line, `export` before a name and quotes around a whole template are taken off.
    fn parse(text: &[u8]) -> Result<Self, (usize, String)> {
        let mut variables = Vec::new();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let at = |problem: String| (index + 1, problem);
            let line = line.strip_prefix(b"export ").map_or(line, <[u8]>::trim_ascii_start);
            let equals = line
                .iter()
                .position(|&byte| byte == b'=')
                .ok_or_else(|| at("expected NAME=TEMPLATE, found no '='".into()))?;
            let name = String::from_utf8_lossy(&line[..equals]).into_owned();
            check_name(&name).map_err(at)?;
            let template = unquoted(&line[equals + 1..]).ok_or_else(|| {
                at(format!(
                    "the template of {name} begins with a quote that does not end it"
                ))
            })?;
            variables.push((name, template.to_vec()));
        }
        Ok(Self(variables))
    }
}

/// Checks that a variable may be set for a command.
///
/// # Errors
/// What was expected.
pub fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        // Whatever stands before the first '=' might be the start of a value that somebody forgot to name.
        return Err("expected a name of letters, digits and '_' before the '='".into());
    }
    if name.starts_with("FLEETVAULT_") {
        return Err(format!(
            "{name} is a setting of the resolver, which no command inherits"
        ));
    }
    Ok(())
}

fn unquoted(template: &[u8]) -> Option<&[u8]> {
    match template {
        [quote @ (b'"' | b'\''), inside @ .., last] if quote == last => (!inside.contains(quote)).then_some(inside),
        [b'"' | b'\'', ..] => None,
        _ => Some(template),
    }
}

fn found_upwards(named: &Path) -> PathBuf {
    if named != Path::new(ENV_FILE) {
        return named.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .map(|directory| directory.join(ENV_FILE))
        .find(|path| path.is_file())
        .unwrap_or_else(|| named.to_owned())
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, ENV_FILE_MAX + 1), &mut text)?;
    match text.len() as u64 > ENV_FILE_MAX {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 1 MiB")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_variables_and_comments() {
        let text = b"# a\n\n A=1\r\nexport B=<<secure.x>>\nC=\"a b\"\nD='<<secure.y | base64>>'\nE=\nF=a=b # c\n";
        let EnvFile(read) = EnvFile::parse(text).unwrap_or_else(|(line, problem)| panic!("{line}: {problem}"));
        let read: Vec<(&str, &[u8])> = read
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_slice()))
            .collect();
        assert_eq!(
            read,
            [
                ("A", &b"1"[..]),
                ("B", b"<<secure.x>>"),
                ("C", b"a b"),
                ("D", b"<<secure.y | base64>>"),
                ("E", b""),
                ("F", b"a=b # c"),
            ]
        );
    }

    #[test]
    fn what_is_no_variable_is_refused_without_being_shown() {
        for (text, line, problem) in [
            ("A=1\ns3cret", 2, "expected NAME=TEMPLATE, found no '='"),
            ("s3cret value=1", 1, "expected a name of letters, digits and '_'"),
            ("1A=1", 1, "expected a name"),
            ("=1", 1, "expected a name"),
            (
                "FLEETVAULT_MEMBER=x",
                1,
                "FLEETVAULT_MEMBER is a setting of the resolver",
            ),
            ("A=\"s3cret", 1, "the template of A begins with a quote"),
            ("A='a'b'", 1, "the template of A begins with a quote"),
            ("A=\"", 1, "the template of A begins with a quote"),
        ] {
            let Err((at, found)) = EnvFile::parse(text.as_bytes()) else {
                panic!("{text}")
            };
            assert_eq!(at, line, "{text}");
            assert!(found.contains(problem) && !found.contains("s3cret"), "{text}: {found}");
        }
    }
}
