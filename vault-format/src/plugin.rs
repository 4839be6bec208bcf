//! Recipients and identities of age plugins: `age1NAME1…` and `AGE-PLUGIN-NAME-1…` (SPEC.md, sections 9 and 14).
//!
//! Only texts are judged here. Whoever seals or opens brings the plugins along, as [`Plugins`]; this crate starts no process.

use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

/// The bytes of the key that an age payload is encrypted with.
pub const FILE_KEY: usize = 16;

/// What talks to plugins. A refusal is a line for people, and holds no secret.
pub trait Plugins: Send + Sync {
    /// Has the file key wrapped for a recipient.
    ///
    /// # Errors
    /// A line that says why not.
    fn wrap(&self, plugin: &str, recipient: &str, file_key: &[u8; FILE_KEY]) -> Result<Vec<PluginStanza>, String>;

    /// Has the file key unwrapped from one of these stanzas. `None` means that none of them is for this identity.
    ///
    /// # Errors
    /// A line that says why not.
    fn unwrap(
        &self,
        plugin: &str,
        identity: &str,
        stanzas: &[PluginStanza],
    ) -> Result<Option<Zeroizing<[u8; FILE_KEY]>>, String>;
}

/// A stanza of an age file, as plugins make and read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStanza {
    /// The recipient type.
    pub tag: String,
    /// The arguments behind it.
    pub args: Vec<String>,
    /// The wrapped key.
    pub body: Vec<u8>,
}

/// The plugin of a recipient `age1NAME1…` in its one form.
pub(crate) fn plugin_of_recipient(text: &str) -> Option<&str> {
    let name = &text[..text.rfind('1')?].strip_prefix("age1")?;
    // These are age's own since 1.3, and hybrid: no plugin's.
    let is_free = !["pq", "tagpq"].contains(name);
    (is_free && is_name(name) && is_canonical(text)).then_some(name)
}

/// The plugin of an identity `AGE-PLUGIN-NAME-1…`, in lower case.
pub(crate) fn plugin_of_identity(line: &str) -> Option<String> {
    let name = line[..line.rfind('1')?]
        .strip_prefix("AGE-PLUGIN-")?
        .strip_suffix('-')?;
    let name = name.to_ascii_lowercase();
    let is_upper = !line.bytes().any(|byte| byte.is_ascii_lowercase());
    (is_upper && is_name(&name) && CheckedHrpstring::new::<Bech32>(line).is_ok()).then_some(name)
}

/// Tells whether a type of stanza belongs to age itself, so that no plugin may make it.
pub(crate) fn is_taken(tag: &str) -> bool {
    ["X25519", "ssh-ed25519", "scrypt", "mlkem768x25519"].contains(&tag) || tag.ends_with("-grease")
}

/// A name becomes that of a program: nothing in it leads to another directory.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-._".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && name.as_bytes()[0].is_ascii_alphanumeric()
}

/// Tells whether this is what encodes the same bytes: the checksum is right, and no bit stands for nothing.
fn is_canonical(text: &str) -> bool {
    let Ok(checked) = CheckedHrpstring::new::<Bech32>(text) else {
        return false;
    };
    let bytes: Vec<u8> = checked.byte_iter().collect();
    let hrp: Hrp = checked.hrp();
    !bytes.is_empty() && bech32::encode_lower::<Bech32>(hrp, &bytes).is_ok_and(|again| again == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(hrp: &str) -> String {
        bech32::encode_lower::<Bech32>(Hrp::parse(hrp).unwrap(), &[7; 32]).unwrap()
    }

    #[test]
    fn names_are_those_of_programs_and_lead_nowhere() {
        for name in ["yubikey", "a1b", "x", "fido2-hmac", "a.b_c+d"] {
            assert_eq!(plugin_of_recipient(&encoded(&format!("age1{name}"))), Some(name));
            let line = encoded(&format!("age-plugin-{name}-")).to_ascii_uppercase();
            assert_eq!(plugin_of_identity(&line).as_deref(), Some(name));
        }
        for name in [
            "../../x",
            "..",
            ".x",
            "-x",
            "a/b",
            "pq",
            "tagpq",
            "a b",
            &"a".repeat(65),
        ] {
            let Ok(hrp) = Hrp::parse(&format!("age1{name}")) else {
                continue;
            };
            let text = bech32::encode_lower::<Bech32>(hrp, &[7; 32]).unwrap();
            assert_eq!(plugin_of_recipient(&text), None, "{name}");
        }
        assert_eq!(plugin_of_recipient("age1../../x1qqqqqq"), None);
    }

    #[test]
    fn a_recipient_has_one_form() {
        let good = encoded("age1test");
        assert!(plugin_of_recipient(&good).is_some());
        assert!(plugin_of_recipient(&good.to_ascii_uppercase()).is_none());
        assert!(plugin_of_recipient(&good[..good.len() - 1]).is_none());
        assert!(plugin_of_recipient("age1test1").is_none());
        assert!(plugin_of_recipient("é1").is_none());
    }
}
