//! `author`: who may write, from the first author to several who must agree, and back.

use std::{fs, path::PathBuf};

use serde_json::json;
use vault_format::SigningKey;

use crate::{
    console::Console,
    support::{Fleet, Run, has, run},
};

/// Makes a member with a signing key, who is no author yet, and returns the file with the public half.
fn candidate(fleet: &Fleet, name: &str) -> PathBuf {
    fleet.member(name);
    let folder = fleet.path(&format!("{name}/fleetvault"));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(fleet.identity(name), folder.join("identity.txt")).unwrap();
    new_key(&folder.join("signing_key"))
}

fn new_key(file: &std::path::Path) -> PathBuf {
    let key = SigningKey::generate().unwrap();
    fs::write(file, key.to_openssh("").unwrap().as_bytes()).unwrap();
    let public = PathBuf::from(format!("{}.pub", file.display()));
    fs::write(&public, format!("{} somebody@somewhere\n", key.signer().unwrap())).unwrap();
    public
}

fn add(fleet: &Fleet, name: &str) {
    let key = candidate(fleet, name);
    fleet
        .fleetvault(&["author", "add", name, "--key-file", key.to_str().unwrap()])
        .ok();
}

/// `fleetvault` as somebody on a machine of their own, in the same work tree.
fn by(fleet: &Fleet, who: &str, args: &[&str], stdin: &[u8]) -> Run {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), who);
    command.args(args).current_dir(fleet.vault());
    run(command, stdin)
}

fn fingerprints(fleet: &Fleet, name: &str) -> Vec<String> {
    let listed = fleet.fleetvault(&["author", "list", "--json"]).ok().json();
    let authors = listed["authors"].as_array().unwrap().clone();
    let author = authors.into_iter().find(|author| author["name"] == name);
    let keys = author.map(|author| author["keys"].as_array().unwrap().clone());
    let keys = keys.unwrap_or_default().into_iter();
    keys.map(|key| key["fingerprint"].as_str().unwrap().to_owned())
        .collect()
}

fn head(fleet: &Fleet) -> String {
    fleet.git(&["rev-parse", "HEAD"])
}

#[test]
fn an_author_is_added_in_one_commit_and_can_write() {
    let fleet = Fleet::new();
    let key = candidate(&fleet, "bob");
    by(&fleet, "bob", &["set", "token"], b"value-of-token").fails(7);
    let before = head(&fleet);
    let added = fleet.fleetvault(&["author", "add", "bob", "--key-file", key.to_str().unwrap()]);
    added.ok().prints("+ author bob, SHA256:");
    assert_eq!(fleet.git(&["rev-parse", "HEAD~1"]), before);
    assert_eq!(fleet.git(&["diff", "--name-only", "HEAD~1"]), "roots/2.toml\n");
    assert_eq!(fleet.git(&["log", "-1", "--format=%s"]), "fleetvault: author add bob\n");
    by(&fleet, "bob", &["set", "token", "--members", "bob"], b"value-of-token").ok();
    assert_eq!(
        fleet.expand("bob", "<<secure.token>>").ok().out(),
        "value-of-token",
        "a file that only bob has signed"
    );
    let listed = fleet.fleetvault(&["author", "list"]).ok();
    listed
        .prints("bob    SHA256:")
        .prints("root 2; the next one must be signed by 1 of 2\n");
    let listed = fleet.fleetvault(&["author", "list", "--json"]).ok().json();
    assert_eq!((&listed["root"], &listed["threshold"]), (&json!(2), &json!(1)));
    assert_eq!(fingerprints(&fleet, "alice").len(), 1);
    fleet.fleetvault(&["verify"]).ok();
    // A branch of its own, a dry run, and JSON, as with every command that writes.
    let key = candidate(&fleet, "carol");
    let add = ["author", "add", "carol", "--key-file", key.to_str().unwrap()];
    fleet.fleetvault(&[&add[..], &["--dry-run"]].concat()).ok();
    let on_branch = fleet
        .fleetvault(&[&add[..], &["--branch", "carol", "--json"]].concat())
        .ok();
    assert_eq!(on_branch.json()["files"], json!(["roots/3.toml"]));
    assert!(fingerprints(&fleet, "carol").is_empty());
    let listed = fleet.fleetvault(&["author", "list", "--ref", "carol"]).ok();
    listed.prints("the next one must be signed by 1 of 3");
}

