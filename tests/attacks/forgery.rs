//! Files changed by hand, by somebody with push rights who is no author, or re-signed by an author who was tricked.

use vault_format::{
    Credential, FilePath, HolderName, Kind, Parsed, Scope, ScopeEntry, SealedTo, SigningKey, Timestamp, Verified,
};

use crate::{
    support::Fleet,
    world::{ALL, Attack, BOTH, DEV, REV, clean, redrafted, signed, world},
};

const PATH: &str = "credentials/github_pat.toml";
const NAMESPACE: &str = Credential::NAMESPACE;

/// Whatever was done to github_pat: it is refused and found, and nothing else suffers.
#[track_caller]
fn only_that_file_suffers(fleet: &Fleet, says: &str) {
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says(&format!("{PATH} (commit "))
        .says(says)
        .says("hint");
    // To someone outside its scope a broken file says no more than that.
    fleet.refused("fleet-rev", "github_pat", 6).says(PATH);
    let list = clean(fleet.resolver("fleet-dev", &["list"], b"").fails(6));
    assert!(
        list.out().contains("shared_key") && !list.out().contains("github_pat"),
        "{}",
        list.out()
    );
    fleet.gets("fleet-dev", &[("shared_key", BOTH), ("pub_token", ALL)]);
    fleet.gets(
        "fleet-rev",
        &[("rev_pat", REV), ("shared_key", BOTH), ("pub_token", ALL)],
    );
    fleet.finds(PATH, says);
}

#[test]
fn a_file_edited_by_hand() {
    let base = world();
    let text = base.read(PATH);
    let other = base.read("credentials/shared_key.toml");
    let payload = |text: &str| text[text.find("payload = ").unwrap()..text.find("[[signature]]").unwrap()].to_owned();
    let signature = |text: &str| text[text.find("[[signature]]").unwrap()..].to_owned();
    let body = &text[..text.find("[[signature]]").unwrap()];
    let wider = text.replace("members = [\n", "members = [\n  \"alice\",\n");
    let resealed = wider.replace("\"@keepers#1\",\n", "\"@keepers#1\",\n  \"alice#1\",\n");
    for (forged, says) in [
        (wider, "sealed_to must name"),
        (resealed, "signature"),
        (
            text.replace("value_set = ", "expires = 2099-01-01T00:00:00Z\nvalue_set = "),
            "signature",
        ),
        (text.replace("network = \"allow\"", "network = \"deny\""), "signature"),
        (text.replace("serial = 1\n", "serial = 9\n"), "signature"),
        (
            text.replace("name = \"github_pat\"", "name = \"rev_pat\""),
            "credentials/rev_pat.toml",
        ),
        (text.replace("\n\npayload", "\nnote = \"x\"\n\npayload"), "signature"),
        (text.replace(&payload(&text), &payload(&other)), "signature"),
        (text.replace(&signature(&text), &signature(&other)), "signature"),
        (body.to_owned(), "sign"),
        (format!("{text}\n{}", signature(&text)), "sorted by author"),
        (text.replace('\n', "\r\n"), "carriage return"),
        (format!("\u{feff}{text}"), "format = 1"),
        (
            format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n"),
            "conflict markers",
        ),
        (
            text.replace(
                "serial = 1\n",
                "<<<<<<< a\nserial = 1\n=======\nserial = 2\n>>>>>>> b\n",
            ),
            "conflict markers",
        ),
        (format!("{text}\n"), "line "),
        (format!("{text}# x\n"), "line "),
        (text.replace("serial = 1\n", "serial = 1\nserial = 1\n"), "line "),
        (text.replace("serial = 1\n", "serial = 1\nadmin = true\n"), "admin"),
        (text.replace("format = 1", "format = 2"), "format"),
        (text.replace("kind = \"credential\"", "kind = \"member\""), "kind"),
        (text.replace("serial = 1\n", "serial = 1\nremoved = true\n"), "removed"),
        (text.replace("vault = \"SHA256:", "vault = \"SHA256:AA"), "vault id"),
        (String::new(), "format = 1"),
        (text[..text.len() / 2].to_owned(), "line "),
    ] {
        let fleet = world();
        assert_ne!(forged, text, "{says}: the forgery must change something");
        fleet.forge(PATH, forged);
        only_that_file_suffers(&fleet, says);
    }
}

