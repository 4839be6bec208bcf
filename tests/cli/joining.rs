//! `join` on a new machine, `member approve` by an author, and what a forged or broken request comes to.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use vault_format::SigningKey;

use crate::{
    clones::Clones,
    console::Console,
    support::{Run, has, run},
};

/// A fleet, and the clone of a machine that is no member yet.
fn machine() -> Clones {
    let clones = Clones::new();
    clones.fleet.set("token", "value-for-everyone", "*");
    clones.fleet.git(&["push", "-q"]);
    clones.clone("new");
    clones
}

/// `fleetvault` on the new machine, with nothing but the vault's id.
fn on_machine(clones: &Clones, args: &[&str]) -> Run {
    let mut command = clones.fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "machine");
    command
        .args(args)
        .current_dir(clones.path("new"))
        .env("FLEETVAULT_ROOT", clones.fleet.id());
    run(command, b"")
}

fn fingerprint(run: &Run) -> String {
    run.json()["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_machine_asks_by_a_branch_and_an_author_lets_it_in() {
    let clones = machine();
    let asked = on_machine(&clones, &["join", "build-7", "--reason", "nightly builds", "--json"]).ok();
    let identity = clones.path("machine/fleetvault/identity.txt");
    let text = fs::read_to_string(&identity).unwrap();
    assert!(text.contains(&format!("# fleetvault: vault={} member=build-7\n", clones.fleet.id())));
    assert_eq!(fs::metadata(&identity).unwrap().permissions().mode() & 0o777, 0o600);
    // Asked once more it is the same key, and the same request.
    on_machine(&clones, &["join", "build-7", "--reason", "nightly builds"])
        .ok()
        .prints(&fingerprint(&asked))
        .prints("join/build-7 has this request already")
        .prints("next: git push origin join/build-7");
    assert_eq!(
        clones.git("new", &["status", "--porcelain"]),
        "",
        "the branch it is on is as it was"
    );
    clones.git("new", &["push", "-q", "origin", "join/build-7"]);

    let fleet = &clones.fleet;
    fleet
        .fleetvault(&["member", "approve", "build-7"])
        .fails(4)
        .says("there is no request of 'build-7'")
        .says("git fetch");
    fleet.git(&["fetch", "-q"]);
    fleet
        .fleetvault(&["member", "approve", "build-7"])
        .fails(7)
        .says("nobody can be asked to compare the fingerprint")
        .says("--fingerprint");
    let right = fingerprint(&asked);
    fleet
        .fleetvault(&["member", "approve", "build-7", "--fingerprint", &right, "--dry-run"])
        .ok()
        .prints("dry run");
    fleet
        .fleetvault(&["member", "approve", "build-7", "--fingerprint", &right])
        .ok()
        .prints("added member build-7, who can use everything that is for everyone")
        .prints("git push origin --delete join/build-7");
    fleet.fleetvault(&["sync"]).ok();
    clones.git("new", &["pull", "-q"]);
    let mut resolver = fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "machine");
    resolver.arg("expand").current_dir(clones.path("new"));
    run(resolver, b"<<secure.token>>").ok().prints("value-for-everyone");
    fleet.fleetvault(&["verify"]).ok();
    // Twice is once too often.
    fleet
        .fleetvault(&["member", "approve", "build-7", "--fingerprint", &right])
        .fails(1)
        .says("build-7");
    on_machine(&clones, &["join", "build-7"]).fails(1).says("build-7");
}

#[test]
fn a_request_can_be_handed_over_and_an_ssh_host_key_needs_no_new_one() {
    if !has("ssh-keygen") {
        return;
    }
    let clones = machine();
    let key = clones.path("host_key");
    let mut keygen = clones.fleet.command("ssh-keygen", "machine");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "root@host", "-f"])
        .arg(&key);
    run(keygen, b"").ok();
    let public = format!("{}.pub", key.display());
    let printed = on_machine(&clones, &["join", "web-1", "--ssh-host-key", &public, "--print"]).ok();
    let line = printed
        .stderr
        .lines()
        .find(|line| line.contains("the fingerprint is SHA256:"))
        .unwrap();
    let start = line.find("SHA256:").unwrap();
    let right = line[start..].split(';').next().unwrap();
    assert!(!clones.path("machine/fleetvault/identity.txt").exists());
    assert_eq!(clones.git("new", &["branch", "--list", "join/*"]), "");
    on_machine(
        &clones,
        &["join", "web-1", "--ssh-host-key", key.to_str().unwrap(), "--print"],
    )
    .fails(1)
    .says("private key");

    let file = clones.path("web-1.toml");
    fs::write(&file, printed.out()).unwrap();
    let approve = ["member", "approve", file.to_str().unwrap(), "--fingerprint"];
    let other = right.replace(&right[10..14], "AAAA");
    clones
        .fleet
        .fleetvault(&[&approve[..], &[&other]].concat())
        .fails(6)
        .says(&format!("has the fingerprint {right}, expected {other}"));
    let by_stdin = [
        "member",
        "approve",
        "-",
        "--fingerprint",
        right,
        "--note",
        "web",
        "--json",
    ];
    clones.fleet.fleetvault_with(&by_stdin, &printed.stdout).ok();
    let shown = clones.fleet.fleetvault(&["member", "show", "web-1"]).ok();
    assert!(shown.out().contains("recipient  ssh-ed25519 ") && shown.out().contains("note       web"));
    clones.fleet.git(&["push", "-q"]);
    clones.git("new", &["pull", "-q"]);
    let mut resolver = clones
        .fleet
        .command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "machine");
    resolver
        .args([
            "--root",
            &clones.fleet.id(),
            "--member",
            "web-1",
            "expand",
            "--identity",
        ])
        .arg(&key)
        .current_dir(clones.path("new"));
    run(resolver, b"<<secure.token>>").ok().prints("value-for-everyone");
}

