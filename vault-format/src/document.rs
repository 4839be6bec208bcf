//! A signed document: header, payload, signatures, and the types that a file passes through (SPEC.md, section 4).
//!
//! `Parsed` keeps the format, [`crate::Verified`] is also signed by an author of this vault, [`crate::Opened`] is also decrypted.

use serde::Deserialize;

use crate::{
    FILE_MAX,
    digest::{Digest, VaultId},
    emit::Emitter,
    error::FormatError,
    name::AuthorName,
    path::FilePath,
    payload::check_armor,
    sealed_to::SealedTo,
    shown::{escaped, shown},
    signature::SshSignature,
};

/// What makes a credential, member, group, grant or root out of a document.
pub trait Kind: Sized + Clone {
    /// The value of the header's `kind`.
    const NAME: &'static str;
    /// The SSHSIG namespace of its signatures.
    const NAMESPACE: &'static str;
    /// Whether it holds a payload (unless it was removed).
    const SEALED: bool;
    /// Whether its first file makes the vault, and so cannot name it.
    const FOUNDS: bool = false;
    /// What the file is about: its name, or the pair of names of a grant.
    type Subject: Clone + PartialEq;

    /// Reads the TOML text of a whole file.
    #[doc(hidden)]
    fn read(text: &str) -> Result<Fields<Self>, FormatError>;
    /// Writes the lines that name the subject.
    #[doc(hidden)]
    fn write_subject(subject: &Self::Subject, out: &mut HeaderWriter);
    /// Writes the lines behind `serial`.
    #[doc(hidden)]
    fn write_body(&self, out: &mut HeaderWriter);
    /// Checks what one file can contradict itself in.
    #[doc(hidden)]
    fn check(head: &Head<Self>) -> Result<(), String>;
    /// The path that follows from the header.
    fn path(head: &Head<Self>) -> FilePath;
    /// Whose keys the payload is sealed to.
    fn sealed_to(&self) -> Option<&SealedTo>;
}

/// The lines of a header while they are written; opaque outside this crate.
pub struct HeaderWriter(pub(crate) Emitter);

/// A header with its meaning.
#[derive(Clone)]
pub struct Head<K: Kind> {
    /// The vault the file belongs to; `None` only in the first root, whose hash is that id.
    pub vault: Option<VaultId>,
    /// What the file is about.
    pub subject: K::Subject,
    /// Counts the changes of this file, from 1.
    pub serial: u64,
    /// What the file says; `None` where it is the tombstone of something removed.
    pub body: Option<K>,
}

/// The fields of a whole file as serde read them.
#[doc(hidden)]
pub struct Fields<K: Kind> {
    pub(crate) head: Head<K>,
    pub(crate) payload: Option<String>,
    pub(crate) signatures: Vec<SignatureFields>,
}

/// One `[[signature]]` table as it is written.
#[doc(hidden)]
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct SignatureFields {
    pub(crate) author: AuthorName,
    pub(crate) value: SshSignature,
}

/// A file that keeps the format. Nothing is known yet of who wrote it.
#[derive(Clone)]
pub struct Parsed<K: Kind> {
    pub(crate) head: Head<K>,
    pub(crate) text: String,
    pub(crate) header_len: usize,
    pub(crate) signed_len: usize,
    pub(crate) payload: Option<String>,
    pub(crate) signatures: Vec<SignatureFields>,
}

impl<K: Kind> Parsed<K> {
    /// Reads the bytes of the file that stands at `path`.
    ///
    /// # Errors
    /// Every rule of SPEC.md that one file alone can break, with its line where it has one.
    pub fn parse(bytes: &[u8], path: &FilePath) -> Result<Self, FormatError> {
        let text = check_text(bytes)?;
        check_first_lines(text, K::NAME)?;
        let parsed = match read_canonical(text) {
            Some(parsed) => parsed,
            None => Self::assemble(K::read(text)?)?,
        };
        if parsed.text != text {
            return Err(first_difference(&parsed.text, text));
        }
        let says = K::path(&parsed.head);
        if &says != path {
            return Err(FormatError::Misplaced {
                says: says.to_string(),
                stands: path.to_string(),
            });
        }
        Ok(parsed)
    }

    /// The header's meaning.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }

