//! fleet-rev tries to be fleet-dev: by flags, environment, its identity file, files of the repository, templates.

use std::fs;

use vault_format::{FilePath, Identity, Member, Parsed, SigningKey};

use crate::{
    support::{Fleet, run},
    world::{ALL, Attack, BOTH, DEV, REV, clean, redrafted, signed, world},
};

const TEMPLATE: &[u8] = b"<<secure.github_pat>>";

#[test]
fn by_flags_and_environment() {
    let fleet = world();
    let id = fleet.id();
    for args in [
        vec!["expand", "--member", "fleet-dev"],
        vec!["--member=fleet-dev", "expand"],
        vec!["expand", "--member", "fleet-dev", "--root", &id],
        vec!["expand", "--member", "fleet-dev", "--allow-keeper"],
    ] {
        let run = clean(fleet.resolver("fleet-rev", &args, TEMPLATE).fails(6).silent());
        run.says("the identity belongs to member 'fleet-rev', but 'fleet-dev' was expected")
            .says("nothing else can change that");
    }
    let mut by_environment = fleet.resolver_command("fleet-rev", &["expand"]);
    by_environment.env("FLEETVAULT_MEMBER", "fleet-dev");
    run(by_environment, TEMPLATE)
        .fails(6)
        .silent()
        .says("but 'fleet-dev' was expected");
    for args in [
        vec!["expand", "--member", "fleet-rev"],
        vec!["expand", "--allow-keeper"],
        vec!["expand", "--root", &id],
    ] {
        fleet.resolver("fleet-rev", &args, TEMPLATE).fails(3).silent();
    }
    let twice = ["expand", "--member", "fleet-rev", "--member", "fleet-dev"];
    fleet.resolver("fleet-rev", &twice, TEMPLATE).fails(2).silent();
    let rev = fleet.identity("fleet-rev");
    let two = [
        "expand",
        "--identity",
        rev.to_str().unwrap(),
        "--identity",
        rev.to_str().unwrap(),
    ];
    fleet.resolver("fleet-rev", &two, TEMPLATE).fails(2).silent();
    // A public key opens nothing, and is no identity.
    let public = fleet.path("public.txt");
    fs::write(&public, recipient_of(&fleet, "fleet-dev")).unwrap();
    fleet
        .resolver(
            "fleet-rev",
            &["expand", "--identity", public.to_str().unwrap()],
            TEMPLATE,
        )
        .fails(1)
        .silent();
}

#[test]
fn by_its_identity_file() {
    let fleet = world();
    let file = fleet.identity("fleet-rev");
    let own = fs::read_to_string(&file).unwrap();
    let id = fleet.id();
    let spare = Identity::generate().expose_line().unwrap();
    let spare = spare.expose_text().unwrap();
    let dev = recipient_of(&fleet, "fleet-dev");
    let anchor = |rest: &str| format!("# fleetvault: vault={id}{rest}\n");
    let keys: String = own
        .lines()
        .filter(|line| !line.starts_with("# fleetvault:"))
        .map(|line| format!("{line}\n"))
        .collect();
    for (text, code, says) in [
        (
            own.replace("member=fleet-rev", "member=fleet-dev"),
            6,
            "it is a key of 'fleet-rev'",
        ),
        (
            own.replace("member=fleet-rev", "member=alice"),
            6,
            "it is a key of 'fleet-rev'",
        ),
        (
            own.replace("member=fleet-rev", "member=nobody"),
            6,
            "member 'nobody' is not in this vault",
        ),
        (own.replace(" member=fleet-rev", ""), 3, "member 'fleet-rev'"),
        (format!("{own}{spare}\n"), 3, "member 'fleet-rev'"),
        (
            format!("{}{spare}\n{keys}", anchor(" member=fleet-dev")),
            6,
            "it is a key of 'fleet-rev'",
        ),
        (
            format!("{}# public key: {dev}\n{keys}", anchor("")),
            3,
            "member 'fleet-rev'",
        ),
        (
            format!("{}{}{keys}", anchor(" member=fleet-rev"), anchor(" member=fleet-dev")),
            1,
            "second anchor",
        ),
        (
            format!("{}{keys}", anchor(" member=fleet-rev member=fleet-dev")),
            1,
            "each thing once",
        ),
        (
            format!("{}{keys}", anchor(" member=../members/fleet-dev")),
            1,
            "member must be a member's name",
        ),
        (
            format!("{}{keys}", anchor(" member=fleet-rev allow_keeper=1")),
            1,
            "an anchor knows",
        ),
        (keys.clone(), 6, "no anchor"),
    ] {
        fs::write(&file, text).unwrap();
        fleet.refused("fleet-rev", "github_pat", code).says(says);
    }
    fs::write(&file, &own).unwrap();
    fleet.gets(
        "fleet-rev",
        &[("rev_pat", REV), ("shared_key", BOTH), ("pub_token", ALL)],
    );
}

