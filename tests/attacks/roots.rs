//! The chain of roots against a host and against those who were authors once: older chains, forks below what was seen, and longer ones.

use std::{fs, path::PathBuf};

use vault_format::{Credential, FilePath, Kind, Parsed, Root, SigningKey};

use crate::{
    authors::{as_bob, with_bob},
    support::{Fleet, Run, run},
    world::{Attack, BOTH, DEV, clean, contents, no_root, redrafted, signed, signing_key, successor},
};

/// A key of bob's, who is an author, and what he has signed: `bobs`, for fleet-dev.
fn with_bobs_file() -> (Fleet, SigningKey) {
    let fleet = with_bob();
    as_bob(&fleet, &["set", "bobs", "--members", "fleet-dev"], b"s3cr3t-of-bobs").ok();
    let key = signing_key(&fleet.path("bob/fleetvault/signing_key"));
    (fleet, key)
}

/// A bare repository that everybody pushes to, and a machine's own clone of it.
fn published(fleet: &Fleet) -> PathBuf {
    fleet.git(&["clone", "-q", "--bare", ".", "../origin.git"]);
    fleet.git(&["remote", "add", "origin", "../origin.git"]);
    let clone = fleet.path("clone");
    let origin = fleet.path("origin.git");
    fleet
        .git_in(
            &fleet.path(""),
            &["clone", "-q", origin.to_str().unwrap(), clone.to_str().unwrap()],
        )
        .ok();
    clone
}

/// What fleet-dev gets on its own clone, after fetching what was pushed.
fn pulled(fleet: &Fleet, clone: &std::path::Path, name: &str) -> Run {
    fleet.git_in(clone, &["fetch", "-q", "--force"]).ok();
    let mut command = fleet.resolver_command("fleet-dev", &["--ref", "origin/main", "expand"]);
    command.env("FLEETVAULT_VAULT", clone);
    run(command, format!("<<secure.{name}>>").as_bytes())
}

fn push(fleet: &Fleet) {
    fleet.git(&["push", "-q", "--force", "origin", "HEAD:main"]);
}

fn root(fleet: &Fleet, serial: u64) -> Parsed<Root> {
    let path = FilePath::Root(serial);
    Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap_or_else(|error| panic!("{error}"))
}

/// Bob was an author of root 2. From there he makes a chain of his own, in which he stays one, and makes it longer than the right one.
#[test]
fn a_removed_author_does_not_come_back_by_a_longer_chain() {
    let fleet = with_bob();
    let start = fleet.git(&["rev-parse", "HEAD"]);
    let second = root(&fleet, 2);
    let third = successor(&fleet, &second, &fleet.alice(), "alice", |body| {
        body.authors.retain(|line| line.author.as_str() == "alice");
    });
    fleet.forge("roots/3.toml", third.as_bytes());
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    let right = fleet.git(&["rev-parse", "HEAD"]);
    fleet.git(&["reset", "-q", "--hard", start.trim()]);
    let bob = signing_key(&fleet.path("bob/fleetvault/signing_key"));
    let fork = successor(&fleet, &second, &bob, "bob", |body| body.keepers = 1);
    fleet.forge("roots/3.toml", fork.as_bytes());
    let refused = || {
        let run = fleet
            .refused("fleet-dev", "github_pat", 6)
            .says("fleetvault.toml (commit ");
        run.says("it is not the serial 3 that was seen here before: same serial, other contents");
    };
    refused();
    let longer = successor(&fleet, &fork, &bob, "bob", |body| body.keepers = 3);
    fleet.forge("roots/4.toml", longer.as_bytes());
    refused();
    // Whoever compares with what was merged finds it too, without any memory.
    let verify = ["verify", "--base", right.trim()];
    fleet
        .fleetvault(&verify)
        .fails(6)
        .prints("serial 3, is not among its roots");
    let review = format!("{}..HEAD", right.trim());
    fleet
        .fleetvault(&["review", &review])
        .fails(6)
        .prints("its roots are not those that it is judged by, which end with root 3");
}

