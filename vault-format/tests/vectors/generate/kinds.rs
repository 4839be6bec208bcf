//! Credentials, members, groups, grants and roots that break a rule of their kind.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    OTHER_VAULT, Out, World,
    writer::{Doc, Signer},
};

pub fn write(w: &World, out: &Out) {
    credentials(w, out);
    members(w, out);
    groups_and_grants(w, out);
    roots(w, out);
    chain(w, out);
}

/// A recipient of a plugin, from the documentation of that plugin.
pub const PLUGIN: &str = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";

const SMALL_ORDER: &str = "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya";

/// An `ssh-ed25519` key of small order: the neutral point.
fn neutral() -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20\x01".to_vec();
    blob.resize(51, 0);
    format!("ssh-ed25519 {}", BASE64_STANDARD.encode(blob))
}

/// An `ssh-ed25519` key with three bytes behind it, which need no other padding.
fn with_a_tail(key: &str) -> String {
    let mut blob = BASE64_STANDARD.decode(key.split(' ').nth(1).unwrap()).unwrap();
    blob.extend([0; 3]);
    format!("ssh-ed25519 {}", BASE64_STANDARD.encode(blob))
}

fn credentials(w: &World, out: &Out) {
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("credentials/{file}"), rule, comment, &w.credential().header(from, to), says);
    };
    broken("no-name", "8.1", "no name", "name = \"github_pat\"\n", "", "missing field `name`");
    broken("no-serial", "8.1", "no serial", "serial = 1\n", "", "missing field `serial`");
    broken("no-scope", "8.1", "no scope", "members = [\n  \"fleet-dev\",\n]\n", "", "'members' is missing");
    broken("no-sealed-to", "8.1", "no sealed_to", "sealed_to = [\n  \"@keepers#1\",\n  \"fleet-dev#1\",\n]\n", "", "'sealed_to' is missing");
    broken("no-network", "8.1", "no network", "network = \"allow\"\n", "", "'network' is missing");
    broken("no-value-set", "8.1", "no value_set", "value_set = 2026-11-23T10:00:00Z\n", "", "'value_set' is missing");
    broken("network-maybe", "8.2", "another word", "\"allow\"", "\"maybe\"", "allow, confirm or deny");
    broken("network-capital", "8.2", "a capital letter", "\"allow\"", "\"Allow\"", "allow, confirm or deny");
    let note = |file: &str, comment: &str, note: &str| {
        let mut doc = w.credential();
        doc.header += &format!("note = \"{note}\"\n");
        out.breaks(&format!("credentials/{file}"), "8.5", comment, &doc, "note must be one line");
    };
    note("note-empty", "an empty note", "");
    note("note-lines", "a note of two lines", "a\\nb");
    note("note-escape", "what a terminal would act on", "\\u001b[2J");
    note("note-bidirectional", "text that is shown in another order", "a \u{202e}b");
    note("note-line-separator", "a line break of Unicode", "a \u{2028}b");
    note("note-501", "a character too many", &"é".repeat(501));
}

