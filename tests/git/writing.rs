//! One command, one commit: what it changes, and what it leaves.

use std::fs;

use fleetvault::vault::{Access, HeadState, Repository, WorkTree, WriteFailure, init_repository, write_new};

use super::support::*;

#[test]
fn one_command_is_one_commit_of_exactly_its_files() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let before = sandbox.head(&dir);
    let written = set(
        &dir,
        &[
            ("credentials/a.toml", "a 2\n"),
            ("credentials/prod/db/new.toml", "new\n"),
            ("credentials/b.toml", "b 1\n"),
        ],
    )
    .unwrap();
    assert_eq!(written.commit.unwrap().to_string(), sandbox.head(&dir));
    assert_eq!(written.branch, "main");
    assert_eq!(written.work_tree, WorkTree::Updated);
    assert!(!written.branch_is_new);
    assert_eq!(written.paths, ["credentials/a.toml", "credentials/prod/db/new.toml"]);
    assert_eq!(sandbox.git(&dir, &["rev-parse", "HEAD^"]), before);
    assert_eq!(
        sandbox.git(&dir, &["diff-tree", "-r", "--name-status", "HEAD^", "HEAD"]),
        "M\tcredentials/a.toml\nA\tcredentials/prod/db/new.toml"
    );
    assert_eq!(get(&dir, "credentials/a.toml"), "a 2\n");
    assert_eq!(get(&dir, "credentials/prod/db/new.toml"), "new\n");
    assert_eq!(
        sandbox.git(&dir, &["log", "-1", "--format=%an <%ae>|%cn <%ce>|%B"]),
        "Tester <tester@example.org>|Tester <tester@example.org>|fleetvault: set\n\nFleetvault-Credential: a"
    );
    assert_eq!(
        sandbox.git(
            &dir,
            &["log", "-1", "--format=%(trailers:key=Fleetvault-Credential,valueonly)"]
        ),
        "a"
    );
    for log in ["HEAD", "main"] {
        let line = sandbox.git(&dir, &["reflog", "show", "-1", "--format=%gs", log]);
        assert_eq!(line, "commit: fleetvault: set");
    }
    sandbox.assert_clean(&dir);
}

#[test]
fn git_need_not_read_the_files_again() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
    // Compares what stat says and nothing else.
    let stale = sandbox.git(&dir, &["diff-files", "--name-only"]);
    assert_eq!(stale, "");
    let stat = sandbox.git(&dir, &["ls-files", "--debug", "credentials/a.toml"]);
    assert!(stat.contains("size: 4"), "{stat}");
    assert!(!stat.contains("ino: 0"), "{stat}");
}

#[test]
fn whatever_else_is_staged_modified_or_untracked_stays() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "tracked", "1\n");
    put(&dir, "gone", "1\n");
    sandbox.commit_all(&dir, "more");
    put(&dir, "README", "staged\n");
    put(&dir, "staged-new", "x\n");
    sandbox.git(&dir, &["add", "README", "staged-new"]);
    sandbox.git(&dir, &["rm", "-q", "gone"]);
    put(&dir, "README", "staged and changed again\n");
    put(&dir, "tracked", "changed\n");
    put(&dir, "untracked", "x\n");
    put(&dir, "credentials/untracked.toml", "x\n");
    put(&dir, "intended", "x\n");
    sandbox.git(&dir, &["add", "-N", "intended"]);
    let status = sandbox.status(&dir);
    let staged = sandbox.git(&dir, &["diff", "--cached"]);
    set(&dir, &[("credentials/a.toml", "a 2\n"), ("credentials/c.toml", "c\n")]).unwrap();
    assert_eq!(sandbox.status(&dir), status);
    assert_eq!(sandbox.git(&dir, &["diff", "--cached"]), staged);
    assert_eq!(
        sandbox.git(&dir, &["diff-tree", "-r", "--name-only", "HEAD^", "HEAD"]),
        "credentials/a.toml\ncredentials/c.toml"
    );
    sandbox.assert_sound(&dir);
}

