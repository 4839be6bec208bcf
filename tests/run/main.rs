//! `fleetvault-resolver run` and what belongs to it, as agents, scripts and people use it: real processes, terminals, signals, sockets, and
//! what the system shows of them to others.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod audit;
mod boundary;
mod confirming;
#[path = "../support/console.rs"]
mod console;
mod exhaustion;
mod files;
mod hooks;
mod hygiene;
mod leaks;
mod masking;
mod network;
mod outcomes;
mod passphrases;
mod terminal;

use support::{Fleet, Run};

/// A fleet whose member `dev` may use `token` (`s3cr3t-token-of-dev`) and `other`, but not `private`.
pub fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", TOKEN, "dev");
    fleet.set("other", OTHER, "*");
    fleet.set("private", "s3cr3t-of-alice", "alice");
    fleet
}

/// The value of `token`.
pub const TOKEN: &str = "s3cr3t-token-of-dev";
/// The value of `other`.
pub const OTHER: &str = "an0ther-value, with 'quotes' and $(id)";

pub trait Runs {
    /// `run` as dev, with these arguments.
    fn run(&self, args: &[&str]) -> Run;
    /// `run` as dev of a script of `sh`, whose first argument is the value of `token`.
    fn script(&self, script: &str) -> Run;
    /// A file that a command wrote.
    fn written(&self, name: &str) -> String;
}

impl Runs for Fleet {
    fn run(&self, args: &[&str]) -> Run {
        self.resolver("dev", &[&["run"], args].concat(), b"")
    }

    fn script(&self, script: &str) -> Run {
        self.run(&["--", "sh", "-c", script, "sh", "<<secure.token>>"])
    }

    fn written(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// A module that is not named above would compile nowhere and test nothing.
#[test]
fn no_module_is_forgotten() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("\nmod {module};\n")),
            "tests/run/{name} is in no test binary"
        );
    }
}
