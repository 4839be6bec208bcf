//! What this crate says about one vector: where it stops, and with which words.

use std::fs;

use vault_format::{
    Authority, Entry, FilePath, GroupKeys, Holder, Identity, IdentityFile, Kind, Parsed, Recipient, Root, check_stanzas,
};

use crate::file::{Vector, directory};

/// How far a file got.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// One of [`crate::file::EXPECT`].
    pub word: &'static str,
    /// The error, or nothing.
    pub error: String,
    /// The value, where it opened; for an identity file its public keys and anchors.
    pub value: Option<Vec<u8>>,
    /// What a changed file must not change: header and signers.
    pub seen: Option<(Vec<u8>, Vec<String>)>,
}

/// A vector with what it takes to judge many variants of its bytes.
pub struct Judge<'v> {
    vector: &'v Vector,
    before: Option<Authority>,
    identities: Vec<Identity>,
}

impl<'v> Judge<'v> {
    /// Reads the roots and keys that the vector names.
    pub fn new(vector: &'v Vector) -> Self {
        let before = vector.header("root").map(authority);
        let identities = vector.header("identity").map_or_else(Vec::new, |text| {
            let file = text
                .strip_prefix("file ")
                .map(|name| fs::read(directory().join(name)).unwrap());
            IdentityFile::parse(&file.unwrap_or_else(|| text.as_bytes().to_vec()))
                .unwrap()
                .identities
        });
        Self {
            vector,
            before,
            identities,
        }
    }

    /// Judges `bytes` in place of the vector's own.
    pub fn judge(&self, bytes: &[u8]) -> Verdict {
        let Some(path) = self.vector.header("path") else {
            return identity_file(bytes, self.vector.header("passphrase"));
        };
        match FilePath::parse(path) {
            None => failed("no path", "no file of a vault stands at this path"),
            Some(path @ FilePath::Root(_)) => self.root(bytes, &path),
            Some(path @ FilePath::Member(_)) => self.entry::<vault_format::Member>(bytes, &path),
            Some(path @ FilePath::Group(_)) => self.entry::<vault_format::Group>(bytes, &path),
            Some(path @ FilePath::Grant(..)) => self.entry::<vault_format::Grant>(bytes, &path),
            Some(path @ FilePath::Credential(_)) => self.entry::<vault_format::Credential>(bytes, &path),
        }
    }

    fn root(&self, bytes: &[u8], path: &FilePath) -> Verdict {
        let parsed = match Parsed::<Root>::parse(bytes, path) {
            Err(error) => return failed("no format", error),
            Ok(parsed) => parsed,
        };
        assert_eq!(parsed.as_bytes(), bytes, "{}", self.vector.name);
        let authority = match &self.before {
            None => Authority::first(&parsed),
            Some(before) => before.succeed(&parsed),
        };
        match authority {
            Err(error) => failed("not verified", error),
            Ok(_) => verified(&parsed),
        }
    }

    fn entry<K: Entry>(&self, bytes: &[u8], path: &FilePath) -> Verdict {
        let parsed = match Parsed::<K>::parse(bytes, path) {
            Err(error) => return failed("no format", error),
            Ok(parsed) => parsed,
        };
        assert_eq!(parsed.as_bytes(), bytes, "{}", self.vector.name);
        let authority = self.before.as_ref();
        let authority = authority.unwrap_or_else(|| panic!("{}: the header \"root\" is missing", self.vector.name));
        let file = match authority.verify(parsed) {
            Err(error) => return failed("not verified", error),
            Ok(file) => file,
        };
        let verdict = verified(file.document());
        if let Some(keys) = self.vector.header("keys") {
            let keys: Vec<(Holder, Recipient)> = keys.split(", ").map(key).collect();
            let keys: Vec<_> = keys.iter().map(|(holder, recipient)| (holder, recipient)).collect();
            if let Err(error) = check_stanzas(file.document().payload().unwrap(), &keys) {
                return failed("not verified", error);
            }
        }
        if self.identities.is_empty() {
            return verdict;
        }
        let opened = match file.open(&self.identities, None) {
            Err(error) => return failed("does not open", error),
            Ok(opened) => opened,
        };
        // The keys of a group have a form of their own inside the value.
        if let FilePath::Group(_) = path
            && let Err(error) = GroupKeys::parse(opened.value())
        {
            return failed("does not open", error);
        }
        Verdict {
            word: "opens",
            value: Some(opened.value().expose().to_vec()),
            ..verdict
        }
    }
}

fn verified<K: Kind>(parsed: &Parsed<K>) -> Verdict {
    let signers = parsed.claimed_authors().map(ToString::to_string).collect();
    Verdict {
        word: "verified",
        error: String::new(),
        value: None,
        seen: Some((parsed.signed_bytes().to_vec(), signers)),
    }
}

fn failed(word: &'static str, error: impl ToString) -> Verdict {
    Verdict {
        word,
        error: error.to_string(),
        value: None,
        seen: None,
    }
}

fn identity_file(bytes: &[u8], passphrase: Option<&str>) -> Verdict {
    let unlocked = passphrase.map(|text| {
        let passphrase = zeroize::Zeroizing::new(text.as_bytes().to_vec());
        IdentityFile::unlock(bytes, &passphrase.into())
    });
    let file = match &unlocked {
        Some(Err(error)) => return failed("no format", error),
        Some(Ok(text)) => IdentityFile::parse(text.expose()),
        None => IdentityFile::parse(bytes),
    };
    match file {
        Err(error) => failed("no format", error),
        Ok(file) => {
            let keys = file.identities.iter().map(|key| key.recipient().to_string());
            let anchors = file.anchors.iter().map(vault_format::Anchor::to_line);
            Verdict {
                value: Some(keys.chain(anchors).collect::<Vec<_>>().join(" | ").into_bytes()),
                ..failed("identity file", "")
            }
        }
    }
}

fn key(text: &str) -> (Holder, Recipient) {
    let (holder, recipient) = text.split_once(' ').unwrap();
    (holder.parse().unwrap(), recipient.parse().unwrap())
}

/// The authority that a root's vector leads to, by way of the roots before it.
fn authority(name: &str) -> Authority {
    let vector = Vector::read(&directory().join(name));
    let path = FilePath::parse(vector.header("path").unwrap()).unwrap();
    let root = Parsed::<Root>::parse(&vector.body, &path).unwrap();
    match vector.header("root") {
        None => Authority::first(&root).unwrap(),
        Some(before) => authority(before).succeed(&root).unwrap(),
    }
}
