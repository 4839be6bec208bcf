//! Identities behind a passphrase: age files that the real `age -p` made, OpenSSH keys that the real `ssh-keygen` encrypted.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    TOKEN,
    console::Console,
    fleet,
    support::{Fleet, has, run},
};

const PASSPHRASE: &str = "correct-horse-battery";

/// Puts the identity of a member behind the passphrase, as `age -p` does at a terminal.
fn protect(fleet: &Fleet, member: &str, options: &[&str]) -> PathBuf {
    let to = fleet.path(&format!("{member}.age"));
    let mut age = fleet.command("age", member);
    age.arg("-p")
        .args(options)
        .arg("-o")
        .arg(&to)
        .arg(fleet.identity(member));
    let mut console = Console::start(age);
    for question in ["Enter passphrase", "Confirm passphrase"] {
        console.expect(question);
        console.press(&format!("{PASSPHRASE}\r"));
    }
    assert!(console.end().0.success());
    to
}

fn resolver(fleet: &Fleet, identity: &Path, args: &[&str]) -> Command {
    let mut command = fleet.resolver_command("dev", args);
    command.env("FLEETVAULT_IDENTITY", identity);
    command
}

/// The same command with descriptors of a shell's making.
fn through_shell(fleet: &Fleet, script: &str, inner: Command) -> Command {
    let mut shell = fleet.command("sh", "dev");
    shell
        .args(["-c", script, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(fleet.path(""));
    shell
}

/// Starts a program at a terminal, types the passphrase when it is asked for, and returns the exit code and what was shown.
fn typed(command: Command, passphrase: &str) -> (Option<i32>, String) {
    let mut console = Console::start(command);
    console.expect("Passphrase for the identity ");
    console.press(&format!("{passphrase}\r"));
    let (status, screen) = console.end();
    assert!(!screen.contains(passphrase), "it was shown: {screen}");
    (status.code(), screen)
}

#[test]
fn an_age_file_is_opened_at_a_terminal_armored_or_not() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    for options in [&["-a"][..], &[]] {
        let identity = protect(&fleet, "dev", options);
        let (code, screen) = typed(
            resolver(&fleet, &identity, &["run", "--", "printf", "<<secure.token>>|"]),
            PASSPHRASE,
        );
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.ends_with("[REDACTED:token]|"), "{screen}");
        fs::remove_file(identity).unwrap();
    }
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_and_opens_nothing() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let mut console = Console::start(resolver(
        &fleet,
        &identity,
        &["run", "--", "printf", "<<secure.token>>"],
    ));
    for wrong in ["wrong", "", "wrong again"] {
        console.expect("Passphrase for the identity ");
        console.press(&format!("{wrong}\r"));
    }
    let (status, screen) = console.end();
    assert_eq!(status.code(), Some(125));
    assert!(screen.contains("cannot be opened: the passphrase is wrong"), "{screen}");
}

#[test]
fn what_opened_the_identity_and_what_was_in_it_are_masked() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let plain = fs::read_to_string(fleet.identity("dev")).unwrap();
    let key = plain.lines().last().unwrap();
    let args = ["run", "--", "printf", "<<secure.token>> %s|%s|", PASSPHRASE, key];
    let (code, screen) = typed(resolver(&fleet, &identity, &args), PASSPHRASE);
    assert_eq!(code, Some(0));
    assert!(
        screen.ends_with("[REDACTED:token] [REDACTED:identity]|[REDACTED:identity]|"),
        "{screen}"
    );
}

#[test]
fn without_a_terminal_it_says_what_to_do_and_blocks_nobody() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    // In a session of its own there is no terminal, whoever started the test.
    let alone = |args: &[&str]| through_shell(&fleet, "exec setsid -w \"$@\"", resolver(&fleet, &identity, args));
    for args in [&["expand"][..], &["list"], &["mcp"]] {
        run(alone(args), b"<<secure.token>>")
            .fails(1)
            .silent()
            .says("is protected by a passphrase, and there is no terminal to ask for it")
            .says("CREDENTIALS_DIRECTORY");
    }
    run(alone(&["run", "--", "echo", "<<secure.token>>"]), b"")
        .fails(125)
        .silent();
}