/// A machine that keeps no state has only its anchor: `join` and `keygen` write the root of now into it, and a fork below that root is refused,
/// however long it is.
#[test]
fn an_anchor_refuses_the_fork_that_no_floor_can() {
    let (fleet, bob) = with_bobs_file();
    let start = fleet.git(&["rev-parse", "HEAD"]);
    fleet.fleetvault(&["author", "remove", "bob"]).ok();
    let path = fleet.identity("fleet-dev");
    let own = fs::read_to_string(&path).unwrap();
    let made = fleet.path("made");
    let keygen = ["keygen", "--member", "fleet-dev", "-o", made.to_str().unwrap()];
    fleet.fleetvault(&keygen).ok();
    let made = fs::read_to_string(&made).unwrap();
    let anchor = made.lines().find(|line| line.contains("vault=")).unwrap();
    let pin = format!(" root=3@{}", root(&fleet, 3).digest());
    assert!(anchor.ends_with(&pin), "{anchor}");
    fleet
        .fleetvault(&["trust", "show"])
        .ok()
        .prints(&anchor.replace(" member=fleet-dev", ""));
    let pinned: String = own
        .lines()
        .map(|line| format!("{}\n", if line.contains("vault=") { anchor } else { line }))
        .collect();
    let forgetful = |name: &str| {
        let state = tempfile::tempdir().unwrap();
        let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
        command.env("XDG_STATE_HOME", state.path());
        run(command, format!("<<secure.{name}>>").as_bytes())
    };
    fs::write(&path, &pinned).unwrap();
    assert_eq!(forgetful("github_pat").ok().out(), DEV);

    // Bob, from the time when he was an author: his own third root, and as many more as it takes.
    fleet.git(&["reset", "-q", "--hard", start.trim()]);
    clean(forgetful("github_pat").fails(6).silent()).says("accepts serial 3 and later, found 2");
    let fork = successor(&fleet, &root(&fleet, 2), &bob, "bob", |body| body.keepers = 1);
    fleet.forge("roots/3.toml", fork.as_bytes());
    let longer = successor(&fleet, &fork, &bob, "bob", |body| body.keepers = 3);
    fleet.forge("roots/4.toml", longer.as_bytes());
    clean(forgetful("github_pat").fails(6).silent())
        .says("the roots are forked: root 3 is not the one that the anchor names")
        .says("ask the authors which are theirs");
    let mut show = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "fleet-dev");
    show.args(["trust", "show", "--identity"]).arg(&path);
    show.current_dir(fleet.vault());
    run(show, b"")
        .ok()
        .says("the roots are forked")
        .prints("root     serial 4");
    // Without it, only a memory would help.
    fs::write(&path, &own).unwrap();
    assert_eq!(forgetful("github_pat").ok().out(), DEV);
}

