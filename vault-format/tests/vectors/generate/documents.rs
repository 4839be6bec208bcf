//! Names, paths, and everything about the one form of a document.

use super::{Out, World};

pub fn write(w: &World, out: &Out) {
    names(w, out);
    paths(w, out);
    files(w, out);
    form(w, out);
    parts(w, out);
}

fn names(w: &World, out: &Out) {
    let credential = |file: &str, rule: &str, name: &str, says: &str| {
        let doc = w.credential().header("\"github_pat\"", &format!("\"{name}\""));
        out.breaks(&format!("names/{file}"), rule, "a name that breaks the grammar", &doc, says);
    };
    credential("credential-five-segments", "2.1", "a/b/c/d/e", "at most four segments");
    credential("credential-empty-segment", "2.2", "a//b", "must not be empty");
    credential("credential-empty", "2.2", "", "must not be empty");
    credential("credential-space", "2.2", "a b", "only A-Z");
    credential("credential-dots", "2.2", "a/../b", "only A-Z");
    credential("credential-umlaut", "2.2", "schlüssel", "only A-Z");
    credential("credential-65", "2.2", &"x".repeat(65), "at most 64");
    let member = |file: &str, rule: &str, name: &str, says: &str| {
        let doc = w.member().header("\"fleet-dev\"", &format!("\"{name}\""));
        out.breaks(&format!("names/{file}"), rule, "a name that breaks the grammar", &doc, says);
    };
    member("member-slash", "2.3", "a/b", "only A-Z");
    member("member-65", "2.3", &"x".repeat(65), "at most 64");
    member("member-empty", "2.3", "", "must not be empty");
    member("member-dash", "2.4", "-a", "letter or digit");
    member("member-dot", "2.4", ".a", "letter or digit");
    member("member-all", "2.5", "all", "reserved");
    member("member-keepers", "2.5", "Keepers", "reserved");
    let doc = w.credential().whole("author = \"alice\"", "author = \"ALL\"");
    out.breaks("names/author-all", "2.5", "an author with a reserved name", &doc, "reserved");
    let doc = w.group().header("\"all\"", "\"All\"");
    out.breaks("names/group-case", "2.6", "almost the group of everyone", &doc, "reserved");
}

fn paths(w: &World, out: &Out) {
    let nowhere = |file: &str, rule: &str, path: &str| {
        let more = [("path", path), ("root", "roots/first.vector")];
        out.bytes(&format!("paths/{file}"), rule, "no file of a vault stands here", &w.credential().to_bytes(), "no path", "no file", &more);
    };
    nowhere("root-one", "3.1", "roots/1.toml");
    nowhere("root-zero", "3.1", "roots/02.toml");
    nowhere("root-sign", "3.1", "roots/+2.toml");
    nowhere("member-folder", "3.2", "members/a/b.toml");
    nowhere("member-name", "3.2", "members/all.toml");
    nowhere("group-name", "3.3", "groups/.x.toml");
    nowhere("grant-short", "3.4", "grants/all.toml");
    nowhere("grant-deep", "3.4", "grants/all/a/b.toml");
    nowhere("credential-ending", "3.5", "credentials/github_pat");
    nowhere("credential-up", "3.5", "credentials/../members/a.toml");
    nowhere("elsewhere", "3.5", "secrets/github_pat.toml");
    let doc = w.credential().at("credentials/gitlab_pat.toml");
    out.breaks("paths/renamed", "3.6", "a file under another name", &doc, "belongs to 'credentials/github_pat.toml'");
    let doc = w.grant().at("grants/all/fleet-rev.toml");
    out.breaks("paths/grant-of-another", "3.6", "a grant at the place of another member's", &doc, "belongs to");
    let doc = w.second().at("fleetvault.toml");
    out.breaks("paths/root-number", "3.1, 3.6", "a root at the place of another", &doc, "belongs to 'roots/2.toml'");
}