#[test]
fn whatever_a_removed_author_signed_is_signed_anew_and_stays_as_it_is() {
    let fleet = Fleet::new();
    add(&fleet, "bob");
    by(&fleet, "bob", &["set", "token", "--members", "bob"], b"value-of-token").ok();
    by(&fleet, "bob", &["set", "gone"], b"value-of-gone").ok();
    by(&fleet, "bob", &["rm", "gone"], b"").ok();
    let file = fleet.path("new.txt");
    let keygen = ["keygen", "--member", "new", "-o", file.to_str().unwrap()];
    let recipient = fleet.fleetvault(&keygen).ok().out();
    by(
        &fleet,
        "bob",
        &["member", "add", "new", "--recipient", recipient.trim()],
        b"",
    )
    .ok();
    fleet.set("other", "value-of-other", "bob");
    // Both have floors on these files.
    assert_eq!(fleet.expand("bob", "<<secure.token>>").ok().out(), "value-of-token");
    fleet.expand("bob", "<<secure.gone>>").fails(4);
    fleet.expand("new", "<<secure.token>>").fails(3);
    let base = head(&fleet);
    let (token, other) = (
        fleet.read("credentials/token.toml"),
        fleet.read("credentials/other.toml"),
    );

    let removed = fleet.fleetvault(&["author", "remove", "bob"]).ok();
    removed
        .prints("- author bob, SHA256:")
        .prints("4 files signed by alice instead, with the same contents\n");
    let changed =
        "credentials/gone.toml\ncredentials/token.toml\ngrants/all/new.toml\nmembers/new.toml\nroots/3.toml\n";
    assert_eq!(fleet.git(&["diff", "--name-only", base.trim()]), changed);
    let now = fleet.read("credentials/token.toml");
    let signed = |text: &str| text.split("[[signature]]").next().unwrap().to_owned();
    assert_eq!(
        signed(&now),
        signed(&token),
        "no byte before the signatures has changed"
    );
    assert!(now.contains("author = \"alice\"") && !now.contains("author = \"bob\""));
    assert_eq!(fleet.read("credentials/other.toml"), other);
    fleet.fleetvault(&["verify", "--base", base.trim()]).ok();
    // Same serials, same digests: no machine that used the files notices.
    assert_eq!(fleet.expand("bob", "<<secure.token>>").ok().out(), "value-of-token");
    fleet.expand("bob", "<<secure.gone>>").fails(4);
    fleet.expand("new", "<<secure.token>>").fails(3);
    let review = fleet.fleetvault(&["review", base.trim()]).ok().out();
    assert!(
        review.starts_with("root 3  signed by alice\n  authors   - author bob, SHA256:"),
        "{review}"
    );
    let told = "token  signed by alice\n  routine   signed by alice instead of bob; its contents stay\n";
    assert!(review.contains(told), "{review}");
    assert!(review.ends_with("2 about who may write, 4 routine\n"), "{review}");
    fleet.fleetvault(&["exposure", "--json"]).ok();
    by(&fleet, "bob", &["rotate", "token", "--generate"], b"")
        .fails(7)
        .says("belongs to no author of this vault");
    if has("ssh-keygen") {
        let script = r#"sed -n '/^authors = \[$/,/^\]$/s/^  "\(.*\)",$/\1/p' roots/3.toml > ../authors
            sed '/^\[\[signature\]\]$/,$d' credentials/token.toml > ../signed
            sed -n '/^-----BEGIN SSH/,/^-----END SSH/p;/^-----END SSH/q' credentials/token.toml > ../signed.sig
            ssh-keygen -Y verify -f ../authors -I alice -n fleetvault-credential-v1 -s ../signed.sig < ../signed"#;
        let mut command = fleet.command("sh", "alice");
        command.args(["-ec", script]).current_dir(fleet.vault());
        run(command, b"")
            .ok()
            .prints("Good \"fleetvault-credential-v1\" signature for alice");
    }
}

