//! A root: who the authors are, and how many of them a change of that needs (SPEC.md, section 12).

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::Deserialize;

use crate::{
    digest::{Digest, VaultId},
    document::{Fields, Head, HeaderWriter, Kind, SignatureFields, from_toml},
    error::FormatError,
    name::AuthorName,
    path::FilePath,
    sealed_to::SealedTo,
    signature::SignerKey,
};

/// What a root says.
#[derive(Clone, PartialEq)]
pub struct Root {
    /// 32 hexadecimal digits at random: two vaults of one author made in one second differ. Only in the first root.
    pub nonce: Option<String>,
    /// The digest of the root before. Only in successors.
    pub previous: Option<Digest>,
    /// How many authors must sign a successor.
    pub threshold: u64,
    /// How many keepers the vault should have; `doctor` insists.
    pub keepers: u64,
    /// Which kinds of recipients may be sealed to.
    pub encryption: Encryption,
    /// Who signs, with which keys; sorted.
    pub authors: Vec<AuthorKey>,
}

/// One author's key, written as a line of an `allowed_signers` file: `alice ssh-ed25519 AAAA…`.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorKey {
    /// Whose key. An author may have several.
    pub author: AuthorName,
    /// The public signing key.
    pub key: SignerKey,
}

/// Which kinds of recipients a vault seals to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// X25519 and what is built on elliptic curves.
    Classical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFields {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    vault: Option<VaultId>,
    serial: u64,
    nonce: Option<String>,
    previous: Option<Digest>,
    threshold: u64,
    keepers: u64,
    encryption: Encryption,
    authors: Vec<AuthorKey>,
    #[serde(default)]
    signature: Vec<SignatureFields>,
}

impl Root {
    /// The distinct names of the authors.
    pub fn author_names(&self) -> BTreeSet<&AuthorName> {
        self.authors.iter().map(|line| &line.author).collect()
    }
}

impl Kind for Root {
    const NAME: &'static str = "root";
    const NAMESPACE: &'static str = "fleetvault-root-v1";
    const SEALED: bool = false;
    const FOUNDS: bool = true;
    type Subject = ();

    fn read(text: &str) -> Result<Fields<Self>, FormatError> {
        let f: RootFields = from_toml(text)?;
        Ok(Fields {
            head: Head {
                vault: f.vault,
                subject: (),
                serial: f.serial,
                body: Some(Self {
                    nonce: f.nonce,
                    previous: f.previous,
                    threshold: f.threshold,
                    keepers: f.keepers,
                    encryption: f.encryption,
                    authors: f.authors,
                }),
            },
            payload: None,
            signatures: f.signature,
        })
    }

    fn write_subject((): &(), _: &mut HeaderWriter) {}

    fn write_body(&self, out: &mut HeaderWriter) {
        if let Some(nonce) = &self.nonce {
            out.0.string("nonce", nonce);
        }
        if let Some(previous) = &self.previous {
            out.0.string("previous", previous);
        }
        out.0.number("threshold", self.threshold);
        out.0.number("keepers", self.keepers);
        out.0.string("encryption", self.encryption);
        out.0.list("authors", &self.authors);
    }

    fn check(head: &Head<Self>) -> Result<(), String> {
        let Some(body) = &head.body else {
            return Err("a root cannot be removed".into());
        };
        let first = head.serial == 1;
        if first != head.vault.is_none() || first != body.nonce.is_some() || first == body.previous.is_some() {
            return Err("the first root has a nonce and no vault and previous; its successors have vault and previous and no nonce".into());
        }
        if let Some(nonce) = &body.nonce
            && !(nonce.len() == 32 && nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        {
            return Err("nonce must be 32 lower-case hexadecimal digits".into());
        }
        let lines: Vec<String> = body.authors.iter().map(ToString::to_string).collect();
        if lines.is_empty() || !lines.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err("authors must be sorted, each line once, at least one".into());
        }
        let distinct: BTreeSet<&SignerKey> = body.authors.iter().map(|line| &line.key).collect();
        if distinct.len() != body.authors.len() {
            return Err("one key belongs to one author".into());
        }
        let authors = body.author_names().len() as u64;
        if body.threshold == 0 || body.threshold > authors {
            return Err(format!(
                "threshold must be between 1 and the number of authors, {authors}"
            ));
        }
        if body.keepers == 0 || body.keepers > 1000 {
            return Err("keepers must be between 1 and 1000".into());
        }
        Ok(())
    }

    fn path(head: &Head<Self>) -> FilePath {
        FilePath::Root(head.serial)
    }

    fn sealed_to(&self) -> Option<&SealedTo> {
        None
    }
}

impl fmt::Display for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.author, self.key)
    }
}

impl FromStr for AuthorKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (author, key) = text
            .split_once(' ')
            .ok_or("an author is written as 'NAME ssh-ed25519 AAAA…'")?;
        Ok(Self {
            author: author.parse().map_err(|error| format!("{error}"))?,
            key: key.parse()?,
        })
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classical => f.write_str("classical"),
        }
    }
}

impl FromStr for Encryption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "classical" => Ok(Self::Classical),
            _ => Err("encryption must be \"classical\""),
        }
    }
}

crate::parse::deserialize_from_str!(AuthorKey);
crate::parse::deserialize_from_str!(Encryption);
