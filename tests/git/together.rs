//! Several writers at once, and git beside them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleetvault::vault::{WriteFailure, WriteOptions, write};

use super::child::spawn;
use super::support::*;

#[test]
fn all_commits_of_two_processes_land_beside_a_busy_git() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let done = AtomicBool::new(false);
    let foreign = std::thread::scope(|scope| {
        let git = scope.spawn(|| {
            let mut landed = 0;
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                put(&dir, "README", &format!("{round}\n"));
                // May well find the index locked, as it would by another git.
                let commit = sandbox.try_git(&dir, &["commit", "-q", "-m", "foreign", "README"]);
                if commit.status.success() {
                    landed += 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            landed
        });
        let writers = ["one", "two"].map(|name| {
            let mut child = spawn(&sandbox, &format!("twenty {name}"), &dir);
            child.stdout(std::process::Stdio::null()).spawn().unwrap()
        });
        for mut writer in writers {
            assert!(writer.wait().unwrap().success());
        }
        done.store(true, Ordering::Relaxed);
        git.join().unwrap()
    });
    sandbox.git(&dir, &["checkout", "-q", "HEAD", "--", "README"]);
    let count = |range: &[&str]| -> u32 {
        let args = [&["rev-list", "--count", "HEAD"], range].concat();
        sandbox.git(&dir, &args).parse().unwrap()
    };
    assert!(foreign > 0, "git never got a turn");
    assert_eq!(count(&[]), 1 + 40 + foreign);
    assert_eq!(count(&["--", "credentials/one.toml"]), 20);
    assert_eq!(count(&["--", "credentials/two.toml"]), 20);
    assert_eq!(count(&["--merges"]), 0);
    sandbox.assert_clean(&dir);
}

#[test]
fn threads_of_one_process_take_turns_too() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    std::thread::scope(|scope| {
        for name in ["credentials/one.toml", "credentials/two.toml"] {
            let dir = &dir;
            scope.spawn(move || {
                for round in 0..10 {
                    set(dir, &[(name, format!("{round}\n").as_str())]).unwrap();
                }
            });
        }
    });
    assert_eq!(sandbox.git(&dir, &["rev-list", "--count", "HEAD"]), "21");
    sandbox.assert_clean(&dir);
}

#[test]
fn a_branch_that_moves_while_planning_is_planned_again() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let repository = open(&dir);
    for (options, target) in [(WriteOptions::default(), "main"), (branch("side"), "side")] {
        if target == "side" {
            sandbox.git(&dir, &["branch", "side"]);
        }
        let mut seen = Vec::new();
        write(&repository, &options, |snapshot| {
            seen.push(snapshot.commit().to_string());
            if seen.len() == 1 {
                // Somebody else's commit, without any lock.
                let new = sandbox.git(
                    &dir,
                    &["commit-tree", "-p", target, "-m", "x", &format!("{target}^{{tree}}")],
                );
                sandbox.git(&dir, &["update-ref", &format!("refs/heads/{target}"), &new]);
            }
            Ok::<_, String>(request(&[("credentials/a.toml", &format!("for {target}\n"))]))
        })
        .unwrap();
        assert_eq!(seen.len(), 2, "{target}");
        let parent = sandbox.git(&dir, &["rev-parse", &format!("{target}^")]);
        assert_eq!(parent, seen[1]);
        sandbox.assert_clean(&dir);
    }
    assert!(matches!(
        write(&repository, &WriteOptions::default(), |_| {
            let new = sandbox.git(&dir, &["commit-tree", "-p", "main", "-m", "x", "main^{tree}"]);
            sandbox.git(&dir, &["update-ref", "refs/heads/main", &new]);
            never(&repository.snapshot("HEAD").unwrap())
        }),
        Err(fleetvault::vault::WriteError::Write(WriteFailure::Busy { .. }))
    ));
    sandbox.assert_clean(&dir);
}

#[test]
fn waiting_for_another_writer_has_an_end() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let repository = open(&dir);
    write(&repository, &WriteOptions::default(), |_| {
        let options = WriteOptions {
            wait: Duration::from_millis(1100),
            ..WriteOptions::default()
        };
        let error = set_with(&dir, &options, &[("credentials/b.toml", "b 2\n")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "another fleetvault has been writing to this repository for 1 seconds"
        );
        Ok::<_, String>(request(&[("credentials/a.toml", "a 2\n")]))
    })
    .unwrap();
    sandbox.assert_clean(&dir);
}
