//! How a text of unknown origin is quoted in a message: short, and with nothing in it that a terminal would act on.

/// Characters that a reader of a terminal does not see, and that change what is seen.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first 80 characters of a line, hidden characters escaped.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, 80)
}

/// The first `most` characters of a text, hidden characters escaped.
pub(crate) fn escaped(text: &str, most: usize) -> String {
    let mut out = String::new();
    for c in text.chars().take(most) {
        match is_hidden(c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
}

/// Tells whether a private key stands anywhere in a text. People paste them where names, public keys and paths belong.
pub fn holds_private_key(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY"]
        .iter()
        .any(|mark| upper.contains(mark))
}

/// A key as a message may quote it: a private one is not repeated.
pub(crate) fn quoted_key(text: &str) -> String {
    if holds_private_key(text) {
        return "the private key given".into();
    }
    format!("'{}'", shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_quoted_reaches_a_terminal_raw() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}ü"), "a\\u{1b}[31m\\u{202e}ü");
        assert_eq!(shown(&"x".repeat(100)).len(), 80);
    }

    #[test]
    fn a_private_key_is_not_quoted() {
        for key in [
            "AGE-SECRET-KEY-1QQ",
            "age-secret-key-1qq",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
            "-----begin openssh private key-----",
            "alice,AGE-SECRET-KEY-1QQ",
            " age-plugin-yubikey-1qq",
        ] {
            assert_eq!(quoted_key(key), "the private key given");
        }
        assert_eq!(quoted_key("age1x"), "'age1x'");
    }
}