#[test]
fn what_is_no_request_of_this_vault_is_refused() {
    let clones = machine();
    let good = on_machine(&clones, &["join", "build-7", "--print"]).ok().out();
    let approve = |text: &str| {
        let args = [
            "member",
            "approve",
            "-",
            "--fingerprint",
            "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ];
        clones.fleet.fleetvault_with(&args, text.as_bytes()).silent()
    };
    let other = Clones::new();
    approve(&good.replace(&clones.fleet.id(), &other.fleet.id()))
        .fails(6)
        .says("is for the vault");
    approve(&good.replace("build-7", "../../x"))
        .fails(6)
        .says("no request to join");
    approve(&format!("{good}groups = [\"keepers\"]\n"))
        .fails(6)
        .says("unknown field");
    approve("\u{0}\u{1b}[2J").fails(6).says("no request to join");
    approve(&"#".repeat(70 << 10)).fails(6).says("more than 65536 bytes");
    // A key that somebody has, under another name, with the right fingerprint.
    let taken = clones.fleet.member("dev");
    let stolen = on_machine(&clones, &["join", "dev-2", "--recipient", &taken, "--json"]).ok();
    let request = stolen.json()["request"].as_str().unwrap().to_owned();
    clones
        .fleet
        .fleetvault_with(
            &["member", "approve", "-", "--fingerprint", &fingerprint(&stolen)],
            request.as_bytes(),
        )
        .fails(1)
        .says("dev");
}

#[test]
fn a_request_cannot_speak_for_another_name_or_write_on_the_terminal() {
    if !has("script") {
        return;
    }
    let clones = machine();
    let reason = "x\u{1b}[2J\n  fingerprint  SHA256:forged\u{202e}";
    on_machine(&clones, &["join", "build-7", "--reason", reason]).ok();
    clones.git(
        "new",
        &["push", "-q", "origin", "join/build-7", "join/build-7:join/other"],
    );
    let fleet = &clones.fleet;
    fleet.git(&["fetch", "-q"]);
    let asked = fleet.fleetvault(&["member", "approve", "other"]).fails(4);
    assert!(!asked.stderr.contains('\u{1b}'));
    // What was typed before the question does not count: it is answered when it is there.
    let ask = |answer: &[u8]| {
        let line = format!("{} member approve build-7", env!("CARGO_BIN_EXE_fleetvault"));
        let mut script = fleet.command("script", "alice");
        script.args(["-qec", &line, "/dev/null"]).current_dir(fleet.vault());
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        let mut byte = [0];
        while !shown.ends_with(b"[y/N] ") && output.read(&mut byte).unwrap() == 1 {
            shown.push(byte[0]);
        }
        input.write_all(answer).unwrap();
        output.read_to_end(&mut shown).unwrap();
        let code = child.wait().unwrap().code();
        (code, String::from_utf8(shown).unwrap().replace('\r', ""))
    };
    let (code, shown) = ask(b"n\n");
    assert_eq!(code, Some(7), "{shown}");
    assert!(shown.contains("origin/join/build-7 asks to join:"), "{shown}");
    assert!(!shown.contains("\u{1b}[2J") && !shown.contains('\u{202e}'), "{shown:?}");
    assert_eq!(shown.matches("\n  fingerprint  SHA256:").count(), 1, "{shown}");
    let (code, shown) = ask(b"y\n");
    assert!(code == Some(0) && shown.contains("added member build-7"), "{shown}");
}

#[test]
fn a_reason_cannot_write_a_fingerprint_at_the_beginning_of_a_line() {
    let clones = machine();
    // The terminal has 100 columns: it would break the line where the second field seems to begin.
    let forged = format!("{:<85}  fingerprint  SHA256:{}", "the shop", "A".repeat(43));
    let printed = on_machine(&clones, &["join", "build-7", "--reason", &forged, "--print"]).ok();
    fs::write(clones.path("request.toml"), printed.out()).unwrap();
    let mut console = Console::start(
        clones
            .fleet
            .fleetvault_command(&["member", "approve", "../request.toml"]),
    );
    console.expect("[y/N] ");
    console.press("n\r");
    let (status, shown) = console.end();
    assert_eq!(status.code(), Some(7), "{shown}");
    for line in shown.lines() {
        assert!(line.chars().count() < 100 || !line.contains("reason"), "{line}");
    }
    let is_told = |line: &str| line.starts_with("  reason ") && line.contains("fingerprint  SHA256:AAAA");
    assert!(shown.lines().any(is_told), "{shown}");
    assert_eq!(shown.matches("\n  fingerprint  SHA256:").count(), 1, "{shown}");
}

#[test]
fn the_key_of_a_group_is_no_members() {
    let clones = machine();
    let fleet = &clones.fleet;
    fleet.member("dev");
    fleet.fleetvault(&["group", "add", "deployers", "dev"]).ok();
    for group in ["all", "keepers", "deployers"] {
        let text = fleet.read(&format!("groups/{group}.toml"));
        let key = text.split("recipient = \"").nth(1).unwrap().split('"').next().unwrap();
        let asked = on_machine(&clones, &["join", "build-7", "--recipient", key, "--json"]).ok();
        let request = asked.json()["request"].as_str().unwrap().to_owned();
        let approve = ["member", "approve", "-", "--fingerprint", &fingerprint(&asked)];
        let said = format!("the key {key} is that of group '{group}'");
        fleet.fleetvault_with(&approve, request.as_bytes()).fails(1).says(&said);
        fleet
            .fleetvault(&["member", "add", "x", "--recipient", key])
            .fails(1)
            .says(&said);
        fleet
            .fleetvault(&["member", "rekey", "dev", "--recipient", key])
            .fails(1)
            .says(&said);
    }
}

#[test]
fn a_key_that_is_there_is_not_replaced_and_a_name_that_is_no_branch_is_told() {
    let clones = machine();
    on_machine(&clones, &["join", "build-7"]).ok();
    let identity = clones.path("machine/fleetvault/identity.txt");
    let before = fs::read(&identity).unwrap();
    on_machine(&clones, &["join", "build-8"])
        .fails(1)
        .says("is not for build-8 of this vault, but for build-7");
    on_machine(&clones, &["join", "a..b"])
        .fails(2)
        .says("'join/a..b' is no name for a branch")
        .says("--print");
    assert_eq!(fs::read(&identity).unwrap(), before);
    // A name that nobody could approve, told before a key is made for it.
    fs::remove_file(&identity).unwrap();
    on_machine(&clones, &["join", "ALICE"])
        .fails(1)
        .says("'ALICE' cannot stand beside 'alice': the names differ only by case");
    assert!(!identity.exists());
    // A vault that nobody vouches for gets no request, and no key.
    let mut command = clones.fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "stranger");
    command.args(["join", "build-9"]).current_dir(clones.path("new"));
    run(command, b"").fails(6).says("does not know the vault");
    assert!(!clones.path("stranger/fleetvault").exists());
}

