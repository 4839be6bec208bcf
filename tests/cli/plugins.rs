//! age plugins: a member whose key is one's, with a real program that speaks the protocol, and the real `age` beside it.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use fleetvault::resolver::plugin::{Person, PluginClient};
use vault_format::{PluginStanza, Plugins as _};

use crate::support::{Fleet, Run, has, run};

const VALUE: &str = "s3cr3t-of-the-plugin";

/// A fleet whose member `key` has the plugin's key, and may use `token`; `native` has a usual one.
fn fleet() -> Option<(Fleet, String)> {
    if !has("python3") {
        return None;
    }
    let fleet = Fleet::new();
    let keys = run(with_plugin(fleet.command(plugin(), "key"), "", &["--keygen"]), b"")
        .ok()
        .out();
    let anchor = format!("# fleetvault: vault={} member=key\n", fleet.id());
    fs::write(fleet.identity("key"), anchor + &keys).unwrap();
    let recipient = keys.split_whitespace().nth(2).unwrap().to_owned();
    author(&fleet, "", &["member", "add", "key", "--recipient", &recipient], "").ok();
    author(&fleet, "", &["set", "token", "--members", "key"], VALUE).ok();
    author(&fleet, "", &["set", "shared"], "value-for-everyone").ok();
    Some((fleet, recipient))
}

fn plugin() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/plugins/age-plugin-fleettest"
    ))
}

