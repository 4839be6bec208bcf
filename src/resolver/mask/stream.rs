//! One stream on its way through the masker.
//!
//! Holds back what may still become an occurrence, and nothing else. Never reads or writes a file: see `copy`.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::resolver::mask::breaks::{Breaks, FEW};
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
    /// How many bytes at the start of `raw` were written already: a line's end that may still begin an occurrence.
    written: usize,
    /// Whether `text` begins a line.
    line_start: bool,
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
            written: 0,
            line_start: true,
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
        self.line_start = true;
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
            done: self.written,
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
                Some(Found::Occurrence {
                    start,
                    end,
                    name,
                    whole,
                }) => {
                    if end > self.covered {
                        let seen = if whole { start } else { self.masked_from(start, end) };
                        if seen >= self.covered {
                            writer.write(seen);
                        }
                        if seen >= self.covered || name != self.last {
                            writer.out.extend_from_slice(&self.set.placeholders[name as usize]);
                        }
                        writer.leave_out(end);
                        (self.covered, self.last) = (end, name);
                    }
                    from = start + 1;
                }
            }
        };
        let seen = self.masked_from(hold, usize::MAX);
        // What is complete might lie in what would be written, or begin there and be masked as a whole.
        let may_be_seen = self.needles().shortest() > FEW && !self.needles().may_begin_whole(&self.text[hold..seen]);
        let seen = if may_be_seen { seen } else { hold };
        if seen >= self.covered {
            writer.write(seen);
        }
        let written = writer.done;
        self.keep(hold, slice, written);
    }

    /// Returns from where on an occurrence is masked: its start, or behind its first break, if that comes within the first few bytes and the
    /// occurrence does not begin its line. Else many a line would be held back for its last letter.
    fn masked_from(&self, start: usize, end: usize) -> usize {
        let next = self.marks.partition_point(|mark| mark.at < start);
        let begins_line = match self.marks.get(next) {
            Some(mark) if mark.at == start => true,
            _ => start == 0 && self.line_start,
        };
        match self.marks.get(next) {
            Some(mark) if !begins_line && mark.at <= start + FEW && mark.at < end => mark.at,
            _ => start,
        }
    }

    /// Forgets the text up to `hold`. `written` of what came was written or left out.
    fn keep(&mut self, hold: usize, slice: &[u8], written: usize) {
        let gone = self.marks.partition_point(|mark| mark.at <= hold);
        let begins_line = self.marks[..gone].last().is_some_and(|mark| mark.at == hold);
        self.line_start = begins_line || (hold == 0 && self.line_start);
        let breaks: usize = self.marks[gone..].iter().map(|mark| mark.length).sum();
        let raw = self.text.len() - hold + breaks;
        self.written = written.saturating_sub(self.raw.len() + slice.len() - raw);
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
    /// Writes up to a byte, with the break before it; what was written before is not written again.
    fn write(&mut self, to: usize) {
        self.pass(|at| at <= to);
        let end = to + self.removed;
        if end <= self.done {
            return;
        }
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
        self.done = self.done.max(to + self.removed);
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
