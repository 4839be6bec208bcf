//! A file of variables: lines `NAME=TEMPLATE`, so that a repository can say which credentials its commands need. It holds no values.

use std::{
    fs::File,
    io::{self, Read},
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
    /// It was found rather than named, and belongs to somebody else: whoever can put it in a directory above would decide what runs.
    #[error("{} was found, but it belongs to the user id {owner}, who would decide what runs", .path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It was found rather than named, and others can change it.
    #[error("{} was found, but others can write to it, and would decide what runs", .path.display())]
    Writable {
        /// Which file.
        path: PathBuf,
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
    /// Reads a file; [`ENV_FILE`] is looked for in the directories above as well, and must then be the user's own, or root's.
    ///
    /// # Errors
    /// [`EnvFileError`].
    pub fn read(named: &Path) -> Result<Self, EnvFileError> {
        let found = found_upwards(named);
        let path = found.clone().unwrap_or_else(|| named.to_owned());
        let unreadable = |error| EnvFileError::Unreadable {
            path: path.clone(),
            error,
        };
        let file = File::open(&path).map_err(unreadable)?;
        if found.is_some() {
            check_owner(&file, &path)?;
        }
        let text = read_limited(file).map_err(unreadable)?;
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

/// Finds the file where it was not named by a path.
fn found_upwards(named: &Path) -> Option<PathBuf> {
    if named.as_os_str() != ENV_FILE {
        return None;
    }
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .map(|directory| directory.join(ENV_FILE))
        .find(|path| path.is_file())
}

/// Refuses a file that somebody else put there or can change; a link to a file is looked at like the file.
#[cfg(unix)]
fn check_owner(file: &File, path: &Path) -> Result<(), EnvFileError> {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid().as_raw();
    let unreadable = |error| EnvFileError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let meta = file.metadata().map_err(unreadable)?;
    let link = path.symlink_metadata().map_err(unreadable)?;
    if let Some(owner) = [link.uid(), meta.uid()]
        .into_iter()
        .find(|owner| ![0, user].contains(owner))
    {
        return Err(EnvFileError::NotOurs {
            path: path.to_owned(),
            owner,
        });
    }
    // Where each user has a group of their own, with the same number, files are often writable for it.
    let own_group = meta.gid() == user && user != 0;
    let by_others = if own_group { 0o002 } else { 0o022 };
    match meta.mode() & by_others {
        0 => Ok(()),
        _ => Err(EnvFileError::Writable { path: path.to_owned() }),
    }
}

/// Elsewhere nothing is run.
#[cfg(not(unix))]
fn check_owner(_: &File, _: &Path) -> Result<(), EnvFileError> {
    Ok(())
}

fn read_limited(file: File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(ENV_FILE_MAX + 1).read_to_end(&mut text)?;
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