#[test]
fn a_file_signed_by_someone_who_is_no_author_or_for_something_else() {
    let base = world();
    let (file, alice, own) = (
        base.credential("github_pat"),
        base.alice(),
        SigningKey::generate().unwrap(),
    );
    let same = || redrafted(&file, |_| ());
    let other = base.credential("shared_key");
    let stolen = redrafted(&other, |head| head.subject = file.head().subject.clone());
    let both = |first: &SigningKey, second: &SigningKey| {
        let draft = same();
        let one = first.sign(NAMESPACE, draft.signed_bytes()).unwrap();
        let two = second.sign(NAMESPACE, draft.signed_bytes()).unwrap();
        draft
            .signed_by("alice".parse().unwrap(), one)
            .signed_by("mallory".parse().unwrap(), two)
            .finish()
            .unwrap_or_else(|error| panic!("{error}"))
    };
    for (forged, says) in [
        (signed(same(), &own, "alice", NAMESPACE), "alice"),
        (signed(same(), &own, "mallory", NAMESPACE), "mallory"),
        (signed(same(), &own, "fleet-rev", NAMESPACE), "fleet-rev"),
        (signed(stolen, &own, "alice", NAMESPACE), "alice"),
        (signed(same(), &alice, "alice", "fleetvault-member-v1"), "alice"),
        (signed(same(), &alice, "alice", "file"), "alice"),
        (signed(same(), &alice, "alice", "git"), "alice"),
        (signed(same(), &alice, "mallory", NAMESPACE), "mallory"),
        (both(&alice, &own), "mallory"),
    ] {
        let fleet = world();
        fleet.forge(PATH, forged.as_bytes());
        only_that_file_suffers(&fleet, says);
    }
}

#[test]
fn a_renamed_or_copied_file() {
    let fleet = world();
    fleet.git(&["mv", PATH, "credentials/renamed.toml"]);
    fleet.commit_all("renamed");
    fleet.finds("credentials/renamed.toml", PATH);
    fleet
        .refused("fleet-dev", "renamed", 6)
        .says("credentials/renamed.toml (commit ");
    fleet.refused("fleet-rev", "renamed", 6);
    fleet.refused("fleet-dev", "github_pat", 4);
    let fleet = world();
    fleet.forge("credentials/prod/github_pat.toml", fleet.read(PATH));
    fleet.finds("credentials/prod/github_pat.toml", PATH);
    fleet.refused("fleet-rev", "prod/github_pat", 6);
    fleet.gets("fleet-dev", &[("github_pat", DEV), ("shared_key", BOTH)]);
}

/// What no signature can stop: an author signs what somebody else put together. The seal stops it.
#[test]
fn a_payload_under_another_header_that_an_author_signed() {
    let fleet = world();
    fleet.set("dev_two", "s3cr3t-two", "fleet-dev");
    let (one, two, alice) = (
        fleet.credential("github_pat"),
        fleet.credential("dev_two"),
        fleet.alice(),
    );
    let swapped = redrafted(&two, |head| head.subject = one.head().subject.clone());
    fleet.forge(PATH, signed(swapped, &alice, "alice", NAMESPACE).as_bytes());
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says(&format!("{PATH} (commit "))
        .says("header");
    // Nobody without a key can tell one ciphertext for fleet-dev from another, so verify has nothing to say.
    fleet.finds_nothing();
    clean(fleet.fleetvault(&["get", "github_pat"]).fails(6).silent()).says(PATH);
    clean(fleet.fleetvault(&["touch", "github_pat"]).fails(6).silent()).says(PATH);
    fleet.gets("fleet-dev", &[("dev_two", "s3cr3t-two"), ("shared_key", BOTH)]);

    for change in [
        |head: &mut vault_format::Credential| head.expires = Timestamp::from_unix(4_000_000_000),
        |head: &mut vault_format::Credential| head.note = Some("relaxed".into()),
        |head: &mut vault_format::Credential| head.value_set = Timestamp::EPOCH,
    ] {
        let fleet = world();
        let edited = redrafted(&fleet.credential("github_pat"), |head| {
            change(head.body.as_mut().unwrap())
        });
        fleet.forge(PATH, signed(edited, &fleet.alice(), "alice", NAMESPACE).as_bytes());
        fleet.refused("fleet-dev", "github_pat", 6).says("header");
        fleet.gets("fleet-dev", &[("shared_key", BOTH)]);
    }
}

