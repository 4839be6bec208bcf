//! Scopes, holders and payloads that break a rule.

use super::{kinds::PLUGIN, 
    Out, World,
    writer::{Doc, Sealer, armor},
};

pub fn write(w: &World, out: &Out) {
    scopes(w, out);
    holders(w, out);
    payloads(w, out);
    plaintexts(w, out);
    stanzas(w, out);
}

fn scopes(w: &World, out: &Out) {
    let scope = |file: &str, rule: &str, comment: &str, entries: &[&str], says: &str| {
        let entries: String = entries.iter().map(|entry| format!("  \"{entry}\",\n")).collect();
        let doc = w.credential().header("  \"fleet-dev\",\n", &entries);
        out.breaks(&format!("scope/{file}"), rule, comment, &doc, says);
    };
    scope("empty", "5.1", "for nobody", &[], "the scope is empty");
    scope("no-name", "5.2", "an entry that is no name", &["fleet dev"], "no member name");
    scope("no-group-name", "5.2", "an entry that is no name of a group", &["@"], "no group name");
    scope("star-and-more", "5.3", "everyone and one more", &["*", "fleet-dev"], "stands alone");
    scope("two-stars", "5.3, 5.4", "everyone twice", &["*", "*"], "twice");
    scope("unsorted", "5.4", "members out of order", &["fleet-rev", "fleet-dev"], "sorted");
    scope("member-before-group", "5.4", "bytewise order, where groups come first", &["9-lives", "@reviewers"], "sorted");
    scope("twice", "5.4", "a member twice", &["fleet-dev", "fleet-dev"], "named twice");
    scope("all", "5.5", "the group behind '*'", &["@all"], "write '*'");
    scope("keepers", "5.5", "the keepers", &["@keepers"], "keeping is not using");
}

fn holders(w: &World, out: &Out) {
    let list = |entries: &[&str]| entries.iter().map(|entry| format!("  \"{entry}\",\n")).collect::<String>();
    let mine = "  \"@keepers#1\",\n  \"fleet-dev#1\",\n";
    let holders = |file: &str, rule: &str, comment: &str, entries: &[&str], says: &str| {
        let doc = w.credential().header(mine, &list(entries));
        out.breaks(&format!("sealed-to/{file}"), rule, comment, &doc, says);
    };
    holders("no-epoch", "6.1", "no epoch", &["@keepers#1", "fleet-dev"], "NAME#EPOCH");
    holders("epoch-zero", "6.1", "epochs begin at one", &["@keepers#1", "fleet-dev#0"], "NAME#EPOCH");
    holders("epoch-leading-zero", "6.1", "a number in another form", &["@keepers#1", "fleet-dev#01"], "NAME#EPOCH");
    holders("epoch-too-large", "6.1", "more than TOML can count", &["@keepers#1", "fleet-dev#9223372036854775808"], "NAME#EPOCH");
    holders("no-name", "6.1", "a name that is none", &["@keepers#1", "fleet dev#1"], "NAME#EPOCH");
    holders("everyone", "6.1", "'*' is no holder", &["*#1", "@keepers#1"], "NAME#EPOCH");
    holders("unsorted", "6.2", "holders out of order", &["fleet-dev#1", "@keepers#1"], "sorted");
    holders("twice", "6.2", "one member at two epochs", &["@keepers#1", "fleet-dev#1", "fleet-dev#2"], "each once");
    holders("none", "6.3", "sealed to nobody", &[], "at least one holder");
    holders("no-keepers", "6.3", "not sealed to the keepers", &["fleet-dev#1"], "must name @keepers, fleet-dev, found fleet-dev");
    holders("one-too-many", "6.3", "sealed to someone out of scope", &["@keepers#1", "fleet-dev#1", "fleet-rev#1"], "found @keepers, fleet-dev, fleet-rev");
    holders("one-too-few", "6.3", "not sealed to the scope", &["@keepers#1"], "found @keepers");
    let doc = w.credential().header("  \"fleet-dev\",\n", "  \"*\",\n");
    out.breaks("sealed-to/widened", "6.3", "a scope that was widened and not sealed again", &doc, "must name @all, @keepers");
    let group = |file: &str, comment: &str, entries: &[&str], says: &str| {
        let doc = w.group().header("  \"@all#1\",\n  \"@keepers#1\",\n", &list(entries));
        out.breaks(&format!("sealed-to/{file}"), "6.4", comment, &doc, says);
    };
    group("group-without-itself", "a group whose members cannot open it", &["@keepers#1"], "must name @all, @keepers");
    group("group-without-keepers", "a group that keepers cannot open", &["@all#1"], "must name @all, @keepers");
    group("group-other-epoch", "a group at another epoch than its own", &["@all#2", "@keepers#1"], "at its own epoch");
    let keepers = w.group().header("\"all\"", "\"keepers\"").at("groups/keepers.toml");
    out.breaks("sealed-to/keepers-and-all", "6.4", "the keys of the keepers for everyone", &keepers, "must name @keepers, found @all");
    let grant = |file: &str, comment: &str, entries: &[&str]| {
        let doc = w.grant().header("  \"fleet-dev#1\",\n", &list(entries));
        out.breaks(&format!("sealed-to/{file}"), "6.5", comment, &doc, "must name fleet-dev");
    };
    grant("grant-for-another", "a grant that another member opens", &["fleet-rev#1"]);
    grant("grant-for-two", "a grant that two members open", &["fleet-dev#1", "fleet-rev#1"]);
}

