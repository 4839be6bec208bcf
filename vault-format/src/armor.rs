//! The armor of an SSH signature as `ssh-keygen` writes it: base64 in lines of 70 columns between two fixed lines (SPEC.md, section 13).
//!
//! What `ssh_key` has for it serves private keys too: it must not tell them by the time it takes, and takes an eighth of a signature check.

use base64::{Engine, prelude::BASE64_STANDARD};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const COLUMNS: usize = 70;

/// Puts bytes into armor.
pub(crate) fn armor(bytes: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(bytes);
    let mut rest = base64.as_str();
    let mut text = String::from(BEGIN);
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push_str(END);
    text
}

/// Takes bytes out of armor; `None` where it is not exactly as [`armor`] writes it.
pub(crate) fn unarmor(text: &str) -> Option<Vec<u8>> {
    let lines = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let bytes = BASE64_STANDARD.decode(lines.replace('\n', "")).ok()?;
    (armor(&bytes) == text).then_some(bytes)
}
