//! `fleetvault-resolver mcp` as its clients meet it: the real program over real pipes, in both eras of the protocol. Whatever a test is about,
//! everything that a server wrote is searched for the values of its fleet in the end.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod changing;
mod client;
mod clients;
mod confirming;
mod ending;
mod eras;
mod flood;
mod limits;
mod pipe;
mod policy;
mod revealing;
mod running;
mod tools;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use support::Fleet;

/// A fleet whose member `dev` may use `token` and `other`, but not `private`.
pub fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", TOKEN, "dev");
    fleet.set("other", OTHER, "*");
    fleet.set("private", PRIVATE, "alice");
    fleet
}

/// The value of `token`.
pub const TOKEN: &str = "s3cr3t-token-of-dev";
/// The value of `other`, which looks like a reference.
pub const OTHER: &str = "an0ther 'value' of \"all\" <<secure.private>> $(id)";
/// The value of `private`.
pub const PRIVATE: &str = "s3cr3t-of-alice-alone";

/// Waits for something to become true.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The number of a process that a command wrote into a file.
pub fn process(file: &Path) -> String {
    let read = || fs::read_to_string(file).unwrap_or_default();
    wait_for("a process to start", || read().ends_with('\n'));
    read().trim().to_owned()
}

/// Tells whether a process runs.
pub fn runs(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Ended, but not collected by whoever inherited it.
    !status.is_empty() && !status.contains(") Z ")
}

/// Writes a program.
pub fn script(path: &Path, text: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

/// Writes dev's resolver.toml.
pub fn configure(fleet: &Fleet, text: &str) {
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::write(fleet.path("dev/fleetvault/resolver.toml"), text).unwrap();
}

/// A module that is not named above would compile nowhere and test nothing.
#[test]
fn no_module_is_forgotten() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
    let main = fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("\nmod {module};\n")),
            "tests/mcp/{name} is in no test binary"
        );
    }
}