/// A process that finds the plugin, and a plugin that behaves in this way.
fn with_plugin(mut command: Command, mode: &str, args: &[&str]) -> Command {
    let path = std::env::join_paths(
        [plugin().parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    command.env("PATH", path.unwrap()).env("FLEETTEST", mode).args(args);
    command
}

fn author(fleet: &Fleet, mode: &str, args: &[&str], stdin: &str) -> Run {
    run(with_plugin(fleet.fleetvault_command(args), mode, &[]), stdin.as_bytes())
}

fn expand(fleet: &Fleet, mode: &str, template: &str) -> Run {
    // In a session of its own there is no terminal.
    let inner = with_plugin(fleet.resolver_command("key", &["expand"]), mode, &[]);
    let mut command = fleet.command("setsid", "key");
    command.arg("-w").arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(fleet.path(""));
    run(command, template.as_bytes())
}

#[test]
fn a_member_with_a_plugins_key_uses_what_is_for_it_and_what_is_for_everyone() {
    let Some((fleet, recipient)) = fleet() else { return };
    expand(&fleet, "", "<<secure.token>> <<secure.shared>>")
        .ok()
        .prints(&format!("{VALUE} value-for-everyone"));
    fleet.fleetvault(&["verify"]).ok();
    fleet.fleetvault(&["member", "show", "key"]).ok().prints(&recipient);
    // Keyless commands start no plugin; sealing does, and says what is missing.
    fleet.fleetvault(&["review", "HEAD~1..HEAD"]).ok();
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-one")
        .fails(1)
        .says("the plugin age-plugin-fleettest: there is no age-plugin-fleettest in PATH")
        .says("install it");
}

#[test]
fn the_real_age_opens_the_payload_with_the_plugin() {
    let Some((fleet, _)) = fleet() else { return };
    if !has("age") {
        return;
    }
    let file = fleet.read("credentials/token.toml");
    let start = file.find("-----BEGIN AGE").unwrap();
    let end = file.find("-----END AGE ENCRYPTED FILE-----").unwrap();
    let armored = format!("{}-----END AGE ENCRYPTED FILE-----\n", &file[start..end]);
    let age = with_plugin(
        fleet.command("age", "key"),
        "",
        &["-d", "-i", fleet.identity("key").to_str().unwrap()],
    );
    run(age, armored.as_bytes()).ok().prints(VALUE);
}

#[test]
fn a_plugin_that_misbehaves_opens_nothing_and_is_named() {
    let Some((fleet, _)) = fleet() else { return };
    for (mode, reason) in [
        ("die", "it ended before it was done"),
        ("garbage", "what it says is not what a plugin of age says"),
        ("flood", "it said more than 1048576 bytes"),
        ("endless", "it said more than 1048576 bytes"),
        ("nag", "it asked more than 10 times"),
        ("wrong", "what it gave is not the key of this payload"),
        ("short", "it gave a file key of 15 bytes"),
        ("secret", "it asked for something, and there is no terminal to ask at"),
        ("confirm", "it says: the person said no"),
    ] {
        let start = Instant::now();
        expand(&fleet, mode, "<<secure.token>>")
            .fails(1)
            .silent()
            .says("the plugin age-plugin-fleettest: ")
            .says(reason);
        assert!(start.elapsed().as_secs() < 20, "{mode}");
    }
}

#[test]
fn a_plugin_that_misbehaves_seals_nothing() {
    let Some((fleet, _)) = fleet() else { return };
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for (mode, reason) in [
        ("die", "it ended before it was done"),
        ("native", "it made a stanza of a type that is age's own"),
        ("grease", "it made a stanza of a type that is age's own"),
        ("two", "it made 2 stanzas, where one recipient has one"),
        ("none", "it made 0 stanzas, where one recipient has one"),
        ("labels", "its recipient cannot stand beside recipients of other kinds"),
    ] {
        author(&fleet, mode, &["rotate", "token"], "another-value")
            .fails(1)
            .silent()
            .says("cannot seal to age1fleettest1")
            .says(reason);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn only_a_program_in_an_absolute_directory_of_path_is_started() {
    let Some((fleet, _)) = fleet() else { return };
    fs::copy(plugin(), fleet.vault().join("age-plugin-fleettest")).unwrap();
    let mut command = fleet.resolver_command("key", &["expand"]);
    command
        .env("PATH", format!(".::{}", std::env::var("PATH").unwrap()))
        .current_dir(fleet.vault());
    run(command, b"<<secure.token>>")
        .fails(1)
        .silent()
        .says("there is no age-plugin-fleettest in PATH");
}

#[test]
fn names_that_lead_elsewhere_and_identities_without_a_recipient_are_refused() {
    let Some((fleet, _)) = fleet() else { return };
    for recipient in ["age1../../x1qqqqqqqq", "age1fleettest1qqqqqqqq", "age1pq1qqqqqqqq"] {
        fleet
            .fleetvault(&["member", "add", "x", "--recipient", recipient])
            .fails(2)
            .says("is no recipient");
    }
    let text = fs::read_to_string(fleet.identity("key")).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("# recipient"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(fleet.identity("key"), without).unwrap();
    expand(&fleet, "", "<<secure.token>>")
        .fails(1)
        .says("line 2: a plugin's identity needs its recipient in a comment before it");
    // A program for each line would be started.
    let pair: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(fleet.identity("key"), pair.repeat(5000)).unwrap();
    let start = Instant::now();
    expand(&fleet, "", "<<secure.token>>")
        .fails(1)
        .says("more than 16 identities of plugins");
    assert!(start.elapsed().as_secs() < 10);
}

/// Nobody to ask.
struct Nobody;

impl Person for Nobody {
    fn tell(&self, _: &str) {}
    fn choose(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn answer(&self, _: &str) -> Option<zeroize::Zeroizing<String>> {
        None
    }
}

/// At the library, where the time is ours to say.
#[cfg(unix)]
#[test]
fn a_plugin_that_hangs_is_ended() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("age-plugin-hanging");
    let pid = directory.path().join("pid");
    fs::write(
        &program,
        format!("#!/bin/sh\necho $$ >{}\nexec sleep 600\n", pid.display()),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let client = PluginClient {
        path: vec![directory.path().to_owned()],
        time_max: Duration::from_secs(2),
        person: Box::new(Nobody),
    };
    let start = Instant::now();
    // More than a pipe holds: writing must not block either.
    let stanzas = vec![
        PluginStanza {
            tag: "x".into(),
            args: Vec::new(),
            body: vec![7; 32],
        };
        10_000
    ];
    let error = client
        .unwrap("hanging", "AGE-PLUGIN-HANGING-1", &stanzas)
        .err()
        .unwrap();
    assert_eq!(error, "it took longer than 2s");
    assert!(start.elapsed() < Duration::from_secs(20));
    let pid = fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it still runs");
}