/// The client has the terminal, and the server's standard error goes to the client: asking would put both into each other's way.
#[test]
fn a_hook_and_a_server_ask_nobody_at_their_clients_terminal() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let request =
        r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo <<secure.token>>"}}"#;
    fs::write(fleet.path("request"), request).unwrap();
    for args in [&["mcp"][..], &["hook", "claude-code"]] {
        let command = through_shell(
            &fleet,
            "exec \"$@\" <request >told 2>&1",
            resolver(&fleet, &identity, args),
        );
        let (_, screen) = Console::start(command).end();
        assert_eq!(screen, "");
        let told = fs::read_to_string(fleet.path("told")).unwrap();
        assert!(told.contains("there is no terminal to ask for it"), "{told}");
    }
}

#[test]
fn a_server_that_a_person_starts_asks_before_it_serves() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let command = through_shell(&fleet, "exec \"$@\" </dev/null", resolver(&fleet, &identity, &["mcp"]));
    let (code, screen) = typed(command, PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn an_encrypted_ssh_key_is_an_identity() {
    if !has("ssh-keygen") {
        return;
    }
    let fleet = fleet();
    let key = fleet.path("ssh");
    let mut keygen = fleet.command("ssh-keygen", "dev");
    keygen
        .args(["-q", "-t", "ed25519", "-a", "4", "-N", PASSPHRASE, "-C", "build", "-f"])
        .arg(&key);
    run(keygen, b"").ok();
    let public = fleet.path("ssh.pub");
    fleet
        .fleetvault(&["member", "add", "build", "--recipients-file", public.to_str().unwrap()])
        .ok();
    fleet.fleetvault(&["scope", "token", "--add", "build"]).ok();
    let id = fleet.id();
    let args = [
        "run",
        "--root",
        &id,
        "--member",
        "build",
        "--",
        "printf",
        "<<secure.token>>|",
    ];
    let (code, screen) = typed(resolver(&fleet, &key, &args), PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.ends_with("[REDACTED:token]|"), "{screen}");
    let mut console = Console::start(resolver(&fleet, &key, &args));
    for _ in 0..3 {
        console.expect("Passphrase for the identity ");
        console.press("wrong\r");
    }
    let (status, screen) = console.end();
    assert_eq!(status.code(), Some(125));
    assert!(screen.contains("the passphrase is wrong"), "{screen}");
}

#[test]
fn from_a_descriptor_too() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let inner = resolver(&fleet, Path::new("fd:3"), &["run", "--", "printf", "<<secure.token>>|"]);
    let script = "cat dev.age | { exec 3<&0 </dev/tty; exec \"$@\"; }";
    assert_eq!(identity, fleet.path("dev.age"));
    let shell = through_shell(&fleet, script, inner);
    let (code, screen) = typed(shell, PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.ends_with("[REDACTED:token]|"), "{screen}");
}

#[test]
fn an_author_types_it_once_and_only_where_something_is_opened() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "alice", &["-a"]);
    let author = |args: &[&str]| {
        let mut command = fleet.fleetvault_command(args);
        command.env("FLEETVAULT_IDENTITY", &identity);
        command
    };
    // Nobody vouches for the vault but the anchor behind the passphrase.
    let (code, screen) = typed(author(&["get", "token"]), PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.trim_end().ends_with(TOKEN), "{screen}");
    assert_eq!(screen.matches("Passphrase").count(), 1, "{screen}");
    run(author(&["list"]), b"").ok();
    run(author(&["doctor"]), b"").prints("your identity is protected by a passphrase, and was not opened");
    // Where something else vouches for the vault, writing without opening asks nobody.
    let id = fleet.id();
    run(
        author(&["--root", &id, "set", "token", "--members", "dev"]),
        b"another-value",
    )
    .ok();
    let (code, screen) = typed(author(&["scope", "token", "--add", "alice"]), PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn a_vault_is_made_with_a_protected_identity_and_the_file_stays_as_it_is() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &["-a"]);
    let before = fs::read(&identity).unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    command
        .args(["init", "--author", "bob", "second"])
        .env("FLEETVAULT_IDENTITY", &identity)
        .current_dir(fleet.path(""));
    let (code, screen) = typed(command, PASSPHRASE);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("no anchor was added to the identity"), "{screen}");
    assert_eq!(fs::read(&identity).unwrap(), before);
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "bob");
    command
        .args(["set", "x"])
        .env("FLEETVAULT_IDENTITY", &identity)
        .current_dir(fleet.path("second"));
    run(command, b"some-value").ok();
}

