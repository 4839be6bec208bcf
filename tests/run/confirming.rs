//! `network = "confirm"`: a person agrees to each use, at the terminal or through an approver, or it does not happen.

use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};

use crate::{
    OTHER, Runs, TOKEN,
    console::Console,
    fleet,
    support::{Fleet, run},
};

fn careful() -> Fleet {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "confirm"]).ok();
    fleet
}

#[test]
fn the_person_at_the_terminal_sees_the_whole_command_and_decides() {
    let fleet = careful();
    let long = format!("{}-and-its-end", "x".repeat(3000));
    let args = [
        "run",
        "--env",
        "A=<<secure.other>>",
        "--",
        "sh",
        "-c",
        "echo $1; touch ran",
        "it's",
        "<<secure.token>>",
        "a\nb\u{1b}[2J\u{202e}c",
        &long,
    ];
    for (key, code) in [("n\r", 125), ("y\r", 0)] {
        let mut console = Console::start(fleet.resolver_command("dev", &args));
        console.expect("member 'dev' wants to use 'other', 'token' to run this command:\r\n");
        console.expect(
            "  | sh -c 'echo $1; touch ran' 'it'\\''s' '<<secure.token>>' 'a\\u{a}\r\n  | b\\u{1b}[2J\\u{202e}c' xxx",
        );
        // Every line of the terminal is marked: it has 100 columns.
        console.expect(&format!("x\r\n  | {}\r\n  | xxx", "x".repeat(96)));
        console.expect("x-and-its-end\r\n");
        console.expect(
            "  | with the variable A=<<secure.other>>\r\nThat is all of it, these 34 lines marked with '|'.\r\n",
        );
        console.expect("It would let member 'dev' use 'other', 'token' to run this command.\r\nAgree? [y/N] ");
        assert!(!fleet.path("ran").exists());
        console.press(key);
        let (status, screen) = console.end();
        assert_eq!(status.code(), Some(code), "{screen}");
        assert_eq!(fleet.path("ran").exists(), code == 0);
        assert_eq!(
            screen.contains("'token' was not used: the person at the terminal did not agree"),
            code != 0
        );
        assert!(!screen.contains(TOKEN), "{screen}");
    }
    // That yes was for that command: the next one asks again.
    let mut console = Console::start(fleet.resolver_command("dev", &args));
    console.expect("Agree? [y/N] ");
    console.press("\r");
    assert_eq!(console.end().0.code(), Some(125));
}

#[test]
fn nothing_pushes_the_question_off_the_screen() {
    let fleet = careful();
    let blanks = format!("{}harmless", " ".repeat(5000));
    let mut console =
        Console::start(fleet.resolver_command("dev", &["run", "--", "touch", "ran", "<<secure.token>>", &blanks]));
    console.expect("  | touch ran '<<secure.token>>' '[… 5,000 blanks …]harmless'\r\n");
    console.expect("That is all of it, this one line marked with '|'.\r\n");
    console.press("\r");
    assert_eq!(console.end().0.code(), Some(125));
    // Nor does a terminal that was told to be wide, as 'stty cols 5000' does.
    let mut command = fleet.command("sh", "dev");
    let resolver = fleet.resolver_command(
        "dev",
        &["run", "--", "touch", "ran", "<<secure.token>>", &"x".repeat(200)],
    );
    command.args(["-c", "stty cols 5000; exec \"$0\" \"$@\""]);
    command.arg(resolver.get_program()).args(resolver.get_args());
    command.current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let mut console = Console::start(command);
    console.expect(&format!("x\r\n  | {}\r\n", "x".repeat(96)));
    console.press("\r");
    assert_eq!(console.end().0.code(), Some(125));
    // What nobody reads nobody agrees to, and it is not shortened.
    for filler in ["\n", "\t", "x "] {
        let long = format!("{}harmless", filler.repeat(20_000));
        let args = [
            "run",
            "--env",
            &format!("A={long}"),
            "--",
            "touch",
            "ran",
            "<<secure.token>>",
        ];
        let (status, screen) = Console::start(fleet.resolver_command("dev", &args)).end();
        assert_eq!(status.code(), Some(125));
        assert!(
            screen.contains(
                "'token' needs a person's yes for each use, and what they would agree to is too long: it has "
            ),
            "{screen}"
        );
        assert!(
            screen.contains("lines, and nobody is asked to read more than 200"),
            "{screen}"
        );
        assert!(
            screen.contains("put what is long into a file, or name a program"),
            "{screen}"
        );
        assert!(!screen.contains("Agree?"), "{screen}");
    }
    assert!(!fleet.path("ran").exists());
}

#[test]
fn two_commands_that_differ_never_look_the_same() {
    use std::os::unix::ffi::OsStrExt;

    let fleet = careful();
    let mut command = fleet.resolver_command("dev", &["run", "--", "touch", "ran", "<<secure.token>>"]);
    command
        .arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"))
        .arg("r\u{200b}m\u{e0041}\u{a0}");
    let mut console = Console::start(command);
    console.expect("'<<secure.token>>' '\\xff\\xfe' 'r\\u{200b}m\\u{e0041}\\u{a0}'\r\n");
    console.press("\r");
    assert_eq!(console.end().0.code(), Some(125));
}

