//! Long values, and how much memory a stream may need.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

#[test]
fn a_long_value_is_one_placeholder_however_it_is_encoded() {
    for length in [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 5000] {
        let value = letters(length, 5);
        let masker = masker([("long", value.as_slice())]);
        let base64 = STANDARD.encode(&value);
        let wrapped: String = base64.as_bytes().chunks(76).map(|line| show(line) + "\n").collect();
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        let reversed: Vec<u8> = value.iter().rev().copied().collect();
        for (form, end) in [
            (&value, ""),
            (&base64.into_bytes(), ""),
            (&wrapped.into_bytes(), "\n"),
            (&hex.into_bytes(), ""),
            (&reversed, ""),
        ] {
            let text = [b"<< ", form.as_slice(), b" >>"].concat();
            let expected = format!("<< [REDACTED:long]{end} >>");
            for size in [text.len(), 1000, 7, 1] {
                assert_eq!(
                    show(&masked(&masker, text.chunks(size))),
                    expected,
                    "{length} in chunks of {size}"
                );
            }
        }
    }
}

#[test]
fn parts_of_a_long_value_are_masked() {
    let value = letters(10 * PIECE, 6);
    let masker = masker([("long", value.as_slice())]);
    let part = &value[PIECE / 2..PIECE * 4];
    let out = masked(&masker, [part]);
    assert!(show(&out).contains("[REDACTED:long]"));
    assert!(out.len() < PIECE, "{}", out.len());
    let out = masked(&masker, [&value[..PIECE + 100]]);
    assert_eq!(show(&out), "[REDACTED:long]");
}

#[test]
fn a_value_of_a_megabyte() {
    let value = noise(1 << 20, 7);
    let masker = Masker::new();
    let start = Instant::now();
    masker.add("large", &value);
    let mut stream = masker.stream();
    let elapsed = start.elapsed();
    // A second at most where the compiler optimises.
    assert!(
        elapsed < Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 1 }),
        "{elapsed:?}"
    );
    let set = masker.set();
    let needles = set.needles.sorted();
    assert!(needles.iter().all(|needle| needle.bytes().len() <= PIECE));
    // Bytes, and what the tables have for each needle.
    let memory: usize = needles.iter().map(|needle| needle.bytes().len() + 64).sum();
    assert!(memory < 60 << 20, "{memory}");

    let base64 = STANDARD.encode(&value);
    for form in [value.as_slice(), base64.as_bytes()] {
        let mut out = Vec::new();
        for chunk in form.chunks(50_000) {
            stream.push(chunk, &mut out);
        }
        stream.finish(&mut out);
        assert_eq!(show(&out), "[REDACTED:large]");
    }
}

#[test]
fn line_feeds_after_a_beginning_fill_no_memory() {
    let masker = masker([("t", b"secret-value".as_slice())]);
    let mut stream = masker.stream();
    let feeds = vec![b'\n'; 1 << 20];
    let mut out = Vec::new();
    stream.push(b"secret-", &mut out);
    let mut length = 0;
    for _ in 0..50 {
        stream.push(&feeds, &mut out);
        length += out.len();
        out.clear();
        assert!(stream.memory() < 256 * 1024, "{}", stream.memory());
    }
    assert_eq!(length, 7 + (50 << 20));
}

#[test]
fn the_longest_beginning_with_the_longest_breaks_fills_no_memory() {
    let value = letters(3 * PIECE, 8);
    let masker = masker([("t", value.as_slice())]);
    let mut stream = masker.stream();
    let mut out = Vec::new();
    let breaks = [b'\n'; 64];
    for byte in &value[..PIECE - 1] {
        stream.push(&[*byte], &mut out);
        stream.push(&breaks, &mut out);
    }
    assert_eq!(out, b"");
    assert!(stream.memory() < 256 * 1024, "{}", stream.memory());
    stream.push(b"#", &mut out);
    assert_eq!(out.len(), (PIECE - 1) * 65 + 1);
}

#[test]
fn the_worst_repetitions_end_in_time() {
    let value = vec![b'a'; 100_000];
    let masker = masker([("a", value.as_slice()), ("one", b"a"), ("ab", &[b'a'; 900])]);
    let start = Instant::now();
    let out = masked(&masker, value.chunks(4096));
    assert!(out.len() < 100, "{}", show(&out));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