#[test]
fn a_change_made_in_the_same_moment_as_the_index_is_still_seen() {
    let sandbox = Sandbox::new();
    for round in 0..5 {
        let dir = sandbox.vault(&format!("v{round}"));
        // Same size, same second, perhaps the same tick as the index.
        put(&dir, "README", "not OURS\n");
        set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(sandbox.status(&dir), " M README");
    }
}

#[test]
fn works_below_a_larger_repository() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    put(&dir, "src/main.c", "1\n");
    put(&dir, "ops/team/fleetvault.toml", "root\n");
    sandbox.commit_all(&dir, "first");
    put(&dir, "src/main.c", "2\n");
    sandbox.git(&dir, &["add", "-A"]);
    let written = set(&dir.join("ops/team"), &[("credentials/a.toml", "a\n")]).unwrap();
    assert_eq!(written.paths, ["credentials/a.toml"]);
    assert_eq!(get(&dir, "ops/team/credentials/a.toml"), "a\n");
    assert_eq!(sandbox.status(&dir), "M  src/main.c");
    sandbox.assert_sound(&dir);
}

#[test]
fn works_in_a_bare_repository() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["clone", "-q", "--bare", ".", "../v.git"]);
    let bare = sandbox.path("v.git");
    sandbox.configure(&bare);
    let written = set(&bare, &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(written.work_tree, WorkTree::Bare);
    assert_eq!(sandbox.git(&bare, &["show", "HEAD:credentials/a.toml"]), "a 2");
    assert!(!bare.join("index").exists());
    sandbox.assert_sound(&bare);
}

#[test]
fn works_in_a_linked_work_tree() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["worktree", "add", "-q", "-b", "other", "../linked"]);
    let linked = sandbox.path("linked");
    let main = sandbox.head(&dir);
    let written = set(&linked, &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(written.branch, "other");
    assert_eq!(get(&linked, "credentials/a.toml"), "a 2\n");
    sandbox.assert_clean(&linked);
    assert_eq!(sandbox.head(&dir), main);
    sandbox.assert_clean(&dir);
    let error = set_with(&linked, &branch("main"), &[("credentials/a.toml", "x\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::CheckedOutElsewhere { .. }), "{error}");
    let error = set_with(&dir, &branch("other"), &[("credentials/a.toml", "x\n")]).unwrap_err();
    let there = linked.canonicalize().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the branch 'other' is checked out in {}: run this there",
            there.display()
        )
    );
}

#[test]
fn a_branch_is_made_and_continued_without_the_work_tree() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let main = sandbox.head(&dir);
    put(&dir, "credentials/a.toml", "dirty, and that does not matter\n");
    let written = set_with(&dir, &branch("set/a"), &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(written.branch, "set/a");
    assert_eq!(written.work_tree, WorkTree::OtherBranch);
    assert!(written.branch_is_new);
    let written = set_with(&dir, &branch("set/a"), &[("credentials/b.toml", "b 2\n")]).unwrap();
    assert!(!written.branch_is_new);
    assert_eq!(sandbox.head(&dir), main);
    assert_eq!(sandbox.git(&dir, &["rev-list", "--count", "main..set/a"]), "2");
    assert_eq!(sandbox.git(&dir, &["show", "set/a:credentials/a.toml"]), "a 2");
    assert_eq!(sandbox.status(&dir), " M credentials/a.toml");
    sandbox.git(&dir, &["pack-refs", "--all"]);
    for taken in ["set", "set/a/b"] {
        let error = set_with(&dir, &branch(taken), &[("credentials/a.toml", "x\n")]).unwrap_err();
        let in_the_way = matches!(&error, WriteFailure::BranchInTheWay { other, .. } if other.ends_with("set/a"));
        assert!(in_the_way, "{taken}: {error}");
    }
    for bad in ["-x", "HEAD", "a..b", "", "a b", "x.lock"] {
        let error = set_with(&dir, &branch(bad), &[("credentials/a.toml", "x\n")]).unwrap_err();
        assert!(matches!(error, WriteFailure::BadBranch(_)), "{bad}: {error}");
    }
    // Named, the current branch is the current branch.
    sandbox.git(&dir, &["checkout", "-q", "--", "."]);
    set_with(&dir, &branch("main"), &[("credentials/a.toml", "a 3\n")]).unwrap();
    assert_eq!(get(&dir, "credentials/a.toml"), "a 3\n");
    sandbox.assert_clean(&dir);
}

#[test]
fn a_detached_head_needs_a_branch() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["checkout", "-q", "--detach"]);
    assert_eq!(open(&dir).head(), HeadState::Detached);
    let error = set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "HEAD is detached: check out a branch, or name one with --branch"
    );
    set_with(&dir, &branch("new"), &[("credentials/a.toml", "a 2\n")]).unwrap();
    sandbox.assert_clean(&dir);
}

