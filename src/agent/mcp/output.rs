//! What a command printed, as much of it as a model is to read: the beginning and the end, and how much lies between.
//!
//! Gets what was masked already: cut before, the rest of a value would not be recognised.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// One stream of a command. Cloning shares it.
#[derive(Clone)]
pub(super) struct Kept(Arc<Mutex<Inner>>);

struct Inner {
    /// How much is kept of the beginning, and as much of the end, in bytes.
    half: usize,
    beginning: Vec<u8>,
    end: VecDeque<u8>,
    total: u64,
}

impl Kept {
    /// Keeps at most `limit` bytes.
    pub(super) fn at_most(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            half: limit / 2,
            beginning: Vec::new(),
            end: VecDeque::new(),
            total: 0,
        })))
    }

    /// Returns how many bytes have come so far.
    pub(super) fn total(&self) -> u64 {
        self.with(|inner| inner.total)
    }

    /// Returns the text, with a line in the place of what is left out, and how many bytes that is.
    pub(super) fn text(&self) -> (String, u64) {
        self.with(|inner| {
            let kept = inner.beginning.len() + inner.end.len();
            let omitted = inner.total.saturating_sub(kept as u64);
            let mut text = inner.beginning.clone();
            if omitted > 0 {
                text.extend_from_slice(format!("\n[… {omitted} bytes left out …]\n").as_bytes());
            }
            text.extend(&inner.end);
            (String::from_utf8_lossy(&text).into_owned(), omitted)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        // Whoever panicked left no half of anything behind.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|inner| {
            inner.total += bytes.len() as u64;
            let room = inner.half - inner.beginning.len();
            let (first, rest) = bytes.split_at(room.min(bytes.len()));
            inner.beginning.extend_from_slice(first);
            let rest = &rest[rest.len().saturating_sub(inner.half)..];
            let too_many = (inner.end.len() + rest.len()).saturating_sub(inner.half);
            inner.end.drain(..too_many);
            inner.end.extend(rest);
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_kept_however_it_comes() {
        let all: Vec<u8> = (0..200u8).map(|n| b'a' + n % 26).collect();
        for chunk in [1, 3, 19, 20, 21, 200] {
            let mut kept = Kept::at_most(20);
            for chunk in all.chunks(chunk) {
                kept.write_all(chunk).unwrap();
            }
            let (text, omitted) = kept.text();
            assert_eq!(omitted, 180);
            assert_eq!(text, "abcdefghij\n[… 180 bytes left out …]\nijklmnopqr");
        }
    }

    #[test]
    fn what_fits_is_whole() {
        let mut kept = Kept::at_most(20);
        kept.write_all(b"0123456789abcdefghij").unwrap();
        assert_eq!(kept.text(), ("0123456789abcdefghij".into(), 0));
        assert_eq!(kept.total(), 20);
        assert_eq!(Kept::at_most(0).text(), (String::new(), 0));
    }
}
