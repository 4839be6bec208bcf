//! Hooks where something is odd: pushes made to pass them, settings and frameworks of others, and the scripts themselves.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::support::{Fleet, has, run};

fn zeros() -> String {
    "0".repeat(40)
}

#[test]
fn a_list_of_updates_that_is_too_long_is_refused_and_not_cut() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let name = "a".repeat(60_000);
    let mut updates: String = (0..280)
        .map(|n| format!("{} {} refs/heads/{name}{n}\n", zeros(), head.trim()))
        .collect();
    // What is to pass unseen stands at the end.
    updates += &format!("{} {} refs/heads/main\n", zeros(), "1".repeat(40));
    let args = ["hooks", "check", "--received"];
    fleet
        .fleetvault_with(&args, updates.as_bytes())
        .fails(1)
        .says("the list of updates is longer than 16777216 bytes, and is refused");
}

#[test]
fn a_reference_may_have_any_name() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for name in [
        &b"refs/heads/\xff\xfe"[..],
        b"refs/heads/--upload-pack=x",
        b"refs/heads/a b",
    ] {
        let update = [zeros().as_bytes(), b" ", head.trim().as_bytes(), b" ", name, b"\n"].concat();
        let args = ["hooks", "check", "--received"];
        fleet.fleetvault_with(&args, &update).ok();
        if let Ok(name) = std::str::from_utf8(name) {
            let args = ["hooks", "check", "--update", name, &zeros(), head.trim()];
            fleet.fleetvault(&args).ok();
        }
    }
}

#[test]
fn more_commits_than_are_looked_into_are_refused() {
    let fleet = Fleet::new();
    let mut import = String::from("reset refs/heads/many\nfrom refs/heads/main^0\n\n");
    for _ in 0..100_001 {
        import += "commit refs/heads/many\ncommitter a <a> 0 +0000\ndata 0\n\n";
    }
    let mut git = fleet.command("git", "alice");
    git.args(["fast-import", "--quiet"]).current_dir(fleet.vault());
    run(git, import.as_bytes()).ok();
    let many = fleet.git(&["rev-parse", "many"]);
    // It is being pushed: nothing leads to it yet.
    fleet.git(&["update-ref", "-d", "refs/heads/many"]);
    let update = format!("{} {} refs/heads/many\n", zeros(), many.trim());
    let args = ["hooks", "check", "--received", "--timeout", "600"];
    fleet
        .fleetvault_with(&args, update.as_bytes())
        .fails(1)
        .says("more than 100000 new commits");
}

#[test]
fn what_is_refused_changes_nothing_and_settings_of_others_stay() {
    let fleet = Fleet::new();
    let git = fleet.vault().join(".git");
    let hook = git.join("hooks/update");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let config = fs::read(git.join("config")).unwrap();
    fleet
        .fleetvault(&["hooks", "install", "pre-commit", "update"])
        .fails(1)
        .says("there is another update hook");
    assert!(!git.join("hooks/pre-commit").exists());
    assert_eq!(fs::read(git.join("config")).unwrap(), config);
    fleet.git(&["config", "diff.fleetvault.textconv", "their own"]);
    let install = fleet.fleetvault(&["hooks", "install"]).ok();
    install.prints("git diff stays as diff.fleetvault.textconv says: their own");
    fleet.fleetvault(&["hooks", "remove"]).ok();
    assert_eq!(fleet.git(&["config", "diff.fleetvault.textconv"]), "their own\n");
}

#[test]
fn a_name_that_stands_for_the_default_branch_takes_it_nowhere_back() {
    let fleet = Fleet::new();
    let bare = fleet.path("forge.git");
    fleet.fleetvault(&["set", "token", "--generate"]).ok();
    fleet.fleetvault(&["touch", "token"]).ok();
    fleet.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    fleet
        .git_in(&bare, &["symbolic-ref", "refs/heads/master", "refs/heads/main"])
        .ok();
    fleet
        .fleetvault(&["-C", bare.to_str().unwrap(), "hooks", "install"])
        .ok();
    let push = ["push", "-q", "-f", bare.to_str().unwrap(), "main~1:master"];
    fleet
        .git_in(&fleet.vault(), &push)
        .fails(1)
        .says("its serial does not rise: 2 before, 1 now");
}

#[test]
fn a_credential_in_plain_text_is_found_where_a_later_commit_takes_it_away() {
    let fleet = Fleet::new();
    let main = fleet.git(&["rev-parse", "HEAD"]);
    // Made in a merge, which neither of its sides has, and gone with the next commit.
    fleet.git(&["checkout", "-q", "-b", "side"]);
    fleet.forge("a.txt", "a");
    fleet.git(&["checkout", "-q", "main"]);
    fleet.forge("b.txt", "b");
    fleet.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    fleet.forge("credentials/plain.toml", "value = 1\n");
    fs::remove_file(fleet.vault().join("credentials/plain.toml")).unwrap();
    fleet.commit_all("gone again");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    // They are being pushed: nothing leads to them yet.
    fleet.git(&["update-ref", "refs/heads/main", main.trim()]);
    fleet.git(&["update-ref", "-d", "refs/heads/side"]);
    let update = format!("{} {} refs/heads/main\n", main.trim(), head.trim());
    fleet
        .fleetvault_with(&["hooks", "check", "--received"], update.as_bytes())
        .fails(6)
        .prints("it is not sealed, and may hold a value in plain text; a later commit does not undo that");
}