/// An OpenSSH key file names its public key beside the private one, and nothing makes the two belong together.
#[test]
fn by_an_ssh_key_file_that_claims_the_public_key_of_another() {
    let fleet = world();
    let victim = SigningKey::generate().unwrap();
    let public = victim.signer().unwrap().as_str().to_owned();
    fleet
        .fleetvault(&["member", "add", "victim", "--recipient", &public])
        .ok();
    fleet.set("victims", DEV, "victim");
    let own = SigningKey::generate().unwrap();
    let (own_blob, victim_blob) = (blob(own.signer().unwrap().as_str()), blob(&public));
    let pem = own.to_openssh("x").unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut bytes = unbase64(&base64);
    let at = bytes
        .windows(own_blob.len())
        .position(|window| window == own_blob)
        .unwrap();
    bytes[at..at + own_blob.len()].copy_from_slice(&victim_blob);
    let forged = format!(
        "# fleetvault: vault={} member=victim\n-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        fleet.id(),
        base64_of(&bytes)
    );
    fs::write(fleet.identity("victim"), &forged).unwrap();
    for command in ["expand", "check"] {
        let run = clean(fleet.resolver("victim", &[command], b"<<secure.victims>>").silent());
        assert!([1, 6].contains(&run.code), "{command}: {} {}", run.code, run.stderr);
    }
    // Together with a key that opens something, it must not make the resolver say 'victim' either.
    let rev = fs::read_to_string(fleet.identity("fleet-rev")).unwrap();
    let key = rev.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    fs::write(fleet.identity("victim"), format!("{forged}{key}\n")).unwrap();
    let run = clean(fleet.resolver("victim", &["list"], b"").silent());
    assert!([1, 6].contains(&run.code), "list: {} {}", run.code, run.stderr);
}

#[test]
fn by_a_members_file_with_its_own_key() {
    let base = world();
    let (dev, rev) = (member(&base, "fleet-dev"), member(&base, "fleet-rev"));
    let recipients = rev.head().body.as_ref().unwrap().recipients.clone();
    let forged = || redrafted(&dev, |head| head.body.as_mut().unwrap().recipients = recipients.clone());
    let own = SigningKey::generate().unwrap();
    let unsigned = forged().finish().unwrap();
    let text = |parsed: &Parsed<Member>| String::from_utf8(parsed.as_bytes().to_vec()).unwrap();
    let rev_key = recipients[0].as_str().to_owned();
    let dev_key = dev.head().body.as_ref().unwrap().recipients[0].as_str().to_owned();
    for (forgery, says) in [
        (text(&rev), "members/fleet-rev.toml"),
        (text(&dev).replace(&dev_key, &rev_key), "signature"),
        (text(&rev).replace("\"fleet-rev\"", "\"fleet-dev\""), "signature"),
        (text(&unsigned), "sign"),
        (text(&signed(forged(), &own, "alice", "fleetvault-member-v1")), "alice"),
        (
            text(&signed(forged(), &own, "fleet-rev", "fleetvault-member-v1")),
            "fleet-rev",
        ),
        (
            text(&signed(forged(), &own, "mallory", "fleetvault-member-v1")),
            "mallory",
        ),
        (
            text(&signed(forged(), &base.alice(), "alice", "fleetvault-credential-v1")),
            "alice",
        ),
    ] {
        let fleet = world();
        fleet.forge("members/fleet-dev.toml", &forgery);
        fleet.finds("members/fleet-dev.toml", says);
        fleet.refused("fleet-rev", "github_pat", 3);
        fleet.gets(
            "fleet-rev",
            &[("rev_pat", REV), ("shared_key", BOTH), ("pub_token", ALL)],
        );
        fleet
            .refused("fleet-dev", "github_pat", 6)
            .says("members/fleet-dev.toml (commit ")
            .says("hint");
        let file = fleet.identity("fleet-rev");
        let own = fs::read_to_string(&file).unwrap();
        fs::write(&file, own.replace("member=fleet-rev", "member=fleet-dev")).unwrap();
        fleet
            .refused("fleet-rev", "github_pat", 6)
            .says("members/fleet-dev.toml");
        // An author must not seal to such a key either.
        let head = fleet.git(&["rev-parse", "HEAD"]);
        let run = fleet.fleetvault_with(&["set", "fresh", "--members", "fleet-dev"], b"s3cr3t-fresh");
        clean(run.fails(6).silent()).says("members/fleet-dev.toml");
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    }
}

