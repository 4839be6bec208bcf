//! Reading templates and writing what became of them.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use fleetvault::{
    cli::Failure,
    terminal::{failure, report::Report},
};
use tempfile::NamedTempFile;

/// The largest template, in bytes.
const TEMPLATE_MAX: u64 = 64 << 20;

/// Reads a template from a file, or from standard input where none or `-` is named.
pub fn read_template(file: Option<&PathBuf>) -> Result<Vec<u8>, Failure> {
    let (name, reader): (String, Box<dyn Read>) = match file {
        Some(path) if path.as_os_str() != "-" => {
            let shown = path.display().to_string();
            let file = File::open(path).map_err(|error| cannot("read", &shown, &error))?;
            (shown, Box::new(file))
        }
        _ => ("standard input".into(), Box::new(io::stdin().lock())),
    };
    let mut bytes = Vec::new();
    reader
        .take(TEMPLATE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| cannot("read", &name, &error))?;
    if bytes.len() as u64 > TEMPLATE_MAX {
        return Err(Report::new(1, "too_large", format!("the template {name} is larger than 64 MiB")).into());
    }
    Ok(bytes)
}

/// Writes the resolved text: to standard output, or to a file that only its owner can read, in one step.
pub fn write_output(file: Option<&Path>, text: &[u8]) -> Result<(), Failure> {
    let Some(path) = file else {
        let mut out = io::stdout().lock();
        return out
            .write_all(text)
            .and_then(|()| out.flush())
            .map_err(|error| cannot("write", "standard output", &error).into());
    };
    let shown = path.display().to_string();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        // Made with mode 0600, and renamed: never readable by others, never half written, and a link is replaced rather than followed.
        let mut temporary = NamedTempFile::new_in(directory)?;
        temporary.write_all(text)?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| cannot("write", &shown, &error).into())
}

/// Tells whether all lines were written that were said.
pub fn finish() -> Result<(), Failure> {
    match failure() {
        Some(error) => Err(cannot("write", "standard output", &error).into()),
        None => Ok(()),
    }
}

fn cannot(what: &str, name: &str, error: &io::Error) -> Report {
    let error = error.to_string();
    // The name of a temporary file says nothing to a person.
    let reason = error.split(" at path ").next().unwrap_or_default();
    Report::new(1, "io", format!("cannot {what} {name}: {reason}"))
}
