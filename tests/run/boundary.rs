//! The launcher of hooks/agents/own-user: an identity that only root can read, for a resolver and commands that are not root's.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use crate::{
    fleet,
    support::{Fleet, has, skip},
};

const LAUNCHER: &str = include_str!("../../hooks/agents/own-user/fleetvault-agent");

/// The launcher with the paths of a fleet, and a user that every system has.
fn launcher(fleet: &Fleet) -> String {
    let path = |name: &str| fleet.path(name).display().to_string();
    let mut text = LAUNCHER.to_owned();
    for (installed, here) in [
        ("/etc/fleetvault/agent.txt", fleet.identity("dev").display().to_string()),
        (
            "/usr/local/bin/fleetvault-resolver",
            env!("CARGO_BIN_EXE_fleetvault-resolver").to_owned(),
        ),
        (
            "/var/lib/fleetvault-mirror/vault.git --ref main",
            format!("{} --ref HEAD", path("vault")),
        ),
        ("/var/lib/fleetvault\n", format!("{}\n", path("work"))),
        (
            "--reuid=fleetvault --regid=fleetvault",
            "--reuid=nobody --regid=nogroup".into(),
        ),
    ] {
        assert!(text.contains(installed), "{installed}");
        text = text.replace(installed, &here);
    }
    text
}

#[test]
fn neither_the_identity_nor_the_resolver_can_be_read_by_what_it_runs() {
    if !rustix::process::geteuid().is_root() || !has("setpriv") {
        skip("a user of its own: needs root and setpriv");
        return;
    }
    let fleet = fleet();
    fs::create_dir(fleet.path("work")).unwrap();
    for path in ["", "work"] {
        fs::set_permissions(fleet.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(fleet.identity("dev"), fs::Permissions::from_mode(0o600)).unwrap();
    let identity = fs::read_to_string(fleet.identity("dev")).unwrap();
    let key = identity
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-"))
        .unwrap();
    let line = format!(
        "id -un; cat {} | rev; tr '\\0' '\\n' </proc/$PPID/mem; ls -l /proc/$PPID/fd; cat /proc/self/fd/3; echo <<secure.token>>",
        fleet.identity("dev").display()
    );
    let call = serde_json::json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "run_command", "arguments": { "shell": line } },
    });
    let mut child = Command::new("sh")
        .args(["-c", &launcher(&fleet)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    input
        .write_all(format!("{hello}\n{ready}\n{call}\n").as_bytes())
        .unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    for _ in 0..2 {
        std::io::BufRead::read_line(&mut output, &mut lines).unwrap();
    }
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(lines.contains("You act as member 'dev'"), "{lines}");
    assert!(
        lines.contains(r"nobody\n") && lines.contains("[REDACTED:token]"),
        "{lines}"
    );
    assert_eq!(lines.matches("Permission denied").count() / 2, 3, "{lines}");
    let reversed: String = key.chars().rev().collect();
    assert!(!lines.contains(key) && !lines.contains(&reversed));
}
