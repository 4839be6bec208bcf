//! One command, one commit: what stands in its way, what it leaves alone, and two at once.

use std::fs;

use crate::support::{Fleet, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fleet
}

#[test]
fn a_file_with_changes_of_its_own_is_not_overwritten() {
    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let path = fleet.vault().join("credentials/token.toml");
    let committed = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{committed}# mine\n")).unwrap();
    let refused = |text: &str| {
        for args in [&["rotate", "token"][..], &["rm", "token"], &["touch", "token"]] {
            fleet
                .fleetvault_with(args, b"another-value")
                .fails(1)
                .silent()
                .says(&format!("credentials/token.toml {text}: commit or undo that first"))
                .says("look at it with 'git diff HEAD -- credentials/token.toml'; nothing was written");
        }
    };
    refused("has uncommitted changes");
    assert!(fleet.read("credentials/token.toml").ends_with("# mine\n"));
    fs::remove_file(&path).unwrap();
    refused("was deleted from the work tree");
    fs::write(&path, &committed).unwrap();
    fs::write(fleet.vault().join("credentials/new.toml"), "mine\n").unwrap();
    fleet
        .fleetvault_with(&["set", "new"], b"value-of-new")
        .fails(1)
        .says("credentials/new.toml is in the work tree, but not committed");
    assert_eq!(fleet.read("credentials/new.toml"), "mine\n");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    fs::remove_file(fleet.vault().join("credentials/new.toml")).unwrap();
    fs::create_dir_all(fleet.vault().join("credentials/new.toml/x")).unwrap();
    fleet
        .fleetvault_with(&["set", "new"], b"value-of-new")
        .fails(1)
        .says("credentials/new.toml is in the way: it is a directory, expected a regular file");
}

#[test]
fn other_work_stays_as_it_is() {
    let fleet = fleet();
    for name in ["staged", "both"] {
        fs::write(fleet.vault().join(name), "1\n").unwrap();
    }
    fleet.git(&["add", "staged", "both"]);
    fs::write(fleet.vault().join("both"), "2\n").unwrap();
    fs::write(fleet.vault().join("untracked"), "").unwrap();
    let before = fleet.git(&["status", "--porcelain"]);
    fleet.fleetvault_with(&["rotate", "token"], b"another-value").ok();
    fleet.set("new", "value-of-new", "*");
    assert_eq!(fleet.git(&["status", "--porcelain"]), before);
    assert_eq!(
        fleet.git(&["show", "--name-only", "--format=", "HEAD"]),
        "credentials/new.toml\n"
    );
    assert_eq!(fleet.git(&["show", ":both"]), "1\n");
}

#[test]
fn a_detached_head_has_no_branch_to_write_to() {
    let fleet = fleet();
    fleet.git(&["switch", "-q", "--detach"]);
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says_exactly(
            "fleetvault: error: HEAD is detached: check out a branch, or name one with --branch\n\
         fleetvault: hint: git switch BRANCH, or: fleetvault … --branch NAME\n",
        );
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    fleet
        .fleetvault_with(&["rotate", "token", "--branch", "fix"], b"another-value")
        .ok();
    assert_eq!(fleet.git(&["rev-parse", "fix^"]), head);
}

#[test]
fn a_merge_in_progress_is_finished_first() {
    let fleet = fleet();
    fs::write(fleet.vault().join("notes"), "base\n").unwrap();
    fleet.commit_all("base");
    fleet.git(&["switch", "-q", "-c", "other"]);
    fs::write(fleet.vault().join("notes"), "theirs\n").unwrap();
    fleet.commit_all("theirs");
    fleet.git(&["switch", "-q", "main"]);
    fs::write(fleet.vault().join("notes"), "ours\n").unwrap();
    fleet.commit_all("ours");
    fleet.git_in(&fleet.vault(), &["merge", "other"]).fails(1);
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says_exactly(
            "fleetvault: error: a merge is in progress: finish or abort it first\nfleetvault: hint: 'fleetvault merge' ends conflicts in files of the vault\n",
        );
    // Reading goes on.
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "value-of-token");
    fleet.git(&["merge", "--abort"]);
    fleet.fleetvault_with(&["rotate", "token"], b"another-value").ok();
}

