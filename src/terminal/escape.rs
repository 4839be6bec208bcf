//! Makes text that others wrote safe to show.
//!
//! Never drops a character: what would act on the terminal becomes visible instead.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Writes control and bidirectional characters as `\u{…}`.
///
/// These are C0 (line breaks and tabs included), DEL, C1, the line and paragraph separators, and every
/// character that changes the direction of text. All other text stays as it is.
pub fn escape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(acts) else {
        return Cow::Borrowed(text);
    };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    for char in text[first..].chars() {
        if acts(char) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// Writes such characters in a JSON text as JSON does. Line breaks stay: inside strings JSON has none.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let acts = |char: char| char != '\n' && acts(char);
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if acts(char) {
            // Such characters stand only inside JSON strings, and all are below U+10000. Writing to a string cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(char));
        } else {
            safe.push(char);
        }
    }
    Cow::Owned(safe)
}

/// Says whether a character acts on a terminal rather than being shown by it.
pub(super) const fn acts(char: char) -> bool {
    matches!(
        char,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "github_pat", "prod/db", "señor 日本語 🦀", "a\\u{1b}"] {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_acts_becomes_visible() {
        for (text, shown) in [
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("\0\u{7f}\u{9b}31m", "\\u{0}\\u{7f}\\u{9b}31m"),
            (
                "ab\u{202e}cd\u{2066}\u{200f}\u{61c}",
                "ab\\u{202e}cd\\u{2066}\\u{200f}\\u{61c}",
            ),
            ("é\u{2028}é", "é\\u{2028}é"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn nothing_that_acts_is_left() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(!escape(&all).contains(acts));
        let kept = all.chars().filter(|&char| !acts(char)).count();
        assert_eq!(kept, char::MAX as usize + 1 - 0x800 - (32 + 33 + 1 + 2 + 7 + 4));
    }
}
