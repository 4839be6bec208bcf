//! `review`: what a proposed change means, and what stands against it.

use std::fs;

use crate::support::{Fleet, Run, run};

/// A fleet whose branch `topic` is to be reviewed against `main`.
fn proposed() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.member("rev");
    fleet.set("token", "value-of-token", "dev");
    fleet.set("shared", "value-of-shared", "dev,rev");
    fleet.git(&["checkout", "-q", "-b", "topic"]);
    fleet
}

fn review(fleet: &Fleet) -> Run {
    fleet.fleetvault(&["review", "main"])
}

#[test]
fn a_change_is_told_as_meaning_the_worst_first() {
    let fleet = proposed();
    fleet.fleetvault(&["set", "new", "--members", "rev", "--generate"]).ok();
    fleet.fleetvault(&["scope", "shared", "--drop", "rev"]).ok();
    fleet.fleetvault(&["scope", "token", "--members", "*"]).ok();
    let text = review(&fleet).ok().out();
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(
        place("dev → everyone, now and later: members added tomorrow included") < place("- rev; rev may still know")
    );
    assert!(place("- rev; rev may still know the value until it is rotated") < place("new, for rev"));
    assert!(text.contains("signed by alice"), "{text}");
    assert!(text.ends_with("1 widening, 1 narrowing, 3 routine\n"), "{text}");
}