    /// The whole file as it is written to disk.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The bytes that the signatures cover: all before the first line `[[signature]]`.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.signed_len]
    }

    /// The digest of the signed bytes, by which floors know a file.
    pub fn digest(&self) -> Digest {
        Digest::of(self.signed_bytes())
    }

    /// The armored age file, where one is sealed in.
    pub fn payload(&self) -> Option<&str> {
        self.payload.as_deref()
    }

    /// Who is said to have signed. Says nothing about whether they did.
    pub fn claimed_authors(&self) -> impl Iterator<Item = &AuthorName> {
        self.signatures.iter().map(|signature| &signature.author)
    }

    /// The signatures, with who is said to have made each. Says nothing about whether they did.
    pub fn signatures(&self) -> impl Iterator<Item = (&AuthorName, &SshSignature)> {
        self.signatures
            .iter()
            .map(|signature| (&signature.author, &signature.value))
    }

    /// The bytes before `payload`, to which the sealed plaintext is bound.
    pub(crate) fn header_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.header_len]
    }

    pub(crate) fn assemble(fields: Fields<K>) -> Result<Self, FormatError> {
        let Fields {
            head,
            payload,
            signatures,
        } = fields;
        check_head(&head)?;
        check_payload(&head, payload.as_deref())?;
        if !signatures.windows(2).all(|pair| pair[0].author < pair[1].author) {
            return Err(contradiction("signatures must be sorted by author, one for each"));
        }
        let mut text = write_header(&head);
        let header_len = text.len();
        write_payload(&mut text, payload.as_deref());
        let signed_len = text.len();
        write_signatures(&mut text, &signatures);
        check_size(text.len())?;
        Ok(Self {
            head,
            text,
            header_len,
            signed_len,
            payload,
            signatures,
        })
    }
}

/// Checks the rules that hold for a header of any kind.
pub(crate) fn check_head<K: Kind>(head: &Head<K>) -> Result<(), FormatError> {
    if head.serial == 0 || head.serial > i64::MAX as u64 {
        return Err(contradiction("serial must be from 1 to 9223372036854775807"));
    }
    let nowhere = head.vault.is_none();
    if nowhere && (!K::FOUNDS || head.serial != 1) {
        return Err(contradiction("the key 'vault' is missing"));
    }
    K::check(head).map_err(contradiction)
}

/// Checks that there is a payload where there must be one, in its one form.
pub(crate) fn check_payload<K: Kind>(head: &Head<K>, payload: Option<&str>) -> Result<(), FormatError> {
    match (payload, K::SEALED && head.body.is_some()) {
        (None, true) => Err(contradiction("the payload is missing")),
        (Some(_), false) => Err(contradiction("there must be no payload in this file")),
        (None, false) => Ok(()),
        (Some(payload), true) => check_armor(payload).map_err(contradiction),
    }
}

fn check_size(size: usize) -> Result<(), FormatError> {
    match size > FILE_MAX {
        true => Err(FormatError::TooLarge { size: size as u64 }),
        false => Ok(()),
    }
}

/// The header's text, up to where `payload` or the signatures begin.
pub(crate) fn write_header<K: Kind>(head: &Head<K>) -> String {
    let mut out = HeaderWriter(Emitter::default());
    out.0.number("format", 1);
    out.0.string("kind", K::NAME);
    if let Some(vault) = &head.vault {
        out.0.string("vault", vault);
    }
    K::write_subject(&head.subject, &mut out);
    out.0.number("serial", head.serial);
    match &head.body {
        Some(body) => body.write_body(&mut out),
        None => out.0.flag("removed"),
    }
    let mut text = out.0.finish();
    text.push('\n');
    text
}

pub(crate) fn write_payload(text: &mut String, payload: Option<&str>) {
    if let Some(payload) = payload {
        text.push_str("payload = \"\"\"\n");
        text.push_str(payload);
        text.push_str("\"\"\"\n\n");
    }
}

pub(crate) fn write_signatures(text: &mut String, signatures: &[SignatureFields]) {
    for (index, signature) in signatures.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str("[[signature]]\nauthor = \"");
        text.push_str(signature.author.as_str());
        text.push_str("\"\nvalue = \"\"\"\n");
        text.push_str(signature.value.as_pem());
        text.push_str("\"\"\"\n");
    }
}

pub(crate) fn contradiction(message: impl Into<String>) -> FormatError {
    FormatError::Contradiction(message.into())
}

