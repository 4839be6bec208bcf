//! The masker, rule by rule; what others let through; and what must hold for any needles in any stream.

mod any;
mod bounds;
mod encodings;
mod streams;

use super::*;

/// A masker that knows these.
fn masker<'a>(credentials: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Masker {
    let masker = Masker::new();
    for (name, value) in credentials {
        masker.add(name, value);
    }
    masker
}

/// Sends chunks through a new stream.
fn masked<'a>(masker: &Masker, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut out = Vec::new();
    for chunk in chunks {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    out
}

/// Sends text through in one chunk, in two that are cut at each byte, and byte by byte; the results are the same.
#[track_caller]
fn masked_anyhow(masker: &Masker, text: &[u8]) -> String {
    let whole = masked(masker, [text]);
    for cut in 1..text.len() {
        let (first, second) = text.split_at(cut);
        let cut_once = masked(masker, [first, second]);
        assert_eq!(show(&whole), show(&cut_once), "{} | {}", show(first), show(second));
    }
    assert_eq!(show(&whole), show(&masked(masker, text.chunks(1))), "byte by byte");
    show(&whole)
}

/// Bytes that a failing test can show.
fn show(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| bytes.escape_ascii().to_string())
}

/// Bytes without a pattern, the same in every run.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| byte()).collect()
}

/// Letters without a pattern.
fn letters(length: usize, seed: u64) -> Vec<u8> {
    noise(length, seed).iter().map(|byte| b'a' + byte % 26).collect()
}