#[test]
fn an_author_replaces_the_own_key_with_two_commands() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "alice");
    let old = fingerprints(&fleet, "alice").remove(0);
    let public = new_key(&fleet.path("new_key"));
    let new = fleet.path("new_key");
    let public = fs::read_to_string(public).unwrap();
    fleet
        .fleetvault(&["author", "add", "alice", "--key", public.trim()])
        .ok()
        .prints("+ key of author alice, SHA256:");
    assert_eq!(fingerprints(&fleet, "alice").len(), 2);
    let remove = ["author", "remove", "alice", "--key", &old];
    fleet
        .fleetvault(&remove)
        .fails(7)
        .says("with which 'alice' signs here, would be no author's any more")
        .says("sign with it (--signing-key)");
    let with_new = [&["--signing-key", new.to_str().unwrap()], &remove[..]].concat();
    // All that init has made, root 1 aside, and the credential.
    fleet
        .fleetvault(&with_new)
        .ok()
        .prints("- key of author alice, SHA256:")
        .prints("6 files signed by alice instead");
    assert_eq!(fingerprints(&fleet, "alice").len(), 1);
    fleet.fleetvault(&["verify"]).ok();
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), "value-of-token");
    fleet.fleetvault(&["touch", "token"]).fails(7);
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let fleet = Fleet::new();
    add(&fleet, "bob");
    let at = head(&fleet);
    let carol = fs::read_to_string(new_key(&fleet.path("carol_key"))).unwrap();
    let carol = carol.trim();
    let bobs = fs::read_to_string(fleet.path("bob/fleetvault/signing_key.pub")).unwrap();
    let weak = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let private = fleet.path("carol_key");
    let private = private.to_str().unwrap();
    for (args, code, says) in [
        (
            &["add", "carol", "--key", bobs.trim()][..],
            1,
            "is that of author 'bob' already",
        ),
        (
            &["add", "bob", "--key", bobs.trim()],
            1,
            "is that of author 'bob' already",
        ),
        (&["add", "Bob", "--key", carol], 1, "the names differ only by case"),
        (&["add", "all", "--key", carol], 2, "all"),
        (&["add", "c/d", "--key", carol], 2, "c/d"),
        (&["add", "carol", "--key", weak], 2, "anyone could sign with it"),
        (
            &["add", "carol", "--key", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC"],
            2,
            "is no SSH public key",
        ),
        (
            &["add", "carol", "--key", "AGE-SECRET-KEY-1"],
            2,
            "that is a private key",
        ),
        (
            &["add", "carol", "--key-file", private],
            2,
            "its public half stands beside it",
        ),
        (
            &["add", "carol", "--key-file", "fleetvault.toml"],
            1,
            "keys, expected 1",
        ),
        (&["add", "carol", "--key-file", "none"], 1, "cannot read none"),
        (&["add", "carol"], 2, "--key"),
        (&["remove", "carol"], 4, "authors are 'alice', 'bob'"),
        (&["remove", "bob", "--key", "SHA256:x"], 4, "its keys are 'SHA256:"),
        (
            &["remove", "alice"],
            7,
            "another author removes you: fleetvault author remove alice",
        ),
        (&["threshold", "0"], 1, "from 1 to the number of authors, 2, found 0"),
        (&["threshold", "3"], 1, "from 1 to the number of authors, 2, found 3"),
        (&["threshold", "1"], 1, "the threshold is 1 already"),
        (&["sign", "none"], 1, "cannot read none"),
        (
            &["sign", "roots/2.toml"],
            1,
            "it is a proposal of root 2, and the current root is 2",
        ),
        (&["sign", "members/bob.toml"], 1, "it is no proposal"),
    ] {
        let run = fleet.fleetvault(&[&["author"], args].concat()).fails(code).silent();
        run.says(says);
    }
    assert_eq!(head(&fleet), at);
    // Who is no author is told so first.
    let key = candidate(&fleet, "dan");
    for args in [
        &["add", "dan", "--key-file", key.to_str().unwrap()][..],
        &["remove", "bob"],
        &["threshold", "2"],
    ] {
        let run = by(&fleet, "dan", &[&["author"], args].concat(), b"").fails(7).silent();
        run.says("belongs to no author of this vault");
    }
    fleet.fleetvault(&["author", "remove", "bob"]).ok();
    fleet
        .fleetvault(&["author", "remove", "alice"])
        .fails(7)
        .says("'alice' is the last author");
}

