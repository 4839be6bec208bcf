//! What a resolver is launched with: identities, anchors, the vault, the commit, and the environment.

use std::fs;

use crate::support::{Fleet, Run, has, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.member("rev");
    fleet.set("token", "value-of-token", "dev");
    fleet
}

/// Expands `token` as dev, with an identity file of this text.
fn with_identity(fleet: &Fleet, text: &str) -> Run {
    let file = fleet.path("identity");
    fs::write(&file, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fleet.resolver(
        "dev",
        &["--identity", file.to_str().unwrap(), "expand"],
        b"<<secure.token>>",
    )
}

#[test]
fn an_identity_that_cannot_be_used() {
    let fleet = fleet();
    let good = fs::read_to_string(fleet.identity("dev")).unwrap();
    assert_eq!(with_identity(&fleet, &good).ok().out(), "value-of-token");
    let hint = "an identity file holds a line AGE-SECRET-KEY-1…, or is an OpenSSH private key of type ssh-ed25519";
    for (text, problem) in [
        ("", "it holds no private key"),
        ("# a comment\n\n", "it holds no private key"),
        (
            "nonsense\n",
            "line 1: it is neither an age identity nor an OpenSSH private key",
        ),
        (
            &good[..good.len() - 10],
            "line 4: it is neither an age identity nor an OpenSSH private key",
        ),
        (
            "AGE-PLUGIN-YUBIKEY-1QQQQ\n",
            "line 1: it is neither an age identity nor an OpenSSH private key",
        ),
    ] {
        with_identity(&fleet, text)
            .fails(1)
            .silent()
            .says("identity: ")
            .says(problem)
            .says(hint);
    }
    for (text, problem) in [
        (
            &good.replace("vault=SHA256:", "vault=SHA256:x"),
            "line 3: a vault id is 'SHA256:' and 43 characters of base64",
        ),
        (&good.replace("member=dev", "member=d/v"), "line 3: "),
        (
            &format!("{}\n{good}", good.lines().nth(2).unwrap()),
            "line 4: a second anchor for the same vault",
        ),
    ] {
        let run = with_identity(&fleet, text).fails(1).silent();
        run.says(problem)
            .says("hint: 'fleetvault trust show' prints the line for this vault");
    }
    fs::write(fleet.path("identity"), b"\xff\xfe").unwrap();
    fleet
        .resolver("dev", &["--identity", "identity", "list"], b"")
        .fails(1)
        .says("fleetvault: error: the identity identity: it is not UTF-8");
    fs::remove_file(fleet.identity("dev")).unwrap();
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(1)
        .silent()
        .says("fleetvault: error: cannot read the identity ")
        .says("dev.txt: No such file or directory (os error 2)\n")
        .says("name the identity file with --identity or FLEETVAULT_IDENTITY; 'fleetvault keygen -o FILE' makes one");
}

#[cfg(unix)]
#[test]
fn an_identity_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = fleet();
    let file = fleet.identity("dev");
    for mode in [0o644, 0o640, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let expanded = fleet.expand("dev", "<<secure.token>>").ok();
        assert_eq!(expanded.out(), "value-of-token");
        expanded.says_exactly(&format!(
            "fleetvault: warning: others can read the identity {}: chmod 600 it\n",
            file.display()
        ));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    fleet.expand("dev", "<<secure.token>>").ok().says_exactly("");
}

#[test]
fn an_identity_of_another_member_or_of_nobody() {
    let fleet = fleet();
    let id = fleet.id();
    let dev = fs::read_to_string(fleet.identity("dev")).unwrap();
    let own = "a resolver acts for the member whose key it was launched with; nothing else can change that";
    with_identity(&fleet, &dev.replace("member=dev", "member=rev"))
        .fails(6)
        .silent()
        .says("the identity is not a key of member 'rev': it is a key of 'dev'")
        .says(own);
    with_identity(&fleet, &dev.replace("member=dev", "member=who"))
        .fails(6)
        .silent()
        .says("member 'who' is not in this vault")
        .says("else an author lets it in: 'fleetvault member approve NAME' where it asked with 'join', or 'fleetvault member add NAME --recipient KEY'");
    let file = fleet.path("nobody.txt");
    fleet.fleetvault(&["keygen", "-o", file.to_str().unwrap()]).ok();
    let nobody = fs::read_to_string(&file).unwrap();
    with_identity(&fleet, &nobody)
        .fails(6)
        .silent()
        .says("the identity is a key of no member of this vault");
    with_identity(&fleet, &nobody.replace(&id, &format!("{id} member=dev")))
        .fails(6)
        .silent()
        .says("fleetvault: error: the identity is not a key of member 'dev'\n");
    // Without a hint the member is found by the key.
    assert_eq!(
        with_identity(&fleet, &dev.replace(" member=dev", "")).ok().out(),
        "value-of-token"
    );
    // The expectation of a launch is compared, however it is given.
    for (member, args) in [("dev", &["--member", "dev"][..]), ("rev", &["--member", "rev"])] {
        let run = fleet.resolver("dev", &[args, &["expand"]].concat(), b"<<secure.token>>");
        if member == "dev" {
            run.ok();
        } else {
            run.fails(6)
                .silent()
                .says("the identity belongs to member 'dev', but 'rev' was expected")
                .says(own);
        }
    }
    fleet
        .resolver("dev", &["--member", "rev", "--json", "expand"], b"<<secure.token>>")
        .fails(6)
        .says(r#"{"code":"other_member","#);
}

#[test]
fn an_identity_without_an_anchor() {
    let fleet = fleet();
    let id = fleet.id();
    let dev = fs::read_to_string(fleet.identity("dev")).unwrap();
    let bare: String = dev
        .lines()
        .filter(|line| !line.contains("vault="))
        .map(|line| format!("{line}\n"))
        .collect();
    with_identity(&fleet, &bare)
        .fails(6)
        .silent()
        .says(&format!(
            "no anchor: the identity names no vault, and no root was given; the vault here has the id {id}"
        ))
        .says(&format!(
            "after comparing that id with one you have from an author, pass it as --root, or add the line '# fleetvault: vault={id} member=NAME' to the identity file, unless that is an SSH key, which ssh could not read any more"
        ));
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command
        .env("FLEETVAULT_IDENTITY", fleet.path("identity"))
        .env("FLEETVAULT_ROOT", &id);
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    // The line that the error gives is the cure.
    with_identity(&fleet, &format!("# fleetvault: vault={id} member=dev\n{bare}")).ok();
    // An anchor of another vault, and one that wants a later root.
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    with_identity(&fleet, &dev.replace(&id, other))
        .fails(6)
        .silent()
        .says(&format!("another vault: launched for {other}, found {id}"));
    with_identity(
        &fleet,
        &dev.replace("member=dev", &format!("member=dev root=2@sha256:{}", "0".repeat(64))),
    )
    .fails(6)
    .silent()
    .says("the root is too old: the anchor accepts serial 2 and later, found 1");
}

#[test]
fn a_keeper_is_refused() {
    let fleet = fleet();
    fleet.set("own", "value-of-own", "alice");
    fleet.expand("alice", "<<secure.own>>").fails(7).silent().says_exactly(
        "fleetvault: error: member 'alice' is a keeper, whose keys open every credential\n\
             fleetvault: hint: give the agent a member of its own; a person who means it passes --allow-keeper\n",
    );
    let allowed = |template: &[u8]| fleet.resolver("alice", &["--allow-keeper", "expand"], template);
    assert_eq!(allowed(b"<<secure.own>>").ok().out(), "value-of-own");
    // Keeping is not using.
    allowed(b"<<secure.token>>").fails(3).silent();
}

#[cfg(unix)]
#[test]
fn an_identity_from_a_descriptor() {
    let fleet = fleet();
    let resolver = env!("CARGO_BIN_EXE_fleetvault-resolver");
    let shell = |script: &str| {
        let mut command = fleet.resolver_command("dev", &[]);
        let environment: Vec<_> = command
            .get_envs()
            .map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned)))
            .collect();
        command = fleet.command("sh", "dev");
        command.envs(environment.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command
            .env("RESOLVER", resolver)
            .env("FILE", fleet.identity("dev"))
            .args(["-c", script]);
        run(command, b"<<secure.token>>")
    };
    let expanded = shell("exec \"$RESOLVER\" --identity fd:9 expand 9< \"$FILE\"");
    assert_eq!(expanded.ok().out(), "value-of-token");
    shell("FLEETVAULT_IDENTITY=fd:7 exec \"$RESOLVER\" expand 7< \"$FILE\"").ok();
    shell("exec \"$RESOLVER\" --identity fd:9 expand 9<&-")
        .fails(1)
        .silent()
        .says("cannot read the identity fd:9: ");
}

