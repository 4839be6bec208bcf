//! Somebody with push rights who makes a vault's directory a git repository of its own, with a configuration that names programs: git has any
//! directory with `HEAD`, `objects` and `refs` for one, and they are committed as all other files are.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{Fleet, run};

/// A vault in a directory of its repository, and a bare repository that others push to.
fn below() -> (Fleet, PathBuf) {
    let fleet = Fleet::without_vault();
    let directory = fleet.vault().join("team/secrets");
    fs::create_dir_all(&directory).unwrap();
    fleet.git(&["init", "-q"]);
    run(alice(&fleet, &directory, &["init", "--author", "alice"]), b"").ok();
    fleet.remember(b"value-of-token");
    run(alice(&fleet, &directory, &["set", "token"]), b"value-of-token").ok();
    let bare = fleet.path("origin.git");
    fleet.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    fleet.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
    fleet.git(&["fetch", "-q"]);
    fleet.git(&["branch", "-q", "-u", "origin/main"]);
    (fleet, directory)
}

fn alice(fleet: &Fleet, directory: &std::path::Path, args: &[&str]) -> Command {
    let mut command = fleet.command(env!("CARGO_BIN_EXE_fleetvault"), "alice");
    command.args(args).current_dir(directory);
    command
}

/// Pushes such files into a directory, with all that git needs to find an earlier state of the vault there.
fn plant(fleet: &Fleet, below: &str) -> PathBuf {
    let other = fleet.path("other");
    let (bare, ran) = (fleet.path("origin.git"), fleet.path("ran"));
    let clone = ["clone", "-q", bare.to_str().unwrap(), other.to_str().unwrap()];
    fleet.git_in(&fleet.path("."), &clone).ok();
    let git = |args: &[&str]| fleet.git_in(&other, args).ok().out().trim().to_owned();
    let commit = git(&["commit-tree", "-m", "x", &format!("HEAD:{below}")]);
    // Kept, as anything that is pushed is.
    git(&["push", "-q", "origin", &format!("{commit}:refs/heads/kept")]);
    let up = "../".repeat(below.matches('/').count() + 2);
    for (name, text) in [
        ("HEAD", "ref: refs/heads/main\n".to_owned()),
        ("refs/heads/main", format!("{commit}\n")),
        ("objects/info/alternates", format!("{up}.git/objects\n")),
        (
            "config",
            format!(
                "[core]\n\tbare = true\n\tsshCommand = touch {0};\n\tfsmonitor = touch {0};\n[commit]\n\tgpgsign = true\n\
                 [gpg]\n\tprogram = {1}\n[remote \"origin\"]\n\turl = ssh://nowhere.example/x\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n",
                ran.display(),
                fleet.path("program").display()
            ),
        ),
    ] {
        let file = other.join(below).join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::write(
        fleet.path("program"),
        format!("#!/bin/sh\ntouch {}\nexit 1\n", ran.display()),
    )
    .unwrap();
    let executable = Command::new("chmod").arg("+x").arg(fleet.path("program")).status();
    assert!(executable.unwrap().success());
    git(&["add", "-f", "-A"]);
    git(&["commit", "-q", "-m", "planted"]);
    git(&["push", "-q"]);
    ran
}

#[test]
fn a_repository_among_the_files_of_another_one_is_not_opened() {
    for planted in ["team/secrets", "team"] {
        let (fleet, directory) = below();
        let ran = plant(&fleet, planted);
        run(alice(&fleet, &directory, &["sync"]), b"")
            .fails(6)
            .says(&format!("git takes '{planted}' for a repository of its own"))
            .says("this branch stays where it is");
        run(alice(&fleet, &directory, &["get", "token"]), b"").ok();
        fleet.git(&["fetch", "-q"]);
        run(alice(&fleet, &directory, &["review", "HEAD..origin/main"]), b"")
            .ok()
            .prints(&format!("{planted}/HEAD"))
            .prints("a git repository of its own");
        run(alice(&fleet, &directory, &["verify", "--ref", "origin/main"]), b"").fails(6);
        // With git itself nobody is asked.
        fleet.git(&["merge", "-q", "--ff-only", "origin/main"]);
        let standing = if planted == "team" {
            directory.parent().unwrap().to_owned()
        } else {
            directory.clone()
        };
        for args in [
            &["list"][..],
            &["set", "token", "--members", "*"],
            &["sync"],
            &["doctor"],
        ] {
            let refused = run(alice(&fleet, &standing, args), b"value-of-token");
            assert_ne!(refused.code, 0, "{args:?}");
            let told = format!("{}{}", refused.out(), refused.stderr);
            assert!(
                told.contains("is itself among the files of the one at"),
                "{args:?}: {told}"
            );
        }
        let mut resolver = fleet.resolver_command("alice", &["list"]);
        resolver.env("FLEETVAULT_VAULT", &standing);
        run(resolver, b"")
            .fails(6)
            .says("is itself among the files of the one at");
        assert!(!ran.exists(), "a program of theirs was run");
    }
}

#[test]
fn a_bare_repository_that_only_lies_in_a_work_tree_is_one() {
    let (fleet, _) = below();
    let mirror = fleet.vault().join("mirror.git");
    fleet.git(&["clone", "-q", "--mirror", "../origin.git", mirror.to_str().unwrap()]);
    let mut resolver = fleet.resolver_command("alice", &["--allow-keeper", "list"]);
    resolver.env("FLEETVAULT_VAULT", mirror.join("team/secrets"));
    run(resolver, b"").ok().prints("token");
}
