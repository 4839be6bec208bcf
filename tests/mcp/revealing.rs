//! `--reveal`: the tools that give values away, there only where the launch says so, and files in the allowed directories only.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::{Value, json};

use crate::{OTHER, TOKEN, fleet, pipe::Serves};

#[test]
fn they_are_there_only_when_the_launch_says_so() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    for tool in ["resolve_template", "render_file"] {
        let answer = peer.request(
            "tools/call",
            json!({ "name": tool, "arguments": { "template": "<<secure.token>>" } }),
        );
        assert_eq!(answer["error"]["message"], format!("unknown tool: {tool}"));
    }
    peer.finish();
    let mut peer = fleet.server(&["--reveal"]);
    let tools = peer.request("tools/list", json!({}))["result"]["tools"].clone();
    let names: Vec<&Value> = tools.as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names[3..], ["resolve_template", "render_file"]);
    let resolved = peer.call(
        "resolve_template",
        json!({ "template": "a <<secure.token>> <<secure.other>>" }),
    );
    assert_eq!(resolved.text(), format!("a {TOKEN} {OTHER}"));
    assert_eq!(resolved.ok(), json!({ "text": format!("a {TOKEN} {OTHER}") }));
    peer.call(
        "resolve_template",
        json!({ "template": "<<secure.token>> <<secure.private>>" }),
    )
    .says("Credential 'private' is not accessible to member 'dev'. Allowed: alice");
    peer.call("render_file", json!({ "template": "<<secure.token>>", "path": "made" }))
        .says("no file may be written here");
    // What a command prints is masked all the same.
    assert_eq!(peer.script("echo $1").prints(), "[REDACTED:token]\n");
    assert!(!fleet.path("made").exists());
    peer.finish();
    // Where files may be written is said together with it.
    fleet
        .resolver("dev", &["mcp", "--allow-write", "."], b"")
        .fails(2)
        .says("--reveal");
}

#[test]
fn a_file_is_its_owners_and_no_value_comes_back() {
    let fleet = fleet();
    fs::create_dir_all(fleet.path("out/deep")).unwrap();
    fs::write(fleet.path("out/app.yaml"), "old").unwrap();
    let mut command = fleet.server_command(&["--reveal", "--allow-write", "out"]);
    command.stdin(std::process::Stdio::null());
    // Nothing of a value is said by this tool, so the pipe may well look.
    let mut peer = fleet.peer(command);
    peer.initialize("2025-06-18", json!({}));
    let path = fleet.path("out/app.yaml").canonicalize().unwrap();
    let wrote = peer.call(
        "render_file",
        json!({ "template": "key: <<secure.token>>", "path": "out/app.yaml" }),
    );
    assert_eq!(wrote.text(), format!("wrote 24 bytes to {}", path.display()));
    assert_eq!(wrote.ok(), json!({ "path": path, "bytes": 24 }));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("key: {TOKEN}"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let deep = path.with_file_name("deep/x");
    peer.call("render_file", json!({ "template": "<<secure.other>>", "path": deep }))
        .ok();
    assert_eq!(fs::read_to_string(&deep).unwrap(), OTHER);
    peer.finish();
}

#[test]
fn no_path_leads_out_of_the_allowed_directories() {
    let fleet = fleet();
    let [inside, outside] = ["inside", "outside"].map(|name| fleet.path(name));
    for directory in [&inside, &outside] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(outside.join("target"), "kept").unwrap();
    symlink(&outside, inside.join("link")).unwrap();
    symlink(outside.join("target"), inside.join("file")).unwrap();
    symlink("/proc/self/cwd", inside.join("magic")).unwrap();
    let mut peer = fleet.peer(fleet.server_command(&["--reveal", "--allow-write", "inside"]));
    peer.initialize("2025-06-18", json!({}));
    let outside_text = outside.display().to_string();
    for path in [
        "outside/target",
        "inside/../outside/target",
        "inside/link/target",
        "inside/link/../outside/new",
        "inside/magic/new",
        "inside/./../new",
        "inside",
        "inside/",
        "",
        "new",
        "/etc/fleetvault-new",
        "/proc/self/fd/1",
        "inside/none/new",
        "inside/a\0b",
        &format!("{outside_text}/new"),
        &format!("{}/../outside/new", inside.display()),
    ] {
        let refused = peer
            .call("render_file", json!({ "template": "<<secure.token>>", "path": path }))
            .refused();
        assert!(refused.starts_with("fleetvault: error: "), "{path}: {refused}");
    }
    // A link in the place of the file is replaced, never followed.
    peer.call(
        "render_file",
        json!({ "template": "<<secure.token>>", "path": "inside/file" }),
    )
    .ok();
    assert!(fs::symlink_metadata(inside.join("file")).unwrap().is_file());
    assert_eq!(fs::read_to_string(outside.join("target")).unwrap(), "kept");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 3);
    peer.finish();
}

#[test]
fn what_must_stay_without_the_network_is_not_given_away() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    fs::create_dir(fleet.path("out")).unwrap();
    let mut peer = fleet.peer(fleet.server_command(&["--reveal", "--allow-write", "out"]));
    peer.initialize("2025-06-18", json!({}));
    for (tool, arguments) in [
        ("resolve_template", json!({ "template": "<<secure.token>>" })),
        (
            "render_file",
            json!({ "template": "<<secure.token>>", "path": "out/x" }),
        ),
    ] {
        peer.call(tool, arguments)
            .says("credential 'token' may only be used without the network");
    }
    assert_eq!(fs::read_dir(fleet.path("out")).unwrap().count(), 0);
    peer.finish();
}