#[test]
fn who_cannot_let_it_in_is_refused_before_the_question() {
    let clones = machine();
    let fleet = &clones.fleet;
    let new_key = |name: &str| {
        let key = SigningKey::generate().unwrap();
        let file = clones.path(name);
        fs::write(&file, key.to_openssh("").unwrap().as_bytes()).unwrap();
        (file, key.signer().unwrap().to_string())
    };
    let (stranger, _) = new_key("stranger-signing-key");
    let (carol, public) = new_key("carol-signing-key");
    for member in ["dev", "carol"] {
        fleet.member(member);
    }
    fleet.fleetvault(&["author", "add", "carol", "--key", &public]).ok();
    fleet.fleetvault(&["group", "add", "deployers", "dev"]).ok();
    fleet.set("for_dev", "value-for-dev-alone", "dev");
    let printed = on_machine(&clones, &["join", "build-7", "--print"]).ok();
    fs::write(clones.path("request.toml"), printed.out()).unwrap();
    let refused = |key: &std::path::Path, args: &[&str], code: i32, said: &str, question: &str| {
        let mut command = fleet.fleetvault_command(args);
        command
            .env("FLEETVAULT_SIGNING_KEY", key)
            .env("FLEETVAULT_IDENTITY", fleet.identity("carol"));
        let mut console = Console::start(command);
        console.expect(said);
        let (status, shown) = console.end();
        assert!(!shown.contains(question), "{shown}");
        assert_eq!(status.code(), Some(code), "{shown}");
    };
    let approve = ["member", "approve", "../request.toml"];
    let nobody = clones.path("no-such-key");
    refused(&nobody, &approve, 1, "there is no signing key", "[y/N]");
    refused(&stranger, &approve, 7, "belongs to no author", "[y/N]");
    let like = ["member", "approve", "../request.toml", "--like", "dev"];
    refused(&carol, &like, 7, "the group 'deployers' cannot be granted", "[y/N]");
    fleet.fleetvault(&["group", "revoke", "deployers", "dev"]).ok();
    refused(&carol, &like, 7, "credential 'for_dev' cannot be sealed anew", "[y/N]");
    for args in [&["set", "new"][..], &["rotate", "token"], &["edit", "token"]] {
        refused(&nobody, args, 1, "there is no signing key", "value of");
        refused(&stranger, args, 7, "belongs to no author", "value of");
    }
    // What carol can do goes on as before.
    let mut command = fleet.fleetvault_command(&approve);
    command
        .env("FLEETVAULT_SIGNING_KEY", &carol)
        .env("FLEETVAULT_IDENTITY", fleet.identity("carol"));
    let mut console = Console::start(command);
    console.expect("[y/N] ");
    console.press("y\r");
    let (status, shown) = console.end();
    assert!(status.success() && shown.contains("added member build-7"), "{shown}");
}