fn members(w: &World, out: &Out) {
    let mine = format!("  \"{}\",\n", w.dev.public);
    let keys = |file: &str, rule: &str, comment: &str, keys: &[&str], says: &str| {
        let keys: String = keys.iter().map(|key| format!("  \"{key}\",\n")).collect();
        out.breaks(&format!("members/{file}"), rule, comment, &w.member().header(&mine, &keys), says);
    };
    let (mut low, mut high) = (w.dev.public.as_str(), w.rev.public.as_str());
    if low > high {
        (low, high) = (high, low);
    }
    keys("no-recipient", "9.4", "a member without a key", &[], "at least one recipient");
    keys("unsorted", "9.4", "keys out of order", &[high, low], "sorted, each once");
    keys("twice", "9.4", "one key twice", &[low, low], "sorted, each once");
    keys("upper-case", "9.5", "a key in capitals", &[&low.to_uppercase()], "must be written as");
    keys("checksum", "9.5", "a key with a wrong character", &[&format!("{}{}", &low[..low.len() - 1], if low.ends_with('q') { 'p' } else { 'q' })], "is no recipient");
    keys("private-key", "9.5", "a private key, which the error does not repeat", &[&super::writer::AgeKey::of("somebody").line], "the private key given is no recipient");
    let plugin = w.member().header(&mine, &format!("  \"{PLUGIN}\",\n"));
    out.verified("members/plugin", "9.5, 9.7", "a key of a plugin", &plugin, &[]);
    keys("plugin-path", "9.7", "a plugin whose name leads to another directory", &["age1../../x1qqqqqqqqqqqqqqqq"], "is no recipient");
    keys("plugin-upper-case", "9.7", "a plugin's key in capitals", &[&PLUGIN.to_uppercase()], "is no recipient");
    keys("hybrid", "9.7", "a hybrid key is reserved", &["age1pq1qqqqqqqqqqqqqqqq"], "is no recipient");
    keys("comment", "9.5", "an SSH key with a comment", &[&format!("{} me@host", w.ops.public())], "must be written as");
    keys("tail", "9.5", "an SSH key with bytes behind it", &[&with_a_tail(&w.ops.public())], "must be written as");
    keys("ecdsa", "9.5", "an SSH key of another type", &["ecdsa-sha2-nistp256 AAAA"], "is no recipient");
    keys("small-order", "9.6", "a point that everyone knows the secret of", &[SMALL_ORDER], "anyone could open");
    keys("small-order-ssh", "9.6", "the neutral point as an SSH key", &[&neutral()], "anyone could open");
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("members/{file}"), rule, comment, &w.member().header(from, to), says);
    };
    broken("no-epoch", "9.1", "no epoch", "epoch = 1\n", "", "'epoch' is missing");
    broken("scope", "9.1", "a key that belongs to credentials", "epoch = 1\n", "epoch = 1\nnetwork = \"allow\"\n", "unknown field `network`");
    broken("epoch-zero", "9.2", "epochs begin at one", "epoch = 1\n", "epoch = 0\n", "epoch must be from 1");
    let mut doc = w.member();
    doc.header += "note = \"\"\n";
    out.breaks("members/note-empty", "8.5", "an empty note", &doc, "note must be one line");
}

fn groups_and_grants(w: &World, out: &Out) {
    let recipient = format!("recipient = \"{}\"\n", w.all.public);
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("groups/{file}"), rule, comment, &w.group().header(from, to), says);
    };
    broken("no-recipient", "10.1", "a group without a key", &recipient, "", "'recipient' is missing");
    broken("note", "10.1", "a key that groups do not have", &recipient, &format!("{recipient}note = \"x\"\n"), "unknown field `note`");
    broken("epoch-zero", "9.2, 10.1", "epochs begin at one", "epoch = 1", "epoch = 0", "epoch must be from 1");
    broken("ssh-key", "10.2", "a group with an SSH key", &w.all.public, &w.ops.public(), "must be an age key");
    broken("small-order", "10.2", "a point that everyone knows the secret of", &w.all.public, SMALL_ORDER, "anyone could open");
    for name in ["all", "keepers"] {
        let doc = w.tombstone(w.group()).header("\"all\"", &format!("\"{name}\"")).at(&format!("groups/{name}.toml"));
        out.breaks(&format!("groups/tombstone-of-{name}"), "10.3", "a group that is always there", &doc, "cannot be removed");
    }
    let value = |file: &str, comment: &str, value: &str| {
        let doc = w.group().text(value, &[&w.all.public, &w.keepers.public]);
        let identity = [("identity", w.all.line.as_str())];
        out.doc(&format!("groups/{file}"), "10.4", comment, &doc, "does not open", "'# epoch N' and a key", &identity);
    };
    value("bare-key", "a key without its epoch", &format!("{}\n", w.all.line));
    value("no-final-newline", "no newline at the end", &format!("# epoch 1\n{}", w.all.line));
    value("epoch-unsorted", "epochs out of order", &format!("# epoch 2\n{0}\n# epoch 1\n{0}\n", w.all.line));
    value("epoch-twice", "one epoch twice", &format!("# epoch 1\n{0}\n# epoch 1\n{0}\n", w.all.line));
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("grants/{file}"), rule, comment, &w.grant().header(from, to), says);
    };
    broken("no-member", "11.1", "a grant for nobody", "member = \"fleet-dev\"\n", "", "missing field `member`");
    broken("no-epoch", "11.1", "a grant of no epoch", "epoch = 1\n", "", "'epoch' is missing");
    broken("epoch-zero", "9.2", "epochs begin at one", "epoch = 1", "epoch = 0", "epoch must be from 1");
}