#[test]
fn policy_values_members_and_tombstones() {
    let fleet = proposed();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    fleet.git(&["checkout", "-q", "main"]);
    fleet.git(&["merge", "-q", "--ff-only", "topic"]);
    fleet.git(&["checkout", "-q", "topic"]);
    fleet
        .fleetvault(&["scope", "token", "--network", "allow", "--ttl", "30d"])
        .ok();
    fleet.fleetvault(&["rotate", "shared", "--generate"]).ok();
    fleet.member("build");
    fleet.fleetvault(&["rm", "token"]).ok();
    let text = review(&fleet).ok().out();
    for part in [
        "new member with 1 key",
        "build can open what is for everyone",
        "value changed",
        "removed; dev may still know its value",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    fleet.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let text = review(&fleet).ok().out();
    assert!(text.contains("network: deny → allow"), "{text}");
    assert!(text.contains("relaxed"), "{text}");
}

#[test]
fn nothing_changed_and_no_range() {
    let fleet = proposed();
    assert_eq!(review(&fleet).ok().out(), "nothing changed since main\n");
    fleet
        .fleetvault(&["review"])
        .fails(2)
        .says("this branch follows no other");
    fleet
        .fleetvault(&["review", "nowhere"])
        .fails(1)
        .says("there is no branch, tag or commit 'nowhere'");
    fleet
        .fleetvault(&["review", "..main"])
        .fails(2)
        .says("'..main' has no base");
    fleet.fleetvault(&["review", "main..topic"]).ok();
}

#[test]
fn what_no_author_made_is_an_error() {
    let fleet = proposed();
    // An edited header, as somebody with push rights would do it.
    let path = "credentials/token.toml";
    let text = fleet.read(path);
    let edited = text
        .replace("serial = 1", "serial = 2")
        .replace("  \"dev\",\n]\nsealed_to", "  \"dev\",\n  \"rev\",\n]\nsealed_to");
    fleet.forge(path, edited);
    let refused = review(&fleet).fails(6);
    refused.says("do not merge: 1 error");
}

#[test]
fn links_gone_files_lower_serials_and_names_are_errors() {
    let fleet = proposed();
    fleet.fleetvault(&["touch", "shared"]).ok();
    let newer = fleet.read("credentials/shared.toml");
    fleet.git(&["checkout", "-q", "main"]);
    fleet.git(&["merge", "-q", "--ff-only", "topic"]);
    fleet.git(&["checkout", "-q", "topic"]);
    assert!(newer.contains("serial = 2"));
    let older = fleet.git(&["show", "HEAD~1:credentials/shared.toml"]);
    fleet.forge("credentials/shared.toml", older);
    fs::remove_file(fleet.vault().join("credentials/token.toml")).unwrap();
    fleet.forge("credentials/Token.toml", fleet.read("credentials/shared.toml"));
    fleet.forge("credentials/bad name.toml", "x");
    fleet.forge("credentials/plain.toml", "value = \"s3cret\"\n");
    let refused = review(&fleet).fails(6);
    let text = refused.out();
    for part in [
        "its serial does not rise: 2 before, 1 now",
        "it is gone without a tombstone: serial 1 was there",
        "no file of a vault can have this name",
        "it is not sealed, and may hold a value in plain text",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn secrets_and_files_that_decide_are_found_outside_of_the_vault() {
    let fleet = proposed();
    let token = format!("ghp_{}", "a1B2".repeat(10));
    fleet.forge("deploy.sh", format!("#!/bin/sh\ncurl -H 'X: {token}' x\n"));
    fleet.forge(".github/workflows/ci.yml", "on: push\n");
    fleet.forge("CODEOWNERS", "* @team\n");
    let refused = review(&fleet).fails(6);
    let text = refused.out();
    assert!(
        text.contains("line 2: this looks like a GitHub token in plain text"),
        "{text}"
    );
    assert!(
        text.contains("decides what runs for a change") && text.contains("decides who must look at a change"),
        "{text}"
    );
    assert!(!text.contains(&token));
    let github = fleet
        .fleetvault(&["review", "main", "--format", "github"])
        .fails(6)
        .out();
    assert!(
        github.starts_with("::error file=deploy.sh,line=2,title=error%3A deploy.sh::line 2"),
        "{github}"
    );
    let markdown = fleet
        .fleetvault(&["review", "main", "--format", "markdown"])
        .fails(6)
        .out();
    assert!(
        markdown.starts_with("### ❌ fleetvault: do not merge: 1 error"),
        "{markdown}"
    );
    let json = fleet.fleetvault(&["review", "main", "--format", "json"]).fails(6);
    assert_eq!(json.json()["items"][0]["line"], 2);
}

#[test]
fn a_vault_that_moves_or_goes_is_told_as_a_whole() {
    let fleet = proposed();
    fleet.git(&["rm", "-q", "-r", "."]);
    fleet.git(&["commit", "-q", "-m", "gone"]);
    review(&fleet).fails(6).prints("the vault is gone");
    fleet.git(&["reset", "-q", "--hard", "HEAD~1"]);
    fs::create_dir(fleet.vault().join("sub")).unwrap();
    for name in ["fleetvault.toml", "credentials", "members", "groups", "grants"] {
        fleet.git(&["mv", name, "sub/"]);
    }
    fleet.git(&["commit", "-q", "-m", "moved"]);
    let moved = fleet.fleetvault(&["-C", "sub", "review", "main"]).ok();
    moved.prints("the vault moved from the top to sub");
}

#[test]
fn a_new_author_counts_from_the_next_change_on() {
    let fleet = proposed();
    let path = "credentials/token.toml";
    let text = fleet.read(path);
    // Signed by somebody who is none at the base: the name alone makes no author.
    fleet.forge(path, text.replace("author = \"alice\"", "author = \"mallory\""));
    let refused = review(&fleet).fails(6);
    assert!(refused.out().contains("error"), "{}", refused.out());
}

#[test]
fn a_shallow_clone_is_told_what_it_lacks() {
    let fleet = proposed();
    let shallow = fleet.path("shallow");
    let url = format!("file://{}", fleet.vault().display());
    fleet.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    for args in [&["review", "HEAD~1"][..], &["verify", "--base", "HEAD~1"]] {
        let args = [&["-C", shallow.to_str().unwrap()], args].concat();
        fleet
            .fleetvault(&args)
            .fails(1)
            .says("there is no branch, tag or commit 'HEAD~1'")
            .says("git fetch --unshallow");
    }
}

/// On a terminal: what it printed there, how often it drew a line over another, and whether the first line that stays begins where nothing is left.
const ON_A_TERMINAL: &str = r"
import os, pty, sys, time
start = time.time()
pid, fd = pty.fork()
if pid == 0:
    os.dup2(os.open('/dev/null', os.O_WRONLY), 1)
    os.execvp(sys.argv[1], sys.argv[1:])
told = b''
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    told += part
os.waitpid(pid, 0)
drawn = told.count(b'reading the history ')
left = told.rsplit(b'\r\x1b[K', 1)[-1]
print('slow' if time.time() - start > 1.5 else 'fast', drawn > 0, b'reading' not in left, 'fleetvault: ' in left.decode())
";

#[test]
fn a_long_history_shows_how_far_it_is_and_leaves_nothing() {
    let fleet = proposed();
    let mut import = String::from("reset refs/heads/long\nfrom refs/heads/main^0\n\n");
    for n in 0..30_000 {
        let place = n % 50;
        import += &format!(
            "commit refs/heads/long\ncommitter a <a> {n} +0000\ndata 0\nM 100644 inline credentials/t{place}.toml\ndata 6\nx{n:05}\n"
        );
    }
    let mut git = fleet.command("git", "alice");
    git.args(["fast-import", "--quiet"]).current_dir(fleet.vault());
    run(git, import.as_bytes()).ok();
    fleet.git(&["checkout", "-q", "-f", "long"]);
    let mut python = fleet.command("python3", "alice");
    python
        .args(["-c", ON_A_TERMINAL, env!("CARGO_BIN_EXE_fleetvault"), "exposure"])
        .current_dir(fleet.vault())
        .env("TERM", "xterm");
    let told = run(python, b"").ok().out();
    assert!(told == "slow True True True\n" || told.starts_with("fast "), "{told}");
    let piped = fleet.fleetvault(&["exposure"]).fails(6);
    assert!(!piped.stderr.contains("reading the history"), "{}", piped.stderr);
}

#[test]
fn a_pushed_branch_is_compared_with_where_it_goes() {
    let fleet = proposed();
    let forge = fleet.path("forge.git");
    let forge = forge.to_str().unwrap();
    fleet.git(&["init", "-q", "--bare", "-b", "main", forge]);
    fleet.git(&["remote", "add", "origin", forge]);
    fleet.git(&["push", "-q", "origin", "main"]);
    fleet.fleetvault(&["scope", "token", "--add", "rev"]).ok();
    fleet.git(&["push", "-q", "-u", "origin", "topic"]);
    // Nothing is known of where it goes.
    fleet
        .fleetvault(&["review"])
        .ok()
        .prints("nothing changed since origin/topic\n")
        .says("origin/topic is where this branch is pushed to: name the branch that it goes to");
    fleet.git(&["remote", "set-head", "origin", "main"]);
    fleet.fleetvault(&["review"]).ok().prints("+ rev");
}
