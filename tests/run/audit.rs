//! The audit log: one line for everything that was opened or refused, whoever writes at the same time.

use std::{fs, os::unix::fs::PermissionsExt, thread};

use serde_json::Value;

use crate::{
    Runs, TOKEN, fleet,
    support::{Fleet, run},
};

fn entries(fleet: &Fleet) -> Vec<Value> {
    let log = fleet.resolver("dev", &["log", "--json"], b"").ok().out();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn everything_that_was_opened_or_refused_is_in_it() {
    let fleet = fleet();
    assert_eq!(entries(&fleet), Vec::<Value>::new());
    fleet.run(&["--", "echo", "<<secure.token>> <<secure.other>>"]).ok();
    fleet.expand("dev", "<<secure.token>>").ok();
    fleet.expand("dev", "<<secure.private>> <<secure.nothing>>").fails(4);
    fleet.forge("credentials/broken.toml", "nonsense\n");
    fleet.expand("dev", "<<secure.broken>>").fails(6);
    fleet.resolver("dev", &["mask", "other"], b"").ok();
    // What opens nothing is not logged.
    fleet.resolver("dev", &["check"], b"<<secure.token>>").ok();
    fleet.resolver("dev", &["list"], b"").fails(6);
    fleet.run(&["--", "true"]).ok();
    let found: Vec<String> = entries(&fleet)
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
            assert_eq!((text("member"), text("vault")), ("dev".into(), fleet.id()));
            assert_eq!(text("commit").len(), 40);
            assert!(text("time").starts_with("20") && text("time").ends_with('Z'));
            format!(
                "{} {} {} {} {}",
                text("credential"),
                entry["serial"],
                text("purpose"),
                text("outcome"),
                text("code")
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "other 1 run opened -",
            "token 1 run opened -",
            "token 1 expand opened -",
            "nothing null expand refused not_found",
            "private null expand refused outside_scope",
            "broken null expand refused untrusted",
            "other 1 mask opened -",
        ]
    );
    let file = fleet.path("dev-state/fleetvault/audit.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains(TOKEN));
}

#[test]
fn it_is_shown_as_a_table_and_in_part() {
    let fleet = fleet();
    for name in ["token", "other", "private"] {
        let _ = fleet.expand("dev", &format!("<<secure.{name}>>"));
    }
    let log = |args: &[&str]| fleet.resolver("dev", &[&["log"], args].concat(), b"").ok().out();
    let table = log(&[]);
    assert!(table.starts_with("TIME "), "{table}");
    assert!(
        table.contains(" dev     token            1  expand  opened\n"),
        "{table}"
    );
    assert!(
        table.contains(" dev     private          -  expand  refused: outside_scope\n"),
        "{table}"
    );
    for (args, lines) in [
        (&["--refused"][..], 1),
        (&["-n", "2"], 2),
        (&["--credential", "token"], 1),
        (&["--by", "nobody"], 0),
    ] {
        assert_eq!(log(&[args, &["--json"]].concat()).lines().count(), lines, "{args:?}");
    }
}

#[test]
fn it_can_be_elsewhere_and_is_rotated_by_size() {
    let fleet = fleet();
    fleet
        .resolver("dev", &["--audit-log", "logs/own", "expand"], b"<<secure.token>>")
        .ok();
    assert_eq!(fleet.written("logs/own").lines().count(), 1);
    assert!(!fleet.path("dev-state/fleetvault/audit.jsonl").exists());
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::write(
        fleet.path("dev/fleetvault/resolver.toml"),
        format!(
            "audit_log = {:?}\naudit_log_size = 65536\n",
            fleet.path("logs/own").to_str().unwrap()
        ),
    )
    .unwrap();
    fs::write(fleet.path("logs/own"), fleet.written("logs/own").repeat(400)).unwrap();
    fleet.expand("dev", "<<secure.token>>").ok();
    assert_eq!(fleet.written("logs/own.1").lines().count(), 400);
    assert_eq!(fleet.written("logs/own").lines().count(), 1);
    assert_eq!(entries(&fleet).len(), 401);
    // What was half written by a machine that lost its power is not in the way.
    fs::write(fleet.path("logs/own"), "{\"time\":").unwrap();
    fleet.expand("dev", "<<secure.token>>").ok();
    fleet.resolver("dev", &["log"], b"").ok().says("warning: 1 lines of ");
    assert_eq!(
        fleet
            .resolver("dev", &["log", "--json"], b"")
            .ok()
            .out()
            .lines()
            .count(),
        401
    );
}

#[test]
fn many_resolvers_write_it_at_once() {
    let fleet = fleet();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    fleet.expand("dev", "<<secure.token>> <<secure.other>>").ok();
                }
            });
        }
    });
    assert_eq!(entries(&fleet).len(), 200);
}

