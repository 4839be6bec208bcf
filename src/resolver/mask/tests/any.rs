//! Any needles in any stream, beside the rules written down naively; and any stream without needles.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::resolver::mask::breaks::Breaks;

/// A byte of a stream that is no part of a break, and the place it had.
type Ordinary = (u8, usize);

/// Rule 2, byte by byte.
fn without_breaks(stream: &[u8]) -> Vec<Ordinary> {
    let mut kept = Vec::new();
    let mut run = 0;
    for (place, &byte) in stream.iter().enumerate() {
        let breaks = matches!(byte, b'\r' | b'\n');
        run = if breaks || (run > 0 && matches!(byte, b' ' | b'\t')) {
            run + 1
        } else {
            0
        };
        if run == 0 || run > 64 {
            kept.push((byte, place));
        }
    }
    kept
}

/// Says whether a break stands before a byte.
fn follows_break(text: &[Ordinary], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| text[before].1 + 1);
    text[at].1 != before.unwrap_or(0)
}

/// Rules 3 and 4, by trying all needles everywhere in the whole stream.
fn naive(needles: &[(Vec<u8>, String, bool)], stream: &[u8]) -> Vec<u8> {
    let text = without_breaks(stream);
    let bytes: Vec<u8> = text.iter().map(|(byte, _)| *byte).collect();
    let mut out = Vec::new();
    let (mut covered, mut written, mut last) = (0, 0, "");
    for start in 0..bytes.len() {
        let rest = &bytes[start..];
        let cut_off = |needle: &[u8]| rest.len() >= 8 && needle.starts_with(rest);
        let longest = needles
            .iter()
            .filter(|(needle, ..)| rest.starts_with(needle) || cut_off(needle))
            // The longest, and of equally long ones the first in the order of bytes.
            .min_by_key(|(needle, ..)| (std::cmp::Reverse(needle.len().min(rest.len())), needle.clone()));
        let Some((needle, name, whole)) = longest else { continue };
        let end = start + needle.len().min(rest.len());
        if end <= covered {
            continue;
        }
        let begins_line = start == 0 || follows_break(&text, start);
        let cut = (start + 1..end.min(start + 4)).find(|&at| follows_break(&text, at));
        let seen = cut.filter(|_| !begins_line && !whole).unwrap_or(start);
        if seen >= covered {
            out.extend_from_slice(&stream[written..text[seen].1]);
        }
        if seen >= covered || name != last {
            out.extend_from_slice(format!("[REDACTED:{name}]").as_bytes());
        }
        (covered, written, last) = (end, text[end - 1].1 + 1, name);
    }
    out.extend_from_slice(&stream[written..]);
    out
}

/// The needles of values, each with the name that had it first.
fn named<'a>(values: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<(Vec<u8>, String, bool)> {
    let mut all: Vec<(Vec<u8>, String, bool)> = Vec::new();
    for (name, value) in values {
        let masker = masker([("", value)]);
        for needle in masker.set().needles.sorted() {
            match all.iter_mut().find(|(known, ..)| known == needle.bytes()) {
                Some((_, _, whole)) => *whole |= needle.whole,
                None => all.push((needle.bytes().to_vec(), name.to_owned(), needle.whole)),
            }
        }
    }
    all
}

/// Sends text through in chunks that end at these places.
fn masked_cut(masker: &Masker, text: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    masked(masker, places.windows(2).map(|pair| &text[pair[0]..pair[1]]))
}

fn few_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(b"aaaabbb\n ".to_vec()), 0..most)
}

/// Long runs of blanks and breaks among letters.
fn long_runs() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        few_bytes(6),
        (prop::sample::select(b"\n\r ".to_vec()), 60..70_usize).prop_map(|(byte, count)| vec![byte; count]),
    ];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn as_the_naive_masker(
        values in vec(few_bytes(14), 1..5),
        stream in prop_oneof![few_bytes(120), long_runs()],
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let names = ["one", "two", "three", "two", "five"];
        let values: Vec<(&str, &[u8])> = names.into_iter().zip(values.iter().map(Vec::as_slice)).collect();
        let masker = masker(values.iter().copied());
        let expected = naive(&named(values.iter().copied()), &stream);
        prop_assert_eq!(show(&expected), show(&masked_cut(&masker, &stream, &cuts)));
        prop_assert_eq!(show(&expected), show(&masked(&masker, stream.chunks(1))));
    }

    #[test]
    fn as_the_naive_masker_with_long_needles(
        values in vec(vec(prop::sample::select(b"ab".to_vec()), 1..60), 1..30),
        picks in vec((any::<prop::sample::Index>(), 0..60_usize, few_bytes(3)), 0..12),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut stream = Vec::new();
        for (pick, length, gap) in picks {
            let value: &Vec<u8> = pick.get(&values);
            stream.extend_from_slice(&value[..length.min(value.len())]);
            stream.extend(gap);
        }
        let names: Vec<String> = (0..values.len()).map(|number| (number % 7).to_string()).collect();
        let values = || names.iter().map(String::as_str).zip(values.iter().map(Vec::as_slice));
        let masker = masker(values());
        let expected = naive(&named(values()), &stream);
        prop_assert_eq!(show(&expected), show(&masked_cut(&masker, &stream, &cuts)));
    }

    #[test]
    fn without_needles_everything_passes(
        stream in vec(any::<u8>(), 0..2000),
        cuts in vec(any::<prop::sample::Index>(), 0..10),
    ) {
        prop_assert_eq!(&stream, &masked_cut(&Masker::new(), &stream, &cuts));
    }

    #[test]
    fn without_occurrences_everything_passes(
        stream in vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b' '), Just(b's')], 0..2000),
        cuts in vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let masker = masker([("t", b"secret-value-of-forty-bytes-or-so".as_slice()), ("u", b"another secret")]);
        prop_assert_eq!(&stream, &masked_cut(&masker, &stream, &cuts));
    }

    #[test]
    fn a_break_is_the_same_whether_anyone_looks(chunks in vec(long_runs(), 1..6)) {
        // A stream that had no needle for a while goes on like one that had.
        let (mut stripped, mut skipped) = (Breaks::default(), Breaks::default());
        for chunk in chunks {
            stripped.strip(&chunk, &mut Vec::new(), |_, _| {});
            skipped.skip(&chunk);
            prop_assert_eq!(stripped, skipped);
        }
    }
}
