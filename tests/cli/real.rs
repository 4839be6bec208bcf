//! Our files in the hands of other programs: `age` opens the payloads, `ssh-keygen` checks the signatures.

use std::fs;

use crate::support::{Fleet, Run, has, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet.set("free", "value-of-free", "*");
    fleet
}

/// What the README tells people to type: no program of ours.
fn age(fleet: &Fleet, file: &str, identity: &str) -> Run {
    let script = "sed -n '/^-----BEGIN AGE/,/^-----END AGE/p' \"$FILE\" | age -d -i \"$KEY\"";
    let mut command = fleet.command("sh", "dev");
    command
        .args(["-c", script])
        .env("FILE", fleet.vault().join(file))
        .env("KEY", fleet.path(identity));
    run(command, b"")
}

#[test]
fn age_opens_a_payload_with_the_identity_file() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let opened = age(&fleet, "credentials/token.toml", "dev.txt").ok().out();
    let lines: Vec<&str> = opened.lines().collect();
    assert!(lines[0].starts_with("header = \"sha256:"), "{opened}");
    assert!(lines[1].starts_with("text = "), "{opened}");
    assert!(opened.contains("value-of-token"), "{opened}");
    // A keeper's grant opens into the group's key, and that opens everything.
    let group = age(&fleet, "grants/keepers/alice.toml", "alice/fleetvault/identity.txt")
        .ok()
        .out();
    let key = &group[group.find("AGE-SECRET-KEY-1").unwrap()..];
    let key = key
        .split(|char: char| !char.is_ascii_alphanumeric() && char != '-')
        .next()
        .unwrap();
    fs::write(fleet.path("group.txt"), key).unwrap();
    assert!(
        age(&fleet, "credentials/token.toml", "group.txt")
            .ok()
            .out()
            .contains("value-of-token")
    );
    let outsider = fleet.path("x.txt");
    fleet.fleetvault(&["keygen", "-o", outsider.to_str().unwrap()]).ok();
    assert_ne!(age(&fleet, "credentials/token.toml", "x.txt").silent().code, 0);
    // Bytes that are no text are base64 in it.
    fleet
        .fleetvault_with(&["set", "binary", "--members", "dev"], b"\xff\xfe\0 bytes")
        .ok();
    let opened = age(&fleet, "credentials/binary.toml", "dev.txt").ok().out();
    assert!(opened.contains("bytes = \"//4AIGJ5dGVz\""), "{opened}");
}

#[test]
fn ssh_keygen_accepts_our_signatures() {
    if !has("ssh-keygen") {
        return;
    }
    let fleet = fleet();
    // The lines of the root's `authors` are lines of an allowed_signers file.
    let root = fleet.read("fleetvault.toml");
    let authors = root.split("authors = [").nth(1).unwrap().split(']').next().unwrap();
    let signers: String = authors
        .lines()
        .map(|line| line.trim().trim_end_matches(',').trim_matches('"'))
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(fleet.path("allowed_signers"), &signers).unwrap();
    for (file, namespace) in [
        ("credentials/token.toml", "fleetvault-credential-v1"),
        ("members/dev.toml", "fleetvault-member-v1"),
        ("groups/all.toml", "fleetvault-group-v1"),
        ("grants/all/dev.toml", "fleetvault-grant-v1"),
        ("fleetvault.toml", "fleetvault-root-v1"),
    ] {
        let text = fleet.read(file);
        let (signed, tables) = text.split_at(text.find("[[signature]]").unwrap());
        let begin = tables.find("-----BEGIN SSH").unwrap();
        let end = tables.find("-----END SSH SIGNATURE-----\n").unwrap() + "-----END SSH SIGNATURE-----\n".len();
        fs::write(fleet.path("signature"), &tables[begin..end]).unwrap();
        let verify = |message: &str, namespace: &str| {
            let mut command = fleet.command("ssh-keygen", "dev");
            command
                .args(["-Y", "verify", "-I", "alice", "-n", namespace, "-f"])
                .arg(fleet.path("allowed_signers"))
                .arg("-s")
                .arg(fleet.path("signature"));
            run(command, message.as_bytes())
        };
        verify(signed, namespace).ok().prints("Good \"");
        assert_ne!(
            verify(&signed.replace("format = 1", "format = 2"), namespace).code,
            0,
            "{file}"
        );
        assert_ne!(verify(signed, "git").code, 0, "{file}");
    }
}

/// A whole credential by hand: the payload by `age`, the digest by `sha256sum`, the signature by `ssh-keygen`.
#[test]
fn a_payload_made_by_age_and_signed_by_ssh_keygen_opens_here() {
    if !has("age") || !has("ssh-keygen") || !has("sha256sum") {
        return;
    }
    let fleet = fleet();
    let group = fleet.read("groups/keepers.toml");
    let keepers = group
        .lines()
        .find_map(|line| line.strip_prefix("recipient = "))
        .unwrap();
    let shown = fleet.fleetvault(&["member", "show", "dev", "--json"]).ok().json();
    // The header as it stands, with the next serial; all before the payload is what the plaintext is bound to.
    let old = fleet.read("credentials/token.toml");
    let header = old
        .split("payload = ")
        .next()
        .unwrap()
        .replace("serial = 1", "serial = 2");
    fs::write(fleet.path("header"), header).unwrap();
    let script = r#"
        set -e
        digest=$(sha256sum header | cut -d' ' -f1)
        printf 'header = "sha256:%s"\ntext = \047\047\047\n%s\047\047\047\n' "$digest" "$VALUE" | age -a -r "$KEEPERS" -r "$DEV" > payload
        { cat header; printf 'payload = """\n'; cat payload; printf '"""\n\n'; } > signed
        ssh-keygen -q -Y sign -n fleetvault-credential-v1 -f alice/fleetvault/signing_key < signed > signature
        { cat signed; printf '[[signature]]\nauthor = "alice"\nvalue = """\n'; cat signature; printf '"""\n'; } > file
    "#;
    let mut command = fleet.command("sh", "alice");
    command
        .args(["-c", script])
        .current_dir(fleet.path("."))
        .env("KEEPERS", keepers.trim_matches('"'))
        .env("DEV", shown["recipients"][0].as_str().unwrap())
        .env("VALUE", "made-by-hand");
    run(command, b"").ok();
    fleet.forge("credentials/token.toml", fs::read(fleet.path("file")).unwrap());
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "made-by-hand");
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), "made-by-hand");
    fleet.fleetvault(&["verify"]).ok();
}