#[test]
fn by_members_that_are_gone_or_renamed() {
    let fleet = world();
    fleet.git(&["mv", "members/fleet-rev.toml", "members/fleet-dev2.toml"]);
    fleet.git(&["rm", "-q", "members/fleet-dev.toml"]);
    fleet.git(&["commit", "-q", "-m", "renamed"]);
    fleet
        .refused("fleet-rev", "github_pat", 6)
        .says("member 'fleet-rev' is not in this vault");
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("member 'fleet-dev' is not in this vault");
    fleet.finds("members/fleet-dev2.toml", "members/fleet-rev.toml");
}

#[test]
fn by_grants_of_others() {
    for (from, to) in [
        ("grants/keepers/alice.toml", "grants/keepers/fleet-rev.toml"),
        ("grants/all/fleet-dev.toml", "grants/keepers/fleet-rev.toml"),
        ("grants/all/fleet-rev.toml", "grants/keepers/fleet-rev.toml"),
    ] {
        let fleet = world();
        fleet.forge(to, fleet.read(from));
        fleet.finds(to, from);
        fleet.refused("fleet-rev", "github_pat", 6).says(to);
        let allowed = fleet.resolver("fleet-rev", &["expand", "--allow-keeper"], TEMPLATE);
        clean(allowed.fails(3).silent());
        fleet.gets("fleet-dev", &[("github_pat", DEV), ("pub_token", ALL)]);
    }
    let fleet = world();
    fleet.forge("grants/all/fleet-rev.toml", fleet.read("grants/all/fleet-dev.toml"));
    fleet.finds("grants/all/fleet-rev.toml", "grants/all/fleet-dev.toml");
    fleet
        .refused("fleet-rev", "pub_token", 6)
        .says("grants/all/fleet-rev.toml");
    fleet.gets("fleet-rev", &[("rev_pat", REV), ("shared_key", BOTH)]);
    fleet.gets("fleet-dev", &[("pub_token", ALL)]);
}

#[test]
fn by_templates() {
    let fleet = world();
    for template in [
        "<<secure.github_pat member=fleet-dev>>",
        "<<secure.github_pat@fleet-dev>>",
        "<<secure.github_pat | member('fleet-dev')>>",
        "<<secure.github_pat|allow_keeper>>",
        "<<secure.credentials/../github_pat>>",
        "<<secure./github_pat>>",
        "<<secure.github_pat.toml>>",
        "<<secure.github_pat\0>>",
        "<<secure.github_pat\n>>",
        "{{ secure.github_pat if true }}",
        "{{secure['github_pat']}}",
        "{{- secure.github_pat -}}",
        "<<SECURE.github_pat>>",
        "<<secure.github_pat>",
    ] {
        let run = clean(fleet.expand("fleet-rev", template));
        assert!(run.code != 0 || run.out() == template, "{template}: {}", run.out());
        clean(fleet.expand("fleet-dev", template));
    }
    for name in [
        "fleet-dev/github_pat",
        "GITHUB_PAT",
        "members/fleet-dev",
        "github_pat/github_pat",
    ] {
        fleet.refused("fleet-rev", name, 4);
    }
    // One reference that is refused keeps all others back, wherever it stands.
    let mixed = "<<secure.shared_key>><<secure.github_pat>><<secure.pub_token>>";
    clean(fleet.expand("fleet-rev", mixed).fails(3).silent());
    let out = fleet.path("out.txt");
    let args = ["expand", "-o", out.to_str().unwrap()];
    fleet.resolver("fleet-rev", &args, mixed.as_bytes()).fails(3).silent();
    assert!(!out.exists());
    // A value is never scanned again.
    fleet.set(
        "shared_key",
        "<<secure.github_pat>>{{secure.github_pat}}",
        "fleet-dev,fleet-rev",
    );
    fleet.gets(
        "fleet-rev",
        &[("shared_key", "<<secure.github_pat>>{{secure.github_pat}}")],
    );
    fleet.gets(
        "fleet-dev",
        &[("shared_key", "<<secure.github_pat>>{{secure.github_pat}}")],
    );
}

fn member(fleet: &Fleet, name: &str) -> Parsed<Member> {
    let path = FilePath::Member(name.parse().unwrap());
    Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap()
}

fn recipient_of(fleet: &Fleet, name: &str) -> String {
    member(fleet, name).head().body.as_ref().unwrap().recipients[0]
        .as_str()
        .to_owned()
}

fn blob(public: &str) -> Vec<u8> {
    unbase64(public.split(' ').nth(1).unwrap())
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}