#[test]
fn several_authors_agree_by_a_file_that_goes_round() {
    let fleet = Fleet::new();
    for name in ["bob", "carol"] {
        add(&fleet, name);
    }
    fleet
        .fleetvault(&["author", "threshold", "3"])
        .ok()
        .prints("authors who must sign the next root: 1 → 3 of 3\n");
    fleet
        .fleetvault(&["author", "remove", "bob"])
        .fails(7)
        .says("without 'bob' there are 2 authors, and 3 must sign the next root")
        .says("fleetvault author threshold 2");
    let at = head(&fleet);
    let lower = ["author", "threshold", "2"];
    let branch = [&lower[..], &["--branch", "x"]].concat();
    fleet.fleetvault(&branch).fails(2).says("with the last signature");
    fleet.fleetvault(&[&lower[..], &["--dry-run"]].concat()).ok();
    assert!(!fleet.vault().join("root-5.proposal").exists());
    fleet
        .fleetvault(&lower)
        .ok()
        .prints("root 5 is proposed:\n  authors who must sign the next root: 3 → 2 of 3\n")
        .prints("signed by alice; 2 more authors must sign it\n")
        .prints("next, by another author: fleetvault author sign root-5.proposal\n");
    fleet.fleetvault(&lower).fails(1).says("root-5.proposal exists");
    // While it waits, the vault is as it was.
    assert_eq!(head(&fleet), at);
    fleet.fleetvault(&["verify"]).ok();
    fleet.set("token", "value-of-token", "alice");
    let sign = ["author", "sign", "root-5.proposal"];
    fleet
        .fleetvault(&sign)
        .fails(1)
        .says("'alice' has signed it already, and 2 more must");
    by(&fleet, "bob", &sign, b"y\n")
        .fails(7)
        .says("nobody can be asked: there is no terminal");
    by(&fleet, "bob", &[&sign[..], &["--dry-run"]].concat(), b"")
        .ok()
        .prints("3 → 2 of 3");
    let signed = by(&fleet, "bob", &[&sign[..], &["--yes", "--json"]].concat(), b"")
        .ok()
        .json();
    assert_eq!(signed["signed_by"], json!(["alice", "bob"]));
    assert_eq!((&signed["missing"], &signed["root"]), (&json!(1), &json!(5)));
    assert!(!fleet.vault().join("roots/5.toml").exists());
    candidate(&fleet, "dan");
    by(&fleet, "dan", &[&sign[..], &["--yes"]].concat(), b"")
        .fails(7)
        .says("belongs to no author");
    by(&fleet, "carol", &[&sign[..], &["--yes"]].concat(), b"")
        .ok()
        .prints("commit ");
    assert_eq!(fleet.git(&["diff", "--name-only", "HEAD~1"]), "roots/5.toml\n");
    fleet
        .fleetvault(&sign)
        .fails(1)
        .says("it is a proposal of root 5, and the current root is 5")
        .says("it is that root already")
        .says("it was made for an older root");
    // Who goes cannot be the one who makes it so; who stays signs the files.
    by(&fleet, "bob", &["set", "bobs"], b"value-of-bobs").ok();
    fleet
        .fleetvault(&["author", "remove", "bob", "--proposal", "../go"])
        .ok();
    let go = ["author", "sign", "../go", "--yes"];
    by(&fleet, "bob", &go, b"")
        .fails(7)
        .says("would be no author's any more");
    by(&fleet, "carol", &go, b"")
        .ok()
        .prints("1 file signed by carol instead, with the same contents");
    fleet.fleetvault(&["verify"]).ok();
    let last = "authors   + author";
    let review = fleet.fleetvault(&["review", at.trim()]).ok().out();
    assert!(
        !review.contains(last) && review.contains("- author bob, SHA256:"),
        "{review}"
    );
    assert!(
        review.contains("authors who must sign the next root: 3 → 2 of 2"),
        "{review}"
    );
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  all 2 authors must sign the next root: if the key of alice is lost");
}