#[test]
fn a_new_vault_can_be_the_first_commit() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    put(&dir, "notes", "x\n");
    put(&dir, "staged", "x\n");
    sandbox.git(&dir, &["add", "staged"]);
    let first = request(&[(VAULT, "root\n"), (".gitattributes", "* -text\n")]);
    let repository = open(&dir);
    let error = set(&dir, &[("a", "")]).unwrap_err();
    assert!(matches!(error, WriteFailure::Unborn(_)), "{error}");
    let written = write_new(&repository, "ops", &Default::default(), &first).unwrap();
    assert_eq!(written.branch, "main");
    assert_eq!(sandbox.git(&dir, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(sandbox.status(&dir), "A  staged\n?? notes");
    sandbox.assert_sound(&dir);
    let error = write_new(&repository, "ops", &Default::default(), &first).unwrap_err();
    assert_eq!(error.to_string(), "ops/fleetvault.toml is there already");
    write_new(&repository, "", &Default::default(), &first).unwrap();
    assert_eq!(sandbox.status(&dir), "A  staged\n?? notes");
    set(&dir.join("ops"), &[("credentials/a.toml", "a\n")]).unwrap();
    assert_eq!(get(&dir, "ops/credentials/a.toml"), "a\n");
    for bad in ["../x", "/x", ".git", "a//b"] {
        let error = write_new(&repository, bad, &Default::default(), &first).unwrap_err();
        assert!(matches!(error, WriteFailure::Path(_)), "{bad}: {error}");
    }
    let error = write_new(&repository, "notes", &Default::default(), &first).unwrap_err();
    assert_eq!(
        error.to_string(),
        "notes is in the way: it is a file, expected a directory"
    );
}

#[test]
fn a_repository_is_made_where_there_is_none() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("new/vault");
    let repository = init_repository(&dir).unwrap();
    assert!(matches!(repository.head(), HeadState::Unborn(_)));
    assert!(init_repository(&dir).is_err());
    sandbox.configure(&dir);
    let repository = Repository::open(&dir, Access::Write).unwrap();
    write_new(&repository, "", &Default::default(), &request(&[(VAULT, "root\n")])).unwrap();
    sandbox.assert_clean(&dir);
}

