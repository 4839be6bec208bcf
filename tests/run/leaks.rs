//! What other tools let through: each line a way in which a value has been seen in the output of some program that was to mask it.

use std::fs;

use crate::{
    Runs, TOKEN, fleet,
    support::{Fleet, has},
};

/// Demands that a script that gets the value as `$1` prints exactly this.
#[track_caller]
fn prints(fleet: &Fleet, script: &str, expected: &str) {
    let printed = fleet.script(script).ok();
    assert_eq!(printed.out(), expected, "{script}");
}

#[test]
fn encodings_of_real_programs() {
    let fleet = fleet();
    for (program, script) in [
        ("base64", "printf %s \"$1\" | base64"),
        ("base64", "printf %s \"$1\" | base64 -w 10"),
        ("od", "printf %s \"$1\" | od -An -v -tx1 | tr -d ' '"),
        ("rev", "printf %s \"$1\" | rev"),
        ("fold", "printf %s \"$1\" | fold -w 1"),
        ("fold", "printf %s \"$1\" | fold -w 7"),
        ("grep", "printf %s \"$1\" | grep -o ."),
        (
            "python3",
            "python3 -c 'import sys,json; print(json.dumps(sys.argv[1]))' \"$1\" | tr -d '\"'",
        ),
        (
            "python3",
            "python3 -c 'import sys,urllib.parse as u; print(u.quote(sys.argv[1], safe=\"\"))' \"$1\"",
        ),
        (
            "python3",
            "python3 -c 'import sys; print(sys.argv[1].encode().hex().upper())' \"$1\"",
        ),
        ("openssl", "printf %s \"$1\" | openssl base64"),
    ] {
        if has(program) {
            assert_eq!(
                fleet.script(script).ok().out().trim_end(),
                "[REDACTED:token]",
                "{script}"
            );
        }
    }
    // Where a value is encoded together with what stands around it.
    for (before, after) in [("a", ""), ("ab", "c"), ("abc", "\\n"), ("user:", "")] {
        let printed = fleet
            .script(&format!("printf '{before}%s{after}' \"$1\" | base64 -w0"))
            .ok()
            .out();
        assert!(printed.contains("[REDACTED:token]") && printed.len() < 30, "{printed}");
    }
}

#[test]
fn values_with_special_characters_as_programs_write_them() {
    let fleet = fleet();
    let value = "p\"a's\\s wörd&<x>/+\ttab";
    fleet.set("odd", value, "dev");
    let run = |script: &str| {
        fleet
            .run(&["--", "bash", "-c", script, "bash", "<<secure.odd>>"])
            .ok()
            .out()
    };
    if !has("bash") || !has("python3") {
        return;
    }
    for script in [
        "printf '%s' \"$1\"",
        "printf '%q' \"$1\"",
        "python3 -c 'import sys,json; print(json.dumps(sys.argv[1])[1:-1], end=\"\")' \"$1\"",
        "python3 -c 'import sys,json; print(json.dumps(sys.argv[1], ensure_ascii=False)[1:-1], end=\"\")' \"$1\"",
        "python3 -c 'import sys,shlex; print(shlex.quote(sys.argv[1])[1:-1], end=\"\")' \"$1\"",
        "python3 -c 'import sys,urllib.parse as u; print(u.quote(sys.argv[1]), end=\"\")' \"$1\"",
        "python3 -c 'import sys,urllib.parse as u; print(u.quote_plus(sys.argv[1]), end=\"\")' \"$1\"",
    ] {
        let printed = run(script);
        // What stands around it is the quoting of the program.
        let inside = printed.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\''));
        assert_eq!(inside.unwrap_or(&printed), "[REDACTED:odd]", "{script}");
    }
}

#[test]
fn set_x_and_error_messages() {
    let fleet = fleet();
    let traced = fleet
        .run(&["--shell", "set -x; true <<secure.token>> <<secure.other>>"])
        .ok();
    assert!(traced.stderr.contains("true [REDACTED:token] "), "{}", traced.stderr);
    assert!(traced.stderr.contains("[REDACTED:other]"), "{}", traced.stderr);
    // A program that quotes what it did not understand, and a path that is named by a value.
    fleet.script("ls --\"$1\"").fails(2).says("'--[REDACTED:token]'");
    fleet
        .script("cat \"/none/$1\"")
        .fails(1)
        .says("/none/[REDACTED:token]: No such file");
    fleet.script("exec \"$1\"").fails(127).says("[REDACTED:token]");
}