/// What asks for hours of work, or for all memory, is refused before it gets either.
#[test]
fn a_work_factor_that_nobody_could_bear_is_refused_at_once() {
    use base64::{Engine, prelude::BASE64_STANDARD};

    let fleet = fleet();
    let identity = fleet.path("hard.age");
    for (factor, said) in [
        ("23", "it asks for 23 as the work factor of scrypt, 22 is the most"),
        ("30", "it asks for 30 "),
        ("64", "it asks for 64 "),
        ("999", ""),
    ] {
        let header = format!(
            "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw {factor}\nZV/AhotwSGqaPCU43cepl4WYUouAa17a3xpu4G2yi5k\n--- fgMiVLJHMlg9fW7CVG/hPS5EAU4Zeg19LyCP7SoH5nA\n"
        );
        fs::write(&identity, [header.as_bytes(), &[7; 64]].concat()).unwrap();
        let start = std::time::Instant::now();
        let (code, screen) = typed(resolver(&fleet, &identity, &["list"]), "password");
        assert_eq!(code, Some(1));
        assert!(screen.contains("cannot be opened: "), "{screen}");
        assert!(screen.contains(said), "{screen}");
        assert!(start.elapsed().as_secs() < 10);
    }
    // An SSH key's rounds are bounded too.
    let mut blob = b"openssh-key-v1\0".to_vec();
    let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let kdf = [string(&[1; 16]), u32::MAX.to_be_bytes().to_vec()].concat();
    let mut public = string(b"ssh-ed25519");
    public.extend(string(&[0x58; 32]));
    for part in [
        string(b"aes256-ctr"),
        string(b"bcrypt"),
        string(&kdf),
        1_u32.to_be_bytes().to_vec(),
        string(&public),
        string(&[9; 144]),
    ] {
        blob.extend(part);
    }
    let body = BASE64_STANDARD.encode(blob);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(70)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    fs::write(
        &identity,
        format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
            lines.join("\n")
        ),
    )
    .unwrap();
    let (code, screen) = typed(resolver(&fleet, &identity, &["list"]), "password");
    assert_eq!(code, Some(1));
    assert!(
        screen.contains("it asks for 4294967295 rounds of bcrypt, 1024 is the most"),
        "{screen}"
    );
}

#[test]
fn an_age_file_for_a_key_and_a_damaged_one_are_told_apart() {
    if !has("age") {
        return;
    }
    let fleet = fleet();
    let key = fleet.fleetvault(&["member", "show", "dev", "--json"]).ok().json();
    let recipient = key["recipients"][0].as_str().unwrap().to_owned();
    let mut age = fleet.command("age", "dev");
    age.args(["-a", "-r", &recipient, "-o"])
        .arg(fleet.path("keyed.age"))
        .arg(fleet.identity("dev"));
    run(age, b"").ok();
    let (code, screen) = typed(resolver(&fleet, &fleet.path("keyed.age"), &["list"]), "password");
    assert_eq!(code, Some(1));
    assert!(
        screen.contains("it is an age file for a key, and not for a passphrase"),
        "{screen}"
    );
    let identity = protect(&fleet, "dev", &[]);
    let mut bytes = fs::read(&identity).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&identity, bytes).unwrap();
    let (code, screen) = typed(resolver(&fleet, &identity, &["list"]), PASSPHRASE);
    assert_eq!(code, Some(1));
    assert!(screen.contains("cannot be opened: it is damaged: "), "{screen}");
}

