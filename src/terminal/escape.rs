//! Makes text that others wrote safe to show.
//!
//! Never drops a character: what would act on the terminal becomes visible instead.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Writes control, bidirectional and invisible characters as `\u{…}`.
///
/// These are C0 (line breaks and tabs included), DEL, C1, the line and paragraph separators, every
/// character that changes the direction of text, and every one that shows as nothing: two texts that differ only in those would look
/// the same. All other text stays as it is.
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
            // Such characters stand only inside JSON strings, which have those above U+FFFF in two units.
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(char);
        }
    }
    Cow::Owned(safe)
}

/// Says whether a character acts on a terminal rather than being shown by it, or is not shown at all.
pub(super) const fn acts(char: char) -> bool {
    matches!(char, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}') || is_invisible(char)
}

/// Says whether a character shows as nothing: Unicode's `Default_Ignorable_Code_Point`, and the marks around annotations.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
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
            (
                "r\u{200b}m\u{ad} \u{3164}\u{feff}\u{fe0f}",
                "r\\u{200b}m\\u{ad} \\u{3164}\\u{feff}\\u{fe0f}",
            ),
            ("tag\u{e0041}\u{e0101}", "tag\\u{e0041}\\u{e0101}"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn nothing_that_acts_is_left() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(!escape(&all).contains(acts));
        let kept = all.chars().filter(|&char| !acts(char)).count();
        assert_eq!(kept, char::MAX as usize + 1 - 0x800 - (32 + 33 + 2 + IGNORABLE + 3));
    }

    /// How many characters Unicode 16 has under `Default_Ignorable_Code_Point`; the three marks around annotations are not among them.
    const IGNORABLE: usize = 4174;

    #[test]
    fn json_stays_json_and_what_it_says() {
        let text = "a\u{202e}\u{200b}\u{e0041}\u{1d173}é";
        let json = serde_json::to_string(text).unwrap();
        let safe = escape_json(&json);
        assert_eq!(safe, "\"a\\u202e\\u200b\\udb40\\udc41\\ud834\\udd73é\"");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
    }
}
