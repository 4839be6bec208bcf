//! What private keys open, in every version of every file that a repository ever had: by the `age` crate alone, with no rule of this program.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
};

use crate::support::Fleet;

/// The payloads of a history.
pub struct History {
    payloads: Vec<Vec<u8>>,
    opened: BTreeMap<String, Vec<String>>,
}

impl History {
    pub fn read(fleet: &Fleet, repository: &Path) -> Self {
        let git = |args: &[&str]| fleet.git_in(repository, args).ok().out();
        let objects = git(&["rev-list", "--all", "--objects"]);
        let files = objects.lines().filter(|line| line.ends_with(".toml"));
        let ids: BTreeSet<&str> = files.filter_map(|line| line.split(' ').next()).collect();
        let payload = |id: &str| {
            let text = git(&["cat-file", "blob", id]);
            let start = text.find("-----BEGIN AGE")?;
            let armored = text[start..].split("\"\"\"").next().unwrap().to_owned();
            let mut payload = Vec::new();
            let mut reader = age::armor::ArmoredReader::new(armored.as_bytes());
            reader.read_to_end(&mut payload).unwrap();
            Some(payload)
        };
        Self {
            payloads: ids.into_iter().filter_map(payload).collect(),
            opened: BTreeMap::new(),
        }
    }

    /// The texts that a private key opens, and those that the keys in them open.
    pub fn opened_by(&mut self, secret: &str) -> Vec<String> {
        let mut keys = vec![secret.to_owned()];
        let mut texts = Vec::new();
        let mut next = 0;
        while next < keys.len() {
            let found = self.opened_by_one(&keys[next].clone()).clone();
            for key in found.iter().flat_map(|text| private_keys(text)) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            texts.extend(found);
            next += 1;
        }
        texts
    }

    fn opened_by_one(&mut self, secret: &str) -> &Vec<String> {
        let payloads = &self.payloads;
        self.opened.entry(secret.to_owned()).or_insert_with(|| {
            let identity: age::x25519::Identity = secret.parse().unwrap();
            let open = |payload: &Vec<u8>| {
                let decryptor = age::Decryptor::new(payload.as_slice()).unwrap();
                let mut reader = decryptor
                    .decrypt(std::iter::once(&identity as &dyn age::Identity))
                    .ok()?;
                let mut text = String::new();
                reader.read_to_string(&mut text).unwrap();
                Some(text)
            };
            payloads.iter().filter_map(open).collect()
        })
    }
}

/// The private keys that stand in a text.
pub fn private_keys(text: &str) -> Vec<String> {
    const PREFIX: &str = "AGE-SECRET-KEY-1";
    let key = |(at, _)| {
        let text: &str = &text[at..];
        let end = text
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(text.len());
        text[..end].to_owned()
    };
    text.match_indices(PREFIX).map(key).collect()
}
