//! `keygen`, and the keys that commands look for.

use std::fs;

use crate::support::{Fleet, run};

#[cfg(unix)]
#[test]
fn keygen_prints_the_public_key_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = Fleet::new();
    let file = fleet.path("deep/down/dev.txt");
    let made = fleet
        .fleetvault(&["keygen", "-o", file.to_str().unwrap(), "--member", "dev"])
        .ok()
        .says_exactly("");
    let key = made.out();
    assert!(key.starts_with("age1") && key.len() == 63, "{key}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("# created: 20"));
    assert_eq!(lines[1], format!("# public key: {}", key.trim()));
    assert_eq!(lines[2], format!("# fleetvault: vault={} member=dev", fleet.id()));
    assert!(lines[3].starts_with("AGE-SECRET-KEY-1"));
    assert_eq!(lines.len(), 4);
    // Nobody is registered by that.
    fleet.fleetvault(&["member", "show", "dev"]).fails(4);
}

#[test]
fn a_key_is_never_overwritten() {
    let fleet = Fleet::new();
    let file = fleet.path("dev.txt");
    fs::write(&file, "precious").unwrap();
    fleet
        .fleetvault(&["keygen", "-o", file.to_str().unwrap()])
        .fails(1)
        .silent()
        .says("dev.txt exists; a key is never overwritten")
        .says("hint: name another file with -o");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    // Nor the user's own, which is where it goes without -o; nor through a link.
    fleet.fleetvault(&["keygen"]).fails(1).says("identity.txt exists");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(fleet.path("target"), fleet.path("link")).unwrap();
        fleet
            .fleetvault(&["keygen", "-o", fleet.path("link").to_str().unwrap()])
            .fails(1)
            .says("link exists");
        assert!(!fleet.path("target").exists());
    }
}

#[test]
fn outside_a_vault_there_is_no_anchor_and_that_is_said() {
    let fleet = Fleet::new();
    let file = fleet.path("dev.txt");
    let arguments = ["keygen", "-o", file.to_str().unwrap()];
    let mut command = fleet.fleetvault_command(&arguments);
    command.current_dir(fleet.path(""));
    run(command, b"")
        .ok()
        .says("no vault here, so the file has no anchor: a recovery key needs none; for a member add the line ");
    assert!(!fs::read_to_string(&file).unwrap().contains("fleetvault"));
    fs::remove_file(&file).unwrap();
    // Unless it is named.
    let id = fleet.id();
    let mut command = fleet.fleetvault_command(&[&arguments[..], &["--root", &id]].concat());
    command.current_dir(fleet.path(""));
    run(command, b"").ok().says_exactly("");
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .contains(&format!("# fleetvault: vault={id}\n"))
    );
}

#[test]
fn keygen_asks_for_names_that_are_names_and_files_that_can_be() {
    let fleet = Fleet::new();
    let file = fleet.path("dev.txt");
    let file = file.to_str().unwrap();
    fleet
        .fleetvault(&["keygen", "-o", file, "--member", "a/b"])
        .fails(2)
        .says("\"a/b\" is no member name");
    fleet
        .fleetvault(&["keygen", "-o", "/proc/none/dev.txt"])
        .fails(1)
        .says("cannot write /proc/none/dev.txt");
    fleet
        .fleetvault(&["--identity", "fd:9", "keygen"])
        .fails(2)
        .says("a new identity cannot be written to a descriptor");
}

#[test]
fn writing_without_a_signing_key() {
    let fleet = Fleet::new();
    let signing_key = fleet.path("alice/fleetvault/signing_key");
    let elsewhere = fleet.path("key");
    fs::rename(&signing_key, &elsewhere).unwrap();
    fleet
        .fleetvault_with(&["set", "token"], b"value-of-token")
        .fails(1)
        .says(&format!("there is no signing key at {}", signing_key.display()))
        .says("only authors write: name your signing key with --signing-key or FLEETVAULT_SIGNING_KEY");
    let named = ["--signing-key", elsewhere.to_str().unwrap(), "set", "token"];
    fleet.fleetvault_with(&named, b"value-of-token").ok();
    let mut command = fleet.fleetvault_command(&["touch", "token"]);
    command.env("FLEETVAULT_SIGNING_KEY", &elsewhere);
    run(command, b"").ok().prints("touched token, now serial 2");
    fs::write(&signing_key, "nonsense").unwrap();
    fleet
        .fleetvault_with(&["set", "token"], b"value-of-token")
        .fails(1)
        .says("signing_key: it is no OpenSSH private key");
}

