//! One vector: `key: value` lines, a blank line, then the exact bytes of a file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};

/// Every header key that a vector may have.
pub const KEYS: [&str; 13] = [
    "comment",
    "rule",
    "path",
    "expect",
    "error",
    "root",
    "keys",
    "identity",
    "passphrase",
    "value-text",
    "value-base64",
    "body-encoding",
    "pad-to",
];
/// Every word that `expect` may be.
pub const EXPECT: [&str; 7] = [
    "opens",
    "verified",
    "identity file",
    "no path",
    "no format",
    "not verified",
    "does not open",
];

/// A vector as it was read.
pub struct Vector {
    /// Its path below `vectors/`, with `/`.
    pub name: String,
    /// The lines on top.
    pub headers: BTreeMap<String, String>,
    /// The bytes of the file.
    pub body: Vec<u8>,
}

impl Vector {
    /// Reads one vector; whatever is unknown or twice in its headers stops the run.
    pub fn read(path: &Path) -> Self {
        let name = path
            .strip_prefix(directory())
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let end = end.unwrap_or_else(|| panic!("{name}: no blank line behind the headers"));
        let mut headers = BTreeMap::new();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            let (key, value) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("{name}: {line:?} is no header"));
            assert!(KEYS.contains(&key), "{name}: unknown header {key:?}");
            let twice = headers.insert(key.to_owned(), value.to_owned());
            assert!(twice.is_none(), "{name}: the header {key:?} comes twice");
        }
        let mut body = bytes[end + 2..].to_vec();
        match headers.get("body-encoding").map(String::as_str) {
            None => {}
            Some("base64") => body = BASE64_STANDARD.decode(body.trim_ascii()).unwrap(),
            Some(other) => panic!("{name}: unknown body-encoding {other:?}"),
        }
        if let Some(size) = headers.get("pad-to") {
            body.resize(size.parse().unwrap(), b'\n');
        }
        let vector = Self { name, headers, body };
        for key in ["comment", "rule", "expect"] {
            assert!(
                vector.header(key).is_some(),
                "{}: the header {key:?} is missing",
                vector.name
            );
        }
        assert!(EXPECT.contains(&vector.expect()), "{}: unknown expect", vector.name);
        vector
    }

    /// One header.
    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers.get(key).map(String::as_str)
    }

    /// What is to become of the file.
    pub fn expect(&self) -> &str {
        self.header("expect").unwrap()
    }

    /// The rules of SPEC.md that the vector keeps or breaks.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.header("rule").unwrap().split(", ")
    }

    /// The value that opens.
    pub fn value(&self) -> Option<Vec<u8>> {
        let text = self.header("value-text").map(|text| text.as_bytes().to_vec());
        text.or_else(|| {
            self.header("value-base64")
                .map(|text| BASE64_STANDARD.decode(text).unwrap())
        })
    }
}

/// Where the vectors are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All vectors, wherever they are below `vectors/`.
pub fn all() -> Vec<Vector> {
    let (mut folders, mut vectors) = (vec![directory()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                None if path.is_dir() => folders.push(path),
                Some("vector") => vectors.push(Vector::read(&path)),
                // Keys that several vectors use.
                Some("key") => {}
                _ => panic!("{} is no vector", path.display()),
            }
        }
    }
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}