fn files(w: &World, out: &Out) {
    let good = w.credential().to_bytes();
    let text = String::from_utf8(good.clone()).unwrap();
    let bytes = |file: &str, rule: &str, comment: &str, body: &[u8], says: &str| {
        let more = [("path", "credentials/github_pat.toml"), ("root", "roots/first.vector")];
        out.bytes(&format!("documents/{file}"), rule, comment, body, "no format", says, &more);
    };
    let more = [("path", "credentials/github_pat.toml"), ("root", "roots/first.vector"), ("pad-to", "4194305")];
    out.bytes("documents/too-large", "4.1", "filled with newlines to one byte too many", &good, "no format", "4194305 bytes", &more);
    bytes("byte-order-mark", "4.2", "begins with a byte order mark", &[b"\xef\xbb\xbf", &good[..]].concat(), "expected 'format = 1'");
    let mut latin = good.clone();
    latin[30] = 0xe9;
    bytes("latin-1", "4.2", "a byte that is no UTF-8", &latin, "not UTF-8");
    bytes("crlf", "4.3", "lines of another system", text.replace('\n', "\r\n").as_bytes(), "line 1: carriage return");
    bytes("carriage-return", "4.3", "one carriage return", text.replacen("serial = 1", "serial = 1\r", 1).as_bytes(), "line 5: carriage return");
    bytes("truncated", "4.4", "cut off in its payload", &good[..text.find("-----END AGE").unwrap()], "line");
    bytes("empty", "4.5", "no byte at all", b"", "expected 'format = 1'");
    bytes("no-toml", "4.4", "a line that is no TOML", text.replacen("serial = 1", "serial: 1", 1).as_bytes(), "line 5");
    bytes("nul", "4.4", "a NUL", text.replacen("serial = 1", "serial = 1\0", 1).as_bytes(), "line 5");
    let conflict = text.replacen("serial = 1\n", "<<<<<<< HEAD\nserial = 1\n=======\nserial = 2\n>>>>>>> other\n", 1);
    bytes("conflict", "4.4", "markers of a conflict", conflict.as_bytes(), "line 5: conflict markers");
    bytes("conflict-at-top", "4.5", "markers of a conflict in the first line", format!("<<<<<<< HEAD\n{text}").as_bytes(), "line 1: conflict markers");
    let escape = text.replacen("kind = \"credential\"", "kind = \"\u{1b}[2J\u{202e}\"", 1);
    bytes("terminal-escape", "4.6", "what an error quotes is escaped", escape.as_bytes(), "\\u{1b}[2J\\u{202e}");
    bytes("no-final-newline", "4.23", "the last newline is missing", &good[..good.len() - 1], "expected ''");
    bytes("blank-line-at-end", "4.23", "a blank line behind the last signature", &[&good[..], b"\n"].concat(), "expected 'the end of the file'");
}