#[test]
fn a_dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let list = |dir: &std::path::Path| {
        let mut find = sandbox.command("find");
        find.arg(dir).args(["-printf", "%p %T@ %s\n"]);
        String::from_utf8(find.output().unwrap().stdout).unwrap()
    };
    let before = list(&dir);
    let written = set_with(&dir, &dry_run(), &[("credentials/new/a.toml", "a\n")]).unwrap();
    assert_eq!(written.commit, None);
    assert_eq!(written.paths, ["credentials/new/a.toml"]);
    let on_branch = fleetvault::vault::WriteOptions {
        dry_run: true,
        ..branch("other")
    };
    set_with(&dir, &on_branch, &[("credentials/a.toml", "x\n")]).unwrap();
    assert_eq!(list(&dir), before);
    put(&dir, "credentials/a.toml", "dirty\n");
    let error = set_with(&dir, &dry_run(), &[("credentials/a.toml", "x\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::Dirty { .. }));
    let empty = sandbox.empty("empty");
    let before = list(&empty);
    let options = dry_run();
    write_new(&open(&empty), "", &options, &request(&[(VAULT, "x\n")])).unwrap();
    assert_eq!(list(&empty), before);
}

#[test]
fn line_endings_stay_whatever_git_is_told() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    sandbox.git(&dir, &["config", "core.autocrlf", "true"]);
    let first = request(&[(VAULT, "root\n"), (".gitattributes", "* -text\n")]);
    write_new(&open(&dir), "", &Default::default(), &first).unwrap();
    set(
        &dir,
        &[("credentials/a.toml", "a\nb\n"), ("credentials/c.toml", "a\r\nb\r\n")],
    )
    .unwrap();
    assert_eq!(get(&dir, "credentials/a.toml"), "a\nb\n");
    sandbox.assert_clean(&dir);
    fs::remove_file(dir.join("credentials/a.toml")).unwrap();
    sandbox.git(&dir, &["checkout", "--", "."]);
    assert_eq!(get(&dir, "credentials/a.toml"), "a\nb\n");
    set(&dir, &[("credentials/a.toml", "a\nc\n")]).unwrap();
    sandbox.assert_clean(&dir);
}

#[test]
fn a_sparse_checkout_stays_sparse() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "other/x", "x\n");
    sandbox.commit_all(&dir, "more");
    sandbox.git(
        &dir,
        &["sparse-checkout", "set", "--no-cone", "/other/", "/fleetvault.toml"],
    );
    assert!(!dir.join("credentials/a.toml").exists());
    set(&dir, &[("credentials/a.toml", "a 2\n"), (VAULT, "root 2\n")]).unwrap();
    assert!(!dir.join("credentials/a.toml").exists());
    assert_eq!(get(&dir, VAULT), "root 2\n");
    assert_eq!(sandbox.git(&dir, &["show", "HEAD:credentials/a.toml"]), "a 2");
    sandbox.assert_clean(&dir);
}

#[test]
fn every_version_of_the_index_is_kept() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["update-index", "--index-version", "4"]);
    sandbox.git(&dir, &["update-index", "--untracked-cache"]);
    set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(sandbox.git(&dir, &["update-index", "--show-index-version"]), "4");
    sandbox.assert_clean(&dir);
    sandbox.git(&dir, &["update-index", "--split-index"]);
    let error = set(&dir, &[("credentials/a.toml", "a 3\n")]).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the index: "), "{error}");
    assert_eq!(get(&dir, "credentials/a.toml"), "a 2\n");
    sandbox.assert_clean(&dir);
}

#[cfg(unix)]
#[test]
fn permissions_of_a_replaced_file_stay() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let path = dir.join("credentials/a.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.assert_clean(&dir);
}

#[test]
fn hundreds_of_files_in_one_commit() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let names: Vec<String> = (0..300).map(|n| format!("credentials/n{n}.toml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
    set(&dir, &files).unwrap();
    assert_eq!(sandbox.git(&dir, &["ls-files", "credentials"]).lines().count(), 302);
    sandbox.assert_clean(&dir);
}

#[test]
fn an_empty_directory_in_place_of_a_packed_branch_is_no_obstacle() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["pack-refs", "--all"]);
    for below in [".git/refs/heads/main/left/over", ".git/logs/refs/heads/main/left"] {
        let _ = fs::remove_file(dir.join(".git/logs/refs/heads/main"));
        fs::create_dir_all(dir.join(below)).unwrap();
    }
    set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(sandbox.git(&dir, &["show", "main:credentials/a.toml"]), "a 2");
    for log in ["HEAD", "main"] {
        let line = sandbox.git(&dir, &["reflog", "show", "-1", "--format=%gs", log]);
        assert_eq!(line, "commit: fleetvault: set");
    }
    sandbox.assert_clean(&dir);
}