#[test]
fn interleaved_and_split_output() {
    let fleet = fleet();
    // Halves in two writes, with time between them, and the other stream in the middle.
    let script =
        "one=${1%-of-dev}; two=${1#\"$one\"}; printf %s \"$one\"; sleep 0.2; echo \"$1\" >&2; sleep 0.2; echo \"$two\"";
    let printed = fleet.script(script).ok();
    assert_eq!(printed.out(), "[REDACTED:token]\n");
    assert_eq!(printed.stderr, "[REDACTED:token]\n");
    // A process that is ended in the middle of it.
    let script = "printf %s \"${1%dev}\"; kill -9 $$";
    assert_eq!(fleet.script(script).fails(137).out(), "[REDACTED:token]");
}

#[test]
fn one_value_within_or_beside_another() {
    let fleet = fleet();
    fleet.set("short", "s3cr3t-token", "dev");
    fleet.set("tail", "dev-and-more-of-it", "dev");
    let args = [
        "--env",
        "A=<<secure.short>>",
        "--env",
        "B=<<secure.tail>>",
        "--env",
        "C=<<secure.token>>",
        "--",
    ];
    let run = |script: &str| fleet.run(&[&args[..], &["sh", "-c", script]].concat()).ok().out();
    assert_eq!(
        run("echo $A $B $C"),
        "[REDACTED:short] [REDACTED:tail] [REDACTED:token]\n"
    );
    // The end of one is the beginning of another: both are covered, to the last byte.
    assert_eq!(run("echo ${C%dev}$B"), "[REDACTED:token][REDACTED:tail]\n");
    assert_eq!(run("echo s$C"), "s[REDACTED:token]\n");
    assert_eq!(run("echo s3cr3t-$C"), "s3cr3t-[REDACTED:token]\n");
    assert_eq!(run("echo $A$A"), "[REDACTED:short][REDACTED:short]\n");
}

#[test]
fn everything_this_process_expanded_and_its_identity_too() {
    let fleet = fleet();
    fleet.remember(b"AGE-SECRET-KEY-1");
    // Used in a file, printed from elsewhere.
    fs::write(fleet.path("template"), "<<secure.other>>").unwrap();
    let script = "cat made; echo; echo $T";
    let args = [
        "--file",
        "template:made",
        "--env",
        "T=<<secure.token>>",
        "--",
        "sh",
        "-c",
        script,
    ];
    assert_eq!(fleet.run(&args).ok().out(), "[REDACTED:other]\n[REDACTED:token]\n");
    let identity = fleet.identity("dev");
    let printed = fleet
        .run(&["--", "grep", "-v", "^#", identity.to_str().unwrap()])
        .ok()
        .out();
    assert_eq!(printed, "[REDACTED:identity]\n");
    // Also where the key was made for SSH.
    let key = fleet.path("key");
    let made = fleet
        .command("ssh-keygen", "dev")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    fleet
        .fleetvault(&[
            "member",
            "add",
            "build",
            "--recipients-file",
            fleet.path("key.pub").to_str().unwrap(),
        ])
        .ok();
    let id = fleet.id();
    let mut command = fleet.resolver_command("build", &["--root", &id, "run", "--", "cat"]);
    command.arg(&key).env("FLEETVAULT_IDENTITY", &key);
    let printed = crate::support::run(command, b"").ok().out();
    let body = fs::read_to_string(&key).unwrap();
    let body: Vec<&str> = body.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(
        body.iter().all(|line| !printed.contains(line)) && printed.contains("[REDACTED:identity]"),
        "{printed}"
    );
}

#[test]
fn several_lines_each_by_itself() {
    let fleet = fleet();
    fleet.set(
        "pem",
        "-----BEGIN X-----\nfirstlineofit\nsecondlineofit\n-----END X-----\n",
        "dev",
    );
    let run = |script: &str| {
        fleet
            .run(&["--", "sh", "-c", script, "sh", "<<secure.pem>>"])
            .ok()
            .out()
    };
    assert_eq!(run("echo \"$1\""), "[REDACTED:pem]\n");
    assert_eq!(run("echo \"$1\" | sed 's/^/    /'"), "    [REDACTED:pem]\n");
    assert_eq!(run("echo \"$1\" | grep second"), "[REDACTED:pem]\n");
    assert_eq!(run("echo \"$1\" | sed 's/$/\\r/'"), "[REDACTED:pem]\r\n");
    assert!(!run("echo \"$1\" | tac").contains("lineofit"));
}

#[test]
fn a_transformation_defeats_it_and_the_readme_says_so() {
    let fleet = fleet();
    // Not a promise, but the truth: what README.md says must not quietly become wrong.
    prints(&fleet, "echo $1 | tr s z", &format!("{}\n", TOKEN.replace('s', "z")));
}
