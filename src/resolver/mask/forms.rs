//! From a value to the byte strings that are looked for: its needles.
//!
//! Knows one value at a time; never sees a stream. All results are wiped when dropped.

use std::ops::Range;
use std::sync::Arc;

use memchr::memchr2;
use zeroize::Zeroizing;

use crate::resolver::mask::breaks::{FEW, is_gap, normalise, trim};
use crate::resolver::mask::encode::{self, Json, Percent, Shell};

/// The longest needle. Longer forms are cut, so that what a stream holds back stays small.
pub const PIECE: usize = 1024;

/// Encodings shorter than this are not looked for: they would turn up everywhere.
const SHORTEST_ENCODING: usize = 6;

/// Lines of a value shorter than this are not looked for by themselves.
const SHORTEST_LINE: usize = 8;

/// A value with more words than this is no passphrase, and is not looked for as word-wrapped text.
const MOST_WORDS: usize = 16;

/// Holds one form of a value, and what of it is looked for.
///
/// The bytes are shared with the needles that are cut from them, so a form of a megabyte is in memory once.
pub(super) struct Form {
    pub(super) bytes: Arc<Zeroizing<Vec<u8>>>,
    /// Each of at least one byte and at most [`PIECE`].
    pub(super) pieces: Vec<Piece>,
}

/// Is a part of a form that is looked for.
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    /// Whether it is always masked from its first byte: it goes on from the piece before, or a break of the form's own follows there.
    pub(super) whole: bool,
}

/// Lists the forms of a value, each once. A value of blanks has none.
pub(super) fn forms(value: &[u8]) -> Vec<Form> {
    let mut forms = Forms(Vec::new());
    forms.keep(normalise(value), 1, breaks_early(value));
    forms.lines(value);
    let trimmed = trim(value);
    if !trimmed.is_empty() {
        // Encoded blanks and breaks at the ends give nothing away.
        forms.encodings(trimmed, end(value));
    }
    forms.0
}

/// Returns the blanks and breaks at the end of a value.
fn end(value: &[u8]) -> &[u8] {
    let gap = value.iter().rev().take_while(|byte| is_gap(**byte)).count();
    &value[value.len() - gap..]
}

/// Forms on the way to being complete.
struct Forms(Vec<Form>);

impl Forms {
    /// Keeps a form that is not short and not there yet.
    fn keep(&mut self, bytes: Zeroizing<Vec<u8>>, shortest: usize, whole: bool) {
        if bytes.len() >= shortest && self.0.iter().all(|known| **known.bytes != *bytes) {
            let pieces = pieces(0..bytes.len(), whole).collect();
            let bytes = Arc::new(bytes);
            self.0.push(Form { bytes, pieces });
        }
    }

    /// Keeps an encoding.
    fn encoded(&mut self, bytes: Zeroizing<Vec<u8>>) {
        let is_normal = trim(&bytes).len() == bytes.len() && memchr2(b'\r', b'\n', &bytes).is_none();
        let whole = breaks_early(&bytes);
        let bytes = if is_normal { bytes } else { normalise(&bytes) };
        self.keep(bytes, SHORTEST_ENCODING, whole);
    }