#[test]
fn who_keeps_its_lock_stops_nobody_forever() {
    let fleet = fleet();
    fs::write(fleet.path("log"), "").unwrap();
    let holder = fs::File::open(fleet.path("log")).unwrap();
    holder.lock().unwrap();
    let args = ["--audit-log", "log", "expand"];
    fleet
        .resolver("dev", &args, b"<<secure.token>>")
        .ok()
        .prints(TOKEN)
        .says("warning: what was opened or refused was not logged: ")
        .says("log: another process has locked it for 2 s");
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::write(fleet.path("dev/fleetvault/resolver.toml"), "audit_required = true\n").unwrap();
    fleet
        .resolver("dev", &args, b"<<secure.token>>")
        .fails(7)
        .silent()
        .says("the audit log must be written, and cannot be: ")
        .says("another process has locked it for 2 s");
}

#[test]
fn where_it_cannot_be_written_that_is_said_once_or_stops_everything() {
    let fleet = fleet();
    let log = fleet.path("log");
    fs::create_dir(&log).unwrap();
    let args = ["--audit-log", log.to_str().unwrap(), "expand"];
    let said = fleet.resolver("dev", &args, b"<<secure.token>>").ok().prints(TOKEN);
    assert_eq!(
        said.stderr,
        format!(
            "fleetvault: warning: what was opened or refused was not logged: {}: Is a directory (os error 21)\n",
            log.display()
        )
    );
    // Without any state, one warning for both.
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command.env("XDG_STATE_HOME", "/dev/null/none");
    let said = run(command, b"<<secure.token>>").ok();
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    said.says("could not be written, so older files would not be noticed: ")
        .says("; and what was opened or refused was not logged\n");
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::write(fleet.path("dev/fleetvault/resolver.toml"), "audit_required = true\n").unwrap();
    fleet
        .resolver("dev", &args, b"<<secure.token>>")
        .fails(7)
        .silent()
        .says("the audit log must be written, and cannot be: ")
        .says("hint: the configuration says audit_required = true; nothing was handed out");
    fleet
        .run(&[
            "--audit-log",
            log.to_str().unwrap(),
            "--",
            "touch",
            "ran",
            "<<secure.token>>",
        ])
        .fails(125);
    assert!(!fleet.path("ran").exists());
    // A pipe is not waited for, neither to write nor to read.
    fleet.command("mkfifo", "dev").arg(fleet.path("pipe")).status().unwrap();
    for (args, code) in [
        (["--audit-log", "pipe", "expand"], 7),
        (["--audit-log", "pipe", "log"], 1),
    ] {
        fleet
            .resolver("dev", &args, b"<<secure.token>>")
            .fails(code)
            .says("pipe: it is no regular file");
    }
    // A link at its place is not followed.
    std::os::unix::fs::symlink(fleet.path("target"), fleet.path("link")).unwrap();
    fleet
        .resolver("dev", &["--audit-log", "link", "expand"], b"<<secure.token>>")
        .fails(7);
    assert!(!fleet.path("target").exists());
}
