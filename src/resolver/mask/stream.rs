//! One stream on its way through the masker.
//!
//! Holds back what may still become an occurrence, and nothing else. Never reads or writes a file: see `copy`.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::resolver::mask::breaks::Breaks;
use crate::resolver::mask::forms::PIECE;
use crate::resolver::mask::needles::Found;
use crate::resolver::mask::{Masker, Needles, Set};

/// How much of a chunk is searched at a time, so that it stays near the processor.
const SLICE: usize = 32 * 1024;

/// Is one stream on its way through a [`Masker`], which it follows when that grows.
///
/// What comes out depends on the bytes that go in, not on how they are cut into chunks. Dropped without
/// [`finish`](Self::finish), it takes along what it holds back.
pub struct MaskStream {
    masker: Masker,
    set: Arc<Set>,
    breaks: Breaks,
    /// What is held back, without breaks; during a push, also what came in.
    text: Zeroizing<Vec<u8>>,
    /// The breaks in `text`.
    marks: Vec<Mark>,
    /// What is held back, as it came.
    raw: Zeroizing<Vec<u8>>,
    /// How many bytes at the start of `text` are part of what is masked already.
    covered: usize,
    /// Whose placeholder was written last.
    last: u32,
}

/// Is a break, or a part of one, that was taken out of the text.
#[derive(Clone, Copy)]
struct Mark {
    /// The byte of the text before which it was.
    at: usize,
    length: usize,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        Self {
            set: masker.set(),
            masker,
            breaks: Breaks::default(),
            text: Zeroizing::default(),
            marks: Vec::new(),
            raw: Zeroizing::default(),
            covered: 0,
            last: 0,
        }
    }

    /// Takes a chunk in, and appends to `out` all that is decided.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.masker.follow(&mut self.set);
        if self.needles().sorted().is_empty() {
            self.breaks.skip(chunk);
            out.extend_from_slice(chunk);
            return;
        }
        if self.text.capacity() == 0 {
            // Less than a needle is held back, so this never grows.
            self.text.reserve_exact(PIECE + SLICE);
        }
        for slice in chunk.chunks(SLICE) {
            let marks = &mut self.marks;
            self.breaks
                .strip(slice, &mut self.text, |at, length| marks.push(Mark { at, length }));
            self.decide(slice, out, false);
        }
    }

    /// Ends the stream, and appends the rest of it to `out`. Another stream may follow.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.masker.follow(&mut self.set);
        self.decide(b"", out, true);
        self.breaks = Breaks::default();
    }

    /// Returns how many bytes it occupies between two pushes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.text.capacity() + self.raw.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    fn needles(&self) -> &Needles {
        &self.set.needles
    }

    /// Writes all that is decided of `text`, of which `slice` came in last.
    fn decide(&mut self, slice: &[u8], out: &mut Vec<u8>, ending: bool) {
        let mut writer = Writer {
            parts: [&self.raw, slice],
            marks: &self.marks,
            removed: 0,
            done: 0,
            out,
        };
        if self.covered > 0 {
            writer.leave_out(self.covered);
        }
        let mut from = 0;
        let hold = loop {
            match self.set.needles.find(&self.text, from, ending) {
                None => break self.text.len(),
                Some(Found::Pending(at)) => break at,
                Some(Found::Occurrence { start, end, name }) => {
                    if end > self.covered {
                        if start >= self.covered {
                            writer.write(start);
                        }
                        if start >= self.covered || name != self.last {
                            writer.out.extend_from_slice(&self.set.placeholders[name as usize]);
                        }
                        writer.leave_out(end);
                        (self.covered, self.last) = (end, name);
                    }
                    from = start + 1;
                }
            }
        };
        if hold >= self.covered {
            writer.write(hold);
        }
        self.keep(hold, slice);
    }

    /// Forgets the text up to `hold`.
    fn keep(&mut self, hold: usize, slice: &[u8]) {
        let gone = self.marks.partition_point(|mark| mark.at <= hold);
        let breaks: usize = self.marks[gone..].iter().map(|mark| mark.length).sum();
        let raw = self.text.len() - hold + breaks;
        if raw <= slice.len() {
            self.raw.clear();
            append(&mut self.raw, &slice[slice.len() - raw..]);
        } else {
            let gone = self.raw.len() + slice.len() - raw;
            self.raw.drain(..gone);
            append(&mut self.raw, slice);
        }
        self.text.drain(..hold);
        self.marks.drain(..gone);
        for mark in &mut self.marks {
            mark.at -= hold;
        }
        self.covered = self.covered.saturating_sub(hold);
    }
}

/// Writes a text as it came, from its start to its end; places are those of bytes of the text without breaks.
struct Writer<'a> {
    /// The text as it came, in two parts.
    parts: [&'a [u8]; 2],
    /// The breaks that are ahead.
    marks: &'a [Mark],
    /// How many bytes of breaks were passed.
    removed: usize,
    /// How much was written or left out, as it came.
    done: usize,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Writes up to a byte, with the break before it.
    fn write(&mut self, to: usize) {
        self.pass(|at| at <= to);
        let end = to + self.removed;
        let [first, second] = self.parts;
        let (from, split) = (self.done, first.len());
        if let Some(part) = first.get(from..end.min(split)) {
            self.out.extend_from_slice(part);
        }
        if let Some(part) = second.get(from.saturating_sub(split)..end.saturating_sub(split)) {
            self.out.extend_from_slice(part);
        }
        self.done = end;
    }

    /// Leaves out everything up to a byte, but not the break before it.
    fn leave_out(&mut self, to: usize) {
        self.pass(|at| at < to);
        self.done = to + self.removed;
    }

    fn pass(&mut self, is_passed: impl Fn(usize) -> bool) {
        // Breaks are passed in their order, but a text without an occurrence passes all of them at once.
        let count = match self.marks.last() {
            Some(last) if is_passed(last.at) => self.marks.len(),
            _ => self.marks.iter().take_while(|mark| is_passed(mark.at)).count(),
        };
        self.removed += self.marks[..count].iter().map(|mark| mark.length).sum::<usize>();
        self.marks = &self.marks[count..];
    }
}

/// Appends to a buffer that leaves nothing behind when it grows.
fn append(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let length = buffer.len() + bytes.len();
    if length > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * buffer.capacity())));
        larger.extend_from_slice(buffer);
        // The outgrown one is wiped here.
        *buffer = larger;
    }
    buffer.extend_from_slice(bytes);
}
