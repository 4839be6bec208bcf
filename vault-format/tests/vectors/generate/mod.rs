//! Makes the vectors that are missing. Those that are there stay as they are, byte for byte: they are what files of this format look like, for good.
//! Runs only when it is asked to. The throw-away keys follow from their names, or stand in `vectors/keys/`.

// Tables, one vector a line.
#[rustfmt::skip]
mod access;
#[rustfmt::skip]
mod documents;
#[rustfmt::skip]
mod good;
#[rustfmt::skip]
mod identities;
#[rustfmt::skip]
mod kinds;
#[rustfmt::skip]
mod signatures;
mod writer;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use writer::{AgeKey, Doc, Signer};

use crate::{
    file::{Vector, directory},
    judge::Judge,
};

/// The id of a vault that none of the vectors is in.
const OTHER_VAULT: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The keys and names that the vectors share.
pub struct World {
    alice: Signer,
    bob: Signer,
    carol: Signer,
    mallory: Signer,
    dev: AgeKey,
    rev: AgeKey,
    /// `fleet-ops` has an SSH key: the private key and the recipient.
    ops: Signer,
    keepers: AgeKey,
    all: AgeKey,
    reviewers: AgeKey,
    vault: String,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            alice: Signer::keygen("alice"),
            bob: Signer::of("bob"),
            carol: Signer::hardware("carol", 1),
            mallory: Signer::of("mallory"),
            dev: AgeKey::of("fleet-dev"),
            rev: AgeKey::of("fleet-rev"),
            ops: Signer::keygen("fleet-ops"),
            keepers: AgeKey::of("@keepers#1"),
            all: AgeKey::of("@all#1"),
            reviewers: AgeKey::of("@reviewers#2"),
            vault: String::new(),
        };
        let root = String::from_utf8(world.first().to_bytes()).unwrap();
        let signed = &root[..root.find("[[signature]]").unwrap()];
        let id = BASE64_STANDARD.encode(Sha256::digest(signed));
        world.vault = format!("SHA256:{}", id.trim_end_matches('='));
        world
    }

    /// The first root: alice alone.
    fn first(&self) -> Doc {
        let author = self.alice.public();
        Doc::new(
            "fleetvault.toml",
            "root",
            &format!(
                "serial = 1\nnonce = \"0123456789abcdef0123456789abcdef\"\nthreshold = 1\nkeepers = 2\nencryption = \"classical\"\nauthors = [\n  \"alice {author}\",\n]\n"
            ),
            &self.alice,
        )
    }

    /// A successor with alice, bob and carol, who has a hardware key, of which two must sign.
    fn second(&self) -> Doc {
        let authors = [("alice", &self.alice), ("bob", &self.bob), ("carol", &self.carol)];
        let authors: String = authors
            .iter()
            .map(|(name, key)| format!("  \"{name} {}\",\n", key.public()))
            .collect();
        let previous = self.digest(&self.first());
        Doc::new(
            "roots/2.toml",
            "root",
            &format!(
                "vault = \"{}\"\nserial = 2\nprevious = \"{previous}\"\nthreshold = 2\nkeepers = 2\nencryption = \"classical\"\nauthors = [\n{authors}]\n",
                self.vault
            ),
            &self.alice,
        )
    }

    /// The next one, signed by two.
    fn third(&self) -> Doc {
        let doc = self.second().at("roots/3.toml").header("serial = 2", "serial = 3");
        let (from, to) = (self.digest(&self.first()), self.digest(&self.second()));
        doc.header(&from, &to).by(&[("alice", &self.alice), ("bob", &self.bob)])
    }

    fn digest(&self, root: &Doc) -> String {
        let text = String::from_utf8(root.to_bytes()).unwrap();
        let signed = &text[..text.find("[[signature]]").unwrap()];
        let hex: String = Sha256::digest(signed)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex}")
    }

    /// A credential for fleet-dev.
    fn credential(&self) -> Doc {
        let header = format!(
            "vault = \"{}\"\nname = \"github_pat\"\nserial = 1\nmembers = [\n  \"fleet-dev\",\n]\nsealed_to = [\n  \"@keepers#1\",\n  \"fleet-dev#1\",\n]\nnetwork = \"allow\"\nvalue_set = 2026-11-23T10:00:00Z\n",
            self.vault
        );
        let doc = Doc::new("credentials/github_pat.toml", "credential", &header, &self.alice);
        doc.text("s3cret-github-pat", &[&self.keepers.public, &self.dev.public])
    }

    fn member(&self) -> Doc {
        let header = format!(
            "vault = \"{}\"\nname = \"fleet-dev\"\nserial = 1\nepoch = 1\nrecipients = [\n  \"{}\",\n]\n",
            self.vault, self.dev.public
        );
        Doc::new("members/fleet-dev.toml", "member", &header, &self.alice)
    }

    /// The group `all`.
    fn group(&self) -> Doc {
        let header = format!(
            "vault = \"{}\"\nname = \"all\"\nserial = 1\nepoch = 1\nrecipient = \"{}\"\nsealed_to = [\n  \"@all#1\",\n  \"@keepers#1\",\n]\n",
            self.vault, self.all.public
        );
        let value = format!("# epoch 1\n{}\n", self.all.line);
        let doc = Doc::new("groups/all.toml", "group", &header, &self.alice);
        doc.text(&value, &[&self.all.public, &self.keepers.public])
    }

    fn grant(&self) -> Doc {
        let header = format!(
            "vault = \"{}\"\ngroup = \"all\"\nmember = \"fleet-dev\"\nserial = 1\nepoch = 1\nsealed_to = [\n  \"fleet-dev#1\",\n]\n",
            self.vault
        );
        let doc = Doc::new("grants/all/fleet-dev.toml", "grant", &header, &self.alice);
        doc.text(&self.all.line, &[&self.dev.public])
    }

    /// A file of this kind without what stands behind `serial`.
    fn tombstone(&self, doc: Doc) -> Doc {
        let end = doc.header.find("serial = 1\n").unwrap();
        let mut doc = Doc { plaintext: None, ..doc };
        doc.header.truncate(end);
        doc.header += "serial = 2\nremoved = true\n";
        doc
    }
}