fn form(w: &World, out: &Out) {
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("documents/{file}"), rule, comment, &w.credential().header(from, to), says);
    };
    broken("format-2", "4.5", "a later format", "format = 1", "format = 2", "expected 'format = 1', found 'format = 2'");
    broken("kind-other", "4.6", "a member at the place of a credential", "\"credential\"", "\"member\"", "expected kind \"credential\"");
    broken("kind-unknown", "4.6", "a kind that nobody knows", "\"credential\"", "\"secret\"", "expected kind \"credential\"");
    broken("unknown-key", "4.7", "a key that nobody knows", "network =", "color = \"red\"\nnetwork =", "unknown field `color`");
    broken("key-of-another-kind", "4.7", "a key that belongs to members", "network =", "epoch = 1\nnetwork =", "unknown field `epoch`");
    broken("order", "4.8, 4.26", "name and serial in another order", "name = \"github_pat\"\nserial = 1\n", "serial = 1\nname = \"github_pat\"\n", "expected 'name = ");
    broken("key-twice", "4.8", "one key twice", "serial = 1\n", "serial = 1\nserial = 2\n", "duplicate key");
    broken("two-spaces", "4.9, 4.26", "two spaces before a value", "serial = 1", "serial =  1", "expected 'serial = 1'");
    broken("no-space", "4.9", "no spaces", "serial = 1", "serial=1", "expected 'serial = 1'");
    broken("trailing-space", "4.9", "a space at the end of a line", "serial = 1\n", "serial = 1 \n", "expected 'serial = 1'");
    broken("comment", "4.9", "a comment behind a value", "serial = 1\n", "serial = 1 # one\n", "expected 'serial = 1'");
    broken("comment-line", "4.9", "a comment in a line of its own", "serial = 1\n", "# one\nserial = 1\n", "expected 'serial = 1'");
    broken("indented", "4.9", "an indented key", "serial = 1\n", "  serial = 1\n", "expected 'serial = 1'");
    broken("quoted-key", "4.9", "a key in quotes", "serial = 1\n", "\"serial\" = 1\n", "expected 'serial = 1'");
    broken("blank-in-header", "4.9", "a blank line in the header", "serial = 1\n", "\nserial = 1\n", "expected 'serial = 1'");
    broken("literal-string", "4.10", "a string in single quotes", "\"github_pat\"", "'github_pat'", "expected 'name = \"github_pat\"'");
    broken("needless-escape", "4.10", "an escape for a letter", "\"github_pat\"", "\"\\u0067ithub_pat\"", "expected 'name = \"github_pat\"'");
    broken("list-in-one-line", "4.11", "a list in one line", "[\n  \"fleet-dev\",\n]", "[\"fleet-dev\"]", "expected 'members = ['");
    broken("list-no-comma", "4.11", "no comma behind the last entry", "  \"fleet-dev\",\n", "  \"fleet-dev\"\n", "expected '  \"fleet-dev\",'");
    broken("list-indent", "4.11", "four spaces before an entry", "  \"fleet-dev\",", "    \"fleet-dev\",", "expected '  \"fleet-dev\",'");
    for (file, number, says) in [
        ("plus", "+1", "expected 'serial = 1'"),
        ("hexadecimal", "0x1", "expected 'serial = 1'"),
        ("underscore", "1_0", "expected 'serial = 10'"),
        ("leading-zero", "01", "line 5"),
        ("too-large", "9223372036854775808", "serial must be from 1"),
        ("negative", "-1", "line 5"),
        ("fraction", "1.0", "line 5"),
        ("as-text", "\"1\"", "line 5"),
    ] {
        broken(&format!("number-{file}"), "4.12", "a number in another form", "serial = 1", &format!("serial = {number}"), says);
    }
    for (file, time, says) in [
        ("offset", "2026-11-23T10:00:00+00:00", "YYYY-MM-DD"),
        ("other-offset", "2026-11-23T11:00:00+01:00", "YYYY-MM-DD"),
        ("fraction", "2026-11-23T10:00:00.5Z", "YYYY-MM-DD"),
        ("local", "2026-11-23T10:00:00", "YYYY-MM-DD"),
        ("date", "2026-11-23", "YYYY-MM-DD"),
        ("space", "2026-11-23 10:00:00Z", "expected 'value_set = 2026-11-23T10:00:00Z'"),
        ("small-letters", "2026-11-23t10:00:00z", "expected 'value_set = 2026-11-23T10:00:00Z'"),
        ("leap-second", "2016-12-31T23:59:60Z", "YYYY-MM-DD"),
        ("year-zero", "0000-01-01T00:00:00Z", "YYYY-MM-DD"),
        ("too-late", "9999-12-31T00:00:00Z", "YYYY-MM-DD"),
        ("no-such-day", "2026-02-29T00:00:00Z", "line"),
        ("as-text", "\"2026-11-23T10:00:00Z\"", "line"),
    ] {
        broken(&format!("time-{file}"), "4.13", "a time in another form", "2026-11-23T10:00:00Z", time, says);
    }
    let short = &w.vault[..w.vault.len() - 1];
    broken("vault-short", "4.14", "an id that lacks a character", &w.vault, short, "43 characters of base64");
    broken("vault-padded", "4.14", "an id with padding", &w.vault, &format!("{}=", w.vault), "43 characters of base64");
    broken("vault-bits", "4.14", "an id with a bit that means nothing", &w.vault, &format!("{short}B"), "43 characters of base64");
    broken("vault-lower-case", "4.14", "an id that begins like a digest", "\"SHA256:", "\"sha256:", "43 characters of base64");
    let digest = w.digest(&w.first());
    let upper = digest.to_uppercase().replace("SHA256", "sha256");
    let doc = w.second().header(&digest, &upper);
    out.breaks("documents/digest-upper-case", "4.15", "a digest in capitals", &doc, "64 lower-case");
    let doc = w.second().header(&digest, &digest[..digest.len() - 1]);
    out.breaks("documents/digest-short", "4.15", "a digest that lacks a digit", &doc, "64 lower-case");
    broken("serial-zero", "4.16", "serials begin at one", "serial = 1", "serial = 0", "serial must be from 1");
}

