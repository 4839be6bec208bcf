//! `run_command`: where values may stand, what the command gets and does not get, and what is told of its end.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{TOKEN, fleet, pipe::Serves, support::run};

#[test]
fn values_in_arguments_lines_variables_and_input() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for arguments in [
        json!({ "argv": ["sh", "-c", "printf %s \"$1\" > got; echo $1", "sh", "<<secure.token>>"] }),
        json!({ "shell": "printf %s <<secure.token>> | tee got; echo" }),
        json!({ "argv": ["sh", "-c", "printf %s \"$T\" > got; echo $T"], "env": { "T": "<<secure.token>>" } }),
        json!({ "argv": ["sh", "-c", "tee got; echo"], "stdin": "<<secure.token>>" }),
        json!({ "shell": "tee got; echo", "stdin": "{{secure.token}}" }),
    ] {
        let printed = peer.call("run_command", arguments.clone()).prints();
        assert_eq!(printed, "[REDACTED:token]\n", "{arguments}");
        assert_eq!(fs::read_to_string(fleet.path("got")).unwrap(), TOKEN, "{arguments}");
        fs::remove_file(fleet.path("got")).unwrap();
    }
    // Filters, several at once, and both streams.
    let arguments = json!({
        "argv": ["sh", "-c", "echo \"$1\"; echo \"$2\" >&2", "sh", "<<secure.token | base64>>:<<secure.other>>", "x<<secure.other>>"],
    });
    let result = peer.call("run_command", arguments).ok();
    assert_eq!(result["stdout"], "[REDACTED:token]:[REDACTED:other]\n");
    assert_eq!(result["stderr"], "x[REDACTED:other]\n");
    peer.finish();
}

#[test]
fn a_command_without_a_reference_is_refused() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for arguments in [
        json!({ "argv": ["touch", "ran"] }),
        json!({ "shell": "touch ran" }),
        json!({ "argv": ["touch", "ran", "<<secure>>", "<secure.token>", "secure.token"] }),
    ] {
        let refused = peer.call("run_command", arguments).refused();
        assert_eq!(
            refused,
            "fleetvault: error: this command uses no credential: it has no <<secure.NAME>>\n\
             fleetvault: hint: run it with your ordinary shell tool"
        );
    }
    // What begins like a reference and is none is never passed on, and no program is named by a value.
    for arguments in [
        json!({ "argv": ["touch", "ran", "<<secure.token>> <<secure.a b>>"] }),
        json!({ "argv": ["<<secure.token>>"] }),
        json!({ "shell": "sh -c 'touch ran <<secure.token>>'" }),
        json!({ "shell": "eval touch ran <<secure.token>>" }),
    ] {
        assert!(
            peer.call("run_command", arguments)
                .refused()
                .starts_with("fleetvault: error: ")
        );
    }
    assert!(!fleet.path("ran").exists());
    peer.finish();
}

#[test]
fn exit_codes_and_signals() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let result = peer.script("echo out; echo err >&2; exit 3");
    assert_eq!(result.text(), "exit code 3\n--- stdout\nout\n\n--- stderr\nerr\n");
    assert_eq!(
        result.ok(),
        json!({
            "exit_code": 3, "timed_out": false, "stdout": "out\n", "stderr": "err\n", "stdout_omitted": 0, "stderr_omitted": 0,
        })
    );
    assert_eq!(peer.script("kill -9 $$").ok()["exit_code"], 137);
    assert_eq!(peer.script("kill -TERM $$").ok()["exit_code"], 143);
    // Bytes that are no text.
    assert_eq!(peer.script("printf 'a\\377b\\000c'").ok()["stdout"], "a\u{fffd}b\0c");
    for (program, problem) in [
        ("no-such-program", "cannot run 'no-such-program': No such file"),
        ("/etc/passwd", "cannot run '/etc/passwd': Permission denied"),
        ("", "cannot run ''"),
    ] {
        peer.call("run_command", json!({ "argv": [program, "<<secure.token>>"] }))
            .says(problem);
    }
    let refused = peer
        .call("run_command", json!({ "argv": ["echo", "<<secure.token>>", "a\0b"] }))
        .refused();
    assert!(refused.starts_with("fleetvault: error: "), "{refused}");
    peer.finish();
}

#[test]
fn the_working_directory_is_the_launchs() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let here = fleet.path("").canonicalize().unwrap();
    assert_eq!(peer.script("pwd").prints().trim_end(), here.to_str().unwrap());
    peer.finish();
    fs::create_dir(fleet.path("sub")).unwrap();
    let mut peer = fleet.server(&["--cwd", "sub"]);
    assert_eq!(
        peer.script("pwd").prints().trim_end(),
        here.join("sub").to_str().unwrap()
    );
    // One command cannot move the next one.
    peer.script("cd /; export A=b").prints();
    assert_eq!(
        peer.script("pwd; echo $A").prints(),
        format!("{}\n\n", here.join("sub").display())
    );
    peer.finish();
    fleet
        .resolver("dev", &["mcp", "--cwd", "none"], b"")
        .fails(1)
        .silent()
        .says("cannot run commands in none: No such file");
}

