//! The filters after `|`, applied by minijinja to values it cannot look into.
//!
//! A value enters and leaves the engine as an object without a textual form, in memory that is wiped when
//! dropped; every result is written into a buffer of its exact size. Never converts a value to one of
//! minijinja's own types.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Environment, Error, ErrorKind, Value};
use zeroize::Zeroizing;

/// The most filters one reference may have. Each can multiply a value's size.
pub const MAX_FILTERS: usize = 4;

/// Is a transformation a value can go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// `base64`: the standard alphabet, padded.
    Base64,
    /// `urlencode`: every byte but RFC 3986's unreserved ones as `%XX`.
    UrlEncode,
    /// `tojson`: a JSON string with its quotes.
    ToJson,
    /// `shell_quote`: one word of a POSIX shell, in single quotes.
    ShellQuote,
}

/// Says why a filter cannot take a value; holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFailure {
    /// JSON has no bytes.
    #[error("filter 'tojson' takes UTF-8 only, and this value is none")]
    NotUtf8,
    /// No shell word holds NUL.
    #[error("filter 'shell_quote' cannot quote a NUL byte, and this value has one")]
    Nul,
    /// The value, filtered, is larger than memory.
    #[error("the filtered value is too large for this machine's memory")]
    TooLarge,
    /// The engine failed by itself.
    #[error("the filters could not be applied")]
    Engine,
}

impl Filter {
    /// All filters, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Base64, Self::UrlEncode, Self::ToJson, Self::ShellQuote];

    /// Returns its name in a template.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::UrlEncode => "urlencode",
            Self::ToJson => "tojson",
            Self::ShellQuote => "shell_quote",
        }
    }

    /// Finds the filter of a name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name().as_bytes() == name)
    }

    /// Finds the filter a wrong name resembles most.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        // Half of all languages have a `…_encode`; what stands before it tells more.
        let stem = lower.strip_suffix("encode").unwrap_or(&lower).trim_matches('_');
        let likeness = |filter: Self| {
            if lower.contains(filter.name()) || (stem.len() >= 3 && abbreviates(stem, filter.name())) {
                1.0
            } else {
                strsim::jaro_winkler(stem, filter.name())
            }
        };
        Self::ALL
            .into_iter()
            .map(|filter| (likeness(filter), filter))
            .filter(|(score, _)| *score > 0.65)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, filter)| filter)
    }
}

