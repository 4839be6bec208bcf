//! Signatures that do not count.

use super::{
    OTHER_VAULT, Out, World,
    writer::{Doc, Way},
};

pub fn write(w: &World, out: &Out) {
    forms(w, out);
    signers(w, out);
}

fn forms(w: &World, out: &Out) {
    let broken = |file: &str, rule: &str, comment: &str, doc: &Doc, says: &str| {
        out.breaks(&format!("signatures/{file}"), rule, comment, doc, says);
    };
    let (begin, end) = ("-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n");
    let base = w.credential();
    let way = |way: Way| Doc { way, ..base.clone() };
    broken("version-2", "13.2", "another version of SSHSIG", &way(Way::VersionTwo), "SSH signature");
    broken("reserved", "13.2", "something in the reserved field", &way(Way::Reserved), "armored as ssh-keygen does");
    broken("no-armor", "13.4", "no BEGIN line", &base.clone().whole(begin, ""), "an armored SSH signature");
    broken("text-behind", "13.4", "words behind the armor", &base.clone().whole(end, &format!("{end}hello\n")), "SSH signature");
    broken("blank-line", "13.4", "a blank line in the armor", &base.clone().whole(begin, &format!("{begin}\n")), "SSH signature");
    let text = String::from_utf8(base.to_bytes()).unwrap();
    let armor = &text[text.find(begin).unwrap() + begin.len()..text.find(end).unwrap()];
    let narrow: String = armor.replace('\n', "").as_bytes().chunks(64).map(|line| format!("{}\n", std::str::from_utf8(line).unwrap())).collect();
    let more = [("path", "credentials/github_pat.toml"), ("root", "roots/first.vector")];
    let narrowed = text.replace(armor, &narrow);
    out.bytes("signatures/64-columns", "13.4", "lines of another length", narrowed.as_bytes(), "no format", "SSH signature", &more);
    broken("empty", "13.4", "no signature in the table", &base.clone().whole("value = \"\"\"\n", "value = \"\"\"\n\"\"\"\n[junk]\nx = \"\"\"\n"), "unknown field");
    let doc = base.clone().by(&[("bob", &w.bob), ("alice", &w.alice)]);
    broken("unsorted", "13.5", "authors out of order", &doc, "sorted by author");
    let doc = base.by(&[("alice", &w.alice), ("alice", &w.alice)]);
    broken("twice", "13.5", "an author twice", &doc, "sorted by author");
}

fn signers(w: &World, out: &Out) {
    let refused = |file: &str, rule: &str, comment: &str, doc: &Doc, says: &str| {
        out.unverified(&format!("signatures/{file}"), rule, comment, doc, says, &[]);
    };
    let base = w.credential();
    let mut doc = base.clone();
    for namespace in ["fleetvault-member-v1", "fleetvault-credential-v2", "file"] {
        doc.namespace = namespace.into();
        refused(&format!("namespace-{namespace}"), "13.3", "made for something else", &doc, "does not fit");
    }
    refused("none", "13.6", "not signed", &base.clone().by(&[]), "it is not signed");
    refused("no-author", "13.7", "signed by someone who is no author", &base.clone().by(&[("mallory", &w.mallory)]), "'mallory', who is no author");
    let doc = base.clone().by(&[("alice", &w.alice), ("mallory", &w.mallory)]);
    refused("author-and-another", "13.7", "signed by an author and by someone else", &doc, "'mallory', who is no author");
    refused("other-key", "13.8", "another key in the name of an author", &base.clone().by(&[("alice", &w.mallory)]), "not that author's");
    let doc = base.clone().by(&[("alice", &w.bob), ("bob", &w.alice)]);
    let more = [("root", "roots/second.vector")];
    out.unverified("signatures/swapped", "13.8", "two authors, each with the other's key", &doc, "not that author's", &more);
    let edits = [
        ("scope-widened", "network = \"deny\"", "network = \"allow\"", "a rule relaxed after signing"),
        ("expiry-moved", "expires = 2026-12-01T00:00:00Z", "expires = 2027-12-01T00:00:00Z", "an expiry moved after signing"),
        ("serial-raised", "serial = 1", "serial = 2", "a serial raised after signing"),
    ];
    for (file, from, to, comment) in edits {
        let signed = base.clone().header("\"allow\"", "\"deny\"").header("value_set", "expires = 2026-12-01T00:00:00Z\nvalue_set");
        let file = file.replace("scope-widened", "network-relaxed");
        refused(&file, "13.1, 13.9", comment, &signed.whole(from, to), "changed after it was signed");
    }
    let more = [("root", "roots/second.vector")];
    let doc = base.clone().by(&[("carol", &w.carol.untouched())]);
    out.unverified("signatures/untouched", "13.10", "a hardware key that nobody touched", &doc, "does not fit", &more);
    refused("other-vault", "4.14", "a credential of another vault", &base.header(&w.vault, OTHER_VAULT), "it belongs to vault");
    refused("member-other-key", "13.8", "a member's key replaced by someone else", &w.member().by(&[("alice", &w.mallory)]), "not that author's");
    refused("grant-by-other", "13.7", "a grant by someone who is no author", &w.grant().by(&[("mallory", &w.mallory)]), "no author");
    refused("group-by-other", "13.7", "a group by someone who is no author", &w.group().by(&[("mallory", &w.mallory)]), "no author");
    refused("tombstone-by-other", "13.7", "a removal by someone who is no author", &w.tombstone(w.credential()).by(&[("mallory", &w.mallory)]), "no author");
}
