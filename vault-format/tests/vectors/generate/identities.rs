//! Identity files.

use std::{io::Write, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Out, World,
    kinds::PLUGIN,
    writer::{Sealer, armor, seal, write_private},
};

pub fn write(w: &World, out: &Out) {
    let (key, public, vault) = (&w.dev.line, &w.dev.public, &w.vault);
    let digest = vault_format::Digest::of(b"the signed bytes of a root");
    let pin = format!("3@{digest}");
    let good = |file: &str, comment: &str, rule: &str, body: &str, value: &str| {
        out.bytes(&format!("identities/{file}"), rule, comment, body.as_bytes(), "identity file", "", &[("value-text", value)]);
    };
    good("bare", "one key", "14.2, 14.4", &format!("{key}\n"), public);
    good("no-newline", "one key and no newline", "14.2", key, public);
    good("crlf", "lines of another system", "14.2", &format!("# key\r\n{key}\r\n"), public);
    good(
        "keygen",
        "as age-keygen writes it, with an anchor",
        "14.2, 14.5",
        &format!("# created: 2026-11-23T10:00:00Z\n# public key: {public}\n# fleetvault: vault={vault} member=fleet-dev root={pin}\n{key}\n"),
        &format!("{public} | # fleetvault: vault={vault} member=fleet-dev root={pin}"),
    );
    good("anchor-order", "words in another order, and nothing but a vault", "14.5, 14.6", &format!("# fleetvault:  root={pin}   vault={vault}\n{key}\n"), &format!("{public} | # fleetvault: vault={vault} root={pin}"));
    let pem = w.ops.pem.as_deref().unwrap();
    good("ssh", "an SSH key and another one", "14.3", &format!("{pem}\n{key}\n"), &format!("{} | {public}", w.ops.public()));
    let bad = |file: &str, comment: &str, rule: &str, body: &[u8], says: &str| {
        out.bytes(&format!("identities/{file}"), rule, comment, body, "no format", says, &[]);
    };
    let anchored = |file: &str, comment: &str, rule: &str, anchor: &str, says: &str| {
        bad(file, comment, rule, format!("{anchor}\n{key}\n").as_bytes(), says);
    };
    bad("latin-1", "no UTF-8", "14.1", b"# \xe9\n", "not UTF-8");
    bad("words", "a line that is no key", "14.2", format!("{key}\nhello\n").as_bytes(), "line 2: it is neither");
    bad("damaged", "a key with a character too few", "14.2", format!("{}\n", &key[..key.len() - 1]).as_bytes(), "line 1: it is neither");
    bad("public-key", "a public key", "14.2", format!("{public}\n").as_bytes(), "line 1: it is neither");
    let cut = pem.len() / 2;
    bad("ssh-cut-off", "an SSH key without its end", "14.2", &pem.as_bytes()[..cut], "line 1: it is neither");
    let encrypted = keygen(&["-t", "ed25519", "-a", "1", "-N", "passphrase", "-C", "throw-away"]);
    bad("ssh-passphrase", "an SSH key behind a passphrase", "14.3", encrypted.as_bytes(), "passphrase");
    locked(w, out);
    bad("ssh-ecdsa", "an SSH key of another type", "14.3", keygen(&["-t", "ecdsa", "-N", "", "-C", "throw-away"]).as_bytes(), "line 1");
    let other = public_half(&keygen(&["-t", "ed25519", "-N", "", "-C", "throw-away"]), "");
    let forged = forge(pem, &w.ops.public(), &other);
    bad("ssh-forged", "the public half of somebody else", "14.11", forged.as_bytes(), "line 1: its public and private halves do not belong together");
    let plugin = "AGE-PLUGIN-FLEETTEST-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQNZPQ8H";
    bad("plugin-no-recipient", "a plugin's identity that does not say whose it is", "14.14", format!("{plugin}\n").as_bytes(), "line 1: a plugin's identity needs its recipient");
    good("plugin", "a plugin's identity", "14.2, 14.14", &format!("#    Recipient: {PLUGIN}\n{plugin}\n"), PLUGIN);
    bad("plugins", "a program too many to start", "14.14", format!("# recipient: {PLUGIN}\n{plugin}\n").repeat(17).as_bytes(), "more than 16 identities of plugins");
    bad("empty", "nothing", "14.4", b"", "no private key");
    bad("no-key", "an anchor and no key", "14.4", format!("# fleetvault: vault={vault}\n").as_bytes(), "no private key");
    anchored("anchor-word", "a word that is unknown", "14.5", &format!("# fleetvault: vault={vault} ref=main"), "knows vault=, member= and root=");
    anchored("anchor-twice", "a word twice", "14.5", &format!("# fleetvault: vault={vault} root={pin} root={pin}"), "each thing once");
    anchored("anchor-no-value", "a word without a value", "14.5", &format!("# fleetvault: vault={vault} member"), "KEY=VALUE");
    anchored("anchor-member", "a name that is none", "14.5", &format!("# fleetvault: vault={vault} member=@all"), "member must be");
    anchored("anchor-vault", "an id that is none", "14.5", "# fleetvault: vault=SHA256:x", "43 characters");
    anchored("anchor-no-vault", "an anchor that holds nothing", "14.6", &format!("# fleetvault: member=fleet-dev root={pin}"), "must say vault=");
    anchored("anchor-root-zero", "serials begin at one", "14.7", &format!("# fleetvault: vault={vault} root=0@{digest}"), "root must be a serial");
    anchored("anchor-root-plus", "a number in another form", "14.7", &format!("# fleetvault: vault={vault} root=+3@{digest}"), "root must be a serial");
    anchored("anchor-root-serial", "a serial that another root could have too", "14.5, 14.7", &format!("# fleetvault: vault={vault} root=3"), "root must be a serial and a digest");
    anchored("anchor-root-id", "a digest written as the id of a vault is", "14.5", &format!("# fleetvault: vault={vault} root=3@{vault}"), "root must be a serial and a digest");
    anchored("anchors", "two for one vault", "14.8", &format!("# fleetvault: vault={vault}\n# fleetvault: vault={vault} root={pin}"), "line 2: a second anchor");
}