fn payloads(w: &World, out: &Out) {
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("payloads/{file}"), rule, comment, &w.credential().signed(from, to), says);
    };
    let (begin, end) = ("-----BEGIN AGE ENCRYPTED FILE-----\n", "-----END AGE ENCRYPTED FILE-----\n");
    broken("no-begin", "7.1", "no first line", begin, "", "one armored age file");
    broken("no-end", "7.1", "no last line", end, "", "one armored age file");
    broken("words-before", "7.1", "words before the armor", begin, &format!("hello\n{begin}"), "one armored age file");
    broken("two-files", "7.1", "two age files", end, &format!("{end}{begin}AAAA\n{end}"), "base64 in lines of 64 columns");
    broken("escaped", "7.1", "an escape that TOML resolves", end, &end.replace("END", "\\u0045ND"), "expected '-----END");
    let whole = |file: &str, rule: &str, comment: &str, lines: &str, says: &str| {
        let doc = w.credential();
        let mut doc = Doc { plaintext: None, ..doc };
        doc.header += &format!("\npayload = \"\"\"\n{begin}{lines}{end}\"\"\"\n");
        out.breaks(&format!("payloads/{file}"), rule, comment, &doc, says);
    };
    let line = "QUFB".repeat(16);
    whole("nothing", "7.1", "armor around nothing", "", "the payload is empty");
    whole("blank-line", "7.2", "a blank line", &format!("{line}\n\n"), "lines of 64 columns");
    whole("63-columns", "7.2", "a line of 63 columns", &format!("{}\n{line}\n", &line[1..]), "lines of 64 columns");
    whole("65-columns", "7.2", "a line of 65 columns", &format!("{line}A\nQUFB\n"), "lines of 64 columns");
    whole("padding-inside", "7.3", "padding before the last line", &format!("{}==\n{line}\n", &line[2..]), "lines of 64 columns");
    whole("no-padding", "7.3", "padding is missing", &format!("{line}\nQUE\n"), "no base64");
    whole("stray-bits", "7.3", "bits that mean nothing", &format!("{line}\nQUF=\n"), "no base64");
    whole("url-safe", "7.3", "the other alphabet", &format!("{line}\nQUF-\n"), "lines of 64 columns");
    let identity = [("identity", w.dev.line.as_str())];
    let mut doc = Doc { plaintext: None, ..w.credential() };
    doc.header += &format!("\npayload = \"\"\"\n{}\"\"\"\n", armor("AGE ENCRYPTED FILE", b"no age file at all", 64));
    out.doc("payloads/no-age", "7.1", "armor around something else", &doc, "does not open", "the payload is damaged", &identity);
}