/// Says whether all characters of `short` come in `long`, in that order: `b64` in `base64`.
fn abbreviates(short: &str, long: &str) -> bool {
    let mut long = long.chars();
    short.chars().all(|char| long.any(|other| other == char))
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Applies chains of filters. Building one costs; build it when the first filter is met.
pub(super) struct Filters {
    engine: Environment<'static>,
}

impl Filters {
    pub(super) fn new() -> Self {
        let mut engine = Environment::empty();
        engine.add_filter(Filter::Base64.name(), |value: &Secret| finish(base64(value.bytes())));
        engine.add_filter(Filter::UrlEncode.name(), |value: &Secret| {
            finish(urlencode(value.bytes()))
        });
        engine.add_filter(Filter::ToJson.name(), |value: &Secret| finish(tojson(value.bytes())));
        engine.add_filter(Filter::ShellQuote.name(), |value: &Secret| {
            finish(shell_quote(value.bytes()))
        });
        Self { engine }
    }

    /// Sends a value through a chain of filters.
    pub(super) fn apply(&self, chain: &[Filter], value: &[u8]) -> Result<Secret, FilterFailure> {
        let mut expression = String::from("value");
        for filter in chain {
            expression.push('|');
            expression.push_str(filter.name());
        }
        let input = Secret::build(|out| out.put(value))?;
        let context: BTreeMap<&str, Value> = BTreeMap::from([("value", Value::from_object(input))]);
        let output = self
            .engine
            .compile_expression(&expression)
            .and_then(|expression| expression.eval(Value::from(context)))
            .map_err(|error| failure(&error))?;
        output
            .downcast_object_ref::<Secret>()
            .cloned()
            .ok_or(FilterFailure::Engine)
    }
}

/// Takes the typed failure out of the engine's error.
fn failure(error: &Error) -> FilterFailure {
    error
        .source()
        .and_then(|source| source.downcast_ref::<FilterFailure>())
        .copied()
        .unwrap_or(FilterFailure::Engine)
}

fn finish(result: Result<Secret, FilterFailure>) -> Result<Value, Error> {
    result
        .map(Value::from_object)
        .map_err(|failure| Error::new(ErrorKind::InvalidOperation, "filter refused its input").with_source(failure))
}

/// A value on its way through the engine. Cloning shares the bytes.
#[derive(Clone)]
pub(super) struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Runs a writer twice, to measure and to write, so that the buffer never grows and leaves a copy.
    fn build(write: impl Fn(&mut Out<'_>)) -> Result<Self, FilterFailure> {
        let mut size = 0;
        write(&mut Out::Measure(&mut size));
        let mut buffer = Zeroizing::new(Vec::new());
        buffer.try_reserve_exact(size).map_err(|_| FilterFailure::TooLarge)?;
        write(&mut Out::Write(&mut buffer));
        Ok(Self(Arc::new(buffer)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Object for Secret {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where a filter writes to.
enum Out<'o> {
    Measure(&'o mut usize),
    Write(&'o mut Vec<u8>),
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Measure(size) => **size = size.saturating_add(bytes.len()),
            Self::Write(buffer) => buffer.extend_from_slice(bytes),
        }
    }
}

fn base64(value: &[u8]) -> Result<Secret, FilterFailure> {
    // Three bytes make four characters, so chunks of a multiple of three join without padding.
    const CHUNK: usize = 48;
    Secret::build(|out| {
        let mut quads = Zeroizing::new([0_u8; CHUNK / 3 * 4]);
        for chunk in value.chunks(CHUNK) {
            if let Ok(length) = STANDARD.encode_slice(chunk, quads.as_mut_slice()) {
                out.put(&quads[..length]);
            }
        }
    })
}

fn urlencode(value: &[u8]) -> Result<Secret, FilterFailure> {
    Secret::build(|out| {
        for &byte in value {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.put(&[byte]);
                }
                _ => out.put(&[b'%', hex(byte >> 4, b'A'), hex(byte & 15, b'A')]),
            }
        }
    })
}

fn tojson(value: &[u8]) -> Result<Secret, FilterFailure> {
    if std::str::from_utf8(value).is_err() {
        return Err(FilterFailure::NotUtf8);
    }
    Secret::build(|out| {
        out.put(b"\"");
        for &byte in value {
            match byte {
                b'"' => out.put(b"\\\""),
                b'\\' => out.put(b"\\\\"),
                b'\n' => out.put(b"\\n"),
                b'\r' => out.put(b"\\r"),
                b'\t' => out.put(b"\\t"),
                0x08 => out.put(b"\\b"),
                0x0c => out.put(b"\\f"),
                0..0x20 => {
                    out.put(b"\\u00");
                    out.put(&[hex(byte >> 4, b'a'), hex(byte & 15, b'a')]);
                }
                _ => out.put(&[byte]),
            }
        }
        out.put(b"\"");
    })
}

fn shell_quote(value: &[u8]) -> Result<Secret, FilterFailure> {
    if value.contains(&0) {
        return Err(FilterFailure::Nul);
    }
    Secret::build(|out| {
        out.put(b"'");
        for part in value.split_inclusive(|&byte| byte == b'\'') {
            match part.split_last() {
                Some((b'\'', before)) => {
                    out.put(before);
                    out.put(b"'\\''");
                }
                _ => out.put(part),
            }
        }
        out.put(b"'");
    })
}

/// Returns the hexadecimal digit of a number below 16; `ten` is the letter for 10.
const fn hex(digit: u8, ten: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { ten + (digit - 10) }
}
