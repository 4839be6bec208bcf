//! Pre-resolve hooks: asked before a value is opened, for each use, beside whatever else is going on.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{TOKEN, configure, fleet, pipe::Serves, script, wait_for};

#[test]
fn a_hook_is_asked_and_may_refuse() {
    let fleet = fleet();
    let hook = fleet.path("hook");
    let asked = fleet.path("asked");
    script(
        &hook,
        &format!(
            "cat >> {}; [ -e {} ] || {{ echo 'not on a Sunday' >&2; exit 1; }}",
            asked.display(),
            fleet.path("open").display()
        ),
    );
    configure(&fleet, &format!("pre_resolve = [{:?}]\n", hook.to_str().unwrap()));
    let mut peer = fleet.server(&[]);
    let touch = json!({ "argv": ["touch", "ran", "<<secure.token>>"], "env": { "A": "<<secure.token>>" } });
    peer.call("run_command", touch.clone()).says(&format!(
        "credential 'token' is refused by the pre-resolve hook {}: not on a Sunday",
        hook.display()
    ));
    assert!(!fleet.path("ran").exists());
    let text = fs::read_to_string(&asked).unwrap();
    let question: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&question["member"], &question["purpose"]),
        (&json!("dev"), &json!("run"))
    );
    assert_eq!(
        (&question["credential"], &question["command"]),
        (&json!("token"), &touch["argv"])
    );
    let here = fleet.path("").canonicalize().unwrap();
    let with = json!(["with the variable A=<<secure.token>>", format!("in {}", here.display())]);
    assert_eq!(question["with"], with);
    assert!(!text.contains(TOKEN));
    // To list and to check opens nothing, so nobody is asked.
    peer.call("list_credentials", json!({})).ok();
    peer.call("check_template", json!({ "template": "<<secure.token>>" }))
        .ok();
    assert_eq!(fs::read_to_string(&asked).unwrap(), text);
    // Each use is asked about, also of what was opened before.
    fs::write(fleet.path("open"), "").unwrap();
    for _ in 0..2 {
        peer.call("run_command", touch.clone()).ok();
    }
    assert_eq!(fs::read_to_string(&asked).unwrap().lines().count(), 3);
    fs::remove_file(fleet.path("open")).unwrap();
    peer.call("run_command", touch).says("not on a Sunday");
    peer.finish();
}

#[test]
fn a_slow_hook_holds_up_nobody_else() {
    let fleet = fleet();
    let hook = fleet.path("hook");
    let (begun, go) = (fleet.path("begun"), fleet.path("go"));
    let wait = format!(
        "echo x >> {}; while ! [ -e {} ]; do sleep 0.05; done",
        begun.display(),
        go.display()
    );
    script(&hook, &format!("case $(cat) in *slow*) {wait};; esac"));
    configure(&fleet, &format!("pre_resolve = [{:?}]\n", hook.to_str().unwrap()));
    let mut peer = fleet.server(&[]);
    let slow: Vec<u64> = (0..30)
        .map(|_| peer.ask_tool("run_command", &json!({ "argv": ["echo", "slow", "<<secure.token>>"] })))
        .collect();
    wait_for("the hook", || {
        fs::read_to_string(&begun).is_ok_and(|text| text.lines().count() > 5)
    });
    let start = Instant::now();
    peer.call("list_credentials", json!({})).ok();
    peer.call("check_template", json!({ "template": "<<secure.token>>" }))
        .ok();
    assert_eq!(peer.script("echo quick").prints(), "quick\n");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(!peer.heard().contains("slow [RED"));
    // Cancelled while it is asked about, it is not run, whatever the answer.
    let late = peer.ask_tool(
        "run_command",
        &json!({ "argv": ["touch", "ran", "<<secure.token>>", "slow"] }),
    );
    wait_for("the hook", || {
        fs::read_to_string(&begun).is_ok_and(|text| text.lines().count() > 30)
    });
    peer.notify("notifications/cancelled", json!({ "requestId": late }));
    peer.request("ping", json!({}));
    fs::write(&go, "").unwrap();
    for id in slow {
        assert_eq!(peer.called(id).prints(), "slow [REDACTED:token]\n");
    }
    peer.silence(Duration::from_millis(200), |message| message["id"] == late);
    assert!(!fleet.path("ran").exists());
    peer.finish();
}

#[test]
fn a_log_that_cannot_be_written_is_told_of_once_or_stops_everything() {
    let fleet = fleet();
    fs::write(fleet.path("file"), "").unwrap();
    let log = format!("audit_log = {:?}\n", fleet.path("file/log").to_str().unwrap());
    configure(&fleet, &log);
    let mut peer = fleet.server(&[]);
    for _ in 0..3 {
        peer.script("true").ok();
        peer.call("run_command", json!({ "argv": ["true", "<<secure.private>>"] }))
            .refused();
    }
    let said = peer.finish();
    let warning = "fleetvault: warning: what was opened or refused was not logged: ";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    configure(&fleet, &format!("{log}audit_required = true\n"));
    let mut peer = fleet.server(&[]);
    let refused = peer.script("touch ran").refused();
    assert!(
        refused.starts_with("fleetvault: error: the audit log must be written, and cannot be: "),
        "{refused}"
    );
    assert!(!fleet.path("ran").exists());
    peer.finish();
}

/// A sandbox in which nothing can be kept. What it costs is said once.
#[test]
fn a_state_that_cannot_be_written_is_told_of_once() {
    let fleet = fleet();
    fs::write(fleet.path("file"), "").unwrap();
    let mut command = fleet.server_command(&[]);
    command.env("XDG_STATE_HOME", fleet.path("file/state"));
    let mut peer = fleet.peer(command);
    peer.initialize("2025-11-25", json!({}));
    for _ in 0..3 {
        peer.script("true").ok();
    }
    let said = peer.finish();
    assert_eq!(said.matches("so older files would not be noticed").count(), 1, "{said}");
    assert_eq!(said.matches("was not logged").count(), 1, "{said}");
}