/// What a plugin asks is asked at the terminal, and nothing in it acts on the terminal.
#[test]
fn a_plugin_asks_the_person_at_the_terminal() {
    if !has("python3") {
        return;
    }
    let fleet = fleet();
    let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugins");
    let path = format!("{plugins}:{}", std::env::var("PATH").unwrap());
    let mut keygen = fleet.command(format!("{plugins}/age-plugin-fleettest"), "key");
    keygen.arg("--keygen");
    let keys = run(keygen, b"").ok().out();
    let identity = fleet.identity("key");
    fs::write(
        &identity,
        format!("# fleetvault: vault={} member=key\n{keys}", fleet.id()),
    )
    .unwrap();
    let recipient = keys.split_whitespace().nth(2).unwrap();
    let mut add = fleet.fleetvault_command(&["member", "add", "key", "--recipient", recipient]);
    add.env("PATH", &path);
    run(add, b"").ok();
    let start = |mode: &str| {
        let mut command = resolver(&fleet, &identity, &["run", "--", "printf", "<<secure.other>>|"]);
        command.env("PATH", &path).env("FLEETTEST", mode);
        Console::start(command)
    };
    let mut console = start("secret");
    // Who asks is said first: it must not pass as a question of ours.
    console.expect("age-plugin-fleettest: PIN \\u{1b}[2J: ");
    console.press("1234\r");
    let (status, screen) = console.end();
    assert!(status.success(), "{screen}");
    assert!(!screen.contains("1234"), "it was shown: {screen}");
    for (key, code) in [("y\r", 0), ("n\r", 125)] {
        let mut console = start("confirm");
        console.expect("use the key?\r\ny is 'go', n is 'stop'. [y/N] ");
        console.press(key);
        let (status, screen) = console.end();
        assert_eq!(status.code(), Some(code), "{screen}");
    }
}

/// A service that is not root's gets its credential by an access list, whose mask stands as the mode of root's group.
#[test]
fn a_credential_of_systemd_is_not_warned_about() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let fleet = fleet();
    let identity = fleet.identity("dev");
    let meta = fs::metadata(&identity).unwrap();
    for (mode, warned) in [
        (0o400, false),
        (0o440, meta.uid() != 0 || meta.gid() != 0),
        (0o444, true),
        (0o640, true),
    ] {
        fs::set_permissions(&identity, fs::Permissions::from_mode(mode)).unwrap();
        let done = fleet.expand("dev", "<<secure.token>>").ok();
        assert_eq!(
            done.stderr.contains("others can read the identity"),
            warned,
            "{mode:o}: {}",
            done.stderr
        );
    }
}

/// One command signs several files; ssh-keygen would ask for each of them.
#[test]
fn the_passphrase_of_a_signing_key_is_asked_for_once_a_command() {
    if !has("ssh-keygen") {
        return;
    }
    let fleet = fleet();
    let key = fleet.identity("alice").with_file_name("signing_key");
    let mut keygen = fleet.command("ssh-keygen", "alice");
    keygen
        .args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-a", "4", "-f"])
        .arg(&key);
    run(keygen, b"").ok();
    let mut console = Console::start(fleet.fleetvault_command(&["group", "add", "deployers", "dev"]));
    for typed in ["wrong", PASSPHRASE] {
        console.expect("Passphrase for the signing key ");
        console.press(&format!("{typed}\r"));
    }
    let (status, screen) = console.end();
    assert!(status.success(), "{screen}");
    assert_eq!(screen.matches("assphrase").count(), 2, "{screen}");
    assert!(!screen.contains(PASSPHRASE), "{screen}");
    fleet.fleetvault(&["verify"]).ok();
}

/// Whoever ends it from elsewhere, a time limit or a service that stops, leaves a terminal in which one sees what one types.
#[cfg(unix)]
#[test]
fn a_signal_during_the_question_leaves_the_terminal_as_it_was() {
    if !has("age") || !has("timeout") {
        return;
    }
    let fleet = fleet();
    let identity = protect(&fleet, "dev", &[]);
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let script = format!("timeout --foreground -s {signal} 3 \"$@\"; echo \"code $?\"; stty -a");
        let inner = resolver(&fleet, &identity, &["list"]);
        let mut console = Console::start(through_shell(&fleet, &script, inner));
        console.expect("Passphrase for the identity ");
        // That it was ended by the time limit, and not by itself.
        console.expect("code 124");
        let (_, shown) = console.end();
        for setting in [" icanon", " isig", " echo "] {
            assert!(
                shown.contains(setting) || shown.contains(&setting.replace(' ', "\n")),
                "{signal}: {shown}"
            );
        }
        assert!(
            !shown.contains("-icanon") && !shown.contains("-echo "),
            "{signal}: {shown}"
        );
    }
}