#[test]
fn what_is_staged_is_judged_without_a_trace() {
    let fleet = Fleet::new();
    fs::create_dir(fleet.vault().join("folder")).unwrap();
    fs::write(fleet.vault().join("folder/a.txt"), "a\n").unwrap();
    fleet.git(&["add", "-A"]);
    let index = fs::read(fleet.vault().join(".git/index")).unwrap();
    fleet.fleetvault(&["hooks", "check", "--staged"]).ok();
    assert_eq!(fs::read(fleet.vault().join(".git/index")).unwrap(), index);
    fleet.git(&["fsck", "--strict"]);
}

#[test]
fn a_hook_that_goes_by_its_name_is_not_called_by_another() {
    let fleet = Fleet::new();
    // As Husky 9 lays them out.
    let hook = fleet.vault().join(".husky/_/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let stub = "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"";
    fs::write(&hook, stub).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        fleet.vault().join(".husky/_/h"),
        "n=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\n",
    )
    .unwrap();
    fleet.git(&["config", "core.hooksPath", ".husky/_"]);
    fleet
        .fleetvault(&["hooks", "install", "--chain"])
        .fails(1)
        .says("the hook goes by its own name")
        .says("add to .husky/pre-commit");
    assert_eq!(fs::read_to_string(&hook).unwrap(), stub);
    fleet.git(&["config", "--unset", "core.hooksPath"]);
    let hook = fleet.vault().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexec \"./all-hooks/$(basename \"$0\")\"\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    fleet
        .fleetvault(&["hooks", "install", "--chain"])
        .fails(1)
        .says("the hook goes by its own name");
}

/// Every script for a shell below a directory.
fn scripts(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scripts(&path, found);
        } else if fs::read(&path).unwrap().starts_with(b"#!")
            && fs::read_to_string(&path).is_ok_and(|text| text.lines().next().unwrap().ends_with("sh"))
        {
            found.push(path);
        }
    }
}

#[test]
fn the_scripts_are_clean_for_shellcheck() {
    if !has("shellcheck") {
        return;
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![top.join(".ci/run")];
    scripts(&top.join("hooks"), &mut found);
    assert!(found.len() >= 5, "{found:?}");
    // What is installed has a path in it, and that may have a quote in it.
    let fleet = Fleet::new();
    let program = fleet.path("it's here/fleetvault");
    fs::create_dir(program.parent().unwrap()).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_fleetvault"), &program).unwrap();
    let mut install = fleet.command(&program, "alice");
    install.args(["hooks", "install", "pre-commit", "pre-receive", "update"]);
    run(
        {
            install.current_dir(fleet.vault());
            install
        },
        b"",
    )
    .ok();
    for name in ["pre-commit", "pre-receive", "update"] {
        let path = fleet.vault().join(".git/hooks").join(name);
        assert!(fs::read_to_string(&path).unwrap().contains("it'\\''s here"));
        found.push(path);
    }
    let mut shellcheck: Command = fleet.command("shellcheck", "alice");
    shellcheck.args(&found);
    run(shellcheck, b"").ok().silent();
}

#[test]
fn the_pre_commit_framework_runs_it() {
    if !has("pre-commit") {
        return;
    }
    let fleet = Fleet::new();
    let config = fleet.vault().join(".pre-commit-config.yaml");
    fs::write(&config, "repos: []\n").unwrap();
    let refused = fleet.fleetvault(&["hooks", "install"]).fails(1);
    // What the hint says is what the framework takes.
    let entry: String = { refused.stderr.lines() }
        .filter_map(|line| line.strip_prefix("fleetvault: hint: "))
        .skip_while(|line| !line.starts_with("- repo"))
        .take_while(|line| !line.starts_with("or "))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&config, format!("repos:\n{entry}")).unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_fleetvault")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let run_in = |program: &str, args: &[&str]| {
        let mut command = fleet.command(program, "alice");
        command
            .args(args)
            .current_dir(fleet.vault())
            .env("PATH", format!("{}:{path}", binaries.display()));
        run(command, b"")
    };
    run_in("pre-commit", &["install"]).ok();
    fleet.git(&["add", "-A"]);
    run_in("git", &["commit", "-q", "-m", "settings"]).ok();
    let plain = fleet.vault().join("credentials/plain.toml");
    fs::create_dir_all(plain.parent().unwrap()).unwrap();
    fs::write(plain, "value = 1\n").unwrap();
    fleet.git(&["add", "-A"]);
    run_in("git", &["commit", "-q", "-m", "plain"])
        .fails(1)
        .says("not committed: errors in 1 file");
}
