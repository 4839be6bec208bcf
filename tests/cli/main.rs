//! The two binaries as people, scripts and machines use them: real processes, real git, real `age` and `ssh-keygen`.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../support/console.rs"]
mod console;

#[path = "../support/clones.rs"]
mod clones;

mod authors;
mod changing;
mod ci;
mod completing;
mod demo;
mod descriptors;
mod disk;
mod doctor;
mod dry_run;
mod editing;
mod expanding;
mod exposure;
mod first_sentence;
mod fleet;
mod golden;
mod groups;
mod hooking;
mod hooks;
mod install;
mod joining;
mod keys;
mod killing;
mod killing_sync;
mod launching;
mod leaving;
mod leaving_merged;
mod looking;
mod members;
mod names;
mod piping;
mod plugins;
mod readme;
mod real;
mod refusing;
mod review;
mod scopes;
mod setting;
mod setup;
mod signing;
mod syncing;
mod syncing_behind;
mod syncing_diverged;
mod syncing_faults;
mod syncing_load;
mod syncing_refused;
mod templates;
mod trusting;
mod values;
mod writing;

/// A module that is not named above would compile nowhere and test nothing.
#[test]
fn no_module_is_forgotten() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("\nmod {module};\n")),
            "tests/cli/{name} is in no test binary"
        );
    }
}

/// What the whole binary relies on: a value that shows where it must not fails whatever test it is in.
#[test]
fn a_value_that_leaks_is_noticed() {
    let fleet = support::Fleet::without_vault();
    fleet.remember(b"first line of it\nsecond-line-of-it");
    let leaks = |script: &str| {
        let mut command = fleet.command("sh", "alice");
        command.args(["-c", script]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| support::run(command, b""))).is_err()
    };
    assert!(leaks("echo 'so: second-line-of-it' >&2"));
    assert!(leaks("echo 'first line of it'; exit 1"));
    assert!(leaks("echo AGE-SECRET-KEY-1QQQ >&2"));
    assert!(!leaks("echo 'first line of it'; echo 'second line' >&2"));
}
