//! A server that lives on while its vault changes: each request sees what the reference names when its turn comes, and no less than this
//! machine has seen before.

use std::fs;

use serde_json::json;

use crate::{
    fleet,
    pipe::{Peer, Serves},
};

/// Has the value of `token` written into the file `got`.
#[track_caller]
fn value(peer: &mut Peer) {
    peer.script("printf %s \"$1\" > got").prints();
}

#[test]
fn a_reference_that_moved_is_seen_at_the_next_request() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    let got = || fs::read_to_string(fleet.path("got")).unwrap();
    value(&mut peer);
    assert_eq!(got(), crate::TOKEN);
    fleet
        .fleetvault_with(&["rotate", "token"], b"s3cr3t-of-another-day")
        .ok();
    value(&mut peer);
    assert_eq!(got(), "s3cr3t-of-another-day");
    // What was opened before stays masked.
    assert_eq!(
        peer.script(&format!("echo $1 {}", "s3cr3t-'tok'en-of-dev")).prints(),
        "[REDACTED:token] [REDACTED:token]\n"
    );
    fleet.set("newcomer", "s3cr3t-of-a-newcomer", "dev");
    let listed = peer.call("list_credentials", json!({ "pattern": "new*" })).ok();
    assert_eq!(listed["credentials"][0]["name"], "newcomer");
    fleet.fleetvault(&["rm", "newcomer"]).ok();
    let listed = peer.call("list_credentials", json!({ "pattern": "new*" })).ok();
    assert_eq!(listed["credentials"], json!([]));
    peer.call("check_template", json!({ "template": "<<secure.newcomer>>" }))
        .says("Credential 'newcomer' not found.");
    peer.finish();
}

#[test]
fn a_scope_that_was_narrowed_is_refused_at_the_next_request() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    value(&mut peer);
    fleet.fleetvault(&["scope", "token", "--members", "alice"]).ok();
    for tool in ["check_template", "run_command"] {
        let arguments = match tool {
            "run_command" => json!({ "argv": ["touch", "ran", "<<secure.token>>"] }),
            _ => json!({ "template": "<<secure.token>>" }),
        };
        peer.call(tool, arguments)
            .says("Credential 'token' is not accessible to member 'dev'. Allowed: alice");
    }
    let listed = peer.call("list_credentials", json!({})).ok();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 1);
    assert!(!fleet.path("ran").exists());
    // A member that was removed is nobody, and the server says so to whoever still asks.
    fleet.git(&["rm", "-q", "members/dev.toml"]);
    fleet.commit_all("remove dev");
    let refused = peer.call("list_credentials", json!({})).refused();
    assert!(refused.starts_with("fleetvault: error: "), "{refused}");
    peer.finish();
}

#[test]
fn a_floor_that_another_process_raised_counts_here_too() {
    let fleet = fleet();
    fleet.git(&["branch", "old"]);
    let mut command = fleet.server_command(&[]);
    command.env("FLEETVAULT_REF", "old");
    let mut peer = fleet.peer(command);
    peer.initialize("2025-11-25", json!({}));
    value(&mut peer);
    fleet
        .fleetvault_with(&["rotate", "token"], b"s3cr3t-of-another-day")
        .ok();
    // Nothing has seen it yet: this is what was merged, as far as this machine knows.
    value(&mut peer);
    fleet.expand("dev", "<<secure.token>>").ok();
    let refused = peer.script("touch ran").refused();
    assert!(
        refused.contains("credentials/token.toml") && refused.contains("serial"),
        "{refused}"
    );
    assert!(!fleet.path("ran").exists());
    // What does not depend on it goes on.
    peer.call("run_command", json!({ "argv": ["true", "<<secure.other>>"] }))
        .ok();
    fleet.git(&["branch", "-f", "old", "main"]);
    value(&mut peer);
    peer.finish();
}

#[test]
fn a_damaged_vault_is_refused_until_it_is_mended() {
    let fleet = fleet();
    let mut peer = fleet.server(&[]);
    value(&mut peer);
    let git = fleet.vault().join(".git");
    let aside = fleet.path("aside");
    for damage in 0..4 {
        let commit = fleet.git(&["rev-parse", "HEAD"]).trim().to_owned();
        match damage {
            0 => fs::rename(&git, &aside).unwrap(),
            1 => fs::rename(git.join("objects"), &aside).unwrap(),
            2 => fs::rename(git.join("refs/heads/main"), &aside).unwrap(),
            _ => fleet.forge("fleetvault.toml", "nonsense\n"),
        }
        for tool in ["list_credentials", "check_template", "run_command"] {
            let arguments = match tool {
                "list_credentials" => json!({}),
                "check_template" => json!({ "template": "<<secure.token>>" }),
                _ => json!({ "argv": ["touch", "ran", "<<secure.token>>"] }),
            };
            let id = peer.ask_tool(tool, &arguments);
            let called = peer.called(id);
            // Objects that were read already may still be known.
            if damage != 1 {
                let refused = called.refused();
                assert!(refused.starts_with("fleetvault: error: "), "{damage} {tool}: {refused}");
                assert!(!fleet.path("ran").exists(), "{damage}");
            }
        }
        match damage {
            0 => fs::rename(&aside, &git).unwrap(),
            1 => fs::rename(&aside, git.join("objects")).unwrap(),
            2 => fs::rename(&aside, git.join("refs/heads/main")).unwrap(),
            _ => drop(fleet.git(&["reset", "-q", "--hard", &commit])),
        }
        let _ = fs::remove_file(fleet.path("ran"));
        assert_eq!(
            peer.call("list_credentials", json!({})).text(),
            "other\ntoken",
            "{damage}"
        );
        value(&mut peer);
    }
    // One bad file stops what depends on it.
    fleet.forge("credentials/token.toml", "nonsense\n");
    peer.script("touch ran").says("credentials/token.toml");
    peer.call("run_command", json!({ "argv": ["true", "<<secure.other>>"] }))
        .ok();
    let listed = peer.call("list_credentials", json!({}));
    assert!(
        listed
            .text()
            .ends_with("1 files are not to be trusted and left out; 'fleetvault verify' tells which")
    );
    assert_eq!(listed.ok()["untrusted"], 1);
    assert!(!fleet.path("ran").exists());
    peer.finish();
}

#[test]
fn a_launch_that_cannot_resolve_does_not_become_a_server() {
    let fleet = fleet();
    let greeting =
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\
        \"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\n";
    for (args, code, problem) in [
        (&["--member", "alice", "mcp"][..], 6, "dev"),
        (
            &[
                "--root",
                "SHA256:0000000000000000000000000000000000000000000000000000000000000000",
                "mcp",
            ],
            6,
            "",
        ),
        (&["--ref", "none", "mcp"], 1, "none"),
        (&["--identity", "none", "mcp"], 1, "none"),
    ] {
        let run = fleet.resolver("dev", args, greeting).silent();
        assert!(
            run.code != 0 && (code != 6 || run.code == 6 || args[0] == "--root"),
            "{args:?}: {} {}",
            run.code,
            run.stderr
        );
        run.says(problem);
    }
}
