//! `doctor`: what is wrong or risky, and what to do.

use std::fs;

use crate::support::{Fleet, run};

#[test]
fn a_new_vault_has_two_risks() {
    let fleet = Fleet::new();
    let checks = fleet.fleetvault(&["doctor"]).ok();
    let out = checks.out();
    let id = fleet.id();
    for line in [
        &format!("good  vault {id} at commit "),
        "good  your identity file names this vault\n",
        "good  you are member 'alice', a keeper: give your agents members of their own\n",
        "good  you are author 'alice'\n",
        "good  serials are remembered in ",
        "risk  1 author with 1 key: if it is lost, nobody can write to this vault any more\n      → fleetvault author add NAME ",
        "risk  1 of 2 keepers: if their keys are lost, no value can be opened for a new scope\n      → ",
        "good  all 6 files are as they must be\n",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    assert_eq!(out.matches("risk  ").count(), 2, "{out}");
    let json = fleet.fleetvault(&["doctor", "--json"]).ok().json();
    let states: Vec<&str> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["good", "good", "good", "good", "good", "note", "risk", "risk", "good"]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_remedy() {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet.fleetvault(&["scope", "token", "--ttl", "3d"]).ok();
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  token expires on 20")
        .prints("→ fleetvault rotate token --ttl 30d");
    fleet.git(&["switch", "-q", "--detach"]);
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  HEAD is detached, so nothing can be written\n      → git switch BRANCH");
    fleet.git(&["switch", "-q", "main"]);
    let dev = fleet.identity("dev");
    let mut command = fleet.fleetvault_command(&["doctor"]);
    command
        .env("FLEETVAULT_IDENTITY", &dev)
        .env("FLEETVAULT_SIGNING_KEY", fleet.path("none"));
    run(command, b"")
        .ok()
        .prints("good  you are member 'dev'\n")
        .prints("risk  there is no signing key at ");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&dev, fs::Permissions::from_mode(0o640)).unwrap();
        let mut command = fleet.fleetvault_command(&["doctor"]);
        command.env("FLEETVAULT_IDENTITY", &dev);
        run(command, b"")
            .fails(1)
            .prints("bad   others can read your identity file\n      → chmod 600 it")
            .says(" checks failed");
    }
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "stranger");
    command.arg("doctor").current_dir(fleet.vault());
    run(command, b"")
        .ok()
        .prints("risk  nobody on this machine vouches for the vault at ")
        .prints("fleetvault trust accept");
    fleet.forge("members/dev.toml", "nonsense\n");
    fleet
        .fleetvault(&["doctor"])
        .fails(1)
        .prints("bad   ")
        .prints("→ fleetvault verify");
    fleet
        .fleetvault(&["-C", "/", "doctor"])
        .fails(1)
        .prints("bad   / is not in a git repository\n")
        .says("1 of 1 checks failed");
}

#[test]
fn an_upstream_that_is_ahead_is_said_before_writing() {
    let fleet = Fleet::new();
    fleet.git(&["clone", "-q", "--bare", ".", "../origin.git"]);
    fleet.git(&["remote", "add", "origin", "../origin.git"]);
    fleet.git(&["fetch", "-q", "origin"]);
    fleet.git(&["branch", "-q", "--set-upstream-to", "origin/main"]);
    fleet.git(&["commit", "-q", "--allow-empty", "-m", "ours"]);
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  1 commit is not pushed\n      → fleetvault sync");
    fleet.git(&["push", "-q"]);
    fleet.git(&["reset", "-q", "--hard", "HEAD^"]);
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints("risk  this branch is 1 commit behind its upstream, as last fetched");
    fleet
        .fleetvault_with(&["set", "token"], b"value-of-token")
        .ok()
        .says("warning: this branch is 1 commit behind its upstream: 'fleetvault sync' first");
}

#[cfg(unix)]
#[test]
fn what_git_is_in_the_middle_of_is_said() {
    let fleet = Fleet::new();
    fleet.set("token", "value-of-token", "alice");
    fleet.git(&["switch", "-q", "-c", "other"]);
    fleet.fleetvault_with(&["rotate", "token"], b"theirs-of-token").ok();
    fleet.git(&["switch", "-q", "main"]);
    let mut rotate = fleet.fleetvault_command(&["rotate", "token"]);
    rotate.env("XDG_STATE_HOME", fleet.path("elsewhere"));
    run(rotate, b"ours-of-token").ok();
    let merge = ["-c", "core.editor=true", "rebase", "-q", "other"];
    fleet.git_in(&fleet.vault(), &merge).fails(1);
    let doctor = fleet.fleetvault(&["doctor"]).out();
    let risk = "risk  git is in the middle of something, so nothing can be written\n      → fleetvault merge, ";
    assert!(doctor.contains(risk), "{doctor}");
    assert!(doctor.contains("then: git rebase --continue\n"), "{doctor}");
    assert!(!doctor.contains("HEAD is detached"), "{doctor}");
}

#[test]
fn whether_an_agent_could_go_around_its_resolver() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    use rustix::process::geteuid;

    let fleet = Fleet::new();
    let uid = format!("uid {}", geteuid().as_raw());
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints(&format!(
            "note  every program that runs as {uid}, agents included, can read "
        ))
        .prints("for them the resolver guards against accidents only\n      → let agents run as another user");
    // What is asked before a value is opened, and who could change it.
    let hook = fleet.path("hook");
    let configuration = fleet.path("alice/fleetvault/resolver.toml");
    fs::write(&configuration, format!("pre_resolve = {:?}\n", hook.to_str().unwrap())).unwrap();
    fleet.fleetvault(&["doctor"]).fails(1).prints(&format!(
        "bad   {} is to be asked before a value is opened, and is not there: nothing is resolved\n",
        hook.display()
    ));
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    fleet
        .fleetvault(&["doctor"])
        .ok()
        .prints(&format!("{} is asked before a value is opened", hook.display()))
        .prints(&format!(
            "note  what {} says, every program that runs as {uid} can change\n",
            configuration.display()
        ));
    fs::write(&configuration, "nonsense").unwrap();
    fleet
        .fleetvault(&["doctor"])
        .fails(1)
        .prints("bad   cannot use ")
        .prints("resolver.toml: TOML parse error");
    fs::remove_file(&configuration).unwrap();
    if !geteuid().is_root() {
        crate::support::skip("only root can look with the eyes of another user");
        return;
    }
    // An agent under another user than its resolver's: what it cannot read is a boundary.
    fs::set_permissions(fleet.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(fleet.path("alice"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(fleet.path("alice/fleetvault"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "agent");
    command.args(["--identity", fleet.identity("alice").to_str().unwrap(), "doctor"]);
    command
        .current_dir(fleet.vault())
        .uid(65534)
        .env("GIT_CONFIG_COUNT", "1");
    command
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    run(command, b"").prints("good  programs that run as uid 65534 cannot read ");
}
