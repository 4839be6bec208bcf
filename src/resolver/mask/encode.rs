//! The encodings in which a value turns up in output.
//!
//! Knows single bytes and characters only: never decides which encoding is worth looking for. Every result is measured
//! before it is written, so no outgrown buffer is left behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What one byte or character becomes: at most a surrogate pair of `\uXXXX`.
#[derive(Default)]
struct Unit {
    bytes: [u8; 12],
    length: usize,
}

impl Unit {
    fn new(parts: &[u8]) -> Self {
        Self::default().with(parts)
    }

    fn with(mut self, parts: &[u8]) -> Self {
        self.bytes[self.length..self.length + parts.len()].copy_from_slice(parts);
        self.length += parts.len();
        self
    }

    /// Adds `\uXXXX` of one UTF-16 unit.
    fn with_u(self, unit: u16) -> Self {
        let [high, low] = unit.to_be_bytes();
        let [[a, b], [c, d]] = [digits(high, b'a'), digits(low, b'a')];
        self.with(&[b'\\', b'u', a, b, c, d])
    }
}

/// Writes the units of all items, once the size is known.
fn write<T>(items: impl Iterator<Item = T> + Clone, unit: impl Fn(T) -> Unit) -> Zeroizing<Vec<u8>> {
    let size = items.clone().map(|item| unit(item).length).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    for item in items {
        let unit = unit(item);
        out.extend_from_slice(&unit.bytes[..unit.length]);
    }
    out
}

/// Returns the two hexadecimal digits of a byte; `ten` is the letter for 10.
const fn digits(byte: u8, ten: u8) -> [u8; 2] {
    const fn digit(number: u8, ten: u8) -> u8 {
        if number < 10 {
            b'0' + number
        } else {
            ten + (number - 10)
        }
    }
    [digit(byte >> 4, ten), digit(byte & 15, ten)]
}

/// Returns hexadecimal digits; `ten` is the letter for 10.
pub(super) fn hex(value: &[u8], ten: u8) -> Zeroizing<Vec<u8>> {
    write(value.iter(), |&byte| Unit::new(&digits(byte, ten)))
}

/// Says what percent-encoding leaves alone beside letters, digits, `-`, `.` and `_`.
#[derive(Clone, Copy)]
pub(super) struct Percent {
    /// Other bytes that pass.
    pub(super) safe: &'static [u8],
    /// Whether a space becomes `+`.
    pub(super) plus: bool,
    /// The letter for the digit 10.
    pub(super) ten: u8,
}

/// Returns percent-encoded bytes.
pub(super) fn percent(value: &[u8], rules: Percent) -> Zeroizing<Vec<u8>> {
    write(value.iter(), |&byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => Unit::new(&[byte]),
        b' ' if rules.plus => Unit::new(b"+"),
        _ if rules.safe.contains(&byte) => Unit::new(&[byte]),
        _ => Unit::new(b"%").with(&digits(byte, rules.ten)),
    })
}

/// Says what a JSON string escapes beside what it must.
#[derive(Clone, Copy, Default)]
pub(super) struct Json {
    /// All but printable ASCII, as Python does.
    pub(super) ascii: bool,
    /// `<`, `>`, `&` and the line separators of JavaScript, as Go does.
    pub(super) html: bool,
    /// The slash, as PHP does.
    pub(super) slash: bool,
}

