//! Occurrences in streams: where they are cut, where they overlap, and what is held back.

use std::io::{self, Cursor};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const LONG: &[u8] = b"sk_live_4eC39HqLyjWDarjtT1zdp7dcx8Q2mP5v";

/// Text in lines of a width, each begun and ended like this.
fn folded(text: &str, width: usize, indent: &str, end: &str) -> String {
    let lines = text.as_bytes().chunks(width);
    lines.map(|line| format!("{indent}{}{end}", show(line))).collect()
}

#[test]
fn overlapping_occurrences() {
    let values: [(&str, &[u8]); 5] = [
        ("a", b"aa"),
        ("ab", b"ab-secret"),
        ("s", b"secret-two"),
        ("s", b"two-and-three"),
        ("inner", b"and"),
    ];
    let masker = masker(values);
    for (text, expected) in [
        ("aab-secret", "[REDACTED:a][REDACTED:ab]"),
        ("aaa", "[REDACTED:a]"),
        ("aaaa aa", "[REDACTED:a] [REDACTED:a]"),
        ("xab-secret-two-x", "x[REDACTED:ab][REDACTED:s]-x"),
        ("secret-two-and-three", "[REDACTED:s]"),
        ("secret-twosecret-two", "[REDACTED:s][REDACTED:s]"),
        ("secret-two\nsecret-two\n", "[REDACTED:s]\n[REDACTED:s]\n"),
        (
            "aab-secret-two-and-three-and",
            "[REDACTED:a][REDACTED:ab][REDACTED:s]-[REDACTED:inner]",
        ),
        // The beginning of 8 bytes at the end counts.
        ("aab-secre", "[REDACTED:a][REDACTED:ab]"),
        ("aab-sec", "[REDACTED:a]b-sec"),
    ] {
        assert_eq!(masked_anyhow(&masker, text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn a_needle_that_begins_another_gives_way_to_it() {
    let masker = masker([
        ("short", b"pass".as_slice()),
        ("long", b"password-1"),
        ("mid", b"passw"),
    ]);
    for (text, expected) in [
        ("password-1", "[REDACTED:long]"),
        ("password-2", "[REDACTED:mid]ord-2"),
        ("pass word", "[REDACTED:short] word"),
        ("pass\nword-1", "[REDACTED:long]"),
        ("password", "[REDACTED:long]"),
        ("passwor", "[REDACTED:mid]or"),
        ("pass", "[REDACTED:short]"),
    ] {
        assert_eq!(masked_anyhow(&masker, text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn the_first_name_keeps_what_several_have() {
    let masker = masker([
        ("first", b"same-value".as_slice()),
        ("second", b"same-value"),
        ("third", b"eulav-emas"),
    ]);
    assert_eq!(
        masked_anyhow(&masker, b"same-value eulav-emas"),
        "[REDACTED:first] [REDACTED:first]"
    );
}

#[test]
fn breaks_anywhere() {
    let masker = masker([("t", LONG)]);
    let base64 = STANDARD.encode([b"user:", LONG, b"\n"].concat());
    let long = show(LONG);
    for width in [1, 2, 7, 39] {
        for indent in ["", "    ", "\t"] {
            for end in ["\n", "\r\n", "\r", "\n\n", "\r\r\n"] {
                // It begins its line; at the start of the stream there is nothing that makes an indent one.
                let text = end.to_owned() + &folded(&long, width, indent, end);
                let expected = format!("{end}{indent}[REDACTED:t]{end}");
                assert_eq!(show(&masked(&masker, [text.as_bytes()])), expected, "{text:?}");
                assert_eq!(show(&masked(&masker, text.as_bytes().chunks(1))), expected, "{text:?}");
            }
        }
    }
    for width in [1, 4, 60, 64, 76] {
        for end in ["\n", "\r\n", "\n  "] {
            let text = folded(&base64, width, "", end);
            let out = masked_anyhow(&masker, text.as_bytes());
            let rest = out.replace(['\r', '\n', ' '], "");
            // The end of a line may show up to three characters of it.
            let shown = rest
                .strip_prefix("dXNlcjp")
                .and_then(|rest| rest.strip_suffix("[REDACTED:t]"));
            let at_end = |shown: &str| width == 4 && shown == "z";
            assert!(
                shown.is_some_and(|shown| shown.is_empty() || at_end(shown)),
                "{text:?}: {rest}"
            );
        }
    }
}

#[test]
fn a_break_has_at_most_64_bytes() {
    let masker = masker([("t", b"one-two-three".as_slice())]);
    for (gap, expected) in [
        ("\n".repeat(64), "<[REDACTED:t]>".to_owned()),
        ("\n".repeat(65), format!("<one-two{}-three>", "\n".repeat(65))),
        (format!("\r\n{}", " ".repeat(62)), "<[REDACTED:t]>".to_owned()),
        (
            format!("\r\n{}", " ".repeat(63)),
            format!("<one-two\r\n{}-three>", " ".repeat(63)),
        ),
    ] {
        let text = format!("<one-two{gap}-three>");
        assert_eq!(masked_anyhow(&masker, text.as_bytes()), expected);
    }
}

#[test]
fn breaks_outside_of_occurrences_stay() {
    let masker = masker([("t", b"secret-value".as_slice())]);
    for (text, expected) in [
        ("a\r\n\r\n  secret-value\n\t\nb\n", "a\r\n\r\n  [REDACTED:t]\n\t\nb\n"),
        ("\nsecret-\n value\n", "\n[REDACTED:t]\n"),
        ("secret-\n\nvalu\n\n", "[REDACTED:t]\n\n"),
        ("secret\n\n", "secret\n\n"),
        ("secret-\n\nvaluX\n\n", "secret-\n\nvaluX\n\n"),
        ("secret-secret-value", "secret-[REDACTED:t]"),
    ] {
        assert_eq!(masked_anyhow(&masker, text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn the_beginning_of_a_value_at_the_end_of_the_stream() {
    let masker = masker([("t", LONG)]);
    assert_eq!(masked_anyhow(&masker, &LONG[..20]), "[REDACTED:t]");
    assert_eq!(masked_anyhow(&masker, &LONG[..8]), "[REDACTED:t]");
    assert_eq!(masked_anyhow(&masker, &LONG[..7]), "sk_live");
    assert_eq!(masked_anyhow(&masker, b"key: sk_li\nve_4eC\n"), "key: [REDACTED:t]\n");
    let base64 = STANDARD.encode(LONG);
    assert_eq!(masked_anyhow(&masker, &base64.as_bytes()[..30]), "[REDACTED:t]");
}

#[test]
fn nothing_is_held_back_without_a_reason() {
    let masker = masker([("t", b"xylophone-key".as_slice())]);
    let mut stream = masker.stream();
    let mut out = Vec::new();
    for (chunk, expected) in [
        ("no reason.\r\n\n", "no reason.\r\n\n"),
        ("Password: ", "Password: "),
        ("an x", "an "),
        ("ylo\n", ""),
        ("  ph", ""),
        ("w!", "xylo\n  phw!"),
        // The end of a line, where it is only a few bytes of a beginning; and masked from behind it.
        (" an x", " an "),
        ("yl\n", "xyl\n"),
        ("  o", "  "),
        ("phone-key", "[REDACTED:t]"),
        (".\nxyl\n", ".\n"),
        ("!", "xyl\n!"),
        ("xylophone-kexylo", "xylophone-ke"),
        ("phone-key", "[REDACTED:t]"),
        // The last byte of a value begins its reverse.
        ("\n", "\n"),
        (" \n.", " \n."),
        (" \n", " \n"),
    ] {
        out.clear();
        stream.push(chunk.as_bytes(), &mut out);
        assert_eq!(show(&out), expected, "after {chunk:?}");
    }
    out.clear();
    stream.finish(&mut out);
    assert_eq!(show(&out), "");
}

#[test]
fn a_stream_follows_a_growing_set() {
    let masker = Masker::new();
    let mut stream = masker.stream();
    let mut out = Vec::new();
    stream.push(b"first-value \n ", &mut out);
    masker.clone().add("one", b"first-value");
    stream.push(b"first-value second", &mut out);
    masker.add("two", b"second-value");
    stream.push(b"-value first-va", &mut out);
    masker.add("three", b"va-third-value");
    stream.push(b"-third-value", &mut out);
    stream.finish(&mut out);
    // What was written before a value was known stays.
    assert_eq!(
        show(&out),
        "first-value \n [REDACTED:one] second-value first-[REDACTED:three]"
    );
}

#[test]
fn streams_do_not_share_what_they_hold() {
    let masker = masker([("t", b"secret-value".as_slice())]);
    let (mut one, mut two) = (masker.stream(), masker.stream());
    let (mut out_one, mut out_two) = (Vec::new(), Vec::new());
    one.push(b"1 secret-", &mut out_one);
    two.push(b"value 2 secr", &mut out_two);
    one.push(b"value", &mut out_one);
    two.push(b"et-", &mut out_two);
    one.finish(&mut out_one);
    two.finish(&mut out_two);
    assert_eq!(
        (show(&out_one), show(&out_two)),
        ("1 [REDACTED:t]".into(), "value 2 secret-".into())
    );
    // A finished stream may begin anew.
    one.push(b"secret-value", &mut out_one);
    assert_eq!(show(&out_one), "1 [REDACTED:t][REDACTED:t]");
}

#[test]
fn adding_a_value_again_builds_nothing() {
    let masker = masker([("t", LONG)]);
    let first = masker.set();
    masker.add("t", LONG);
    masker.add("other", LONG);
    assert!(Arc::ptr_eq(&first, &masker.set()));
    masker.add("t", b"another value");
    assert!(!Arc::ptr_eq(&first, &masker.set()));
}

/// Gives a byte at a time, and an interruption before each.
struct Hesitant<'a>(Cursor<&'a [u8]>, bool);

impl Read for Hesitant<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(ErrorKind::Interrupted.into());
        }
        self.0.read(&mut buffer[..1])
    }
}

/// Counts flushes.
#[derive(Default)]
struct Flushed(Vec<u8>, usize);

impl Write for Flushed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1 += 1;
        Ok(())
    }
}

#[test]
fn copying_a_stream() {
    let masker = masker([("t", b"secret-value".as_slice())]);
    let mut writer = Flushed::default();
    let reader = Hesitant(Cursor::new(b"ab secret-value sec"), false);
    copy(reader, &mut writer, &mut masker.stream()).unwrap();
    assert_eq!(show(&writer.0), "ab [REDACTED:t] sec");
    // a, b, blank, placeholder, blank, and at the end `sec`.
    assert_eq!(writer.1, 6);
    let full = copy(b"text".as_slice(), [0_u8; 2].as_mut_slice(), &mut masker.stream());
    assert_eq!(full.unwrap_err().kind(), ErrorKind::WriteZero);
}