#[test]
fn on_a_second_clone_old_and_forked_roots_are_refused_and_squashes_are_not() {
    let (fleet, bob) = with_bobs_file();
    let clone = published(&fleet);
    let with_bob = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(pulled(&fleet, &clone, "bobs").ok().out(), "s3cr3t-of-bobs");
    fleet.fleetvault(&["author", "remove", "bob"]).ok();
    push(&fleet);
    assert_eq!(
        pulled(&fleet, &clone, "bobs").ok().out(),
        "s3cr3t-of-bobs",
        "signed anew"
    );
    let without_bob = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();

    // The old root put back, by a commit and by the branch itself.
    fleet.git(&["rm", "-q", "roots/3.toml"]);
    fleet.git(&["commit", "-q", "-m", "back"]);
    push(&fleet);
    let refused = clean(pulled(&fleet, &clone, "github_pat").fails(6).silent());
    refused
        .says("fleetvault.toml (commit ")
        .says("serial 3 was seen here before, found serial 2")
        .says("ask the authors first")
        .says("trust accept fleetvault.toml");
    fleet.git(&["reset", "-q", "--hard", &with_bob]);
    push(&fleet);
    clean(pulled(&fleet, &clone, "github_pat").fails(6).silent()).says("rolled back");

    // Another third root, by bob, who was an author of the second.
    let fork = successor(&fleet, &root(&fleet, 2), &bob, "bob", |body| body.keepers = 1);
    fleet.forge("roots/3.toml", fork.as_bytes());
    push(&fleet);
    clean(pulled(&fleet, &clone, "github_pat").fails(6).silent()).says("same serial, other contents");

    // The removed author signs on: that file is refused, and no other.
    fleet.git(&["reset", "-q", "--hard", &without_bob]);
    let path = FilePath::Credential("bobs".parse().unwrap());
    let before: Parsed<Credential> = Parsed::parse(fleet.read(&path.to_string()).as_bytes(), &path).unwrap();
    let forged = signed(
        redrafted(&before, |head| head.serial += 1),
        &bob,
        "bob",
        Credential::NAMESPACE,
    );
    fleet.forge(&path.to_string(), forged.as_bytes());
    push(&fleet);
    clean(pulled(&fleet, &clone, "bobs").fails(6).silent())
        .says("credentials/bobs.toml (commit ")
        .says("it is signed by 'bob', who is no author of this vault");
    assert_eq!(pulled(&fleet, &clone, "shared_key").ok().out(), BOTH);

    // Two successors, squashed into one commit; and a clone without history.
    fleet.git(&["reset", "-q", "--hard", &without_bob]);
    fleet.git(&["switch", "-q", "-c", "topic"]);
    let key = fleet.path("carol.pub");
    let line = SigningKey::generate().unwrap().signer().unwrap().to_string();
    fs::write(&key, line).unwrap();
    let key = key.to_str().unwrap();
    fleet.fleetvault(&["author", "add", "carol", "--key-file", key]).ok();
    fleet.fleetvault(&["author", "remove", "carol"]).ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.git(&["reset", "-q", "--hard", &without_bob]);
    fleet.git(&["merge", "-q", "--squash", "topic"]);
    fleet.git(&["commit", "-q", "-m", "squashed"]);
    push(&fleet);
    assert_eq!(pulled(&fleet, &clone, "bobs").ok().out(), "s3cr3t-of-bobs");
    let (origin, shallow) = (fleet.path("origin.git"), fleet.path("shallow"));
    let url = format!("file://{}", origin.display());
    let args = ["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()];
    fleet.git_in(&fleet.path(""), &args).ok();
    // Its anchor names an older root; a later one is none the worse.
    let file = fleet.identity("fleet-dev");
    let own = fs::read_to_string(&file).unwrap();
    let anchored = |root: &str| own.replace("member=fleet-dev", &format!("member=fleet-dev root={root}"));
    fs::write(&file, anchored(&format!("3@{}", root(&fleet, 3).digest()))).unwrap();
    assert_eq!(pulled(&fleet, &shallow, "bobs").ok().out(), "s3cr3t-of-bobs");
    fs::write(&file, anchored(&no_root(6))).unwrap();
    clean(pulled(&fleet, &shallow, "bobs").fails(6).silent()).says("accepts serial 6 and later, found 5");
}

/// A signature on whatever stands there would make good what was forged in the name of the one who goes, or is older than what was used.
#[test]
fn what_was_forged_or_rolled_back_is_not_signed_anew() {
    let (fleet, bob) = with_bobs_file();
    let path = "credentials/bobs.toml";
    let older = fleet.read(path);
    as_bob(&fleet, &["rotate", "bobs"], b"s3cr3t-of-bobs-2").ok();
    let newer = fleet.read(path);
    // Alice's machine has seen the newer one.
    fleet.fleetvault(&["get", "bobs"]).ok();
    let parsed = |text: &str, path: &FilePath| Parsed::<Credential>::parse(text.as_bytes(), path).unwrap();
    let place = FilePath::Credential("bobs".parse().unwrap());
    let rogue = SigningKey::generate().unwrap();
    let widened = redrafted(&parsed(&newer, &place), |head| {
        head.serial += 1;
    });
    let other_key = signed(widened, &rogue, "bob", Credential::NAMESPACE);
    let edited = newer.replace("network = \"allow\"", "network = \"deny\"");
    for (text, says) in [
        (older.as_str(), "serial 2 was seen here before, found serial 1"),
        (
            std::str::from_utf8(other_key.as_bytes()).unwrap(),
            "which is not that author's",
        ),
        (edited.as_str(), "the file was changed after it was signed"),
    ] {
        fleet.forge(path, text);
        let before = contents(&fleet.vault());
        let run = clean(fleet.fleetvault(&["author", "remove", "bob"]).fails(6).silent());
        run.says(
            "a file is not signed anew, since what stands there is not to be trusted: credentials/bobs.toml (commit ",
        )
        .says(says)
        .says("mend these first");
        assert!(contents(&fleet.vault()) == before, "something was written");
    }
    // What is broken without bob stands in nobody's way, and stays as it is.
    fleet.forge(path, &newer);
    let broken = fleet
        .read("credentials/rev_pat.toml")
        .replace("network = \"allow\"", "network = \"deny\"");
    fleet.forge("credentials/rev_pat.toml", &broken);
    fleet.forge("credentials/nonsense.toml", "nonsense\n");
    fleet.fleetvault(&["author", "remove", "bob"]).ok();
    assert_eq!(fleet.read("credentials/rev_pat.toml"), broken);
    fleet.gets("fleet-dev", &[("bobs", "s3cr3t-of-bobs-2")]);
    let _ = bob;
}

/// A root by too few stops every reader where it stands among the roots, and nobody where it waits as a proposal.
#[test]
fn a_proposal_is_no_root_and_is_not_signed_blindly() {
    let fleet = with_bob();
    fleet.fleetvault(&["author", "threshold", "2"]).ok();
    let key = SigningKey::generate().unwrap();
    let line = key.signer().unwrap().to_string();
    let propose = ["author", "add", "carol", "--key", &line, "--proposal"];
    fleet.fleetvault(&[&propose[..], &["root-4.proposal"]].concat()).ok();
    fleet.commit_all("the proposal stands in the vault's directory");
    fleet.finds_nothing();
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    let proposal = fleet.read("root-4.proposal");
    let at = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    fleet.forge("roots/4.toml", &proposal);
    let few = "roots/4.toml (commit ";
    fleet
        .refused("fleet-dev", "github_pat", 6)
        .says(few)
        .says("it is signed by 1 of the 2 authors");
    let review = clean(fleet.fleetvault(&["review", &at]).fails(6));
    assert!(
        review.out().contains("it is signed by 1 of the 2 authors"),
        "{}",
        review.out()
    );
    fleet.git(&["reset", "-q", "--hard", &at]);

    let offer = |text: &str| {
        fs::write(fleet.path("offered"), text).unwrap();
        let run = as_bob(&fleet, &["author", "sign", "../offered", "--yes"], b"");
        clean(run.silent())
    };
    let grown = proposal.replace("threshold = 2", "threshold = 1");
    offer(&grown)
        .fails(6)
        .says("by 'alice' does not fit: the file was changed after it was signed");
    // The same words under the name of the one who is to sign, and of somebody else.
    offer(&proposal.replace("author = \"alice\"", "author = \"bob\""))
        .fails(6)
        .says("which is not that author's");
    offer(&proposal.replace("author = \"alice\"", "author = \"dan\""))
        .fails(6)
        .says("it is signed by 'dan', who is no author");
    let (head, table) = proposal.split_once("[[signature]]").unwrap();
    offer(head).fails(6).says("it is not signed");
    let twice = format!("{head}[[signature]]{table}\n[[signature]]{table}");
    offer(&twice)
        .fails(1)
        .says("signatures must be sorted by author, one for each");
    let own = signing_key(&fleet.path("bob/fleetvault/signing_key"));
    for (before, says, code) in [
        (
            root(&fleet, 2),
            "it is a proposal of root 3, and the current root is 3",
            1,
        ),
        (
            successor(&fleet, &root(&fleet, 2), &own, "bob", |body| body.keepers = 9),
            "does not follow the root before it",
            6,
        ),
    ] {
        let other = successor(&fleet, &before, &fleet.alice(), "alice", |body| body.keepers = 7);
        offer(std::str::from_utf8(other.as_bytes()).unwrap())
            .fails(code)
            .says(says);
    }
    let others = Fleet::new();
    let foreign = successor(&others, &root(&fleet, 3), &fleet.alice(), "alice", |_| {});
    offer(std::str::from_utf8(foreign.as_bytes()).unwrap())
        .fails(6)
        .says("it belongs to vault ");
    // Too much for anybody to look at.
    let many = successor(&fleet, &root(&fleet, 3), &fleet.alice(), "alice", |body| {
        let named = |at: u32| vault_format::AuthorKey {
            author: format!("z{at:03}").parse().unwrap(),
            key: SigningKey::generate().unwrap().signer().unwrap(),
        };
        body.authors.extend((0..100).map(named));
    });
    let many = std::str::from_utf8(many.as_bytes()).unwrap();
    offer(many).fails(7).says("it changes 100 things at once");
    offer(&"x".repeat(5 << 20)).fails(1).says("4194304");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]).trim(), at);
    // What alice has signed is what becomes the root.
    fs::write(fleet.path("offered"), &proposal).unwrap();
    as_bob(&fleet, &["author", "sign", "../offered", "--yes"], b"").ok();
    assert!(fleet.read("roots/4.toml").starts_with(head));
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
}

