//! Clones of a fleet's vault and the bare repository between them: alice on several machines, each with a state of its own.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{Fleet, Run, run};

/// A fleet whose vault has an upstream.
pub struct Clones {
    pub fleet: Fleet,
}

impl Clones {
    /// A vault, pushed to a bare repository.
    pub fn new() -> Self {
        let clones = Self { fleet: Fleet::new() };
        let fleet = &clones.fleet;
        let bare = clones.bare();
        fleet
            .git_in(
                &fleet.path("."),
                &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()],
            )
            .ok();
        fleet.git(&["remote", "add", "origin", bare.to_str().unwrap()]);
        fleet.git(&["push", "-q", "-u", "origin", "main"]);
        clones
    }

    pub fn bare(&self) -> PathBuf {
        self.fleet.path("origin.git")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.fleet.path(name)
    }

    /// Makes a clone of this name.
    pub fn clone(&self, name: &str) {
        self.clone_with(name, &[]);
    }

    pub fn clone_with(&self, name: &str, args: &[&str]) {
        let (url, name) = (format!("file://{}", self.bare().display()), self.path(name));
        let args = [&["clone", "-q"], args, &[&url, name.to_str().unwrap()]].concat();
        self.fleet.git_in(&self.fleet.path("."), &args).ok();
    }

    /// `fleetvault` as alice in a clone, with the state of that clone.
    pub fn command(&self, clone: &str, args: &[&str]) -> Command {
        let mut command = self.fleet.command(env!("CARGO_BIN_EXE_fleetvault"), clone);
        command
            .args(args)
            .current_dir(self.path(clone))
            .env("FLEETVAULT_IDENTITY", self.fleet.identity("alice"))
            .env(
                "FLEETVAULT_SIGNING_KEY",
                self.fleet.path("alice/fleetvault/signing_key"),
            );
        command
    }

    pub fn run(&self, clone: &str, args: &[&str]) -> Run {
        run(self.command(clone, args), b"")
    }

    pub fn sync(&self, clone: &str, args: &[&str]) -> Run {
        self.run(clone, &[&["sync"], args].concat())
    }

    pub fn set(&self, clone: &str, name: &str, value: &str) {
        self.fleet.remember(value.as_bytes());
        run(self.command(clone, &["set", name, "--members", "*"]), value.as_bytes()).ok();
    }

    pub fn git(&self, clone: &str, args: &[&str]) -> String {
        self.fleet.git_in(&self.path(clone), args).ok().out().trim().to_owned()
    }

    pub fn head(&self, clone: &str) -> String {
        self.git(clone, &["rev-parse", "HEAD"])
    }

    pub fn get(&self, clone: &str, name: &str) -> String {
        self.run(clone, &["get", name]).ok().out().trim().to_owned()
    }

    /// HEAD and its files agree, and git finds nothing wrong.
    #[track_caller]
    pub fn assert_clean(&self, clone: &str) {
        assert_eq!(self.git(clone, &["status", "--porcelain"]), "");
        let fsck = self
            .fleet
            .git_in(&self.path(clone), &["fsck", "--strict", "--no-dangling"])
            .ok();
        assert_eq!(fsck.out(), "");
        assert!(!self.path(clone).join(".git/index.lock").exists());
    }

    /// A file of a clone's work tree.
    pub fn read(&self, clone: &str, path: &str) -> String {
        fs::read_to_string(self.path(clone).join(path)).unwrap()
    }
}