#[test]
fn a_member_who_is_an_author_goes_as_both_in_one_commit() {
    let fleet = Fleet::new();
    add(&fleet, "bob");
    by(
        &fleet,
        "bob",
        &["set", "bobs", "--members", "alice,bob"],
        b"value-of-bobs",
    )
    .ok();
    by(
        &fleet,
        "bob",
        &["set", "others", "--members", "alice"],
        b"value-of-others",
    )
    .ok();
    // Sealed to an epoch that is over then: not stale, for it was there before, signed by bob.
    by(&fleet, "bob", &["set", "for_all"], b"value-for-all").ok();
    fleet.fleetvault(&["author", "threshold", "2"]).ok();
    fleet
        .fleetvault(&["member", "remove", "bob", "--dry-run"])
        .ok()
        .prints("bob stays an author until 2 authors agree: fleetvault author remove bob\n");
    fleet
        .fleetvault(&["author", "threshold", "1", "--proposal", "../lower"])
        .ok();
    by(&fleet, "bob", &["author", "sign", "../lower", "--yes"], b"").ok();
    let before = head(&fleet);
    fleet
        .fleetvault(&["author", "remove", "bob", "--dry-run"])
        .ok()
        .prints("bob is still a member: fleetvault member remove bob\n");
    fleet
        .fleetvault(&["member", "remove", "bob"])
        .ok()
        .prints("removed member bob\n")
        .prints("- author bob, SHA256:")
        .prints("2 files signed by alice instead, with the same contents\n");
    assert_eq!(fleet.git(&["rev-parse", "HEAD~1"]), before);
    assert!(fingerprints(&fleet, "bob").is_empty());
    fleet.fleetvault(&["verify", "--base", before.trim()]).ok();
    fleet
        .fleetvault(&["review", before.trim()])
        .ok()
        .prints("- author bob, SHA256:");
    assert_eq!(fleet.fleetvault(&["get", "others"]).ok().out(), "value-of-others");
    assert_eq!(fleet.fleetvault(&["get", "bobs"]).ok().out(), "value-of-bobs");
    // The same where the author goes later than the epoch.
    add(&fleet, "carol");
    by(&fleet, "carol", &["set", "carols"], b"value-of-carols").ok();
    fleet.member("dev");
    fleet.fleetvault(&["member", "remove", "dev"]).ok();
    fleet.fleetvault(&["author", "remove", "carol"]).ok();
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn a_co_signer_sees_what_it_means_and_is_asked() {
    let fleet = Fleet::new();
    for name in ["bob", "carol"] {
        add(&fleet, name);
    }
    fleet.fleetvault(&["author", "threshold", "2"]).ok();
    fleet
        .fleetvault(&["author", "remove", "bob", "--proposal", "../go"])
        .ok();
    let offered = fs::read(fleet.path("go")).unwrap();
    let at = head(&fleet);
    let sign = |answer: &str| {
        let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "carol");
        command.args(["author", "sign", "../go"]).current_dir(fleet.vault());
        let mut console = Console::start(command);
        console.expect(&format!("Root 5 of the vault {} would follow root 4:", fleet.id()));
        console.expect("  - author bob, SHA256:");
        console.expect("  authors then: alice, carol\r\n  who must sign the root after it: 2 of 2\r\n");
        console.expect("  what the removed keys have signed is signed by who makes the commit\r\n");
        console.expect("It is signed by alice.\r\nSign it as carol, and make the commit? [y/N]");
        console.press(answer);
        console.end()
    };
    let (status, screen) = sign("n\n");
    assert_eq!(status.code(), Some(7), "{screen}");
    assert!(screen.contains("not signed"), "{screen}");
    assert_eq!((fs::read(fleet.path("go")).unwrap(), head(&fleet)), (offered, at));
    let (status, screen) = sign("y\n");
    assert!(status.success() && screen.contains("commit "), "{screen}");
    assert!(fingerprints(&fleet, "bob").is_empty());
}

#[test]
fn names_of_authors_are_completed() {
    let fleet = Fleet::new();
    add(&fleet, "bob");
    let mut command = fleet.fleetvault_command(&["--", "fleetvault", "author", "remove", "b"]);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    assert_eq!(run(command, b"").ok().out().trim(), "bob");
}
