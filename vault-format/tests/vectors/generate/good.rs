//! Files that keep every rule.

use super::{
    Out, World,
    writer::{AgeKey, Doc, Sealer, Way},
};

pub fn write(w: &World, out: &Out) {
    roots(w, out);
    credentials(w, out);
    payloads(w, out);
    others(w, out);
}

fn roots(w: &World, out: &Out) {
    let first = w.first();
    out.verified("roots/first", "3.1, 12.1, 12.2, 12.4, 12.14", "the first root, which most vectors stand under", &first, &[]);
    let before = [("root", "roots/first.vector")];
    out.verified("roots/second", "12.3, 12.5, 12.6, 12.8, 12.15, 12.17", "two of three authors from now on, one with a hardware key", &w.second(), &before);
    let before = [("root", "roots/second.vector")];
    out.verified("roots/third", "12.10, 12.15, 12.16, 13.5", "signed by two", &w.third(), &before);
    let doc = w.third().by(&[("bob", &w.bob), ("carol", &w.carol)]);
    out.verified("roots/third-by-hardware-key", "13.10", "signed by a hardware key that was touched", &doc, &before);
    let key = w.bob.public();
    let mut lines = [w.alice.public(), key].map(|key| format!("  \"alice {key}\",\n"));
    lines.sort();
    let authors = w.first().header(&format!("  \"alice {}\",\n", w.alice.public()), &lines.concat());
    out.verified("roots/author-with-two-keys", "12.5, 12.9, 13.8", "signed with the second key of alice", &authors.by(&[("alice", &w.bob)]), &[]);
}