    /// Keeps the lines of a value of several, forwards and backwards, as parts of one buffer each.
    fn lines(&mut self, value: &[u8]) {
        if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return;
        }
        for bytes in [copy(value), encode::reversed(value)] {
            let pieces = lines(&bytes).flat_map(|line| pieces(line, false)).collect();
            let bytes = Arc::new(bytes);
            self.0.push(Form { bytes, pieces });
        }
    }

    /// Keeps all encodings of a trimmed value; `end` is what it was trimmed of.
    fn encodings(&mut self, value: &[u8], end: &[u8]) {
        self.words(value);
        self.base64(value, end);
        self.encoded(encode::reversed(value));
        for ten in [b'a', b'A'] {
            self.encoded(encode::hex(value, ten));
        }
        if value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
        {
            // All other encodings leave it as it is.
            return;
        }
        for ten in [b'a', b'A'] {
            self.percent(value, ten);
        }
        let styles = [
            Shell::Single,
            Shell::SingleDouble,
            Shell::Backslash,
            Shell::Double,
            Shell::Dollar,
            Shell::DollarOctal,
        ];
        for style in styles {
            self.encoded(encode::shell(value, style));
        }
        if let Ok(text) = std::str::from_utf8(value) {
            self.text(text);
        }
    }

    /// Keeps what only text has.
    fn text(&mut self, text: &str) {
        let (plain, ascii) = (Json::default(), true);
        let styles = [
            plain,
            Json { ascii, ..plain },
            Json { html: true, ..plain },
            Json { slash: true, ..plain },
            Json {
                ascii,
                slash: true,
                ..plain
            },
        ];
        for style in styles {
            self.encoded(encode::json(text, style));
        }
        if !text.is_ascii() {
            self.encoded(encode::reversed_text(text));
        }
    }

    fn percent(&mut self, value: &[u8], ten: u8) {
        // RFC 3986; encodeURIComponent; Python's quote; its quote_plus; a form of HTML.
        let styles: [(&[u8], bool); 5] = [
            (b"~", false),
            (b"~!*'()", false),
            (b"~/", false),
            (b"~", true),
            (b"*", true),
        ];
        for (safe, plus) in styles {
            self.encoded(encode::percent(value, Percent { safe, plus, ten }));
        }
    }

    /// Keeps base64 as it is found anywhere in encoded data, and as it ends such data: with the value, a line feed, or
    /// what the value was trimmed of.
    fn base64(&mut self, value: &[u8], end: &[u8]) {
        for before in 0..3 {
            // Characters which also hold bits of what stands before or after are no part of the value.
            let first = (before * 8_usize).div_ceil(6);
            let last = (before + value.len()) * 8 / 6;
            let text = encode::base64(before, value, b"");
            self.alphabets(text.get(first..last).unwrap_or_default());
            let ends = [b"".as_slice(), b"\n", end];
            let known = if matches!(end, b"" | b"\n") { 2 } else { 3 };
            for after in &ends[..known] {
                let text = encode::base64(before, value, after);
                let text = text.get(first..).unwrap_or_default();
                let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
                for text in [&text[..text.len() - padding], text] {
                    // What comes before the last piece is found as such.
                    self.alphabets(&text[text.len().saturating_sub(PIECE)..]);
                }
            }
        }
    }

    fn alphabets(&mut self, standard: &[u8]) {
        self.encoded(copy(standard));
        if standard.iter().any(|byte| matches!(byte, b'+' | b'/')) {
            self.encoded(encode::url_safe(standard));
        }
    }

    /// Keeps what is left of a few words when a line is broken in place of a blank, or before it: at any one of them,
    /// or at all.
    fn words(&mut self, value: &[u8]) {
        let text = normalise(value);
        let words: Vec<&[u8]> = text
            .split(|byte| is_gap(*byte))
            .filter(|word| !word.is_empty())
            .collect();
        if text.len() > PIECE || words.len() < 2 || words.len() > MOST_WORDS {
            return;
        }
        self.encoded(Zeroizing::new(words.concat()));
        let mut blank = words[0].len();
        for word in &words[1..] {
            let before = &text[..blank];
            blank += text[blank..].iter().take_while(|byte| is_gap(**byte)).count();
            self.encoded(Zeroizing::new([before, &text[blank..]].concat()));
            blank += word.len();
        }
    }
}

fn copy(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

/// Finds the lines that are looked for by themselves.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).map(move |line| {
        let blanks = line.iter().take_while(|byte| is_gap(**byte)).count();
        let trimmed = start + blanks..start + blanks + trim(line).len();
        start += line.len() + 1;
        trimmed
    });
    lines.filter(|line| line.len() >= SHORTEST_LINE)
}

/// Says whether a break of its own comes within the first few bytes of a form.
fn breaks_early(bytes: &[u8]) -> bool {
    let mut first = trim(bytes).iter().take(FEW + 1);
    first.any(|byte| matches!(byte, b'\r' | b'\n'))
}

/// Cuts what is longer than [`PIECE`] into parts of that length.
///
/// Each shares a byte with the one before, so that they are told as one where they follow each other.
fn pieces(form: Range<usize>, whole: bool) -> impl Iterator<Item = Piece> {
    let length = form.len().min(PIECE);
    let last = form.end - length;
    let starts = (form.start..last).step_by(PIECE - 1).chain([last]);
    starts.map(move |start| Piece {
        range: start..start + length,
        whole: whole || start > form.start,
    })
}