#[test]
fn the_push_that_is_named_works_from_a_mirror_too() {
    let clones = machine();
    let fleet = &clones.fleet;
    let url = format!("file://{}", clones.bare().display());
    let mirror = clones.path("mirror.git");
    let args = ["clone", "-q", "--mirror", &url, mirror.to_str().unwrap()];
    fleet.git_in(&clones.path("."), &args).ok();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "machine");
    command
        .args(["join", "build-7"])
        .current_dir(&mirror)
        .env("FLEETVAULT_ROOT", fleet.id());
    let asked = run(command, b"").ok().out();
    let push = asked.split("next: git ").nth(1).and_then(|rest| rest.split(',').next());
    let push: Vec<&str> = push.unwrap().split(' ').collect();
    fleet.git_in(&mirror, &push).ok();
    // And is found by an author whose clone fetches one branch alone.
    let args = ["clone", "-q", "--single-branch", &url, "narrow"];
    fleet.git_in(&clones.path("."), &args).ok();
    clones.git("narrow", &["fetch", "-q"]);
    let missing = clones
        .run("narrow", &["member", "approve", "build-7"])
        .fails(4)
        .says("there is no request of 'build-7'");
    let fetch = missing
        .stderr
        .split("hint: git ")
        .nth(1)
        .and_then(|rest| rest.split(" brings").next());
    let fetch: Vec<&str> = fetch.unwrap().split(' ').collect();
    clones.git("narrow", &fetch);
    clones
        .run("narrow", &["member", "approve", "build-7"])
        .fails(7)
        .says("nobody can be asked to compare");
}

#[test]
fn branches_that_are_there_are_no_dead_end() {
    let clones = machine();
    clones.git("new", &["branch", "join"]);
    on_machine(&clones, &["join", "build-7"])
        .fails(1)
        .says("the branch 'join/build-7' cannot be made while there is a branch 'join'")
        .says("--print");
    assert!(!clones.path("machine/fleetvault/identity.txt").exists());
    clones.git("new", &["branch", "-q", "-m", "join", "other"]);
    // One that is left from before there was this vault.
    let tree = clones.git("new", &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let old = clones.git("new", &["commit-tree", "-m", "before", &tree]);
    clones.git("new", &["branch", "join/build-7", &old]);
    on_machine(&clones, &["join", "build-7"])
        .fails(1)
        .says("the branch 'join/build-7' is there, and has nothing of this vault")
        .says("git branch -D join/build-7");
    assert!(!clones.path("machine/fleetvault/identity.txt").exists());
    clones.git("new", &["branch", "-q", "-D", "join/build-7"]);
    on_machine(&clones, &["join", "build-7"]).ok();
    clones.git("new", &["push", "-q", "origin", "join/build-7"]);
    clones.fleet.git(&["fetch", "-q"]);
    clones
        .fleet
        .fleetvault(&["member", "approve", "build-7"])
        .fails(7)
        .says("nobody can be asked to compare");
}
