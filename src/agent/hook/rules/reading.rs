//! How files of rules are read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The largest file of rules that is read, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// Reads a file; `None` where there is none.
pub(super) fn text(file: &Path) -> io::Result<Option<String>> {
    match fs::metadata(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Ok(meta) if meta.len() > FILE_MAX => return Err(io::ErrorKind::FileTooLarge.into()),
        Ok(meta) if !meta.is_file() => return Err(io::Error::other("it is no regular file")),
        _ => {}
    }
    fs::read_to_string(file).map(Some)
}

/// Reads JSON, with comments or without; `None` where there is no file.
pub(super) fn json(file: &Path) -> Result<Option<Value>, String> {
    let Some(text) = text(file).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    jsonc_parser::parse_to_serde_value(&text, &Default::default()).map_err(|error| error.to_string())
}

/// The files of a directory whose names end so, in the order of their names.
pub(super) fn files(directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The strings at a place of a JSON object; what is no string is passed over, as the clients do.
pub(super) fn strings<'v>(value: &'v Value, path: &str) -> Vec<&'v str> {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    match found {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}