#[test]
fn a_command_gets_nothing_that_is_the_servers() {
    let fleet = fleet();
    let mut command = fleet.server_command(&[]);
    command
        .env("FLEETVAULT_REF", "HEAD")
        .env("FLEETVAULT_X", "y")
        .env("KEPT", "kept");
    let mut peer = fleet.peer(command);
    peer.initialize("2025-06-18", json!({}));
    let printed = peer.script("env; echo $KEPT; ls -l /proc/self/fd").prints();
    assert!(!printed.contains("FLEETVAULT_"), "{printed}");
    assert!(printed.contains("\nkept\n"), "{printed}");
    let opened: Vec<&str> = printed.lines().filter(|line| line.contains(" -> ")).collect();
    // Three, and the directory that is looked at: standard input is nothing, and no descriptor is the server's.
    assert_eq!(opened.len(), 4, "{printed}");
    assert!(opened[0].ends_with("0 -> /dev/null"), "{printed}");
    // What is on the server's standard input is not for the command, nor is its standard output for writing messages.
    let id = peer.start_script("cat; sleep 0.3; cat");
    assert_eq!(peer.request("ping", json!({}))["result"], json!({}));
    assert_eq!(peer.called(id).prints(), "");
    // Root may look into every process; without its capabilities it is anybody.
    let plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let plain = &plain[..if rustix::process::geteuid().is_root() { 3 } else { 0 }];
    let sneaky = "echo '{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}' > /proc/$PPID/fd/1 || echo refused";
    let argv = [plain, &["sh", "-c", sneaky, "<<secure.token>>"]].concat();
    if crate::support::has("setpriv") {
        assert_eq!(peer.call("run_command", json!({ "argv": argv })).prints(), "refused\n");
        peer.silence(Duration::from_millis(100), |message| message["id"] == 99);
    }
    peer.finish();
}

#[test]
fn a_credential_for_commands_without_the_network() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script =
        format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port})); print(\"connected\")'");
    let mut peer = fleet.server(&[]);
    if !crate::support::has("python3") {
        return;
    }
    let mut ask = |name: &str| {
        let arguments = json!({ "argv": ["sh", "-c", script, "sh", format!("<<secure.{name}>>")] });
        peer.call("run_command", arguments).ok()
    };
    assert_eq!(ask("other")["stdout"], "connected\n");
    let denied = ask("token");
    assert_ne!(denied["exit_code"], 0, "{denied}");
    assert_eq!(denied["stdout"], "");
    peer.finish();
}

#[test]
fn what_was_opened_and_refused_is_logged() {
    let fleet = fleet();
    let mut peer = fleet.server(&["--reveal"]);
    peer.call("list_credentials", json!({})).ok();
    peer.call("check_template", json!({ "template": "<<secure.token>>" }))
        .ok();
    peer.call(
        "run_command",
        json!({ "argv": ["true", "<<secure.token>> <<secure.other>>"] }),
    )
    .ok();
    peer.call("run_command", json!({ "argv": ["true", "<<secure.private>>"] }))
        .refused();
    peer.call("resolve_template", json!({ "template": "<<secure.token>>" }))
        .ok();
    peer.finish();
    let log = run(fleet.resolver_command("dev", &["log", "--json"]), b"").ok().out();
    let entries: Vec<String> = log
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            assert_eq!(entry["member"], "dev");
            let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {}",
                text("credential"),
                text("purpose"),
                text("outcome"),
                text("code")
            )
        })
        .collect();
    assert_eq!(
        entries,
        [
            "other run opened -",
            "token run opened -",
            "private run refused outside_scope",
            "token expand opened -",
        ]
    );
    assert!(!log.contains(TOKEN));
}

#[test]
fn an_identity_that_was_given_as_a_descriptor_is_not_for_commands() {
    let fleet = fleet();
    let server = fleet.server_command(&["--identity", "fd:7"]);
    let mut command = fleet.command("bash", "dev");
    if !crate::support::has("bash") {
        return;
    }
    command
        .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .args(["-c", "exec \"$@\" 7< dev.txt 8< dev.txt", "bash"])
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(fleet.path(""));
    let mut peer = fleet.peer(command);
    peer.initialize("2025-06-18", json!({}));
    let printed = peer.script("ls /proc/self/fd; cat <&7; cat <&8").ok();
    assert_eq!(printed["stdout"], "0\n1\n2\n3\n", "{printed}");
    peer.finish();
}
