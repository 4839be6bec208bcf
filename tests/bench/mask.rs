//! Masking: how fast text goes through, beside `aho-corasick` with the same needles, and how long it takes to begin.
//!
//! In this process and on one processor, from memory to memory.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use aho_corasick::AhoCorasick;
use fleetvault::resolver::mask::{self, Masker};

use crate::timing::{Promise, median, print, print_figure, ratios};

/// The size of a text, and of what is pushed at a time.
const SIZE: usize = 32 << 20;
const CHUNK: usize = 64 * 1024;

const RUNS: usize = 11;

pub fn masking() {
    let few = masker(3);
    let texts = [
        ("log lines of 80 bytes", log_lines(80), Promise::AtLeast(1.0)),
        ("log lines of 20 bytes", log_lines(20), Promise::None),
        ("base64 in lines of 76", base64_lines(), Promise::None),
    ];
    for (what, text, promise) in &texts {
        let times: Vec<Duration> = (0..RUNS).map(|_| time(|| pass(&few, text))).collect();
        let rate = text.len() as f64 / median(times).as_secs_f64() / 1e9;
        print_figure(&format!("mask 3 credentials in {what}"), rate, "GB/s", *promise);
    }
    for (what, text, _) in &texts {
        against_aho_corasick(what, text);
    }
    latency(&few);
    for credentials in [1, 3, 100] {
        let times = (0..101).map(|_| time(|| drop(black_box(ready(credentials)))));
        let micros = median(times.collect()).as_secs_f64() * 1e6;
        let what = format!("mask: to know {credentials} credentials");
        let promise = if credentials <= 3 {
            Promise::AtMost(50.0)
        } else {
            Promise::None
        };
        print_figure(&what, micros, "µs", promise);
    }
}

/// The needles of 100 credentials, replaced by both.
fn against_aho_corasick(what: &str, text: &[u8]) {
    let many = masker(100);
    let needles: Vec<_> = (0..100).flat_map(|n| mask::needles(&token(n))).collect();
    let aho = AhoCorasick::new(needles.iter().map(|needle| needle.as_slice())).unwrap();
    let placeholders = vec!["[REDACTED:token]"; needles.len()];
    let (mut ours, mut other) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(time(|| pass(&many, text)));
        other.push(time(|| {
            let mut out = Vec::with_capacity(text.len());
            aho.try_stream_replace_all(text, &mut out, &placeholders).unwrap();
            black_box(out);
        }));
    }
    print(
        &format!("mask {} needles in {what} / aho-corasick", needles.len()),
        1.0,
        &ratios(ours, other),
    );
}

/// From a push of one line to its bytes.
fn latency(masker: &Masker) {
    // Its end begins no needle, so nothing of it is held back.
    let line = [&log_lines(80)[..78], b".\n"].concat();
    let mut stream = masker.stream();
    let mut out = Vec::with_capacity(line.len());
    let times = (0..10_001).map(|_| {
        out.clear();
        let time = time(|| stream.push(&line, &mut out));
        assert_eq!(out, line);
        time
    });
    let micros = median(times.collect()).as_secs_f64() * 1e6;
    print_figure(
        "mask: a line of 80 bytes is out after",
        micros,
        "µs",
        Promise::AtMost(1000.0),
    );
}

fn pass(masker: &Masker, text: &[u8]) {
    let mut stream = masker.stream();
    let mut out = Vec::with_capacity(2 * CHUNK);
    let mut length = 0;
    for chunk in text.chunks(CHUNK) {
        out.clear();
        stream.push(chunk, &mut out);
        length += black_box(&out).len();
    }
    out.clear();
    stream.finish(&mut out);
    assert_eq!(length + out.len(), text.len(), "a text without an occurrence");
}

fn masker(credentials: usize) -> Masker {
    let masker = Masker::new();
    for number in 0..credentials {
        masker.add(&format!("token{number}"), &token(number));
    }
    masker
}

/// A masker that has built its tables.
fn ready(credentials: usize) -> Masker {
    let masker = masker(credentials);
    masker.stream();
    masker
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// A token of 40 letters and digits.
fn token(number: usize) -> Vec<u8> {
    let mut random = Random(number as u64 + 1);
    (0..40)
        .map(|_| random.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
        .collect()
}

/// Lines of words and numbers, of exactly this many bytes.
fn log_lines(width: usize) -> Vec<u8> {
    const WORDS: &str = "INFO WARN request response user from to at id status=200 path=/api/v1/items took ms client \
                         connection closed opened retry cache miss hit worker thread started finished Error: timeout \
                         2026-11-24T08:21:25Z";
    let words: Vec<&str> = WORDS.split(' ').collect();
    let mut random = Random(42);
    let mut text = Vec::with_capacity(SIZE + 100);
    while text.len() < SIZE {
        let start = text.len();
        while text.len() < start + width {
            text.extend_from_slice(words[random.below(words.len())].as_bytes());
            text.extend_from_slice(format!(" {} ", random.below(100_000)).as_bytes());
        }
        text.truncate(start + width - 1);
        text.push(b'\n');
    }
    text
}

fn base64_lines() -> Vec<u8> {
    let mut random = Random(7);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let byte = |at: usize| if at % 77 == 76 { b'\n' } else { random.of(alphabet) };
    (0..SIZE).map(byte).collect()
}

/// A generator of numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn of(&mut self, bytes: &[u8]) -> u8 {
        bytes[self.below(bytes.len())]
    }
}