fn credentials(w: &World, out: &Out) {
    let (dev, keepers) = (w.dev.line.as_str(), w.keepers.line.as_str());
    let base = w.credential();
    let value = "s3cret-github-pat";
    out.opens("credentials/one-member", "3.5, 3.6, 5.2, 6.3, 7.7, 7.8, 8.1, 13.1", "the simplest credential", &base, dev, value, &[]);
    out.opens("credentials/kept", "6.3", "the same for a keeper", &base, keepers, value, &[]);
    let scope = "members = [\n  \"fleet-dev\",\n]\nsealed_to = [\n  \"@keepers#1\",\n  \"fleet-dev#1\",\n]";
    let everyone = base.clone().header(scope, "members = [\n  \"*\",\n]\nsealed_to = [\n  \"@all#1\",\n  \"@keepers#1\",\n]");
    let everyone = everyone.text(value, &[&w.all.public, &w.keepers.public]);
    out.opens("credentials/everyone", "5.2, 5.3, 6.3", "for everyone, now and later", &everyone, &w.all.line, value, &[]);
    let group = "members = [\n  \"@reviewers\",\n  \"9-lives\",\n  \"fleet-dev\",\n]\nsealed_to = [\n  \"@keepers#3\",\n  \"@reviewers#12\",\n  \"9-lives#1\",\n  \"fleet-dev#2\",\n]";
    let group = base.clone().header(scope, group);
    let group = group.text(value, &[&w.keepers.public, &w.reviewers.public, &w.rev.public, &w.dev.public]);
    out.opens("credentials/group-and-members", "5.4, 6.1, 6.2", "groups before members, though a digit sorts before '@'; higher epochs", &group, &w.reviewers.line, value, &[]);
    let ops = base.clone().header(scope, &scope.replace("fleet-dev", "fleet-ops"));
    let ops = ops.text(value, &[&w.keepers.public, &w.ops.public()]);
    let keys = format!("@keepers#1 {}, fleet-ops#1 {}", w.keepers.public, w.ops.public());
    out.opens("credentials/ssh-recipient", "7.4, 7.6, 9.5", "a member with an SSH key", &ops, "file keys/fleet-ops.key", value, &[("keys", &keys)]);
    let two = base.clone().text(value, &[&w.keepers.public, &w.dev.public, &w.rev.public]);
    let keys = format!("@keepers#1 {}, fleet-dev#1 {}, fleet-dev#1 {}", w.keepers.public, w.dev.public, w.rev.public);
    out.opens("credentials/member-with-two-keys", "7.4", "a stanza for each key of a member", &two, &w.rev.line, value, &[("keys", &keys)]);
    for network in ["confirm", "deny"] {
        let doc = base.clone().header("\"allow\"", &format!("\"{network}\""));
        out.opens(&format!("credentials/network-{network}"), "8.2", "another rule for the network", &doc, dev, value, &[]);
    }
    let doc = base.clone().header("value_set", "expires = 9999-12-30T22:00:00Z\nvalue_set");
    out.opens("credentials/expires", "4.13, 8.1", "the last second that can be written", &doc, dev, value, &[]);
    let doc = base.clone().header("2026-11-23T10:00:00Z", "0001-01-01T00:00:00Z");
    out.opens("credentials/first-second", "4.13", "the first second that can be written", &doc, dev, value, &[]);
    let note = format!("{}note = \"\\\"quoted\\\" \\\\ back, ünïcode 🔑, 'single', <<secure.x>>\"\n", "value_set = 2026-11-23T10:00:00Z\n");
    let doc = base.clone().header("value_set = 2026-11-23T10:00:00Z\n", &note);
    out.opens("credentials/note", "4.10, 8.5", "a note with everything that is allowed", &doc, dev, value, &[]);
    let name = format!("{}/b/C_3/-d", "a".repeat(64));
    let doc = base.clone().header("github_pat", &name).at(&format!("credentials/{name}.toml"));
    out.opens("credentials/deep-name", "2.1, 2.2, 3.5", "four segments, one of 64 characters", &doc, dev, value, &[]);
    let doc = base.clone().header("serial = 1", "serial = 9223372036854775807");
    out.opens("credentials/highest-serial", "4.12, 4.16", "the highest serial", &doc, dev, value, &[]);
    let doc = base.clone().by(&[("alice", &w.alice), ("bob", &w.bob), ("carol", &w.carol)]);
    out.opens("credentials/three-signatures", "4.23, 13.5, 13.10", "three authors, one with a hardware key", &doc, dev, value, &[("root", "roots/second.vector")]);
    let doc = Doc { way: Way::Sha256, ..base.clone() };
    out.opens("credentials/signed-sha256", "13.2", "a signature over a SHA-256", &doc, dev, value, &[]);
    let doc = Doc { way: Way::Keygen, ..base.clone() };
    out.opens("credentials/signed-by-ssh-keygen", "13.2, 13.4", "signed by ssh-keygen -Y sign of OpenSSH", &doc, dev, value, &[]);
    let doc = Doc { sealer: Sealer::Binary, ..doc };
    out.opens("credentials/sealed-by-age", "7.1, 7.2, 7.3", "sealed by the program age, signed by ssh-keygen", &doc, dev, value, &[]);
    out.verified("credentials/tombstone", "4.20, 4.24", "a credential that was removed", &w.tombstone(base), &[]);
}

fn payloads(w: &World, out: &Out) {
    let to: [&str; 2] = [&w.keepers.public, &w.dev.public];
    let text = |name: &str, comment: &str, value: &str| {
        let doc = w.credential().text(value, &to);
        out.opens(&format!("payloads/{name}"), "7.8", comment, &doc, &w.dev.line, value, &[]);
    };
    text("quotes", "quotes and backslashes stand as they are", "a \"b\" ''c \\n $x `y` <<secure.other>>");
    text("lines", "a value that begins and ends with newlines, with a tab", "\n\none\n\ttwo\n\n");
    text("unicode", "a value in many scripts", "pässwörd 密码 🔑");
    text("long", "several lines of armor", &"0123456789abcdef".repeat(40));
    let bytes = |name: &str, comment: &str, encoded: &str| {
        let doc = w.credential().plain(&format!("header = \"{{digest}}\"\nbytes = \"{encoded}\"\n"), &to);
        let headers = [("identity", w.dev.line.as_str()), ("value-base64", encoded)];
        out.doc(&format!("payloads/{name}"), "7.9", comment, &doc, "opens", "", &headers);
    };
    bytes("bytes", "bytes that are no text", "AP/+");
    bytes("bytes-control", "text with a control character", "YQBi");
    bytes("bytes-carriage-return", "text with CR LF", "YQ0KYg==");
    bytes("bytes-three-quotes", "text that holds '''", "YScnJ2I=");
    bytes("bytes-last-quote", "text that ends in '", "YSc=");
}