fn check_text(bytes: &[u8]) -> Result<&str, FormatError> {
    check_size(bytes.len())?;
    let line_at = |at: usize| bytes[..at].iter().filter(|&&b| b == b'\n').count() + 1;
    let text = std::str::from_utf8(bytes).map_err(|error| FormatError::NotUtf8 {
        line: line_at(error.valid_up_to()),
    })?;
    if let Some(at) = text.find('\r') {
        return Err(FormatError::CarriageReturn { line: line_at(at) });
    }
    Ok(text)
}

/// The first two lines are fixed, and a clear word about them is worth more than what a TOML parser would say.
fn check_first_lines(text: &str, kind: &'static str) -> Result<(), FormatError> {
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    if found != "format = 1" {
        if let Some(line) = conflict_marker(text) {
            return Err(FormatError::ConflictMarkers { line });
        }
        let found = told(found, "format");
        return Err(FormatError::UnknownFormat { found });
    }
    let found = lines.next().unwrap_or_default();
    let fits = found
        .strip_prefix("kind = \"")
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|found| found == kind);
    if !fits {
        return Err(FormatError::WrongKind {
            expected: kind,
            found: told(found, "kind"),
        });
    }
    Ok(())
}

/// A line as an error shows it, if it is about this key. Any other may be a value that somebody wrote down in plain text, and errors are printed
/// where everybody reads them.
fn told(line: &str, key: &str) -> String {
    let is_safe = line.is_empty() || line.trim_start_matches(['\u{feff}', ' ']).starts_with(key);
    if is_safe { shown(line) } else { "…".to_owned() }
}

fn conflict_marker(text: &str) -> Option<usize> {
    text.lines()
        .position(|line| line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>"))
        .map(|index| index + 1)
}

/// Reads a file that is as the format writes it. Only the header needs a TOML parser then: payload and signatures, most of a file's bytes,
/// have one form. `None` for any other file: the parser reads all of it, and says what is wrong.
fn read_canonical<K: Kind>(text: &str) -> Option<Parsed<K>> {
    let (header, payload, signatures) = split(text)?;
    let mut fields = K::read(header).ok()?;
    fields.payload = payload;
    fields.signatures = signatures;
    let parsed = Parsed::assemble(fields).ok()?;
    (parsed.text == text).then_some(parsed)
}

/// Takes apart header, payload and signatures where they stand as the format writes them.
fn split(text: &str) -> Option<(&str, Option<String>, Vec<SignatureFields>)> {
    let (header, mut rest) = text.split_once("\n\n")?;
    let mut payload = None;
    if let Some(begun) = rest.strip_prefix("payload = \"\"\"\n") {
        let (text, behind) = begun.split_once("\"\"\"\n\n")?;
        payload = Some(text.to_owned());
        rest = behind;
    }
    let mut signatures = Vec::new();
    while !rest.is_empty() {
        let (author, begun) = rest
            .strip_prefix("[[signature]]\nauthor = \"")?
            .split_once("\"\nvalue = \"\"\"\n")?;
        let (value, behind) = begun.split_once("\"\"\"\n")?;
        signatures.push(SignatureFields {
            author: author.parse().ok()?,
            value: value.parse().ok()?,
        });
        rest = behind.strip_prefix('\n').unwrap_or(behind);
    }
    Some((&text[..=header.len()], payload, signatures))
}

/// Reads the fields of one kind, turning the parser's complaint into ours, with a line.
pub(crate) fn from_toml<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, FormatError> {
    toml::from_str(text).map_err(|error| syntax(text, &error))
}

fn syntax(text: &str, error: &toml::de::Error) -> FormatError {
    if let Some(line) = conflict_marker(text) {
        return FormatError::ConflictMarkers { line };
    }
    let at = error.span().map_or(text.len(), |span| span.start.min(text.len()));
    FormatError::Syntax {
        line: text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1,
        // It quotes keys of the file.
        message: escaped(&error.message().lines().collect::<Vec<_>>().join("; "), 500),
    }
}

fn first_difference(expected: &str, found: &str) -> FormatError {
    let mut expected = expected.split('\n');
    let mut found = found.split('\n');
    let mut line = 0;
    loop {
        line += 1;
        let (want, have) = (expected.next(), found.next());
        if want != have || want.is_none() {
            return FormatError::NotCanonical {
                line,
                expected: want.map_or_else(|| "the end of the file".into(), shown),
                found: have.map_or_else(|| "the end of the file".into(), shown),
            };
        }
    }
}
