//! Each form of a value, alone and inside of other data.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::*;

const TOKEN: &[u8] = b"tok?>9f/K2~\x7fvQ7+xZ==";
const TEXT: &str = "p'\"\\ä$`<&>\u{1f511}/\t~ x!";

/// What is written for the form of a value between brackets.
#[track_caller]
fn hidden(value: &[u8], form: &[u8]) {
    let masker = masker([("v", value)]);
    let text = [b"(((".as_slice(), form, b")))"].concat();
    assert_eq!(masked_anyhow(&masker, &text), "((([REDACTED:v])))", "{}", show(form));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_value_and_its_digits() {
    hidden(TOKEN, TOKEN);
    hidden(b"x", b"x");
    hidden(TOKEN, hex(TOKEN).as_bytes());
    hidden(TOKEN, hex(TOKEN).to_uppercase().as_bytes());
    hidden(&[0, 255, 10, 13, 254, 1, 2, 3], &[0, 255, 10, 13, 254, 1, 2, 3]);
}

#[test]
fn base64_that_ends_with_the_value() {
    for length in [18, 19, 20] {
        for value in [&TOKEN[..length], &noise(length, 3)] {
            for before in 0..3 {
                let data = [&b"ab"[..before], value].concat();
                let skipped = (before * 8_usize).div_ceil(6);
                for end in ["", "\n"] {
                    let data = [&data, end.as_bytes()].concat();
                    hidden(value, &STANDARD.encode(&data).as_bytes()[skipped..]);
                    hidden(value, &STANDARD_NO_PAD.encode(&data).as_bytes()[skipped..]);
                    hidden(value, &URL_SAFE.encode(&data).as_bytes()[skipped..]);
                    hidden(value, &URL_SAFE_NO_PAD.encode(&data).as_bytes()[skipped..]);
                }
            }
        }
    }
    hidden(
        b"sixteen letters!\r\n\r\n",
        STANDARD.encode("sixteen letters!\r\n\r\n").as_bytes(),
    );
}

#[test]
fn base64_of_longer_data_leaves_only_characters_shared_with_neighbours() {
    for before in 0..6 {
        for after in 0..4 {
            let data = [&b"before"[..before], TOKEN, &b"after"[..after + 1]].concat();
            for text in [STANDARD.encode(&data), URL_SAFE.encode(&data)] {
                let out = masked_anyhow(&masker([("v", TOKEN)]), text.as_bytes());
                let kept = out.replace("[REDACTED:v]", "").replace('=', "");
                assert_eq!(out.matches("[REDACTED:v]").count(), 1, "{out}");
                // A character holds six bits: those which are not the value's alone, rounded up.
                let most = (before * 8).div_ceil(6) + ((after + 1) * 8).div_ceil(6) + 2;
                assert!(kept.len() <= most, "{out}");
            }
        }
    }
}

#[test]
fn percent_encoding() {
    let value = b"a b/c~d*e!f'g(h)\xc3\xa4_-.";
    let forms = [
        "a%20b%2Fc~d%2Ae%21f%27g%28h%29%C3%A4_-.",
        "a%20b%2Fc~d*e!f'g(h)%C3%A4_-.",
        "a%20b/c~d%2Ae%21f%27g%28h%29%C3%A4_-.",
        "a+b%2Fc~d%2Ae%21f%27g%28h%29%C3%A4_-.",
        "a+b%2Fc%7Ed*e%21f%27g%28h%29%C3%A4_-.",
    ];
    for form in forms {
        hidden(value, form.as_bytes());
        let lower = form
            .replace("%2F", "%2f")
            .replace("%2A", "%2a")
            .replace("%C3%A4", "%c3%a4");
        hidden(value, lower.replace("%7E", "%7e").as_bytes());
    }
}

#[test]
fn json_strings() {
    let minimal = serde_json::to_string(TEXT).unwrap();
    let minimal = minimal.trim_matches('"').replace("p'\\\\\"", "p'\\\"");
    hidden(TEXT.as_bytes(), minimal.as_bytes());
    // As printed by Python 3, Go 1.22 and PHP 8.
    hidden(TEXT.as_bytes(), br#"p'\"\\\u00e4$`<&>\ud83d\udd11/\t~ x!"#);
    hidden(
        TEXT.as_bytes(),
        "p'\\\"\\\\ä$`\\u003c\\u0026\\u003e\u{1f511}/\\t~ x!".as_bytes(),
    );
    hidden(TEXT.as_bytes(), br#"p'\"\\\u00e4$`<&>\ud83d\udd11\/\t~ x!"#);
    hidden(TEXT.as_bytes(), "p'\\\"\\\\ä$`<&>\u{1f511}\\/\\t~ x!".as_bytes());
    hidden(b"line one\nline \x02\x7f two\n", br"line one\nline \u0002\u007f two");
}

#[test]
fn words_of_shells() {
    let value = TEXT.as_bytes();
    hidden(value, TEXT.replace('\'', r"'\''").as_bytes());
    hidden(value, TEXT.replace('\'', "'\"'\"'").as_bytes());
    hidden(value, "p'\\\"\\\\ä\\$\\`<&>\u{1f511}/\t~ x!".as_bytes());
    hidden(
        b"a=~b:~c~ d'e\"f\\g$h`i{j}[k]?*|&;(l),!",
        br#"a=\~b:\~c~\ d\'e\"f\\g\$h\`i\{j\}\[k\]\?\*\|\&\;\(l\)\,\!"#,
    );
    hidden(value, "p\\'\"\\\\ä$`<&>\u{1f511}/\\t~ x!".as_bytes());
    hidden(value, br#"p\'"\\\303\244$`<&>\360\237\224\221/\t~ x!"#);
    hidden(b"\x01one\x1btwo\x7f\n3'", br"\001one\Etwo\177\n3\'");
}

#[test]
fn backwards() {
    hidden(b"hunter2-hunter3", b"3retnuh-2retnuh");
    hidden("schlüssel-\u{1f511}".as_bytes(), "\u{1f511}-lessülhcs".as_bytes());
    hidden(b"the first line\r\nand more", b"enil tsrif eht");
}

#[test]
fn lines_of_a_value() {
    let masker = masker([(
        "key",
        b"-----BEGIN-----\n  QUJDREVGR0hJ  \r\nshort\nlast line".as_slice(),
    )]);
    let masked = |text: &str| masked_anyhow(&masker, text.as_bytes());
    assert_eq!(masked("<-----BEGIN----->"), "<[REDACTED:key]>");
    assert_eq!(masked("QUJDREVGR0hJ"), "[REDACTED:key]");
    assert_eq!(masked("a last line, a short one"), "a [REDACTED:key], a short one");
    assert_eq!(
        masked("> -----BEGIN-----\n>   QUJDREVGR0hJ\n> short\n> last line\n"),
        "> [REDACTED:key]\n>   [REDACTED:key]\n> short\n> [REDACTED:key]\n"
    );
    assert_eq!(
        masked("-----BEGIN-----\n    QUJDREVGR0hJ  \r\n short\nlast line\n"),
        "[REDACTED:key]\n"
    );
}

#[test]
fn words_of_which_some_are_on_another_line() {
    let masker = masker([("pass", b"correct horse  battery staple".as_slice())]);
    for text in [
        "correct\nhorse  battery staple",
        "correct horse\n  battery staple",
        "correct horse  battery\n staple",
        "correct horse  \nbattery staple",
        "correct\nhorse\nbattery\nstaple",
        "c\no\nr\nr\ne\nc\nt\n \nh\no\nr\ns\ne\n \n \nb\na\nt\nt\ne\nr\ny\n \ns\nt\na\np\nl\ne",
    ] {
        assert_eq!(masked_anyhow(&masker, text.as_bytes()), "[REDACTED:pass]", "{text}");
    }
}

#[test]
fn short_encodings_are_not_looked_for() {
    let masker = masker([("pin", b"ab".as_slice())]);
    assert_eq!(
        masked_anyhow(&masker, b"ab ba 6162 YWI="),
        "[REDACTED:pin] ba 6162 YWI="
    );
    // Three bytes are six digits.
    let masker = masker_of(b"abc");
    assert_eq!(masked_anyhow(&masker, b"cba 616263 YWJj"), "cba [REDACTED:v] YWJj");
}

fn masker_of(value: &[u8]) -> Masker {
    masker([("v", value)])
}

#[test]
fn a_value_of_blanks_is_no_needle() {
    for value in [b"".as_slice(), b" ", b"\n", b" \r\n\t\n "] {
        assert!(needles(value).is_empty(), "{}", show(value));
        assert_eq!(masked_anyhow(&masker_of(value), b" a \n\n b "), " a \n\n b ");
    }
}

#[test]
fn a_value_that_is_no_text_has_no_json_form() {
    let value = b"\xff\"quoted\"\xfe";
    let masker = masker_of(value);
    assert_eq!(masked_anyhow(&masker, value), "[REDACTED:v]");
    assert_eq!(masked_anyhow(&masker, br#"\"quoted\""#), r#"\"quoted\""#);
}

#[test]
fn needles_are_each_there_once() {
    let all = needles(TEXT.as_bytes());
    assert!(all.len() > 30);
    assert!(all.windows(2).all(|pair| *pair[0] < *pair[1]));
}
