//! Many clones at once: all their changes land, and every value is right.

use std::{fmt::Write, thread};

use crate::{clones::Clones, support::run};

/// Runs so many clones, each making so many changes and syncing after every `batch` of them. Each has credentials of its own, one that all of them change the scope
/// of, and one whose value all of them set.
fn load(count: usize, changes: usize, batch: usize) {
    let clones = Clones::new();
    for number in 0..count {
        clones.fleet.member(&format!("m{number}"));
    }
    clones.fleet.set("shared", "value-shared-by-all", "m0");
    clones.fleet.git(&["push", "-q"]);
    for number in 0..count {
        clones.clone(&format!("clone{number}"));
    }
    let started = std::time::Instant::now();
    thread::scope(|scope| {
        for number in 0..count {
            let clones = &clones;
            scope.spawn(move || {
                let clone = format!("clone{number}");
                for change in 0..changes {
                    match change % 5 {
                        0 if change == 0 => {
                            clones.run(&clone, &["scope", "shared", "--add", &format!("m{number}")]);
                        }
                        3 => clones.set(&clone, "contested", &value(number, change)),
                        _ => clones.set(&clone, &format!("own{number}/c{}", change % 7), &value(number, change)),
                    }
                    if (change + 1) % batch == 0 {
                        clones.sync(&clone, &["--keep", "own"]).ok();
                    }
                }
                clones.sync(&clone, &["--keep", "own"]).ok();
            });
        }
    });
    let elapsed = started.elapsed();
    clones.clone("last");
    clones.run("last", &["verify"]).ok();
    for number in 0..count {
        for slot in 0..7 {
            let last = (0..changes).rfind(|change| change % 7 == slot && change % 5 != 3 && *change > 0);
            if let Some(change) = last {
                assert_eq!(
                    clones.get("last", &format!("own{number}/c{slot}")),
                    value(number, change)
                );
            }
        }
    }
    let shown = clones.run("last", &["show", "shared", "--json"]).ok().json();
    assert_eq!(shown["members"].as_array().unwrap().len(), count);
    assert_eq!(clones.get("last", "shared"), "value-shared-by-all");
    assert!(clones.get("last", "contested").starts_with("value-of-clone"));
    // Nobody's commit is missing: each clone's, by the credential it names; those of m0's scope changed nothing.
    let subjects = clones.git("last", &["log", "--format=%s"]);
    let mut wrong = String::new();
    for number in 0..count {
        let own = (1..changes).filter(|change| change % 5 != 3).count();
        let prefix = format!("set own{number}/");
        let found = subjects.lines().filter(|subject| subject.contains(&prefix)).count();
        if found != own {
            writeln!(wrong, "clone{number}: {found} of {own}").unwrap();
        }
    }
    assert_eq!(wrong, "");
    let contested = subjects
        .lines()
        .filter(|subject| subject.contains("set contested"))
        .count();
    let expected = count * (0..changes).filter(|change| change % 5 == 3).count();
    assert_eq!(contested, expected);
    for number in 0..count {
        let clone = format!("clone{number}");
        run(clones.command(&clone, &["sync"]), b"").ok();
        assert_eq!(clones.head(&clone), clones.head("last"));
        clones.assert_clean(&clone);
    }
    eprintln!("{count} clones, {changes} changes each, in {elapsed:?}");
}

fn value(number: usize, change: usize) -> String {
    format!("value-of-clone-{number}-at-change-{change}")
}

#[test]
fn four_clones_at_once() {
    load(4, 5, 1);
}

#[test]
#[ignore = "takes minutes: cargo test --test cli eight_clones -- --ignored --nocapture"]
fn eight_clones_with_fifty_changes_each() {
    load(8, 50, 1);
}