#[test]
fn a_signing_key_that_is_no_authors() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    fs::create_dir(fleet.path("elsewhere")).unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "mallory");
    command
        .args(["init", "--author", "mallory"])
        .current_dir(fleet.path("elsewhere"));
    run(command, b"").ok();
    let key = fleet.path("mallory/fleetvault/signing_key");
    let key = key.to_str().unwrap();
    for args in [&["set", "token"][..], &["rm", "token"], &["touch", "token"]] {
        fleet
            .fleetvault_with(&[&["--signing-key", key], args].concat(), b"another-value")
            .fails(7)
            .silent()
            .says("fleetvault: error: the signing key SHA256:")
            .says("belongs to no author of this vault")
            .says("an author of this vault must make this change");
    }
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), "value-of-token");
}

#[test]
fn changes_that_open_something_need_an_identity_that_opens_it() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "alice");
    let missing = fleet.path("none.txt");
    fleet
        .fleetvault(&[
            "--identity",
            missing.to_str().unwrap(),
            "scope",
            "token",
            "--add",
            "dev",
        ])
        .fails(6)
        .says("this machine does not know the vault ")
        .says("there is no identity file at ")
        .says("none.txt, whose anchor could vouch for it");
    let id = fleet.id();
    fleet
        .fleetvault(&["--root", &id, "--identity", missing.to_str().unwrap(), "touch", "token"])
        .fails(1)
        .says("cannot read the identity ")
        .says("none.txt: No such file or directory");
    let dev = fleet.identity("dev");
    let dev = dev.to_str().unwrap();
    for args in [
        &["scope", "token", "--add", "dev"][..],
        &["touch", "token"],
        &["get", "token"],
    ] {
        fleet
            .fleetvault(&[&["--identity", dev], args].concat())
            .fails(7)
            .silent()
            .says("credential 'token' cannot be sealed anew: your keys do not open it")
            .says("may still 'set' or 'rotate' it to a new value");
    }
    // An author who is no keeper writes all the same.
    fleet
        .fleetvault_with(&["--identity", dev, "rotate", "token"], b"another-value")
        .ok();
    fleet
        .fleetvault(&["--identity", dev, "get", "token", "--json"])
        .fails(7)
        .says(r#""code":"cannot_open""#)
        .says(r#""credential":"token""#);
}

#[cfg(unix)]
#[test]
fn an_identity_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "*");
    fs::set_permissions(fleet.identity("alice"), fs::Permissions::from_mode(0o644)).unwrap();
    let got = fleet.fleetvault(&["get", "token"]).ok();
    assert_eq!(got.out(), "value-of-token");
    got.says("fleetvault: warning: others can read the identity ")
        .says(": chmod 600 it");
}

#[test]
fn a_private_key_in_place_of_a_path_is_not_repeated() {
    let fleet = Fleet::new();
    let identity = fs::read_to_string(fleet.identity("alice")).unwrap();
    let key = identity.lines().last().unwrap();
    let lower = key.to_lowercase();
    for key in [key, &lower] {
        for args in [
            &["list"][..],
            &["get", "token"],
            &["keygen"],
            &["init", "../x", "--author", "a"],
        ] {
            let done = fleet
                .fleetvault(&[&["--identity", key], args].concat())
                .fails(2)
                .silent();
            let done = done.says("that is a private key, expected the file that holds it");
            assert!(!done.stderr.to_lowercase().contains(&lower));
        }
        let done = fleet.fleetvault_with(&["--signing-key", key, "set", "token"], b"value-of-token");
        let done = done
            .fails(1)
            .says("there is no signing key at the path given, which looks like a private key");
        assert!(!done.stderr.to_lowercase().contains(&lower));
    }
    // A file may be called like that.
    let named = fleet.path("my private key");
    fs::copy(fleet.identity("alice"), &named).unwrap();
    fleet.set("token", "value-of-token", "*");
    fleet
        .fleetvault(&["--identity", named.to_str().unwrap(), "get", "token"])
        .ok();
}

#[test]
fn a_private_key_is_never_repeated_whatever_argument_it_was_given_for() {
    let fleet = Fleet::new();
    let key = "AGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQS3290GQ";
    let commands: [&[&str]; 5] = [
        &["set", key],
        &["get", "token", key],
        &["set", "token", "--network", key],
        &["list", "--member", key],
        &["member", "add", key, "--recipient", "age1x"],
    ];
    for args in commands {
        fleet.fleetvault(args).fails(2).silent().says("private key");
    }
    fleet
        .resolver("dev", &["--identity", key, "expand"], b"<<secure.token>>")
        .fails(1)
        .silent()
        .says("which looks like a private key itself");
    fleet
        .resolver("dev", &["--member", key, "expand"], b"<<secure.token>>")
        .fails(2)
        .silent()
        .says("an argument is a private key");
}
