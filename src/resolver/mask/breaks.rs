//! Line breaks: what of a stream, and of a needle, is no part of a comparison.
//!
//! A state machine over bytes, and nothing else: never knows where a chunk of the stream ended.

use memchr::memchr2;
use zeroize::Zeroizing;

/// The most raw bytes that one break has. What follows in the same run is ordinary, so that a stream of line feeds
/// fills no memory.
pub(super) const LONGEST: usize = 64;

/// How few bytes before its first break do not make an occurrence of a line's end.
pub(super) const FEW: usize = 3;

/// Takes breaks out of bytes: runs of CR and LF, with the blanks after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaks {
    /// Raw bytes of the run so far. 0 is outside of one; at `LONGEST`, the rest of the run is ordinary.
    length: usize,
}

impl Breaks {
    /// Appends the ordinary bytes of a chunk to a text, and says how long each break is, before which byte of the text.
    ///
    /// A run that ended one chunk and begins the next is told in two parts.
    pub(super) fn strip(&mut self, chunk: &[u8], text: &mut Vec<u8>, mut found: impl FnMut(usize, usize)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.length == 0 {
                let ordinary = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                text.extend_from_slice(&rest[..ordinary]);
                rest = &rest[ordinary..];
            }
            let run = rest.iter().take_while(|byte| is_gap(**byte)).count();
            let removed = run.min(LONGEST - self.length);
            if removed > 0 {
                found(text.len(), removed);
            }
            text.extend_from_slice(&rest[removed..run]);
            self.length += removed;
            rest = &rest[run..];
            if !rest.is_empty() {
                self.length = 0;
            }
        }
    }

    /// Goes over a chunk of which nobody wants the text; looks at the run at its end only.
    pub(super) fn skip(&mut self, chunk: &[u8]) {
        let run = chunk.iter().rev().take_while(|byte| is_gap(**byte)).count();
        let start = chunk.len() - run;
        if start > 0 {
            self.length = 0;
        }
        for byte in &chunk[start..] {
            if self.length > 0 || matches!(byte, b'\r' | b'\n') {
                self.length = LONGEST.min(self.length + 1);
            }
        }
    }
}

/// Returns a needle as it looks in a text without breaks, trimmed of blanks and breaks.
///
/// It then begins with an ordinary byte, so what stands before it in a stream changes nothing in it.
pub(super) fn normalise(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = trim(bytes);
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len()));
    Breaks::default().strip(bytes, &mut text, |_, _| {});
    text
}

/// Returns bytes without the blanks and breaks at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let ordinary = |byte: &u8| !is_gap(*byte);
    match (bytes.iter().position(ordinary), bytes.iter().rposition(ordinary)) {
        (Some(first), Some(last)) => &bytes[first..=last],
        _ => &[],
    }
}

/// Says whether a byte is a blank or breaks a line.
pub(super) const fn is_gap(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b' ' | b'\t')
}