#[test]
fn where_nobody_can_be_asked_it_is_refused() {
    let fleet = careful();
    let mut command = fleet.command("setsid", "dev");
    let resolver = fleet.resolver_command("dev", &["run", "--", "touch", "ran", "<<secure.token>>"]);
    command
        .arg("-w")
        .arg(resolver.get_program())
        .args(resolver.get_args())
        .current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(command, b"y\ny\n")
        .fails(125)
        .says(
            "credential 'token' needs a person's yes for each use (network = \"confirm\"), and there is nobody to ask",
        )
        .says("hint: run it at a terminal, or name a program that asks somebody as 'approver' in resolver.toml");
    assert!(!fleet.path("ran").exists());
}

#[test]
fn mask_asks_as_well_since_who_sees_it_can_guess() {
    let fleet = careful();
    let text = format!("a {TOKEN} b {OTHER}\n");
    let mut command = fleet.command("setsid", "dev");
    let resolver = fleet.resolver_command("dev", &["mask"]);
    command.arg("-w").arg(resolver.get_program()).args(resolver.get_args());
    command.current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(command, text.as_bytes())
        .fails(7)
        .silent()
        .says("credential 'token' needs a person's yes for each use")
        .says("or mask only others: mask NAME…");
    fleet
        .resolver("dev", &["mask", "other"], text.as_bytes())
        .ok()
        .prints(&format!("a {TOKEN} b [REDACTED:other]\n"));
    // Asked about that one alone.
    approver(&fleet, &format!("cat >> {}", fleet.path("asked").display()));
    fleet
        .resolver("dev", &["mask"], text.as_bytes())
        .ok()
        .prints("a [REDACTED:token] b [REDACTED:other]\n");
    let question: serde_json::Value = serde_json::from_str(&fleet.written("asked")).unwrap();
    assert_eq!(question["purpose"], "mask");
    assert_eq!(question["credentials"], serde_json::json!(["token"]));
    fs::remove_file(fleet.path("dev/fleetvault/resolver.toml")).unwrap();
    let mut console = Console::start(fleet.resolver_command("dev", &["mask"]));
    console.expect("member 'dev' wants to use 'token' to find values in a text and mask them:\r\n");
    console.expect("  | a text on standard input, printed with the values masked\r\n");
    console.press("n\r");
    assert_eq!(console.end().0.code(), Some(7));
}

/// Lets dev's configuration name an approver, a script of `sh`.
fn approver(fleet: &Fleet, script: &str) {
    let path = fleet.path("approver");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    let text = format!("approver = {:?}\napprover_timeout = \"2s\"\n", path.to_str().unwrap());
    fs::write(fleet.path("dev/fleetvault/resolver.toml"), text).unwrap();
}

#[test]
fn the_approver_is_asked_once_with_everything_but_a_value() {
    let fleet = careful();
    approver(&fleet, &format!("cat >> {}", fleet.path("asked").display()));
    let command = [
        "--env",
        "A=<<secure.other>>",
        "--",
        "sh",
        "-c",
        "echo $1",
        "sh",
        "<<secure.token>> <<secure.other>>",
    ];
    fleet.run(&command).ok().prints("[REDACTED:token] [REDACTED:other]\n");
    let asked = fleet.written("asked");
    assert_eq!(asked.lines().count(), 1, "{asked}");
    let question: serde_json::Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(question["member"], "dev");
    assert_eq!(question["purpose"], "run");
    assert_eq!(question["credentials"], serde_json::json!(["other", "token"]));
    assert_eq!(question["command"], serde_json::json!(&command[3..]));
    assert_eq!(
        question["with"],
        serde_json::json!(["with the variable A=<<secure.other>>"])
    );
    assert_eq!(question["vault"], fleet.id());
    assert!(!asked.contains(TOKEN));
    // One that needs no yes asks nobody.
    fleet.run(&["--", "echo", "<<secure.other>>"]).ok();
    assert_eq!(fleet.written("asked"), asked);
}

#[test]
fn whatever_the_approver_does_but_agree_is_a_no() {
    let fleet = careful();
    for (script, reason) in [
        (
            "echo 'not today' >&2; exit 1",
            "did not approve this command: not today",
        ),
        ("exit 3", "no reason given (exit status: 3)"),
        ("kill -9 $$", "no reason given (signal: 9"),
        ("sleep 20", "no answer within 2 s"),
        ("echo yes; exit 1", "no reason given"),
    ] {
        approver(&fleet, script);
        fleet
            .run(&["--", "touch", "ran", "<<secure.token>>"])
            .fails(125)
            .says("credential 'token' was not used: the approver ")
            .says(reason);
    }
    fs::remove_file(fleet.path("approver")).unwrap();
    fleet
        .run(&["--", "touch", "ran", "<<secure.token>>"])
        .fails(125)
        .says("it cannot be started: No such file");
    assert!(!fleet.path("ran").exists());
}

#[test]
fn expand_asks_as_well() {
    let fleet = careful();
    approver(&fleet, "exit 0");
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), TOKEN);
    approver(&fleet, "exit 1");
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(7)
        .silent()
        .says("'token' was not used");
    fs::remove_file(fleet.path("dev/fleetvault/resolver.toml")).unwrap();
    fs::write(fleet.path("template"), "<<secure.token>>").unwrap();
    let mut command = fleet.resolver_command("dev", &["expand", "template", "-o", "made"]);
    command.stdin(Stdio::null());
    let mut console = Console::start(command);
    console.expect("member 'dev' wants to use 'token' to put values into a text:\r\n");
    console.expect("  | putting its value into the template template, written to made\r\n");
    console.expect("Agree? [y/N] ");
    console.press("yes\r");
    assert!(console.end().0.success());
    assert_eq!(fleet.written("made"), TOKEN);
}
