//! Readers that do not read to the end, and outputs that take nothing.

use std::{fs::OpenOptions, path::Path, process::Stdio};

use crate::support::Fleet;

#[test]
fn a_reader_that_has_seen_enough_stops_nothing() {
    let fleet = Fleet::new();
    for number in 0..40 {
        fleet.set(&format!("credential_{number}"), "a long enough value", "*");
    }
    let commands: [&[&str]; 6] = [
        &["list"],
        &["list", "--json"],
        &["verify"],
        &["doctor"],
        &["show", "credential_1"],
        &["trust", "show"],
    ];
    for args in commands {
        let mut child = fleet
            .fleetvault_command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed before anything is written, as `| true` does.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
    }
}

#[test]
fn an_output_that_is_full_is_an_error() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        crate::support::skip("there is no /dev/full");
        return;
    }
    let fleet = Fleet::new();
    fleet.set("token", "a long enough value", "*");
    let commands: [&[&str]; 4] = [&["list"], &["list", "--json"], &["show", "token"], &["get", "token"]];
    for args in commands {
        let output = fleet
            .fleetvault_command(args)
            .stdin(Stdio::null())
            .stdout(OpenOptions::new().write(true).open(full).unwrap())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains("cannot write to standard output"), "{args:?}: {stderr}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let fleet = Fleet::new();
    fleet
        .fleetvault(&["-C", "nowhere", "list"])
        .fails(1)
        .silent()
        .says("cannot work in nowhere");
}

#[test]
fn what_a_commit_did_is_told_as_json_too() {
    let fleet = Fleet::new();
    fleet.set("token", "a long enough value", "*");
    let told = fleet.fleetvault(&["touch", "token", "--json"]).ok().out();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["branch"], "main");
    assert_eq!(told["files"], serde_json::json!(["credentials/token.toml"]));
    assert_eq!(
        told["commit"].as_str().unwrap(),
        fleet.git(&["rev-parse", "HEAD"]).trim()
    );
    let told = fleet.fleetvault(&["touch", "token", "--json", "--dry-run"]).ok().out();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["commit"].is_null());
}