#[test]
fn two_successors_of_one_root_are_a_conflict_that_nobody_blends() {
    let fleet = with_bob();
    let line = || SigningKey::generate().unwrap().signer().unwrap().to_string();
    let base = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let add = |name: &str, branch: &str| {
        let key = line();
        let args = ["author", "add", name, "--key", &key, "--branch", branch];
        fleet.fleetvault(&args).ok();
    };
    add("carol", "one");
    add("dan", "two");
    fleet.git(&["reset", "-q", "--hard", "one"]);
    let merge = fleet.git_in(&fleet.vault(), &["merge", "-q", "two"]).fails(1);
    merge.prints("roots/3.toml");
    let run = clean(fleet.fleetvault(&["merge"]).fails(7).silent());
    run.says("roots/3.toml is another root on each side, and roots are not merged");
    fleet.git(&["merge", "--abort"]);
    // Judged by what was merged first, the other one is none of this vault's.
    let judged = fleet.fleetvault(&["review", "one..two"]).fails(6);
    judged.prints("its roots are not those that it is judged by");
    fleet.fleetvault(&["review", &format!("{base}..two")]).ok();
}

#[test]
fn review_and_verify_find_signatures_that_are_missing_or_too_many() {
    let (fleet, bob) = with_bobs_file();
    let base = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let review = |base: &str| clean(fleet.fleetvault(&["review", base]));
    // Bob goes, and his file stays as he signed it.
    let third = successor(&fleet, &root(&fleet, 2), &fleet.alice(), "alice", |body| {
        body.authors.retain(|line| line.author.as_str() == "alice");
    });
    fleet.forge("roots/3.toml", third.as_bytes());
    fleet.finds("credentials/bobs.toml", "it is signed by 'bob', who is no author");
    review(&base)
        .fails(6)
        .prints("it is signed by 'bob', who is no author of this vault");
    fleet.git(&["reset", "-q", "--hard", &base]);

    // Somebody forges bob's signature, and alice's signature makes it count: told as the news that it is.
    let path = FilePath::Credential("bobs".parse().unwrap());
    let text = fleet.read(&path.to_string());
    let before: Parsed<Credential> = Parsed::parse(text.as_bytes(), &path).unwrap();
    let rogue = SigningKey::generate().unwrap();
    let wide = |head: &mut vault_format::Head<Credential>| {
        head.serial += 1;
        head.body.as_mut().unwrap().note = Some("rogue".into());
    };
    let forged = signed(redrafted(&before, wide), &rogue, "bob", Credential::NAMESPACE);
    fleet.forge(&path.to_string(), forged.as_bytes());
    let with_forged = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let laundered = signed(
        redrafted(&forged, |_| {}),
        &fleet.alice(),
        "alice",
        Credential::NAMESPACE,
    );
    fleet.forge(&path.to_string(), laundered.as_bytes());
    review(&with_forged)
        .ok()
        .prints("attention no author had signed what stands there: it counts from now on")
        .prints("new, for fleet-dev");

    // The same serial with other contents is no new signature.
    fleet.git(&["reset", "-q", "--hard", &base]);
    let same = redrafted(&before, |head| head.body.as_mut().unwrap().note = Some("rogue".into()));
    fleet.forge(
        &path.to_string(),
        signed(same, &bob, "bob", Credential::NAMESPACE).as_bytes(),
    );
    review(&base)
        .fails(6)
        .prints("its serial does not rise: 1 before, 1 now");
}