fn roots(w: &World, out: &Out) {
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("roots/{file}"), rule, comment, &w.first().header(from, to), says);
    };
    let authors = |file: &str, rule: &str, comment: &str, lines: &[String], says: &str| {
        let lines: String = lines.iter().map(|line| format!("  \"{line}\",\n")).collect();
        broken(file, rule, comment, &format!("  \"alice {}\",\n", w.alice.public()), &lines, says);
    };
    let nonce = "nonce = \"0123456789abcdef0123456789abcdef\"\n";
    let previous = format!("previous = \"sha256:{}\"\n", "0".repeat(64));
    broken("no-threshold", "12.1", "no threshold", "threshold = 1\n", "", "missing field `threshold`");
    broken("name", "12.1", "a root has no name", "serial = 1\n", "name = \"x\"\nserial = 1\n", "unknown field `name`");
    let both = "the first root has a nonce";
    broken("first-without-nonce", "12.2", "no nonce", nonce, "", both);
    broken("first-with-vault", "12.2", "a first root that knows its own hash", "serial", &format!("vault = \"{}\"\nserial", w.vault), both);
    broken("first-with-previous", "12.2", "a first root that follows another", nonce, &format!("{nonce}{previous}"), both);
    let doc = w.second().header(&format!("previous = \"{}\"\n", w.digest(&w.first())), "");
    out.breaks("roots/second-without-previous", "12.3", "a successor of nothing", &doc, both);
    let doc = w.second().header("previous", &format!("{nonce}previous"));
    out.breaks("roots/second-with-nonce", "12.3", "a successor with a nonce", &doc, both);
    broken("nonce-capitals", "12.4", "capitals", "0123456789abcdef", "0123456789ABCDEF", "32 lower-case");
    broken("nonce-short", "12.4", "31 digits", "0123456789abcdef", "0123456789abcde", "32 lower-case");
    let (alice, bob, mallory) = (w.alice.public(), w.bob.public(), w.mallory.public());
    authors("no-author", "12.5", "nobody may sign", &[], "at least one");
    authors("author-without-key", "12.5", "a name and no key", &["alice".into()], "an author is written as");
    authors("author-two-spaces", "12.5", "two spaces", &[format!("alice  {alice}")], "no SSH public key");
    authors("author-no-name", "12.5", "a name that is none", &[format!("@alice {alice}")], "no author name");
    authors("author-comment", "12.6", "a key with a comment", &[format!("alice {alice} a@b")], "without a comment");
    authors("author-tail", "12.6", "a key with bytes behind it", &[format!("alice {}", with_a_tail(&alice))], "no SSH public key");
    let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
    authors("author-ecdsa", "12.6", "a key of another type", &[format!("alice {ecdsa}")], "no SSH public key");
    authors("author-small-order", "12.7", "a key that anyone can sign with", &[format!("alice {}", neutral())], "anyone could sign");
    authors("authors-unsorted", "12.8", "authors out of order", &[format!("bob {bob}"), format!("alice {alice}")], "sorted");
    authors("authors-twice", "12.8", "a line twice", &[format!("alice {alice}"), format!("alice {alice}")], "sorted");
    authors("one-key-for-two", "12.9", "two authors with one key", &[format!("alice {alice}"), format!("bob {alice}")], "one key belongs to one author");
    let mut two_keys = [format!("alice {alice}"), format!("alice {mallory}")];
    two_keys.sort();
    let two_keys: String = two_keys.iter().map(|line| format!("  \"{line}\",\n")).collect();
    let doc = w.first().header(&format!("  \"alice {alice}\",\n"), &two_keys).header("threshold = 1", "threshold = 2");
    out.breaks("roots/threshold-counts-names", "12.10", "two keys of one author are no two authors", &doc, "number of authors, 1");
    broken("threshold-zero", "12.10", "nobody need sign", "threshold = 1", "threshold = 0", "threshold must be");
    broken("threshold-too-high", "12.10", "more than there are", "threshold = 1", "threshold = 2", "threshold must be");
    broken("keepers-zero", "12.11", "no keepers", "keepers = 2", "keepers = 0", "between 1 and 1000");
    broken("keepers-1001", "12.11", "too many", "keepers = 2", "keepers = 1001", "between 1 and 1000");
    broken("encryption", "12.12", "a value that is reserved", "\"classical\"", "\"hybrid\"", "must be \"classical\"");
    let end = w.first().header.find("nonce").unwrap();
    let mut doc = w.first();
    doc.header.truncate(end);
    doc.header += "removed = true\n";
    out.breaks("roots/tombstone", "12.13", "a root that was removed", &doc, "unknown field `removed`");
}

