//! The plaintext inside a payload: bound to its header, then the value (SPEC.md, section 7).
//!
//! Written and read by hand although it is TOML: its form is fixed, and a parser would leave copies of the value in memory.

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::{
    VALUE_MAX,
    digest::Digest,
    error::{OpenError, SealError},
    secret::Secret,
};

const TEXT: &[u8] = b"text = '''\n";
const TEXT_END: &[u8] = b"'''\n";
const BYTES: &[u8] = b"bytes = \"";
const BYTES_END: &[u8] = b"\"\n";

/// Writes the plaintext that binds `value` to the header of this digest.
pub(crate) fn encode(header: Digest, value: &Secret) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let bytes = value.expose();
    match bytes.len() {
        0 => return Err(SealError::Empty),
        size if size > VALUE_MAX => return Err(SealError::TooLarge { size }),
        _ => {}
    }
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() / 3 * 4 + 256));
    out.extend_from_slice(binding(header).as_bytes());
    if is_literal(bytes) {
        out.extend_from_slice(TEXT);
        out.extend_from_slice(bytes);
        out.extend_from_slice(TEXT_END);
    } else {
        out.extend_from_slice(BYTES);
        out.extend_from_slice(Zeroizing::new(BASE64_STANDARD.encode(bytes)).as_bytes());
        out.extend_from_slice(BYTES_END);
    }
    Ok(out)
}

/// Reads a plaintext, refusing one that was sealed under another header than the one of this digest.
pub(crate) fn decode(header: Digest, plaintext: &[u8]) -> Result<Secret, OpenError> {
    let line = plaintext
        .iter()
        .position(|&b| b == b'\n')
        .map_or(plaintext, |at| &plaintext[..=at]);
    if !line.starts_with(b"header = \"sha256:") || line.len() != binding(header).len() {
        return Err(OpenError::Malformed("its first line must be header = \"sha256:…\""));
    }
    if line != binding(header).as_bytes() {
        return Err(OpenError::OtherHeader);
    }
    let value = &plaintext[line.len()..];
    let between = |start: &[u8], end: &[u8]| value.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    if let Some(text) = between(TEXT, TEXT_END) {
        if text.is_empty() || !is_literal(text) {
            return Err(OpenError::Malformed("its text cannot be written as text"));
        }
        check_size(text.len())?;
        return Ok(Secret::new(text.to_vec()));
    }
    let encoded =
        between(BYTES, BYTES_END).ok_or(OpenError::Malformed("it must hold text = '''…''' or bytes = \"…\""))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len() / 4 * 3 + 3));
    BASE64_STANDARD
        .decode_vec(encoded, &mut bytes)
        .map_err(|_| OpenError::Malformed("its bytes are no base64"))?;
    if bytes.is_empty() || is_literal(&bytes) {
        return Err(OpenError::Malformed("its bytes must be written as text"));
    }
    check_size(bytes.len())?;
    Ok(bytes.into())
}

fn check_size(size: usize) -> Result<(), OpenError> {
    match size > VALUE_MAX {
        true => Err(OpenError::Malformed(
            "its value has more than the 1048576 bytes allowed",
        )),
        false => Ok(()),
    }
}

fn binding(header: Digest) -> String {
    format!("header = \"{header}\"\n")
}

/// Tells whether a value can stand between `'''` as it is: UTF-8 without control characters other than tab and newline.
fn is_literal(value: &[u8]) -> bool {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    std::str::from_utf8(value)
        .is_ok_and(|text| !text.contains("'''") && !text.ends_with('\'') && !text.chars().any(control))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_was(value in proptest::collection::vec(any::<u8>(), 1..300)) {
            let header = Digest::of(b"header");
            let plaintext = encode(header, &Secret::new(value.clone())).unwrap();
            let back = decode(header, &plaintext).unwrap();
            prop_assert_eq!(back.expose(), value.as_slice());
            prop_assert_eq!(decode(Digest::of(b"other"), &plaintext).err(), Some(OpenError::OtherHeader));
        }

        #[test]
        fn every_text_comes_back_and_is_toml(value in "(?s).{1,200}") {
            let header = Digest::of(b"header");
            let plaintext = encode(header, &Secret::new(value.clone().into_bytes())).unwrap();
            let back = decode(header, &plaintext).unwrap();
            prop_assert_eq!(back.expose(), value.as_bytes());
            let table: toml::Table = std::str::from_utf8(&plaintext).unwrap().parse().unwrap();
            if let Some(text) = table.get("text") {
                prop_assert_eq!(text.as_str(), Some(value.as_str()));
            }
        }

        #[test]
        fn no_plaintext_stops_the_process(plaintext in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(Digest::of(b"header"), &plaintext);
        }
    }

    #[test]
    fn limits_are_kept() {
        let header = Digest::of(b"header");
        assert_eq!(encode(header, &Secret::new(Vec::new())).err(), Some(SealError::Empty));
        assert!(encode(header, &Secret::new(vec![b'x'; VALUE_MAX])).is_ok());
        assert_eq!(
            encode(header, &Secret::new(vec![b'x'; VALUE_MAX + 1])).err(),
            Some(SealError::TooLarge { size: VALUE_MAX + 1 })
        );
        for (byte, fits) in [(b'x', "text = '''\n"), (0, "bytes = \"")] {
            let mut plaintext = encode(header, &Secret::new(vec![byte; VALUE_MAX])).unwrap();
            assert_eq!(
                decode(header, &plaintext).ok().map(|v| v.expose().len()),
                Some(VALUE_MAX)
            );
            let at = plaintext
                .windows(fits.len())
                .position(|w| w == fits.as_bytes())
                .unwrap()
                + fits.len();
            plaintext.splice(at..at, if byte == 0 { *b"AAAA" } else { *b"xxxx" });
            let refused = OpenError::Malformed("its value has more than the 1048576 bytes allowed");
            assert_eq!(decode(header, &plaintext).err(), Some(refused));
        }
    }
}