#[test]
fn a_directory_with_something_in_it_in_place_of_a_packed_branch_is_named() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let head = sandbox.head(&dir);
    sandbox.git(&dir, &["pack-refs", "--all"]);
    let inside = dir.join(".git/refs/heads/main/x");
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::write(&inside, "").unwrap();
    let error = set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::Io { .. }), "{error}");
    fs::remove_dir_all(inside.parent().unwrap()).unwrap();
    assert_eq!(sandbox.head(&dir), head);
    sandbox.assert_clean(&dir);
}

#[test]
fn the_log_is_written_as_git_is_told() {
    let sandbox = Sandbox::new();
    for (number, (value, expected)) in [
        ("Always", true),
        ("TRUE", true),
        ("Yes", true),
        ("2", true),
        ("false", false),
        ("OFF", false),
        ("0", false),
        ("", false),
    ]
    .iter()
    .enumerate()
    {
        let dir = sandbox.vault(&format!("v{number}"));
        sandbox.git(&dir, &["config", "core.logAllRefUpdates", value]);
        fs::remove_dir_all(dir.join(".git/logs")).unwrap();
        set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap();
        let ours = ["HEAD", "refs/heads/main"].map(|log| dir.join(".git/logs").join(log).exists());
        assert_eq!(ours, [*expected; 2], "{value}");
        // And git agrees.
        sandbox.git(&dir, &["commit", "-q", "--allow-empty", "-m", "git's"]);
        assert_eq!(dir.join(".git/logs/HEAD").exists(), *expected, "{value}");
    }
}

#[test]
fn a_branch_that_stands_for_another_moves_that_one() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["branch", "trunk"]);
    sandbox.git(&dir, &["symbolic-ref", "refs/heads/alias", "refs/heads/trunk"]);
    let still_stands = || assert_eq!(get(&dir, ".git/refs/heads/alias"), "ref: refs/heads/trunk\n");
    let written = set_with(&dir, &branch("alias"), &[("credentials/a.toml", "a 2\n")]).unwrap();
    assert_eq!(written.branch, "trunk");
    assert_eq!(written.work_tree, WorkTree::OtherBranch);
    assert_eq!(sandbox.git(&dir, &["show", "trunk:credentials/a.toml"]), "a 2");
    still_stands();
    // Checked out under either name, the work tree follows.
    for (head, named) in [("alias", "trunk"), ("trunk", "alias"), ("alias", "alias")] {
        let value = format!("{head} {named}\n");
        sandbox.git(&dir, &["checkout", "-q", "main"]);
        sandbox.git(&dir, &["checkout", "-q", "trunk"]);
        sandbox.git(&dir, &["symbolic-ref", "HEAD", &format!("refs/heads/{head}")]);
        let written = set_with(&dir, &branch(named), &[("credentials/a.toml", &value)]).unwrap();
        assert_eq!(written.work_tree, WorkTree::Updated);
        assert_eq!(get(&dir, "credentials/a.toml"), value);
        let line = sandbox.git(&dir, &["reflog", "show", "-1", "--format=%H", "HEAD"]);
        assert_eq!(line, sandbox.git(&dir, &["rev-parse", "trunk"]));
        still_stands();
        sandbox.assert_clean(&dir);
    }
    // Another work tree is not left behind.
    sandbox.git(&dir, &["checkout", "-q", "main"]);
    sandbox.git(&dir, &["worktree", "add", "-q", "../linked", "trunk"]);
    let error = set_with(&dir, &branch("alias"), &[("credentials/a.toml", "x\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::CheckedOutElsewhere { .. }), "{error}");
    // What stands for no branch is none.
    sandbox.git(&dir, &["tag", "v1"]);
    sandbox.git(&dir, &["symbolic-ref", "refs/heads/odd", "refs/tags/v1"]);
    let error = set_with(&dir, &branch("odd"), &[("credentials/a.toml", "x\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::BadBranch(_)), "{error}");
    sandbox.assert_clean(&dir);
}
