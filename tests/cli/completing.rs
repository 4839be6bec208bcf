//! `completions` and `man`: the shell completes what is in the vault, and the pages render.

use std::{fs, process::Command};

use crate::support::{Fleet, has, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.member("rev");
    for name in ["github_pat", "prod/db", "prod/key"] {
        fleet.set(name, "value-of-this", "dev");
    }
    fleet
}

/// Asks the binary as the script for bash does: the words of the line, the last of which is being completed.
fn complete(fleet: &Fleet, words: &[&str]) -> Vec<String> {
    let mut command = fleet.fleetvault_command(&["--"]);
    command
        .args(words)
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    run(command, b"").ok().out().lines().map(str::to_owned).collect()
}

#[test]
fn names_of_credentials_and_members_are_completed() {
    let fleet = fleet();
    for command in ["get", "show", "set", "rotate", "scope", "touch", "edit", "rm"] {
        assert_eq!(
            complete(&fleet, &["fleetvault", command, "git"]),
            ["github_pat"],
            "{command}"
        );
    }
    assert_eq!(
        complete(&fleet, &["fleetvault", "get", "prod/"]),
        ["prod/db", "prod/key"]
    );
    assert_eq!(complete(&fleet, &["fleetvault", "member", "show", "r"]), ["rev"]);
    assert_eq!(complete(&fleet, &["fleetvault", "list", "--member", "d"]), ["dev"]);
    assert_eq!(
        complete(&fleet, &["fleetvault", "set", "x", "--members", ""]),
        ["alice", "dev", "rev", "*"]
    );
    assert_eq!(complete(&fleet, &["fleetvault", "scope", "x", "--add", "a"]), ["alice"]);
    assert_eq!(complete(&fleet, &["fleetvault", "rot"]), ["rotate"]);
}

#[test]
fn the_vault_named_with_dash_c_is_the_one_completed_from() {
    let fleet = fleet();
    fs::create_dir(fleet.path("elsewhere")).unwrap();
    let vault = fleet.vault();
    let vault = vault.to_str().unwrap();
    for words in [
        &["fleetvault", "-C", vault, "get", "git"][..],
        &["fleetvault", &format!("-C{vault}"), "get", "git"],
    ] {
        let mut command = fleet.fleetvault_command(&["--"]);
        command
            .args(words)
            .current_dir(fleet.path("elsewhere"))
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_IFS", "\n");
        assert_eq!(run(command, b"").ok().out(), "github_pat");
    }
    // Where there is no vault there are no names, and no error either.
    let mut command = fleet.fleetvault_command(&["--", "fleetvault", "get", "git"]);
    command
        .current_dir(fleet.path("elsewhere"))
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_IFS", "\n");
    run(command, b"").ok().silent().says_exactly("");
}

#[test]
fn every_shell_has_a_script() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        fleet
            .fleetvault(&["completions", shell])
            .ok()
            .prints("fleetvault")
            .says_exactly("");
    }
    fleet
        .fleetvault(&["completions", "tcsh"])
        .fails(2)
        .says("[possible values: bash, elvish, fish, powershell, zsh]");
}

#[test]
fn bash_itself_completes() {
    if !has("bash") {
        return;
    }
    let fleet = fleet();
    let script = r#"
        source <(fleetvault completions bash)
        COMP_WORDS=(fleetvault get prod/) COMP_CWORD=2 COMP_TYPE=9
        "$(complete -p fleetvault | sed 's/.*-F \([^ ]*\).*/\1/')" fleetvault prod/ get 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = fleet.command("bash", "alice");
    command
        .args(["--norc", "-c", script])
        .current_dir(fleet.vault())
        .env("PATH", path_with_ours());
    assert_eq!(run(command, b"").ok().out(), "prod/db\nprod/key\n");
}

/// PATH with the directory of the binaries under test in front.
pub fn path_with_ours() -> std::ffi::OsString {
    let ours = std::path::Path::new(env!("CARGO_BIN_EXE_fleetvault"))
        .parent()
        .unwrap()
        .to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&path))).unwrap()
}

#[test]
fn the_manual_renders() {
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let page = fleet.fleetvault(&["man"]).ok().out();
    for part in [
        ".TH fleetvault 1",
        ".SH NAME",
        ".SH SYNOPSIS",
        ".SH OPTIONS",
        ".SH SUBCOMMANDS",
        "fleetvault\\-set(1)",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let directory = fleet.path("man/man1");
    fleet.fleetvault(&["man", "--all", directory.to_str().unwrap()]).ok();
    let pages: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for name in [
        "fleetvault.1",
        "fleetvault-set.1",
        "fleetvault-member-add.1",
        "fleetvault-trust-accept.1",
    ] {
        assert!(directory.join(name).is_file(), "{name}");
    }
    for page in &pages {
        // Where `man` is installed it must have nothing to complain of; its absence is no skip, since the text above was checked.
        let rendered = Command::new("man")
            .args(["--warnings", "-l"])
            .arg(page)
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .output();
        let Ok(rendered) = rendered else { break };
        let text = String::from_utf8_lossy(&rendered.stdout);
        let complaints = String::from_utf8_lossy(&rendered.stderr);
        assert!(
            rendered.status.success() && text.contains("SYNOPSIS"),
            "{}",
            page.display()
        );
        assert_eq!(complaints, "", "{}", page.display());
    }
    fleet
        .fleetvault(&["man", "--all", "/proc/none"])
        .fails(1)
        .says("cannot write manual pages to /proc/none");
}

#[test]
fn lists_with_commas_are_completed_and_removed_credentials_are_not() {
    let fleet = fleet();
    let members = |words: &[&str]| complete(&fleet, &[&["fleetvault"], words].concat());
    assert_eq!(members(&["set", "x", "--members", "dev,"]), ["dev,alice", "dev,rev"]);
    assert_eq!(members(&["set", "x", "--members=dev,r"]), ["--members=dev,rev"]);
    assert_eq!(members(&["scope", "x", "--add", "dev,alice,"]), ["dev,alice,rev"]);
    assert_eq!(members(&["scope", "x", "--drop", "dev,a"]), ["dev,alice"]);
    fleet.fleetvault(&["rm", "prod/key"]).ok();
    assert_eq!(members(&["get", "prod/"]), ["prod/db"]);
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text_are_passed_over() {
    use std::os::unix::ffi::OsStrExt;

    let fleet = fleet();
    let mut command = fleet.fleetvault_command(&["--", "fleetvault", "get"]);
    command
        .arg("git")
        .arg(std::ffi::OsStr::from_bytes(b"\xff"))
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_IFS", "\n");
    assert_eq!(run(command, b"").ok().says_exactly("").out(), "github_pat");
}
