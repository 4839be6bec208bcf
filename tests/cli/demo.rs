//! `demo`: from an empty HOME to the end, with nothing but PATH.

use std::{fs, process::Command};

use crate::support::{Fleet, run};

#[test]
fn it_runs_to_the_end_with_nothing_but_a_path() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetvault"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .arg("demo")
        .current_dir(home.path());
    let demo = run(command, b"").ok();
    let out = demo.out();
    for line in [
        "# Alice makes a vault, and with it her keys\n$ fleetvault init vault --author alice\nmade a vault in ",
        "github_pat  fleet-dev             allow ",
        "pub_token   *                     allow ",
        "demo-value-of-github_pat demo-value-of-shared_key demo-value-of-pub_token\n",
        "Credential 'github_pat' is not accessible to member 'fleet-rev'. Allowed: fleet-dev\n",
        "(exit 3)\n",
        "x demo-value-of-shared_key demo-value-of-pub_token\n",
        " fleetvault: set github_pat\n",
        "\n# Now you\n",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    // All of it is in one directory, which the last line removes.
    let made: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(out.contains(&format!("rm -rf {}", made[0].display())));
    // What it says to type next works.
    let typed = out.split("# Now you\n").nth(1).unwrap();
    let lines: Vec<&str> = typed.lines().filter(|line| !line.contains("cargo install")).collect();
    let mut command = Command::new("sh");
    command
        .env_clear()
        .env("PATH", super::completing::path_with_ours())
        .env("HOME", home.path())
        .args(["-e", "-c", &lines.join("\n")])
        .current_dir(home.path());
    run(command, b"")
        .ok()
        .prints("github_pat: fleet-dev → fleet-dev, fleet-rev\n")
        .prints("\nx demo-value-of-github_pat\n")
        .prints("are as they must be");
    assert!(!made[0].exists());
}

#[test]
fn a_directory_that_exists_is_left_alone() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    fleet
        .fleetvault(&["demo", "../vault"])
        .fails(1)
        .silent()
        .says("cannot make ../vault: File exists");
    fleet.fleetvault(&["demo", "../new"]).ok();
    assert!(fleet.path("new/vault/fleetvault.toml").is_file());
    assert!(!fleet.path("alice").exists(), "the user's own configuration");
}