/// Identity files behind a passphrase, with as little work as makes them one.
fn locked(w: &World, out: &Out) {
    const PASSPHRASE: &str = "correct horse battery staple";
    let key = &w.dev.line;
    let file = |name: &str, comment: &str, rule: &str, body: &[u8], passphrase: &str, says: &str, value: &str| {
        let (expect, value) = match says {
            "" => ("identity file", Some(("value-text", value))),
            _ => ("no format", None),
        };
        let passphrase = (!passphrase.is_empty()).then_some(("passphrase", passphrase));
        let more: Vec<_> = passphrase.into_iter().chain(value).collect();
        out.bytes(&format!("identities/{name}"), rule, comment, body, expect, says, &more);
    };
    let anchor = format!("# fleetvault: vault={} member=fleet-dev", w.vault);
    let sealed = seal_to_passphrase(format!("{anchor}\n{key}\n").as_bytes(), PASSPHRASE);
    let armored = armor("AGE ENCRYPTED FILE", &sealed, 64);
    let value = format!("{} | {anchor}", w.dev.public);
    file("passphrase", "an age file", "14.12", armored.as_bytes(), PASSPHRASE, "", &value);
    file("passphrase-binary", "an age file without armor", "14.12", &sealed, PASSPHRASE, "", &value);
    file("passphrase-none", "an age file, read as it is", "14.12", armored.as_bytes(), "", "protected by a passphrase", "");
    file("passphrase-wrong", "another passphrase", "14.12", armored.as_bytes(), "Tr0ub4dor&3", "the passphrase is wrong", "");
    let words = seal_to_passphrase(b"hello\n", PASSPHRASE);
    file("passphrase-words", "a passphrase before something else", "14.2, 14.12", &words, PASSPHRASE, "line 1: it is neither", "");
    let public = std::slice::from_ref(&w.dev.public);
    let to_key = seal(format!("{key}\n").as_bytes(), public, &Sealer::Crate);
    file("passphrase-key", "an age file for a key", "14.12", to_key.as_bytes(), PASSPHRASE, "for a key", "");
    let end = sealed.windows(2).skip(22).position(|pair| pair == b" 1").unwrap() + 22;
    let eager = [&sealed[..end], b" 23", &sealed[end + 2..]].concat();
    file("passphrase-work", "more work than is bearable", "14.12", &eager, PASSPHRASE, "it asks for 23 as the work factor", "");
    let pem = keygen(&["-t", "ed25519", "-a", "1", "-N", PASSPHRASE, "-C", "throw-away"]);
    let public = public_half(&pem, PASSPHRASE);
    file("ssh-encrypted", "an SSH key behind a passphrase, opened", "14.3, 14.13", pem.as_bytes(), PASSPHRASE, "", &public);
    file("ssh-rounds", "more rounds than are bearable", "14.13", with_rounds(&pem, 1025).as_bytes(), PASSPHRASE, "it asks for 1025 rounds", "");
}

/// An age file for a passphrase, with the least work that scrypt can have.
fn seal_to_passphrase(plaintext: &[u8], passphrase: &str) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.to_owned().into());
    recipient.set_work_factor(1);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap();
    sealed
}

/// A private key as the real `ssh-keygen` makes it.
fn keygen(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let mut command = Command::new("ssh-keygen");
    assert!(command.arg("-q").args(arguments).arg("-f").arg(&path).status().unwrap().success());
    std::fs::read_to_string(path).unwrap()
}

/// What the real `ssh-keygen` says of a private key, as a recipient.
fn public_half(pem: &str, passphrase: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_private(&path, pem);
    let output = Command::new("ssh-keygen").args(["-y", "-P", passphrase, "-f"]).arg(&path).output().unwrap();
    assert!(output.status.success());
    let line = String::from_utf8(output.stdout).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// The same key, which asks for other rounds of bcrypt than it was made with.
fn with_rounds(pem: &str, rounds: u32) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = BASE64_STANDARD.decode(body).unwrap();
    let name = b"bcrypt";
    let at = bytes.windows(name.len()).position(|part| part == name).unwrap() + name.len();
    // The length of the options, a salt of 16 bytes with its length, the rounds.
    let rounds_at = at + 4 + 4 + 16;
    bytes[rounds_at..rounds_at + 4].copy_from_slice(&rounds.to_be_bytes());
    openssh(&bytes)
}

/// The text of an OpenSSH private key.
fn openssh(bytes: &[u8]) -> String {
    armor("OPENSSH PRIVATE KEY", bytes, 70)
}

/// An OpenSSH private key with the public half of another, wherever the file says it.
fn forge(pem: &str, own: &str, other: &str) -> String {
    let point = |public: &str| {
        let blob = BASE64_STANDARD.decode(public.split_whitespace().nth(1).unwrap()).unwrap();
        blob[blob.len() - 32..].to_vec()
    };
    let (own, other) = (point(own), point(other));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = BASE64_STANDARD.decode(body).unwrap();
    for at in 0..bytes.len() - 32 {
        if bytes[at..at + 32] == own {
            bytes[at..at + 32].copy_from_slice(&other);
        }
    }
    openssh(&bytes)
}