/// Writes vectors, and keeps the writer of one honest: what is written is judged at once.
#[derive(Default)]
struct Out {
    /// The vectors that are made here.
    names: RefCell<BTreeSet<String>>,
    /// How many turned out otherwise than they were meant.
    wrong: Cell<usize>,
}

#[expect(clippy::too_many_arguments, reason = "a line of a table for each vector")]
impl Out {
    /// A vector of a document. `says` must be part of the error.
    fn doc(&self, name: &str, rule: &str, comment: &str, doc: &Doc, expect: &str, says: &str, more: &[(&str, &str)]) {
        let mut headers: Vec<(&str, &str)> = vec![("path", &doc.path)];
        if doc.kind != "root" && !more.iter().any(|(key, _)| *key == "root") {
            headers.push(("root", "roots/first.vector"));
        }
        headers.extend(more);
        self.bytes(name, rule, comment, &doc.to_bytes(), expect, says, &headers);
    }

    /// A vector of any bytes.
    fn bytes(
        &self,
        name: &str,
        rule: &str,
        comment: &str,
        body: &[u8],
        expect: &str,
        says: &str,
        more: &[(&str, &str)],
    ) {
        let mut headers: BTreeMap<&str, String> = more.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        headers.insert("comment", comment.into());
        headers.insert("rule", rule.into());
        headers.insert("expect", expect.into());
        let verdict = {
            let mut padded = body.to_vec();
            if let Some(size) = headers.get("pad-to") {
                padded.resize(size.parse().unwrap(), b'\n');
            }
            let vector = Vector {
                name: name.into(),
                headers: headers
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
                body: padded,
            };
            let judge = Judge::new(&vector);
            judge.judge(&vector.body)
        };
        let fits =
            verdict.word == expect && verdict.error.contains(says) && says.is_empty() == verdict.error.is_empty();
        if !fits {
            println!(
                "{name}: expected {expect} with {says:?}, found {} with {:?}",
                verdict.word, verdict.error
            );
            self.wrong.update(|wrong| wrong + 1);
        }
        let path = directory().join(format!("{name}.vector"));
        assert!(
            self.names.borrow_mut().insert(format!("{name}.vector")),
            "{name} comes twice"
        );
        if path.exists() {
            return self.compare(&path, &headers);
        }
        if !verdict.error.is_empty() {
            headers.insert("error", verdict.error);
        }
        let mut body = body.to_vec();
        // Nothing in the repository that an editor, git or a terminal would change or act on.
        let plain = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{feff}' | '\u{2028}'..='\u{202e}'));
        if !std::str::from_utf8(&body).is_ok_and(|text| text.chars().all(plain)) {
            headers.insert("body-encoding", "base64".into());
            body = (BASE64_STANDARD.encode(&body) + "\n").into_bytes();
        }
        let order = crate::file::KEYS
            .iter()
            .filter_map(|key| headers.get(key).map(|value| format!("{key}: {value}\n")));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [order.collect::<String>().as_bytes(), b"\n", &body].concat()).unwrap();
    }

    /// A vector that is there must be about the same as the one made here: its bytes cannot be, since sealing takes random numbers.
    fn compare(&self, path: &Path, made: &BTreeMap<&str, String>) {
        let there = Vector::read(path);
        for key in ["comment", "rule", "path", "expect", "root"] {
            if there.header(key) != made.get(key).map(String::as_str) {
                println!("{} has another '{key}': remove it to write it anew", there.name);
                self.wrong.update(|wrong| wrong + 1);
            }
        }
    }

    /// A good document that opens for `identity` to a text of one line.
    fn opens(
        &self,
        name: &str,
        rule: &str,
        comment: &str,
        doc: &Doc,
        identity: &str,
        value: &str,
        more: &[(&str, &str)],
    ) {
        let base64 = BASE64_STANDARD.encode(value);
        let plain = !value.contains('\n') && value.trim() == value;
        let value = if plain {
            ("value-text", value)
        } else {
            ("value-base64", base64.as_str())
        };
        let headers = [&[("identity", identity), value], more].concat();
        self.doc(name, rule, comment, doc, "opens", "", &headers);
    }

    fn verified(&self, name: &str, rule: &str, comment: &str, doc: &Doc, more: &[(&str, &str)]) {
        self.doc(name, rule, comment, doc, "verified", "", more);
    }

    /// A document that breaks the format.
    fn breaks(&self, name: &str, rule: &str, comment: &str, doc: &Doc, says: &str) {
        self.doc(name, rule, comment, doc, "no format", says, &[]);
    }

    fn unverified(&self, name: &str, rule: &str, comment: &str, doc: &Doc, says: &str, more: &[(&str, &str)]) {
        self.doc(name, rule, comment, doc, "not verified", says, more);
    }
}

/// Writes the vectors that are missing, and the example of SPEC.md.
pub fn all() {
    let (world, out) = (World::new(), Out::default());
    good::write(&world, &out);
    documents::write(&world, &out);
    access::write(&world, &out);
    kinds::write(&world, &out);
    signatures::write(&world, &out);
    identities::write(&world, &out);
    assert_eq!(out.wrong.get(), 0);
    for vector in crate::file::all() {
        assert!(
            out.names.borrow().contains(&vector.name),
            "{} is not made here",
            vector.name
        );
    }
    let path = directory().parent().unwrap().join("SPEC.md");
    let spec = fs::read_to_string(&path).unwrap();
    let (before, rest) = spec.split_once("```toml\n").unwrap();
    let (_, after) = rest.split_once("```").unwrap();
    let example = Vector::read(&directory().join("credentials/one-member.vector"));
    let example = String::from_utf8(example.body).unwrap();
    fs::write(path, format!("{before}```toml\n{example}```{after}")).unwrap();
}