#[test]
fn a_scope_that_an_author_signed_wider_than_it_is_sealed() {
    let fleet = world();
    let wider = redrafted(&fleet.credential("github_pat"), |head| {
        let body = head.body.as_mut().unwrap();
        let rev: vault_format::MemberName = "fleet-rev".parse().unwrap();
        let Scope::Named(entries) = &mut body.scope else {
            panic!("the scope is named")
        };
        entries.insert(ScopeEntry::Member(rev.clone()));
        let mut holders = body.sealed_to.holders().to_vec();
        holders.push(vault_format::Holder {
            name: HolderName::Member(rev),
            epoch: 1,
        });
        body.sealed_to = SealedTo::new(holders).unwrap();
    });
    fleet.forge(PATH, signed(wider, &fleet.alice(), "alice", NAMESPACE).as_bytes());
    fleet
        .refused("fleet-rev", "github_pat", 6)
        .says("none of its keys opens it");
    fleet.refused("fleet-dev", "github_pat", 6).says("header");
    fleet.finds(PATH, "sealed_to promises 3 keys, the payload has 2 stanzas");
}

#[test]
fn a_swapped_group_key() {
    for (path, name, open) in [
        ("groups/all.toml", "pub_token", true),
        ("groups/keepers.toml", "shared_key", false),
    ] {
        let fleet = world();
        let other = Fleet::new();
        let key = |fleet: &Fleet| {
            let text = fleet.read(path);
            text.lines()
                .find_map(|line| line.strip_prefix("recipient = "))
                .unwrap()
                .to_owned()
        };
        let (real, forged) = (key(&fleet), key(&other));
        fleet.forge(path, fleet.read(path).replace(&real, &forged));
        fleet.finds(path, "signature");
        let head = fleet.git(&["rev-parse", "HEAD"]);
        let set = fleet.fleetvault_with(&["set", "fresh", "--members", "*"], b"s3cr3t-fresh");
        clean(set.fails(6).silent()).says(path);
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
        // What was sealed before opens with the grant, which is whole.
        fleet.gets("fleet-dev", &[(name, if open { ALL } else { BOTH })]);
    }
}

/// Every length of every kind of file, in this process: none but the whole one is part of the vault.
#[test]
fn a_truncated_file() {
    let fleet = world();
    let root_path = FilePath::Root(1);
    let root = Parsed::parse(fleet.read("fleetvault.toml").as_bytes(), &root_path).unwrap();
    let authority = vault_format::Authority::first(&root).unwrap();
    let text = fleet.read(PATH);
    let path = FilePath::parse(PATH).unwrap();
    let accepts = |bytes: &[u8]| -> Option<Verified<Credential>> {
        authority.verify(Parsed::<Credential>::parse(bytes, &path).ok()?).ok()
    };
    assert!(accepts(text.as_bytes()).is_some());
    for length in 0..text.len() {
        assert!(
            accepts(&text.as_bytes()[..length]).is_none(),
            "{length} of {} bytes were accepted",
            text.len()
        );
    }
    for length in [1, 11, 100, text.len() - 1] {
        let fleet = world();
        fleet.forge(PATH, &text[..length]);
        only_that_file_suffers(&fleet, "");
    }
}

/// A file of an epoch that is over: a laptop that had not seen the new key of a member sealed to the old one.
#[test]
fn a_file_sealed_to_a_key_that_was_replaced() {
    let fleet = world();
    let path = FilePath::Member("fleet-dev".parse().unwrap());
    let member: Parsed<vault_format::Member> = Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap();
    let next = redrafted(&member, |head| {
        head.serial += 1;
        let body = head.body.as_mut().unwrap();
        body.epoch += 1;
        body.recipients = vec![vault_format::Identity::generate().recipient().clone()];
    });
    fleet.forge(
        "members/fleet-dev.toml",
        signed(next, &fleet.alice(), "alice", "fleetvault-member-v1").as_bytes(),
    );
    for stale in [PATH, "credentials/shared_key.toml", "grants/all/fleet-dev.toml"] {
        fleet.finds(stale, "stale: sealed to fleet-dev#1, whose keys are at epoch 2 now");
    }
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says("not a key of member 'fleet-dev'");
    fleet.gets("fleet-rev", &[("shared_key", BOTH), ("pub_token", ALL)]);
}

#[test]
fn one_key_for_two_members_that_an_author_signed() {
    let fleet = world();
    let path = FilePath::Member("fleet-rev".parse().unwrap());
    let member: Parsed<vault_format::Member> = Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap();
    let twin = redrafted(&member, |head| head.subject = "twin".parse().unwrap());
    fleet.forge(
        "members/twin.toml",
        signed(twin, &fleet.alice(), "alice", "fleetvault-member-v1").as_bytes(),
    );
    fleet.finds("members/twin.toml", "one key belongs to one member");
    let rev = fleet.read("members/fleet-rev.toml");
    let key = rev.split('"').find(|word| word.starts_with("age1")).unwrap();
    let added = fleet.fleetvault(&["member", "add", "third", "--recipient", key]);
    added.fails(1).silent().says("fleet-rev");
}