/// While bob is removed on one branch, others change what he had signed.
#[test]
fn a_merge_knows_a_file_that_was_signed_anew() {
    let (fleet, _) = with_bobs_file();
    fleet.git(&["branch", "one"]);
    fleet.git(&["branch", "two"]);
    fleet.fleetvault(&["author", "remove", "bob"]).ok();
    fleet.git(&["switch", "-q", "one"]);
    // What this machine has seen of the roots is ahead of this branch; another machine of alice's makes the change.
    let elsewhere = |args: &[&str], stdin: &[u8]| {
        let mut command = fleet.fleetvault_command(args);
        command.env("XDG_STATE_HOME", fleet.path("elsewhere"));
        run(command, stdin)
    };
    elsewhere(&["scope", "bobs", "--add", "fleet-rev"], b"").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.git_in(&fleet.vault(), &["merge", "-q", "one"]).fails(1);
    fleet
        .fleetvault(&["merge"])
        .ok()
        .prints("credentials/bobs.toml: as theirs has it");
    fleet.git(&["commit", "-q", "--no-edit"]);
    fleet.finds_nothing();
    fleet.gets("fleet-rev", &[("bobs", "s3cr3t-of-bobs")]);
    // What bob himself has signed meanwhile is not taken over.
    fleet.git(&["switch", "-q", "two"]);
    let rotate = ["rotate", "bobs"];
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    command.args(rotate).current_dir(fleet.vault());
    run(command, b"s3cr3t-later").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet.git_in(&fleet.vault(), &["merge", "-q", "two"]).fails(1);
    clean(fleet.fleetvault(&["merge"]).fails(6).silent()).says("it is signed by 'bob', who is no author");
}
