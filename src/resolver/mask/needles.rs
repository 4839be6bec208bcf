//! The needles of all values, and where they are in a text.
//!
//! Searches one text at a time, and knows neither breaks nor what is written: see `stream.rs`. Never changes once
//! built; what is derived from needles is wiped when dropped, as they are.
//!
//! The search is that of Wu and Manber: of a window as long as the shortest needle (or less), the last few bytes tell
//! how far it may move without missing a needle. Only where they tell nothing, the text is looked up.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::resolver::mask::forms::Piece;

/// The end of a stream cuts needles off. A beginning of at least this many bytes is masked, as it may be most of one.
pub(super) const SHORTEST_REST: usize = 8;

/// The bytes of a needle that its key is made of, at most.
const KEY: usize = 8;

/// The bytes which tell how far a window may move, at most.
const BLOCK: usize = 4;

/// Is a byte string to be found. Cloning shares the bytes.
#[derive(Clone)]
pub(super) struct Needle {
    block: Arc<Zeroizing<Vec<u8>>>,
    start: u32,
    length: u32,
    /// Whose it is, as a number.
    pub(super) name: u32,
    /// Whether it is always masked from its first byte.
    pub(super) whole: bool,
}

impl Needle {
    /// Returns none for what is beyond 4 GiB.
    pub(super) fn new(block: &Arc<Zeroizing<Vec<u8>>>, piece: &Piece, name: u32) -> Option<Self> {
        Some(Self {
            block: Arc::clone(block),
            start: piece.range.start.try_into().ok()?,
            length: piece.range.len().try_into().ok()?,
            name,
            whole: piece.whole,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.block[self.start as usize..][..self.length as usize]
    }
}

/// Is what a search comes upon first.
pub(super) enum Found {
    /// The longest needle that begins at `start`.
    Occurrence {
        start: usize,
        end: usize,
        name: u32,
        whole: bool,
    },
    /// The rest of the text begins a needle.
    Pending(usize),
}

/// Holds needles, sorted, and what is needed to find them.
#[derive(Default)]
pub(super) struct Needles {
    sorted: Vec<Needle>,
    /// For each needle, the longest other one that it begins with.
    parents: Vec<Option<u32>>,
    /// Where needles begin that begin with a byte; one more than bytes.
    firsts: Vec<u32>,
    /// Those that are always masked from their first byte.
    whole: Vec<u32>,
    /// How many bytes the shortest needle has.
    shortest: usize,
    /// How many bytes a window has: no more than the shortest needle.
    window: usize,
    /// How many bytes of a window are looked at first.
    block: usize,
    /// By the hash of a block: how far the window may move.
    shifts: Zeroizing<Vec<u8>>,
    /// By the hash of a key, or in a place that follows it: the key, and the needles that begin with it.
    keys: Zeroizing<Vec<u64>>,
    ranges: Vec<(u32, u32)>,
}

impl Needles {
    /// Builds the tables. Of equal needles, the first counts.
    pub(super) fn new(mut needles: Vec<Needle>) -> Self {
        needles.sort_by(|a, b| a.bytes().cmp(b.bytes()));
        needles.dedup_by(|later, first| {
            let same = later.bytes() == first.bytes();
            first.whole |= same && later.whole;
            same
        });
        let Some(shortest) = needles.iter().map(|needle| needle.bytes().len()).min() else {
            return Self::default();
        };
        let window = shortest.min(widest(needles.len()));
        let mut this = Self {
            parents: parents(&needles),
            whole: (0..)
                .zip(&needles)
                .filter(|(_, needle)| needle.whole)
                .map(|(index, _)| index)
                .collect(),
            firsts: firsts(&needles),
            shortest,
            window,
            block: window.min(BLOCK),
            sorted: needles,
            ..Self::default()
        };
        this.fill_shifts();
        this.fill_keys();
        this
    }

    pub(super) fn sorted(&self) -> &[Needle] {
        &self.sorted
    }

    /// Returns how many bytes the shortest one has.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Says whether one like this is there already.
    pub(super) fn contains(&self, wanted: &Needle) -> bool {
        let found = self
            .sorted
            .binary_search_by(|needle| needle.bytes().cmp(wanted.bytes()));
        found.is_ok_and(|index| self.sorted[index].whole || !wanted.whole)
    }

    /// Says whether one that is masked from its first byte may begin within a text of a few bytes, and go on behind it.
    pub(super) fn may_begin_whole(&self, text: &[u8]) -> bool {
        let begins = |rest: &[u8]| {
            let above = self
                .whole
                .partition_point(|index| self.sorted[*index as usize].bytes() < rest);
            self.whole
                .get(above)
                .is_some_and(|index| self.sorted[*index as usize].bytes().starts_with(rest))
        };
        (0..text.len()).any(|at| begins(&text[at..]))
    }

    /// Finds what begins first at or after a place of a text. At the end of a stream nothing is pending any more.
    pub(super) fn find(&self, text: &[u8], from: usize, ending: bool) -> Option<Found> {
        match self.block {
            0 => None,
            1 => self.scan::<1>(text, from, ending),
            2 => self.scan::<2>(text, from, ending),
            3 => self.scan::<3>(text, from, ending),
            _ => self.scan::<BLOCK>(text, from, ending),
        }
    }

    fn scan<const B: usize>(&self, text: &[u8], from: usize, ending: bool) -> Option<Found> {
        let shifts = self.shifts.as_slice();
        let bits = shifts.len().trailing_zeros();
        let mut end = from + self.window;
        while let Some(block) = text.get(end - B..end) {
            match shifts[slot::<B>(block, bits)] {
                0 => {
                    if let Some(found) = self.look_up(text, end - self.window, ending) {
                        return Some(found);
                    }
                    end += 1;
                }
                shift => end += usize::from(shift),
            }
        }
        // Too few bytes for a needle. A move past a place also rules out that a needle begins there and goes on.
        (end - self.window..text.len()).find_map(|at| self.rest(text, at, ending))
    }

    /// Looks at a place at which a whole window is left.
    fn look_up(&self, text: &[u8], at: usize, ending: bool) -> Option<Found> {
        let rest = &text[at..];
        let (low, high) = self.range(rest)?;
        let candidates = &self.sorted[low..high];
        let above = low + candidates.partition_point(|needle| needle.bytes() <= rest);
        // The needles that the text begins with are the one right below it and those which that one begins with.
        let mut below = above.checked_sub(1).filter(|below| *below >= low);
        while let Some(index) = below {
            if rest.starts_with(self.sorted[index].bytes()) {
                break;
            }
            below = self.parents[index].map(|parent| parent as usize);
        }
        let complete = below.map(|index| {
            let needle = &self.sorted[index];
            Found::Occurrence {
                start: at,
                end: at + needle.bytes().len(),
                name: needle.name,
                whole: needle.whole,
            }
        });
        match &complete {
            Some(Found::Occurrence { end, .. }) if ending && *end == text.len() => complete,
            _ => self.begun(text, at, above, ending).or(complete),
        }
    }

    /// Looks at a place at which less than a window is left.
    fn rest(&self, text: &[u8], at: usize, ending: bool) -> Option<Found> {
        let rest = &text[at..];
        if ending && rest.len() < SHORTEST_REST {
            return None;
        }
        let (low, high) = if rest.len() >= KEY {
            self.range(rest)?
        } else {
            let first = usize::from(*rest.first()?);
            (self.firsts[first] as usize, self.firsts[first + 1] as usize)
        };
        let above = low + self.sorted[low..high].partition_point(|needle| needle.bytes() <= rest);
        self.begun(text, at, above, ending)
    }

    /// Says whether the needle that sorts right above the rest of a text begins with it.
    fn begun(&self, text: &[u8], at: usize, above: usize, ending: bool) -> Option<Found> {
        let rest = &text[at..];
        let needle = self.sorted.get(above)?;
        let bytes = needle.bytes();
        if rest.len() >= bytes.len() || !bytes.starts_with(rest) {
            None
        } else if !ending {
            Some(Found::Pending(at))
        } else if rest.len() >= SHORTEST_REST {
            Some(Found::Occurrence {
                start: at,
                end: text.len(),
                name: needle.name,
                whole: needle.whole,
            })
        } else {
            None
        }
    }

    /// Finds the needles that share the key of a text.
    fn range(&self, text: &[u8]) -> Option<(usize, usize)> {
        let key = self.key(text);
        let mut slot = self.key_slot(key);
        loop {
            let (low, high) = self.ranges[slot];
            if low == high {
                return None;
            }
            if self.keys[slot] == key {
                return Some((low as usize, high as usize));
            }
            slot = (slot + 1) & (self.keys.len() - 1);
        }
    }

    fn key(&self, text: &[u8]) -> u64 {
        if let (KEY.., Some(bytes)) = (self.window, text.first_chunk::<KEY>()) {
            return u64::from_le_bytes(*bytes);
        }
        let length = self.window.min(KEY).min(text.len());
        let mut bytes = [0; KEY];
        bytes[..length].copy_from_slice(&text[..length]);
        u64::from_le_bytes(bytes)
    }

    fn key_slot(&self, key: u64) -> usize {
        let bits = self.keys.len().trailing_zeros();
        // A product's highest bits depend on all of the key.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - bits)) as usize
    }

    fn fill_shifts(&mut self) {
        let (window, block) = (self.window, self.block);
        let farthest = window - block + 1;
        let beginnings = || {
            let sorted = self.sorted.iter().map(|needle| &needle.bytes()[..window]);
            // Equal ones follow each other.
            sorted.scan(None, |before, beginning| {
                Some((before.replace(beginning) != Some(beginning)).then_some(beginning))
            })
        };
        let bits = table_bits(beginnings().flatten().count() * farthest);
        let mut shifts = Zeroizing::new(vec![u8::try_from(farthest).unwrap_or(u8::MAX); 1 << bits]);
        for beginning in beginnings().flatten() {
            for (at, bytes) in beginning.windows(block).enumerate() {
                let slot = match block {
                    1 => slot::<1>(bytes, bits),
                    2 => slot::<2>(bytes, bits),
                    3 => slot::<3>(bytes, bits),
                    _ => slot::<BLOCK>(bytes, bits),
                };
                let shift = farthest - 1 - at;
                shifts[slot] = shifts[slot].min(u8::try_from(shift).unwrap_or(u8::MAX));
            }
        }
        self.shifts = shifts;
    }

    fn fill_keys(&mut self) {
        // At most half of the places are taken, so a search for a free one ends.
        let size = (self.sorted.len() * 2).next_power_of_two().max(2);
        self.keys = Zeroizing::new(vec![0; size]);
        self.ranges = vec![(0, 0); size];
        let mut low = 0;
        while low < self.sorted.len() {
            let key = self.key(self.sorted[low].bytes());
            let same = self.sorted[low..]
                .iter()
                .take_while(|needle| self.key(needle.bytes()) == key);
            let high = low + same.count();
            let mut slot = self.key_slot(key);
            while self.ranges[slot].0 < self.ranges[slot].1 {
                slot = (slot + 1) & (size - 1);
            }
            self.keys[slot] = key;
            self.ranges[slot] = (number(low), number(high));
            low = high;
        }
    }
}

/// Returns the widest window that is worth its entries in the table of shifts.
const fn widest(needles: usize) -> usize {
    if needles <= 512 {
        32
    } else if needles <= 4096 {
        16
    } else {
        8
    }
}

/// Returns the size of a table with so many entries, as a power of two: sparse, but near the processor.
fn table_bits(entries: usize) -> u32 {
    (entries * 8).next_power_of_two().trailing_zeros().clamp(10, 18)
}

/// Hashes a block into a table of so many bits.
#[inline(always)]
fn slot<const B: usize>(block: &[u8], bits: u32) -> usize {
    let mut bytes = [0; BLOCK];
    bytes[..B].copy_from_slice(&block[..B]);
    (u32::from_le_bytes(bytes).wrapping_mul(0x9e37_79b1) >> (u32::BITS - bits)) as usize
}

/// Finds, for each of the sorted needles, the longest other one that it begins with.
fn parents(sorted: &[Needle]) -> Vec<Option<u32>> {
    let mut parents: Vec<Option<u32>> = Vec::with_capacity(sorted.len());
    for (index, needle) in sorted.iter().enumerate() {
        // Those that a needle begins with come before it, and the one right before it begins with them too.
        let mut parent = index.checked_sub(1);
        while let Some(candidate) = parent {
            if needle.bytes().starts_with(sorted[candidate].bytes()) {
                break;
            }
            parent = parents[candidate].map(|parent| parent as usize);
        }
        parents.push(parent.map(number));
    }
    parents
}

/// Finds, for each byte, the first of the sorted needles that begins with it or a greater one.
fn firsts(sorted: &[Needle]) -> Vec<u32> {
    let mut firsts = vec![0; 257];
    for needle in sorted {
        firsts[usize::from(needle.bytes()[0]) + 1] += 1;
    }
    for byte in 0..256 {
        firsts[byte + 1] += firsts[byte];
    }
    firsts
}

/// Narrows an index: as many needles fill hundreds of gigabytes.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