/// Returns the inside of a JSON string.
pub(super) fn json(value: &str, rules: Json) -> Zeroizing<Vec<u8>> {
    write(value.chars(), |char| {
        let mut units = [0; 2];
        let escape = |char: char, units: &mut [u16; 2]| {
            let units = char.encode_utf16(units).iter();
            units.fold(Unit::default(), |unit, &part| unit.with_u(part))
        };
        match char {
            '"' => Unit::new(b"\\\""),
            '\\' => Unit::new(b"\\\\"),
            '\n' => Unit::new(b"\\n"),
            '\r' => Unit::new(b"\\r"),
            '\t' => Unit::new(b"\\t"),
            '\x08' => Unit::new(b"\\b"),
            '\x0c' => Unit::new(b"\\f"),
            '/' if rules.slash => Unit::new(b"\\/"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if rules.html => escape(char, &mut units),
            '\0'..' ' => escape(char, &mut units),
            '\x7f'.. if rules.ascii => escape(char, &mut units),
            _ => Unit::new(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    })
}

/// Is a way to write a word of a shell; the quotes around it are no part of the result.
#[derive(Clone, Copy)]
pub(super) enum Shell {
    /// Within `'…'`, an apostrophe as `'\''`.
    Single,
    /// Within `'…'`, an apostrophe as `'"'"'`, as Python's `shlex.quote` does.
    SingleDouble,
    /// Without quotes: a backslash before each special character, as `printf %q` of bash does.
    Backslash,
    /// Within `"…"`.
    Double,
    /// Within `$'…'`, with what is not ASCII as it is.
    Dollar,
    /// Within `$'…'`, with what is not ASCII in octal.
    DollarOctal,
}

/// Returns a word of a shell.
pub(super) fn shell(value: &[u8], style: Shell) -> Zeroizing<Vec<u8>> {
    write(0..value.len(), |at| match (style, value[at]) {
        (Shell::Single, b'\'') => Unit::new(br"'\''"),
        (Shell::SingleDouble, b'\'') => Unit::new(br#"'"'"'"#),
        (Shell::Double, byte @ (b'"' | b'\\' | b'$' | b'`')) => Unit::new(&[b'\\', byte]),
        (Shell::Backslash, byte) if is_special(&value[..at], byte) => Unit::new(&[b'\\', byte]),
        (Shell::Dollar, byte) => dollar(byte, false),
        (Shell::DollarOctal, byte) => dollar(byte, true),
        (_, byte) => Unit::new(&[byte]),
    })
}

/// Says whether bash puts a backslash before a byte. It does so before `#` at the start of a word only, which changes
/// nothing in what follows.
fn is_special(before: &[u8], byte: u8) -> bool {
    match byte {
        b'~' => matches!(before.last(), Some(b':' | b'=')),
        _ => b" \t!\"$&'()*,;<>?[\\]^`{|}".contains(&byte),
    }
}

fn dollar(byte: u8, octal: bool) -> Unit {
    match byte {
        b'\'' | b'\\' => Unit::new(&[b'\\', byte]),
        0x07 => Unit::new(b"\\a"),
        0x08 => Unit::new(b"\\b"),
        b'\t' => Unit::new(b"\\t"),
        b'\n' => Unit::new(b"\\n"),
        0x0b => Unit::new(b"\\v"),
        0x0c => Unit::new(b"\\f"),
        b'\r' => Unit::new(b"\\r"),
        0x1b => Unit::new(b"\\E"),
        b' '..=b'~' => Unit::new(&[byte]),
        0x80.. if !octal => Unit::new(&[byte]),
        _ => Unit::new(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
    }
}

/// Returns the bytes from the last to the first.
pub(super) fn reversed(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(value.to_vec());
    bytes.reverse();
    bytes
}

/// Returns the characters from the last to the first, as `rev` prints them.
pub(super) fn reversed_text(value: &str) -> Zeroizing<Vec<u8>> {
    write(value.chars().rev(), |char| {
        Unit::new(char.encode_utf8(&mut [0; 4]).as_bytes())
    })
}

/// Returns padded base64 of `before` bytes of zero, the value, and `after`.
pub(super) fn base64(before: usize, value: &[u8], after: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(before + value.len() + after.len()));
    plain.extend_from_slice(&[0; 2][..before.min(2)]);
    plain.extend_from_slice(value);
    plain.extend_from_slice(after);
    let mut text = Zeroizing::new(vec![0; plain.len().div_ceil(3) * 4]);
    // The buffer has the exact size of the result; were it too small, nothing would be written.
    let written = STANDARD
        .encode_slice(plain.as_slice(), text.as_mut_slice())
        .unwrap_or(0);
    text.truncate(written);
    text
}

/// Returns base64 in the alphabet for URLs and file names.
pub(super) fn url_safe(standard: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(standard.to_vec());
    for byte in text.iter_mut() {
        match byte {
            b'+' => *byte = b'-',
            b'/' => *byte = b'_',
            _ => {}
        }
    }
    text
}
