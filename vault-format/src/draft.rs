//! Making a file: header, sealed payload, signatures (SPEC.md, sections 4, 7 and 13).

use crate::{
    digest::Digest,
    document::{Fields, Head, Kind, Parsed, SignatureFields, check_head, check_payload, write_header, write_payload},
    error::{FormatError, SealError},
    name::AuthorName,
    plugin::Plugins,
    seal::{Recipient, seal},
    secret::Secret,
    signature::SshSignature,
    value,
};

/// A file that lacks nothing but its signatures.
#[derive(Clone)]
pub struct Draft<K: Kind> {
    head: Head<K>,
    payload: Option<String>,
    signed: String,
    signatures: Vec<SignatureFields>,
}

impl<K: Kind> Draft<K> {
    /// A file without a payload: a member, a root, or a tombstone.
    ///
    /// # Errors
    /// [`FormatError`] where the header breaks a rule.
    pub fn plain(head: Head<K>) -> Result<Self, FormatError> {
        Self::with_payload(head, None)
    }

    /// A file that holds `value`, sealed to `recipients` in the order of the header's `sealed_to`.
    ///
    /// # Errors
    /// [`SealError`] where the header breaks a rule, the value a limit, or age refuses.
    pub fn sealed(head: Head<K>, value: &Secret, recipients: &[Recipient]) -> Result<Self, SealError> {
        Self::sealed_with(head, value, recipients, None)
    }

    /// The same, where there may be recipients of plugins.
    ///
    /// # Errors
    /// [`SealError`], also where a plugin does not do its part.
    pub fn sealed_with(
        head: Head<K>,
        value: &Secret,
        recipients: &[Recipient],
        plugins: Option<&dyn Plugins>,
    ) -> Result<Self, SealError> {
        check_head(&head)?;
        let header = Digest::of(write_header(&head).as_bytes());
        let payload = seal(&value::encode(header, value)?, recipients, plugins)?;
        Ok(Self::with_payload(head, Some(payload))?)
    }

    /// A file whose payload was made elsewhere, by `age` itself for instance, over the plaintext of SPEC.md, section 7.
    ///
    /// # Errors
    /// [`FormatError`] where the header breaks a rule or the payload is missing, out of place or not armored.
    pub fn with_payload(head: Head<K>, payload: Option<String>) -> Result<Self, FormatError> {
        check_head(&head)?;
        check_payload(&head, payload.as_deref())?;
        let mut signed = write_header(&head);
        write_payload(&mut signed, payload.as_deref());
        Ok(Self {
            head,
            payload,
            signed,
            signatures: Vec::new(),
        })
    }

    /// A file that exists, to be signed by others as well or instead: what is signed stays byte for byte, and of its signatures those that
    /// `keep` wants.
    pub fn again(file: &Parsed<K>, keep: impl Fn(&AuthorName, &SshSignature) -> bool) -> Self {
        let kept = file.signatures.iter().filter(|one| keep(&one.author, &one.value));
        Self {
            head: file.head.clone(),
            payload: file.payload.clone(),
            signed: file.text[..file.signed_len].to_owned(),
            signatures: kept.cloned().collect(),
        }
    }

    /// Tells whether it has a signature.
    pub fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// The bytes to sign, under [`Kind::NAMESPACE`].
    pub fn signed_bytes(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// Adds the signature of one author.
    #[must_use]
    pub fn signed_by(mut self, author: AuthorName, value: SshSignature) -> Self {
        self.signatures.push(SignatureFields { author, value });
        self.signatures.sort_by(|a, b| a.author.cmp(&b.author));
        self
    }

    /// Turns the draft into a file, through the same checks as one that was read.
    ///
    /// # Errors
    /// [`FormatError`] where the file breaks a rule.
    pub fn finish(self) -> Result<Parsed<K>, FormatError> {
        Parsed::assemble(Fields {
            head: self.head,
            payload: self.payload,
            signatures: self.signatures,
        })
    }
}