fn chain(w: &World, out: &Out) {
    let refused = |file: &str, rule: &str, comment: &str, doc: &Doc, root: Option<&str>, says: &str| {
        let more: Vec<(&str, &str)> = root.map(|root| ("root", root)).into_iter().collect();
        out.unverified(&format!("roots/{file}"), rule, comment, doc, says, &more);
    };
    let (first, second) = (Some("roots/first.vector"), Some("roots/second.vector"));
    refused("first-by-another", "12.14", "signed by someone it does not name", &w.first().by(&[("mallory", &w.mallory)]), None, "no author");
    let two = format!("  \"alice {}\",\n  \"bob {}\",\n", w.alice.public(), w.bob.public());
    let doc = w.first().header(&format!("  \"alice {}\",\n", w.alice.public()), &two).header("threshold = 1", "threshold = 2");
    refused("first-below-threshold", "12.14", "one signature of two", &doc, None, "signed by 1 of the 2");
    refused("second-by-newcomer", "12.15", "signed by an author that it adds", &w.second().by(&[("bob", &w.bob)]), first, "'bob', who is no author");
    let doc = w.second().by(&[("alice", &w.alice), ("bob", &w.bob)]);
    refused("second-by-newcomer-too", "12.15", "signed by an author that it adds, beside another", &doc, first, "'bob', who is no author");
    refused("third-below-threshold", "12.15", "one signature of two", &w.third().by(&[("bob", &w.bob)]), second, "signed by 1 of the 2");
    let doc = w.third().header("serial = 3", "serial = 4").at("roots/4.toml");
    refused("gap", "12.16", "a number left out", &doc, second, "serial is not the next one");
    refused("again", "12.16", "a root that follows itself", &w.second(), second, "serial is not the next one");
    let doc = w.third().header(&w.digest(&w.second()), &w.digest(&w.first()));
    refused("other-previous", "12.17", "follows another root than the one before it", &doc, second, "'previous' is not the digest");
    let other = Signer::of("somebody");
    let doc = w.second().header(&w.vault, OTHER_VAULT);
    refused("other-vault", "12.18", "of another vault", &doc, first, "expected SHA256:");
    let doc = w.second().by(&[("alice", &other)]);
    refused("second-by-other-key", "12.15, 13.8", "another key in the name of an author", &doc, first, "not that author's");
}
