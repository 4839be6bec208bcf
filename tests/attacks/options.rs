//! Values that begin with `-`, where a word begins with one: no program gets an option from whoever set a value.

use std::{fs, process::Command};

use crate::support::{Fleet, has};

/// An option with which `git ls-remote OPTION .` runs a command.
const OPTION: &str = "--upload-pack=touch PWNED;";
/// The same behind a blank, for words that the shell splits.
const SPLIT: &str = "-q --upload-pack=touch${IFS}PWNED";
const KEY: &str = "-----BEGIN KEY-----\nnot-really-a-key\n-----END KEY-----";

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("option", OPTION, "dev");
    fleet.set("split", &format!("x {SPLIT}"), "dev");
    fleet.set("key", KEY, "dev");
    fleet.set("plain", "plain-value x - y", "dev");
    fleet
}

/// Lines with `@` for the value, which git would run something for.
const LINES: &[&str] = &[
    "git ls-remote @ .",
    "git ls-remote \"@\" .",
    "git ls-remote '@' .",
    "git ls-remote ''\"\"@ .",
    "git ls-remote $EMPTY@ .",
    "git ls-remote \"$EMPTY\"\"@x\" .",
    "env A=1 git ls-remote @ .",
    "sh -c 'git ls-remote \"$1\" .' sh \"@\"; A=@; git ls-remote \"$A\" .",
    "A=@; git ls-remote ${A} .",
    "A=x; A=@; B=\"$A\"; git ls-remote \"$B\" .",
    "git ls-remote \"$(printf %s @)\" .",
    "for a in @; do git ls-remote \"$a\" .; done",
    "f() { git ls-remote \"$1\" .; }; f @",
    "set -- @; git ls-remote \"$@\" .",
    "git ls-remote -- x @ .",
    "(git ls-remote @ .)",
    "printf '%s\\n' @ | { read -r a; git ls-remote \"$a\" .; }",
];

#[test]
fn a_value_is_no_option_of_what_a_line_runs() {
    let fleet = fleet();
    assert!(has("git"));
    // It is a real one.
    Command::new("git")
        .args(["ls-remote", OPTION, "."])
        .current_dir(fleet.path(""))
        .output()
        .unwrap();
    fs::remove_file(fleet.path("PWNED")).unwrap();
    for shell in ["sh", "dash", "bash"].into_iter().filter(|shell| has(shell)) {
        for line in LINES {
            let line = line
                .replace("$@", "\u{1}")
                .replace('@', "<<secure.option>>")
                .replace('\u{1}', "$@");
            fleet
                .resolver("dev", &["run", "--shell-program", shell, "--shell", &line], b"")
                .fails(125)
                .says("the value of 'option' begins with '-', so that the program could take it for an option")
                .says("hint: put -- directly before it where the program knows that, or give it as --option=<<secure.option>>, in a");
            assert!(!fleet.path("PWNED").exists(), "{shell}: {line}");
        }
        for line in [
            "A=<<secure.split>>; git ls-remote $A .",
            "git ls-remote $(echo <<secure.split>>) .",
        ] {
            fleet
                .resolver("dev", &["run", "--shell-program", shell, "--shell", line], b"")
                .fails(125)
                .says("the value of 'split' begins with '-'");
        }
    }
}

#[test]
fn a_value_is_no_option_of_a_program_started_directly() {
    let fleet = fleet();
    for words in [
        &["git", "ls-remote", "<<secure.option>>", "."][..],
        &["git", "ls-remote", "{{ secure.option }}x", "."],
        &["env", "A=1", "git", "ls-remote", "<<secure.option>>", "."],
        &["git", "ls-remote", "--", "x", "<<secure.option>>"],
    ] {
        let args = [&["run", "--"], words].concat();
        let refused = fleet.resolver("dev", &args, b"").fails(125);
        refused.says("the value of 'option' begins with '-', so that the program could take it for an option");
        assert!(!fleet.path("PWNED").exists(), "{words:?}");
    }
    let refused = fleet
        .resolver("dev", &["--json", "run", "--", "cat", "<<secure.option>>"], b"")
        .fails(125);
    let json: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(
        (json["code"].as_str(), json["exit"].as_i64()),
        (Some("option"), Some(7))
    );
    assert_eq!(json["credential"], "option");
}

#[test]
fn where_no_option_can_be_such_values_arrive() {
    let fleet = fleet();
    let written = || fs::read_to_string(fleet.path("out")).unwrap().trim_end().to_owned();
    let printed = |line: &str| {
        for shell in ["sh", "dash", "bash"].into_iter().filter(|shell| has(shell)) {
            fleet
                .resolver("dev", &["run", "--shell-program", shell, "--shell", line], b"")
                .ok();
            assert_eq!(written(), KEY, "{shell}: {line}");
        }
    };
    printed("printf '%s' <<secure.key>> > out");
    printed("K=<<secure.key>>; printf '%s' \"$K\" > out");
    printed("cat > out <<E\n$(printf '%s' <<secure.key>>)\nE");
    printed("K=<<secure.key>> sh -c 'printf %s \"$K\"' > out");
    printed("sh -c 'printf %s \"$1\"' sh <<secure.key>> > out");
    printed("f() { printf %s \"$1\" > out; }; f <<secure.key>>");
    printed(
        "[ -n <<secure.key>> ] && [ <<secure.key>> = \"$(printf %s <<secure.key>>)\" ] || printf %s <<secure.key>> > out",
    );
    for words in [
        &["sh", "-c", "printf %s \"$1\" > out", "sh", "<<secure.key>>"][..],
        &[
            "sh",
            "-ec",
            "printf %s \"${1#--key=}\" > out",
            "sh",
            "--key=<<secure.key>>",
        ],
    ] {
        fleet.resolver("dev", &[&["run", "--"], words].concat(), b"").ok();
        assert_eq!(written(), KEY);
    }
    fleet
        .resolver("dev", &["run", "--", "grep", "-c", "--", "<<secure.key>>", "out"], b"")
        .ok();
    // Others are not looked at.
    for line in [
        "cat /dev/null <<secure.plain>> || printf done",
        "A=<<secure.plain>>; [ -n \"$A\" ] && printf done",
    ] {
        fleet
            .resolver("dev", &["run", "--shell", line], b"")
            .ok()
            .prints("done");
    }
}