#[test]
fn the_environment_says_the_same_as_the_options() {
    let fleet = fleet();
    let resolver = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
        command
            .args(args)
            .current_dir(fleet.path(""))
            .envs(variables.iter().copied());
        run(command, b"<<secure.token>>")
    };
    let (vault, identity) = (fleet.vault(), fleet.identity("dev"));
    let (vault, identity) = (vault.to_str().unwrap(), identity.to_str().unwrap());
    let launch = [("FLEETVAULT_VAULT", vault), ("FLEETVAULT_IDENTITY", identity)];
    let with = |more: (&'static str, &'static str)| resolver(&[&launch[..], &[more]].concat(), &["expand"]);
    assert_eq!(resolver(&launch, &["expand"]).ok().out(), "value-of-token");
    assert_eq!(
        resolver(&[], &["--vault", vault, "--identity", identity, "expand"])
            .ok()
            .out(),
        "value-of-token"
    );
    with(("FLEETVAULT_MEMBER", "dev")).ok();
    with(("FLEETVAULT_MEMBER", "rev")).fails(6);
    with(("FLEETVAULT_MEMBER", "a b"))
        .fails(2)
        .says("\"a b\" is no member name");
    with(("FLEETVAULT_REF", "main")).ok();
    with(("FLEETVAULT_REF", "nope")).fails(1);
    with(("FLEETVAULT_ROOT", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
        .fails(6)
        .says("another vault");
    with(("FLEETVAULT_ROOT", "nonsense")).fails(2);
    // Nothing but the working directory: the identity of the configuration, and the vault found upwards.
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::copy(identity, fleet.path("dev/fleetvault/identity.txt")).unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
    command.arg("expand").current_dir(fleet.vault().join("members"));
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
    command.arg("expand").current_dir(fleet.path(""));
    run(command, b"<<secure.token>>")
        .fails(1)
        .silent()
        .says("is not in a git repository");
}

#[test]
fn without_a_place_for_state_the_anchor_is_the_protection_that_is_left() {
    let fleet = fleet();
    let mut command = fleet.resolver_command("dev", &["expand"]);
    // Relative paths are no places. An empty HOME would not do: then the real one of this user is looked up, and written to.
    command.env("XDG_STATE_HOME", "relative").env("HOME", "relative");
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    assert!(!fleet.path("relative").exists());
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault-resolver"), "dev");
    command
        .args(["expand"])
        .env("FLEETVAULT_VAULT", fleet.vault())
        .env("XDG_CONFIG_HOME", "relative")
        .env("HOME", "relative");
    run(command, b"<<secure.token>>")
        .fails(2)
        .silent()
        .says("no identity was given, and there is no home directory to look for one")
        .says("name it with --identity FILE or FLEETVAULT_IDENTITY");
}

#[cfg(unix)]
#[test]
fn a_state_that_cannot_be_written_is_warned_of() {
    let fleet = fleet();
    fs::write(fleet.path("file"), "").unwrap();
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command.env("XDG_STATE_HOME", fleet.path("file"));
    let expanded = run(command, b"<<secure.token>>").ok();
    assert_eq!(expanded.out(), "value-of-token");
    expanded
        .says("warning: this machine's memory of serials could not be written, so older files would not be noticed: ");
}

#[test]
fn references_of_git() {
    let fleet = fleet();
    fleet.git(&["tag", "-a", "v1", "-m", "v1"]);
    fleet.git(&["clone", "-q", "--bare", ".", "../origin.git"]);
    fleet.git(&["remote", "add", "origin", "../origin.git"]);
    fleet.git(&["fetch", "-q", "origin"]);
    fleet
        .fleetvault_with(&["set", "later", "--members", "dev"], b"value-of-later")
        .ok();
    let expand = |reference: &str| fleet.resolver("dev", &["--ref", reference, "expand"], b"<<secure.later>>");
    expand("HEAD").ok();
    expand("main").ok();
    expand("refs/heads/main").ok();
    // The floors of a file that was used apply to every reference, so others look with a state of their own.
    for reference in ["v1", "origin/main", "HEAD~1", "refs/remotes/origin/main"] {
        let mut command = fleet.resolver_command("dev", &["--ref", reference, "expand"]);
        command.env("XDG_STATE_HOME", fleet.path("fresh-state"));
        run(command, b"<<secure.token>> <<secure.later>>")
            .fails(4)
            .silent()
            .says("Credential 'later' not found.");
        let mut command = fleet.resolver_command("dev", &["--ref", reference, "expand"]);
        command.env("XDG_STATE_HOME", fleet.path("fresh-state"));
        assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    }
    for reference in ["nope", "origin/nope", "HEAD:credentials", ""] {
        expand(reference)
            .fails(1)
            .silent()
            .says(&format!("there is no branch, tag or commit '{reference}'"))
            .says("'git branch -a' lists the branches, HEAD is the default");
    }
    fleet.git(&["tag", "blob", "HEAD:fleetvault.toml"]);
    expand("blob").fails(1).says("'blob' is a blob, expected a commit");
}

#[test]
fn bare_repositories_and_detached_heads() {
    let fleet = fleet();
    fleet.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command.env("FLEETVAULT_VAULT", fleet.path("bare.git"));
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), "value-of-token");
    fleet.git(&["switch", "-q", "--detach"]);
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "value-of-token");
    fleet.fleetvault(&["list"]).ok();
    // An author can write into a bare one, too.
    fleet
        .fleetvault_with(&["-C", "../bare.git", "set", "more"], b"value-of-more")
        .ok();
    assert_eq!(
        fleet.fleetvault(&["-C", "../bare.git", "get", "more"]).ok().out(),
        "value-of-more"
    );
}

