//! The README's examples, typed as they are printed: what it shows must be what happens, but for ids, keys, commits and days.

use std::{collections::HashMap, fs, path::Path, process::Command};

use regex::Regex;

use crate::{
    clones::Clones,
    console::Console,
    support::{has, run, skip},
};

/// The console blocks below a heading, up to the next one.
fn blocks(heading: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, section) = readme.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let blocks = section.split("```console\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// A person at a machine: what `home` is in the README, and the directory that commands are typed in.
struct Person {
    clones: Clones,
    who: &'static str,
    clone: &'static str,
    /// What the README abbreviates or calls otherwise.
    meant: HashMap<&'static str, String>,
}

impl Person {
    /// Types every command of a block, and compares what is shown.
    fn types(&self, block: &str) {
        for step in block.strip_prefix("$ ").unwrap().split("\n$ ") {
            let (line, expected) = step.split_once('\n').unwrap_or((step, ""));
            let shown = match expected.contains("[y/N] y") {
                true => self.at_console(line),
                false => {
                    let done = run(self.command(line), b"").ok();
                    done.out() + &done.stderr
                }
            };
            let config = self.clones.path(self.who).display().to_string();
            let clone = self.clones.path(self.clone).display().to_string();
            let shown = shown
                .replace(&config, "/home/web/.config")
                .replace(&clone, "/home/alice/fleet");
            // A last line of three dots stands for the rest.
            match expected.trim_end().strip_suffix("\n…") {
                Some(start) => assert!(normal(&shown).starts_with(&normal(start)), "$ {line}\n{shown}"),
                None => assert_eq!(normal(&shown), normal(expected), "$ {line}"),
            }
        }
    }

    fn at_console(&self, line: &str) -> String {
        let mut command = self.command(line);
        command.env("NO_COLOR", "1");
        let mut console = Console::start(command);
        console.expect("[y/N] ");
        console.press("y\r");
        let (status, shown) = console.end();
        assert!(status.success(), "{shown}");
        shown.replace('\r', "")
    }

    fn command(&self, line: &str) -> Command {
        let line = self
            .meant
            .iter()
            .fold(line.to_owned(), |line, (said, meant)| line.replace(said, meant));
        let programs = Path::new(env!("CARGO_BIN_EXE_fleetvault")).parent().unwrap();
        let mut path = programs.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = self.clones.fleet.command("sh", self.who);
        command
            .args(["-c", &line])
            .env("PATH", path)
            .current_dir(self.clones.path(self.clone));
        command
    }
}

/// A text without what is another one each time.
fn normal(text: &str) -> String {
    let mut text = text.trim().to_owned();
    for (pattern, instead) in [
        (r"SHA256:[A-Za-z0-9+/]+…?", "SHA256:ID"),
        (r"sha256:[0-9a-f]+…?", "sha256:DIGEST"),
        (r"age1[a-z0-9]{58}", "age1KEY"),
        (r"\b[0-9a-f]{10}\b", "COMMIT"),
        // The width of a column goes by the longest fingerprint in it.
        (r" {2,}", "  "),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, instead).into_owned();
    }
    text
}

fn alice(clones: Clones) -> Person {
    let vault = clones.fleet.id();
    Person {
        clones,
        who: "alice",
        clone: "vault",
        meant: HashMap::from([("SHA256:Vl0u1y88…", vault)]),
    }
}

#[test]
fn a_machine_asks_and_is_let_in_as_the_readme_says() {
    let clones = Clones::new();
    clones.clone("web");
    let mut person = alice(clones);
    let [asks, approves] = &blocks("Let a machine ask")[..] else {
        panic!("other blocks than expected");
    };
    (person.who, person.clone) = ("machine", "web");
    person.types(asks);
    (person.who, person.clone) = ("alice", "vault");
    person.types(approves);
    assert_eq!(person.clones.git("web", &["ls-remote", "origin", "join/*"]), "");
}

#[test]
fn groups_are_as_the_readme_says() {
    let person = alice(Clones::new());
    for member in ["build-7", "fleet-dev"] {
        person.clones.fleet.member(member);
    }
    let [groups] = &blocks("Groups")[..] else {
        panic!("other blocks than expected");
    };
    person.types(groups);
}

#[test]
fn authors_come_go_and_agree_as_the_readme_says() {
    if !has("ssh-keygen") {
        return;
    }
    let mut person = alice(Clones::new());
    for name in ["bob", "carol"] {
        let key = person.clones.path(&format!("{name}/fleetvault/signing_key"));
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        let mut keygen = person.clones.fleet.command("ssh-keygen", name);
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
        run(keygen, b"").ok();
        let public = key.with_extension("pub");
        fs::copy(public, person.clones.path(&format!("vault/{name}.pub"))).unwrap();
    }
    let [adds, removes, trusts, proposes, signs] = &blocks("More authors")[..] else {
        panic!("other blocks than expected");
    };
    person.types(adds);
    for name in ["one", "two"] {
        let key = person.clones.path("bob/fleetvault/signing_key");
        let set = ["set", name, "--generate", "--signing-key", key.to_str().unwrap()];
        person.clones.fleet.fleetvault(&set).ok();
    }
    person.types(removes);
    person.types(trusts);
    person.types(proposes);
    person.clones.fleet.fleetvault(&["sync"]).ok();
    person.clones.clone("bobs");
    let proposal = "root-6.proposal";
    fs::copy(
        person.clones.path("vault").join(proposal),
        person.clones.path("bobs").join(proposal),
    )
    .unwrap();
    person.meant.insert(
        "fleetvault author",
        format!("fleetvault --root {} author", person.clones.fleet.id()),
    );
    (person.who, person.clone) = ("bob", "bobs");
    person.types(signs);
}

#[cfg(target_os = "linux")]
#[test]
fn the_units_are_what_systemd_understands() {
    // Not every Linux has it, and a container seldom does.
    let is_there = |directory: std::path::PathBuf| directory.join("systemd-analyze").is_file();
    if !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(is_there) {
        return skip("systemd-analyze is not installed");
    }
    let clones = Clones::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let unit = readme.split("# /etc/systemd/system/deploy.service\n").nth(1).unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    for (name, text) in [
        ("deploy.service", unit.split("```").next().unwrap().to_owned()),
        ("fleetvault-sync@.service", read("hooks/sync/fleetvault-sync@.service")),
        (
            "fleetvault-mirror.service",
            read("hooks/agents/own-user/fleetvault-mirror.service"),
        ),
    ] {
        let unit = clones.path(name);
        // It wants the programs to be there.
        let programs = Path::new(env!("CARGO_BIN_EXE_fleetvault")).parent().unwrap();
        let text = text
            .replace("/usr/local/bin/deploy", "/bin/true")
            .replace("/usr/local/bin", programs.to_str().unwrap());
        fs::write(&unit, text).unwrap();
        let mut verify = clones.fleet.command("systemd-analyze", "alice");
        verify.arg("verify").arg(&unit);
        run(verify, b"").ok().says_exactly("");
    }
}
