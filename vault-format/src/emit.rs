//! Writes a header in the one form that the format allows (SPEC.md, section 4).

use std::fmt::{Display, Write as _};

use crate::time::Timestamp;

/// Collects the lines of a header, in the order of the calls.
#[derive(Default)]
pub(crate) struct Emitter {
    text: String,
}

impl Emitter {
    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.line(key, value);
    }

    pub(crate) fn flag(&mut self, key: &str) {
        self.line(key, true);
    }

    pub(crate) fn time(&mut self, key: &str, value: Timestamp) {
        self.line(key, value);
    }

    pub(crate) fn string(&mut self, key: &str, value: impl Display) {
        self.line(key, Quoted(&value.to_string()));
    }

    /// One entry a line, so that a scope change is a line in a diff.
    pub(crate) fn list(&mut self, key: &str, values: impl IntoIterator<Item = impl Display>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{key} = [");
        for value in values {
            let _ = writeln!(self.text, "  {},", Quoted(&value.to_string()));
        }
        self.text.push_str("]\n");
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, key: &str, value: impl Display) {
        let _ = writeln!(self.text, "{key} = {value}");
    }
}

/// A TOML basic string. Control characters never get here: no field of the format allows them.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.find(['"', '\\']) {
            let (plain, escaped) = (&rest[..at], &rest[at..=at]);
            write!(f, "{plain}\\{escaped}")?;
            rest = &rest[at + 1..];
        }
        write!(f, "{rest}\"")
    }
}