fn plaintexts(w: &World, out: &Out) {
    let to: [&str; 2] = [&w.keepers.public, &w.dev.public];
    let identity = [("identity", w.dev.line.as_str())];
    let plain = |file: &str, rule: &str, comment: &str, plaintext: &str, says: &str| {
        let doc = w.credential().plain(plaintext, &to);
        out.doc(&format!("payloads/{file}"), rule, comment, &doc, "does not open", says, &identity);
    };
    let bound = |rest: &str| format!("header = \"{{digest}}\"\n{rest}");
    let other = format!("header = \"sha256:{}\"\ntext = '''\nx'''\n", "0".repeat(64));
    plain("other-header", "7.7", "sealed for another header", &other, "sealed for another header");
    plain("no-header", "7.7", "sealed for no header", "text = '''\nx'''\n", "its first line must be");
    plain("header-spaces", "7.7", "another way to write the same line", "header  = \"{digest}\"\ntext = '''\nx'''\n", "its first line must be");
    plain("empty-plaintext", "7.7", "nothing sealed", "", "its first line must be");
    plain("text-control", "7.8", "a control character as text", &bound("text = '''\na\u{1b}b'''\n"), "cannot be written as text");
    plain("text-carriage-return", "7.8", "a carriage return as text", &bound("text = '''\na\rb'''\n"), "cannot be written as text");
    plain("text-quotes", "7.8", "three quotes inside", &bound("text = '''\na'''b'''\n"), "cannot be written as text");
    plain("text-last-quote", "7.8", "a quote before the last three", &bound("text = '''\na''''\n"), "cannot be written as text");
    plain("text-same-line", "7.8", "a value that begins behind the quotes", &bound("text = '''a'''\n"), "it must hold");
    plain("text-basic", "7.8", "a value between double quotes", &bound("text = \"a\"\n"), "it must hold");
    plain("text-no-newline", "7.8", "no newline at the end", &bound("text = '''\na'''"), "it must hold");
    plain("text-and-more", "7.8", "more keys behind the value", &bound("text = '''\na'''\nmore = 1\n"), "it must hold");
    plain("no-value", "7.8, 7.9", "a header and nothing else", &bound(""), "it must hold");
    plain("bytes-of-text", "7.9", "text written as bytes", &bound("bytes = \"YWJj\"\n"), "must be written as text");
    plain("bytes-no-padding", "7.9", "padding is missing", &bound("bytes = \"AP8\"\n"), "no base64");
    plain("bytes-stray-bits", "7.9", "bits that mean nothing", &bound("bytes = \"AP9=\"\n"), "no base64");
    plain("bytes-spaces", "7.9", "a space inside", &bound("bytes = \"AP /+\"\n"), "no base64");
    plain("text-empty", "7.10", "a text of no bytes", &bound("text = '''\n'''\n"), "cannot be written as text");
    plain("bytes-empty", "7.10", "no bytes", &bound("bytes = \"\"\n"), "must be written as text");
    let nobody = [("identity", w.rev.line.as_str())];
    out.doc("payloads/no-key", "7.4", "opened by a member out of scope", &w.credential(), "does not open", "none of the keys", &nobody);
}

fn stanzas(w: &World, out: &Out) {
    let check = |file: &str, rule: &str, comment: &str, doc: &Doc, keys: &[(&str, &str)], says: &str| {
        let keys: Vec<String> = keys.iter().map(|(holder, key)| format!("{holder} {key}")).collect();
        let keys = keys.join(", ");
        out.unverified(&format!("stanzas/{file}"), rule, comment, doc, says, &[("keys", &keys)]);
    };
    let (keepers, dev, rev) = (w.keepers.public.as_str(), w.dev.public.as_str(), w.rev.public.as_str());
    let (alice, ops) = (w.alice.public(), w.ops.public());
    let base = w.credential();
    let both = [("@keepers#1", keepers), ("fleet-dev#1", dev)];
    check("one-too-few", "7.4", "fleet-dev has two keys, and one stanza", &base, &[both[0], both[1], ("fleet-dev#1", rev)], "promises 3 keys, the payload has 2");
    let doc = base.clone().text("x", &[keepers, dev, rev]);
    check("one-too-many", "7.4", "a stanza for someone else", &doc, &both, "promises 2 keys, the payload has 3");
    let grease = Doc { sealer: Sealer::More("second-grease"), ..base.clone() };
    check("two-grease", "7.5", "a second stanza of grease", &grease, &both, "2 grease stanzas");
    let doc = base.clone().text("x", &[&ops, dev]);
    check("other-type", "7.6", "an SSH stanza at the place of another", &doc, &both, "@keepers#1 must be of type X25519, found ssh-ed25519");
    check("plugin-native", "7.6", "a stanza of age's own at the place of a plugin's", &base, &[both[0], ("fleet-dev#1", PLUGIN)], "fleet-dev#1 must be of type a plugin's own, found X25519");
    let hardware = [both[0], ("fleet-dev#1", PLUGIN)];
    let doc = |kind| Doc { sealer: Sealer::More(kind), ..base.clone().text("x", &[keepers]) };
    let keys = hardware.map(|(holder, key)| format!("{holder} {key}")).join(", ");
    out.verified("stanzas/plugin", "7.4, 7.6", "a stanza that a plugin made", &doc("piv-p256"), &[("keys", &keys)]);
    check("plugin-ssh", "7.6", "an SSH stanza at the place of a plugin's", &doc("ssh-ed25519"), &hardware, "fleet-dev#1 must be of type a plugin's own, found ssh-ed25519");
    let doc = base.text("x", &[keepers, &alice]);
    let keys = [both[0], ("fleet-dev#1", ops.as_str())];
    check("other-tag", "7.6", "the stanza of another SSH key", &doc, &keys, "fleet-dev#1 carries the tag of another SSH key");
}
