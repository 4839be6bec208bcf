//! The masker: replaces values, and their encodings, in a stream of bytes by `[REDACTED:NAME]`.
//!
//! Knows bytes and names only: never looks a credential up, never starts a program, never prints a value.
//!
//! # The rules
//!
//! 1. *Needles.* Looked for are the value; each of its lines of 8 bytes or more; base64 and its variant for URLs, at
//!    each of the three offsets, both inside of longer data and at its end; hexadecimal digits; percent-encoding; JSON
//!    strings; words of a shell; the value and its lines from the last byte to the first; and a few words with a line
//!    break in place of a blank. Encodings shorter than 6 bytes are not looked for. What several names have in common
//!    belongs to the first.
//! 2. *Line breaks* may be anywhere in an occurrence: neither `fold -w1` nor wrapped base64 hides one. A break is a run
//!    of CR and LF with the blanks after it, of at most 64 bytes; the rest of a longer run is ordinary text. Needles
//!    have no breaks either, and no blanks at their ends. Breaks inside an occurrence vanish with it, all others stay.
//! 3. *Coverage.* No byte of any occurrence comes out, however occurrences overlap. They are told by their start, the
//!    longest first: one that begins where nothing is covered writes its placeholder; one that extends what is covered
//!    writes it unless the last placeholder has that name; one inside of what is covered writes nothing.
//! 4. *Held back* is everything from the earliest byte at which a needle may have begun whose end has not come yet, and
//!    nothing else, for as long as it takes. A beginning of 8 bytes or more at the end of the stream is masked too. An
//!    occurrence whose first break comes within its first three bytes, where the value has none, and which does not begin
//!    its line, is masked from behind that break only: lines would be held back for their last letter otherwise.
//! 5. *Long forms* are cut into needles of [`PIECE`] bytes, each beginning with the last byte of the one before. So
//!    parts of a long value are masked too, and what is held back is bounded, whatever comes.
//!
//! The output is a function of the stream and the needles; how the stream is cut into chunks makes no difference.

mod breaks;
mod encode;
mod forms;
mod needles;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

pub use crate::resolver::mask::forms::PIECE;
pub use crate::resolver::mask::stream::MaskStream;

use crate::resolver::mask::forms::forms;
use crate::resolver::mask::needles::{Needle, Needles};

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// Knows everything that is to be masked. Cloning shares it, and streams follow when it grows.
#[derive(Clone, Default)]
pub struct Masker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Is counted up with every needle, so that streams need no lock to see that there are none.
    generation: AtomicU64,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, u32>,
    /// What streams search for, and what they do not know yet.
    set: Arc<Set>,
    fresh: Vec<Needle>,
    placeholders: Vec<Arc<[u8]>>,
}

/// Is what a stream needs to know, as of a generation.
#[derive(Default)]
struct Set {
    generation: u64,
    needles: Needles,
    /// By the number of the name.
    placeholders: Vec<Arc<[u8]>>,
}

impl Masker {
    /// Knows nothing, and passes everything through.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value with all its forms, under a name. Nothing is ever forgotten.
    pub fn add(&self, name: &str, value: &[u8]) {
        let forms = forms(value);
        let mut state = self.lock();
        let name = state.number(name);
        let known = Arc::clone(&state.set);
        let mut fresh = forms.iter().flat_map(|form| {
            let pieces = form.pieces.iter();
            pieces.filter_map(|piece| Needle::new(&form.bytes, piece, name))
        });
        // Most values are added again and again: then there is nothing to build.
        if fresh.clone().all(|needle| known.needles.contains(&needle)) {
            return;
        }
        state.fresh.extend(&mut fresh);
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    /// Begins a stream.
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.clone())
    }

    /// Renews a set if it is outdated.
    fn follow(&self, set: &mut Arc<Set>) {
        if self.0.generation.load(Ordering::Acquire) != set.generation {
            *set = self.set();
        }
    }

    /// Returns the set of now; whoever is first builds it.
    fn set(&self) -> Arc<Set> {
        let mut state = self.lock();
        if !state.fresh.is_empty() {
            let mut needles = state.set.needles.sorted().to_vec();
            needles.append(&mut state.fresh);
            state.set = Arc::new(Set {
                // Changes under the lock only.
                generation: self.0.generation.load(Ordering::Relaxed),
                needles: Needles::new(needles),
                placeholders: state.placeholders.clone(),
            });
        }
        Arc::clone(&state.set)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left no half of anything behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the number of a name.
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        // As many names would not fit into memory.
        let number = u32::try_from(self.placeholders.len()).unwrap_or(u32::MAX);
        self.names.insert(name.to_owned(), number);
        self.placeholders.push(format!("[REDACTED:{name}]").into_bytes().into());
        number
    }
}

/// Returns what is looked for after a value was added: secrets, for measuring.
pub fn needles(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let masker = Masker::new();
    masker.add("", value);
    let set = masker.set();
    let sorted = set.needles.sorted().iter();
    sorted.map(|needle| Zeroizing::new(needle.bytes().to_vec())).collect()
}

/// Copies a stream to its end, masked. Writes and flushes what is decided after each read.
///
/// # Errors
/// Those of reading and writing; interrupted reads and writes are tried again.
pub fn copy(mut reader: impl Read, mut writer: impl Write, stream: &mut MaskStream) -> io::Result<()> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    let mut out = Vec::new();
    loop {
        let length = match reader.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        match length {
            0 => stream.finish(&mut out),
            _ => stream.push(&chunk[..length], &mut out),
        }
        if !out.is_empty() {
            writer.write_all(&out)?;
            writer.flush()?;
            out.clear();
        }
        if length == 0 {
            return Ok(());
        }
    }
}