#[test]
fn the_work_tree_does_not_matter_only_the_commit() {
    let fleet = fleet();
    fs::write(fleet.vault().join("credentials/token.toml"), "nonsense").unwrap();
    fs::remove_file(fleet.vault().join("fleetvault.toml")).unwrap();
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "value-of-token");
}

#[test]
fn places_that_are_no_vault() {
    let fleet = fleet();
    fs::create_dir(fleet.path("empty")).unwrap();
    let expand = |directory: &str| fleet.resolver("dev", &["--vault", directory, "expand"], b"<<secure.token>>");
    expand("empty")
        .fails(1)
        .silent()
        .says("empty is not in a git repository")
        .says("--vault DIR (fleetvault-resolver)");
    expand("none").fails(1).silent();
    fleet.git_in(&fleet.path("empty"), &["init", "-q"]).ok();
    expand("empty")
        .fails(1)
        .silent()
        .says("the branch 'main' has no commits yet");
    fleet
        .git_in(&fleet.path("empty"), &["commit", "-q", "--allow-empty", "-m", "x"])
        .ok();
    expand("empty")
        .fails(1)
        .silent()
        .says("has no fleetvault.toml at its top");
}

#[test]
fn an_identity_made_by_age_keygen() {
    if !has("age-keygen") {
        return;
    }
    let fleet = Fleet::new();
    let mut command = fleet.command("age-keygen", "dev");
    command.arg("-o").arg(fleet.identity("dev"));
    run(command, b"").ok();
    let text = fs::read_to_string(fleet.identity("dev")).unwrap();
    let key = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    fleet.fleetvault(&["member", "add", "dev", "--recipient", key]).ok();
    fleet.set("token", "value-of-token", "dev");
    let id = fleet.id();
    let expanded = fleet.resolver(
        "dev",
        &["--root", &id, "--member", "dev", "expand"],
        b"<<secure.token>>",
    );
    assert_eq!(expanded.ok().out(), "value-of-token");
}