#[test]
fn a_branch_of_its_own_and_the_push_to_make() {
    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet
        .fleetvault_with(&["rotate", "token", "--branch", "fix/token"], b"another-value")
        .ok()
        .prints("rotated token; still for dev\ncommit ")
        .prints(" on fix/token\nto share it: git push -u origin fix/token\n");
    assert_eq!(fleet.git(&["rev-parse", "HEAD", "fix/token^"]), format!("{head}{head}"));
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    assert_eq!(fleet.git(&["branch", "--show-current"]), "main\n");
    // A second one adds to it; the scope is judged by what stands there.
    fleet
        .fleetvault_with(&["set", "more", "--branch", "fix/token"], b"value-of-more")
        .ok();
    assert_eq!(fleet.git(&["rev-list", "--count", "main..fix/token"]), "2\n");
    fleet.fleetvault(&["rm", "more", "--branch", "fix/token"]).ok();
    for name in ["a b", "-x", "a..b", "x.lock", ""] {
        fleet
            .fleetvault_with(&["rotate", "token", &format!("--branch={name}")], b"another-value")
            .fails(1)
            .says(&format!("'{name}' is no name for a branch"));
    }
    // The current one by its name is the current one.
    fleet
        .fleetvault_with(&["rotate", "token", "--branch", "main"], b"third-value")
        .ok();
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    // One that another work tree has checked out would no longer fit its files.
    fleet.git(&["worktree", "add", "-q", "../tree", "fix/token"]);
    fleet
        .fleetvault_with(&["rotate", "token", "--branch", "fix/token"], b"fourth-value")
        .fails(1)
        .says("the branch 'fix/token' is checked out in ")
        .says(": run this there");
    let mut command = fleet.fleetvault_command(&["set", "there"]);
    command.current_dir(fleet.path("tree"));
    run(command, b"value-of-there").ok();
}

#[test]
fn without_a_git_identity() {
    let fleet = fleet();
    fs::write(fleet.path("gitconfig"), "").unwrap();
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says("git does not know who you are: set user.name and user.email with 'git config'")
        .says("git config --global user.name NAME, git config --global user.email ADDRESS");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_lock_of_git_is_named() {
    let fleet = fleet();
    let lock = fleet.vault().join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says("index.lock is there: another git process is running, or was killed")
        .says("if no git process is running any more, remove ");
    fs::remove_file(&lock).unwrap();
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    fleet.fleetvault_with(&["rotate", "token"], b"another-value").ok();
}

#[test]
fn a_split_index_is_made_whole_as_the_hint_says() {
    let fleet = fleet();
    fleet.git(&["update-index", "--split-index"]);
    let touch = || fleet.fleetvault(&["touch", "token"]);
    touch()
        .fails(1)
        .silent()
        .says("cannot read the index: ")
        .says("git update-index --no-split-index");
    fleet.git(&["update-index", "--no-split-index"]);
    touch().ok();
}

/// A file that was written in one tick of the clock with the index is looked at, and not called changed: `git reset --keep` would refuse.
#[test]
fn what_was_written_together_with_the_index_is_unchanged() {
    let fleet = fleet();
    let start = fleet.git(&["rev-parse", "HEAD"]);
    fleet.set("one", "value-of-one", "dev");
    let file = fs::metadata(fleet.vault().join("credentials/one.toml")).unwrap();
    let index = fs::File::options()
        .write(true)
        .open(fleet.vault().join(".git/index"))
        .unwrap();
    index.set_modified(file.modified().unwrap()).unwrap();
    fleet.set("two", "value-of-two", "dev");
    fleet.git(&["reset", "-q", "--keep", start.trim()]);
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
}

#[test]
fn two_at_once_both_land() {
    let fleet = fleet();
    std::thread::scope(|scope| {
        for name in ["one", "two", "three", "four"] {
            let fleet = &fleet;
            scope.spawn(move || fleet.set(name, &format!("value-of-{name}"), "dev"));
        }
    });
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
    assert_eq!(fleet.git(&["rev-list", "--count", "HEAD"]), "7\n");
    assert_eq!(
        fleet
            .expand("dev", "<<secure.one>> <<secure.two>> <<secure.three>> <<secure.four>>")
            .ok()
            .out(),
        "value-of-one value-of-two value-of-three value-of-four"
    );
    // On the same file they follow each other.
    std::thread::scope(|scope| {
        for value in ["value-from-left", "value-from-right"] {
            let fleet = &fleet;
            scope.spawn(move || fleet.fleetvault_with(&["rotate", "token"], value.as_bytes()).ok());
        }
    });
    let shown = fleet.fleetvault(&["show", "token", "--json"]).ok().json();
    assert_eq!(shown["serial"], 3);
    fleet.fleetvault(&["verify"]).ok();
    fleet.git(&["fsck", "--strict"]);
}

#[test]
fn where_git_would_not_look_neither_do_we() {
    let fleet = fleet();
    // Variables of a hook that git started must not lead to another repository.
    let mut command = fleet.fleetvault_command(&["list"]);
    command
        .env("GIT_DIR", "/none")
        .env("GIT_WORK_TREE", "/none")
        .env("GIT_INDEX_FILE", "/none/index");
    run(command, b"").ok().prints("token");
}