fn others(w: &World, out: &Out) {
    out.verified("members/one-key", "2.3, 2.4, 3.2, 9.1", "a member", &w.member(), &[]);
    let mut keys = [&w.dev.public, &w.rev.public, &w.ops.public()].map(|key| format!("  \"{key}\",\n"));
    keys.sort();
    let doc = w.member().header(&format!("  \"{}\",\n", w.dev.public), &keys.concat());
    out.verified("members/three-keys", "9.4, 9.5", "three keys, one of SSH", &doc.clone().header("epoch = 1", "epoch = 3"), &[]);
    let mut doc = doc;
    doc.header += "note = \"build machine in Köln\"\n";
    let long = format!("9{}", "._-Z".repeat(15) + "abc");
    let doc = doc.header("fleet-dev", &long).at(&format!("members/{long}.toml"));
    out.verified("members/note-and-long-name", "2.3, 8.5", "a name of 64 characters, and a note", &doc, &[]);
    out.verified("members/tombstone", "4.24", "a member that was removed", &w.tombstone(w.member()), &[]);

    let all = format!("# epoch 1\n{}\n", w.all.line);
    out.opens("groups/all", "2.6, 3.3, 6.4, 10.1, 10.4", "the group of everyone", &w.group(), &w.all.line, &all, &[]);
    let keepers = w.group().header("\"all\"", "\"keepers\"").header("  \"@all#1\",\n", "").header(&w.all.public, &w.keepers.public);
    let value = format!("# epoch 1\n{}\n", w.keepers.line);
    let keepers = keepers.text(&value, &[&w.keepers.public]).at("groups/keepers.toml");
    out.opens("groups/keepers", "6.4", "the keepers, sealed to themselves", &keepers, &w.keepers.line, &value, &[]);
    let old = AgeKey::of("@reviewers#1");
    let value = format!("# epoch 1\n{}\n# epoch 2\n{}\n", old.line, w.reviewers.line);
    let second = w.group().header("\"all\"", "\"reviewers\"").header("epoch = 1", "epoch = 2");
    let second = second.header("\"@all#1\",\n  \"@keepers#1\"", "\"@keepers#1\",\n  \"@reviewers#2\"");
    let second = second.header(&w.all.public, &w.reviewers.public).at("groups/reviewers.toml");
    let second = second.text(&value, &[&w.keepers.public, &w.reviewers.public]);
    out.opens("groups/second-epoch", "10.4", "the keys of both epochs", &second, &w.reviewers.line, &value, &[]);
    let gone = w.tombstone(w.group()).header("\"all\"", "\"reviewers\"").at("groups/reviewers.toml");
    out.verified("groups/tombstone", "4.24, 10.3", "a group that was removed", &gone, &[]);

    out.opens("grants/all", "3.4, 6.5, 11.1, 11.2", "what makes fleet-dev part of everyone", &w.grant(), &w.dev.line, &w.all.line, &[]);
    let doc = w.grant().header("epoch = 1", "epoch = 4").header("fleet-dev#1", "fleet-dev#7").header("\"all\"", "\"reviewers\"");
    let doc = doc.text(&w.reviewers.line, &[&w.dev.public]).at("grants/reviewers/fleet-dev.toml");
    out.opens("grants/higher-epochs", "9.2, 11.1", "another epoch of both", &doc, &w.dev.line, &w.reviewers.line, &[]);
    out.verified("grants/tombstone", "4.24", "a grant that was taken back", &w.tombstone(w.grant()), &[]);
}
