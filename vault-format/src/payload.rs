//! The armor of a payload, in age's one form (SPEC.md, section 7).

use base64::{Engine, prelude::BASE64_STANDARD};

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";
const END: &str = "-----END AGE ENCRYPTED FILE-----\n";
/// How long its lines are.
pub(crate) const COLUMNS: usize = 64;

/// Checks that `payload` is armored in age's one form, as far as that shows without decoding it.
pub(crate) fn check_armor(payload: &str) -> Result<(), &'static str> {
    let body = body(payload).ok_or("the payload must be one armored age file")?;
    let mut lines = body.as_bytes().split_inclusive(|&b| b == b'\n').peekable();
    if lines.peek().is_none() {
        return Err("the payload is empty");
    }
    while let Some(line) = lines.next() {
        let [text @ .., b'\n'] = line else {
            return Err("the payload must end its lines in LF");
        };
        let last = lines.peek().is_none();
        let base64 = |&b: &u8| ALPHABET[usize::from(b)] || (last && b == b'=');
        if text.is_empty() || text.len() > COLUMNS || (!last && text.len() < COLUMNS) || !text.iter().all(base64) {
            return Err("the payload must be base64 in lines of 64 columns");
        }
        // Full lines of the alphabet decode; only the last one can be cut short, or hold bits that mean nothing.
        if last && BASE64_STANDARD.decode(text).is_err() {
            return Err("the last line of the payload is no base64");
        }
    }
    Ok(())
}

/// The bytes that base64 is made of, padding aside: a table, since every byte of every payload is looked up.
const ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'+' || byte as u8 == b'/';
        byte += 1;
    }
    table
};

/// What stands between the first and the last line.
pub(crate) fn body(payload: &str) -> Option<&str> {
    payload.strip_prefix(BEGIN)?.strip_suffix(END)
}