fn parts(w: &World, out: &Out) {
    let name = |file: &str| format!("documents/{file}");
    let vault = format!("vault = \"{}\"\n", w.vault);
    out.breaks(&name("no-vault"), "4.18", "a credential of no vault", &w.credential().header(&vault, ""), "missing field `vault`");
    out.breaks(&name("no-vault-in-root"), "4.18, 12.3", "a successor of no vault", &w.second().header(&vault, ""), "'vault' is missing");
    let mut doc = w.credential();
    doc.plaintext = None;
    out.breaks(&name("no-payload"), "4.19", "a credential without a payload", &doc, "the payload is missing");
    let to: [&str; 1] = [&w.dev.public];
    out.breaks(&name("member-with-payload"), "4.20", "a member with a payload", &w.member().text("x", &to), "there must be no payload");
    out.breaks(&name("root-with-payload"), "4.20", "a root with a payload", &w.first().text("x", &to), "unknown field `payload`");
    let doc = w.tombstone(w.credential()).text("x", &to);
    out.breaks(&name("tombstone-with-payload"), "4.20", "a tombstone with a payload", &doc, "there must be no payload");
    let broken = |file: &str, rule: &str, comment: &str, from: &str, to: &str, says: &str| {
        out.breaks(&format!("documents/{file}"), rule, comment, &w.credential().signed(from, to), says);
    };
    broken("two-blank-lines", "4.21", "two blank lines behind the header", "\n\npayload", "\n\n\npayload", "expected 'payload = \"\"\"'");
    broken("no-blank-line", "4.21", "no blank line behind the header", "\n\npayload", "\npayload", "expected ''");
    broken("payload-literal", "4.22", "a payload in single quotes", "payload = \"\"\"\n", "payload = '''\n", "line");
    broken("payload-same-line", "4.22", "armor that begins behind the quotes", "payload = \"\"\"\n", "payload = \"\"\"", "expected 'payload = \"\"\"'");
    broken("payload-no-blank-line", "4.22", "no blank line behind the payload", "\"\"\"\n\n", "\"\"\"\n", "expected ''");
    let two = w.credential().by(&[("alice", &w.alice), ("bob", &w.bob)]);
    let doc = two.clone().whole("\"\"\"\n\n[[signature]]\nauthor = \"bob\"", "\"\"\"\n[[signature]]\nauthor = \"bob\"");
    out.breaks(&name("signatures-no-blank-line"), "4.23", "no blank line between two signatures", &doc, "expected ''");
    let doc = w.credential().whole("author = \"alice\"", "author = \"alice\"\nreason = \"x\"");
    out.breaks(&name("signature-unknown-key"), "4.7, 4.23", "an unknown key in a signature", &doc, "unknown field `reason`");
    let doc = w.credential().whole("[[signature]]", "[signature]");
    out.breaks(&name("signature-table"), "4.23", "a signature as a plain table", &doc, "line");
    let doc = w.credential().whole("[[signature]]", "[[ signature ]]");
    out.breaks(&name("signature-spaces"), "4.23", "spaces in the brackets", &doc, "expected '[[signature]]'");
    let gone = w.tombstone(w.credential());
    out.breaks(&name("tombstone-with-more"), "4.24", "a tombstone that says more", &gone.clone().header("removed = true\n", "removed = true\nnote = \"x\"\n"), "nothing may follow");
    out.breaks(&name("tombstone-order"), "4.24", "'removed' before the serial", &gone.clone().header("serial = 2\nremoved = true\n", "removed = true\nserial = 2\n"), "expected 'serial = 2'");
    out.breaks(&name("removed-false"), "4.25", "a living file that says so", &gone.header("removed = true", "removed = false"), "'removed' is true or absent");
}
