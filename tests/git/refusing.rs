//! What a command refuses, so that nothing of the user's is lost; nothing has changed afterwards.

use std::fs;
use std::path::Path;

use fleetvault::vault::{Access, CommitRequest, FileChange, Repository, Snapshot, WriteError, WriteFailure, write};

use super::support::*;

/// Writes the files, expects a refusal, and checks that nothing has changed.
fn refused(sandbox: &Sandbox, dir: &Path, files: &[(&str, &str)]) -> WriteFailure {
    let head = sandbox.head(dir);
    let status = sandbox.status(dir);
    let error = set(dir, files).unwrap_err();
    assert_eq!(sandbox.head(dir), head);
    assert_eq!(sandbox.status(dir), status);
    sandbox.assert_sound(dir);
    let dry = set_with(dir, &dry_run(), files).unwrap_err();
    assert_eq!(dry.to_string(), error.to_string());
    error
}

const A: &[(&str, &str)] = &[("credentials/b.toml", "b 2\n"), ("credentials/a.toml", "a 2\n")];
const NEW: &[(&str, &str)] = &[("credentials/new.toml", "new\n")];

#[test]
fn files_with_changes_of_their_own() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "credentials/a.toml", "a X\n");
    let error = refused(&sandbox, &dir, A);
    assert_eq!(
        error.to_string(),
        "credentials/a.toml has uncommitted changes: commit or undo that first"
    );
    sandbox.git(&dir, &["add", "-A"]);
    let error = refused(&sandbox, &dir, A);
    assert!(error.to_string().starts_with("credentials/a.toml has staged changes"));
    // Staged and taken back in the work tree only.
    put(&dir, "credentials/a.toml", "a 1\n");
    refused(&sandbox, &dir, A);
    sandbox.git(&dir, &["reset", "-q", "--hard"]);
    fs::remove_file(dir.join("credentials/a.toml")).unwrap();
    let error = refused(&sandbox, &dir, A);
    assert!(
        error
            .to_string()
            .starts_with("credentials/a.toml was deleted from the work tree")
    );
    sandbox.git(&dir, &["rm", "-q", "credentials/a.toml"]);
    let error = refused(&sandbox, &dir, A);
    assert!(
        error
            .to_string()
            .starts_with("credentials/a.toml is staged for removal")
    );
}

#[test]
fn files_in_the_way() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "credentials/new.toml", "new\n");
    let error = refused(&sandbox, &dir, NEW);
    assert_eq!(
        error.to_string(),
        "credentials/new.toml is in the work tree, but not committed: commit or undo that first"
    );
    sandbox.git(&dir, &["add", "-A"]);
    let error = refused(&sandbox, &dir, NEW);
    assert!(
        error
            .to_string()
            .starts_with("credentials/new.toml is staged, but not committed")
    );
    sandbox.git(&dir, &["reset", "-q", "--hard"]);
    fs::create_dir(dir.join("credentials/new.toml")).unwrap();
    let error = refused(&sandbox, &dir, NEW);
    assert_eq!(
        error.to_string(),
        "credentials/new.toml is in the way: it is a directory, expected a regular file"
    );
    fs::remove_dir(dir.join("credentials/new.toml")).unwrap();
    put(&dir, "members", "a file\n");
    let error = refused(&sandbox, &dir, &[("members/x.toml", "x\n")]);
    assert_eq!(
        error.to_string(),
        "members is in the way: it is a file, expected a directory"
    );
    // Staged only: the index has no room for both.
    sandbox.git(&dir, &["add", "members"]);
    fs::remove_file(dir.join("members")).unwrap();
    let error = refused(&sandbox, &dir, &[("members/x.toml", "x\n")]);
    assert!(
        error.to_string().contains("collides with another name that is staged"),
        "{error}"
    );
    sandbox.git(&dir, &["reset", "-q", "--hard"]);
    let error = refused(&sandbox, &dir, &[("README/x.toml", "x\n")]);
    assert_eq!(error.to_string(), "README is a regular file, expected a directory");
    let error = refused(&sandbox, &dir, &[("credentials", "x\n")]);
    assert!(matches!(error, WriteFailure::InTheWay { .. }), "{error}");
    let error = refused(&sandbox, &dir, &[("new", "x\n"), ("new/x", "x\n")]);
    assert_eq!(
        error.to_string(),
        "new is in the way: it is a file, expected a directory"
    );
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let elsewhere = sandbox.path("elsewhere");
    fs::rename(dir.join("credentials"), &elsewhere).unwrap();
    symlink(&elsewhere, dir.join("credentials")).unwrap();
    let error = refused(&sandbox, &dir, A);
    assert_eq!(
        error.to_string(),
        "credentials is in the way: it is a symbolic link, expected a directory"
    );
    assert_eq!(get(&elsewhere, "a.toml"), "a 1\n");
    fs::remove_file(dir.join("credentials")).unwrap();
    fs::rename(&elsewhere, dir.join("credentials")).unwrap();
    fs::rename(dir.join("credentials/a.toml"), sandbox.path("a")).unwrap();
    symlink(sandbox.path("a"), dir.join("credentials/a.toml")).unwrap();
    let error = refused(&sandbox, &dir, A);
    assert!(
        error
            .to_string()
            .contains("it is a symbolic link, expected a regular file")
    );
    // A link that leads nowhere is one too.
    symlink(sandbox.path("nowhere"), dir.join("members")).unwrap();
    let error = refused(&sandbox, &dir, &[("members/x.toml", "x\n")]);
    assert!(matches!(error, WriteFailure::InTheWay { .. }), "{error}");
    symlink(sandbox.path("nowhere"), dir.join("credentials/new.toml")).unwrap();
    refused(&sandbox, &dir, NEW);
    assert!(!sandbox.path("nowhere").exists());
}

#[test]
fn what_git_is_in_the_middle_of() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["checkout", "-q", "-b", "other"]);
    put(&dir, "README", "other\n");
    sandbox.commit_all(&dir, "other");
    sandbox.git(&dir, &["checkout", "-q", "main"]);
    put(&dir, "README", "main\n");
    sandbox.commit_all(&dir, "main");
    assert!(!sandbox.try_git(&dir, &["merge", "other"]).status.success());
    let error = refused(&sandbox, &dir, A);
    assert_eq!(error.to_string(), "a merge is in progress: finish or abort it first");
    sandbox.git(&dir, &["merge", "--abort"]);
    assert!(!sandbox.try_git(&dir, &["cherry-pick", "other"]).status.success());
    let error = refused(&sandbox, &dir, A);
    assert_eq!(
        error.to_string(),
        "a cherry-pick is in progress: finish or abort it first"
    );
    sandbox.git(&dir, &["cherry-pick", "--abort"]);
    assert!(!sandbox.try_git(&dir, &["rebase", "other"]).status.success());
    let error = refused(&sandbox, &dir, A);
    assert!(matches!(
        error,
        WriteFailure::DetachedHead | WriteFailure::InProgress("rebase")
    ));
    sandbox.git(&dir, &["rebase", "--abort"]);
    set(&dir, A).unwrap();
}

#[test]
fn requests_that_make_no_commit() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let error = refused(&sandbox, &dir, &[("credentials/a.toml", "a 1\n")]);
    assert_eq!(
        error.to_string(),
        "nothing to commit: every file is already as it should be"
    );
    refused(&sandbox, &dir, &[]);
    let error = refused(&sandbox, &dir, &[("x", "1"), ("x", "2")]);
    assert_eq!(error.to_string(), "x is to be written twice in one commit");
    for path in [
        "../x",
        "/x",
        "a/../x",
        ".git/hooks/post-commit",
        "a\\b",
        "a//b",
        "",
        ".GIT/x",
    ] {
        let error = refused(&sandbox, &dir, &[(path, "x")]);
        assert!(matches!(error, WriteFailure::Path(_)), "{path}: {error}");
    }
    let repository = open(&dir);
    let attempt = |request: CommitRequest| {
        let plan = |_: &Snapshot<'_>| Ok::<_, String>(request.clone());
        write(&repository, &Default::default(), plan).unwrap_err().to_string()
    };
    let mut lines = request(A);
    lines.subject = "one\n\nFleetvault-Scope: all".to_owned();
    assert_eq!(
        attempt(lines),
        "the commit message has a subject of several lines, expected single lines"
    );
    let mut large = request(&[]);
    large.files.push(FileChange {
        path: "large".to_owned(),
        contents: vec![0; (4 << 20) + 1],
    });
    assert_eq!(
        attempt(large),
        "large would have 4194305 bytes, more than the 4194304 that are read"
    );
    let reader = Repository::open(&dir, Access::Read).unwrap();
    let read_only = write(&reader, &Default::default(), never).unwrap_err();
    assert!(
        read_only.to_string().ends_with("was opened for reading only"),
        "{read_only}"
    );
    let planned = write(&repository, &Default::default(), |_| Err("the plan's own"));
    assert!(matches!(planned, Err(WriteError::Plan("the plan's own"))));
    sandbox.assert_clean(&dir);
}

#[test]
fn entries_of_the_commit_that_are_no_files() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let blob = sandbox.git(&dir, &["rev-parse", "HEAD:README"]);
    let commit = sandbox.head(&dir);
    sandbox.git(
        &dir,
        &["update-index", "--add", "--cacheinfo", &format!("120000,{blob},l")],
    );
    sandbox.git(
        &dir,
        &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},m")],
    );
    sandbox.git(&dir, &["commit", "-q", "-m", "odd"]);
    let error = set(&dir, &[("l", "x")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "l is in the way: it is a symbolic link, expected a regular file"
    );
    let error = set(&dir, &[("m/x", "x")]).unwrap_err();
    assert_eq!(error.to_string(), "m is a submodule, expected a directory");
}

#[test]
fn a_lock_that_git_does_not_give_back() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let lock = dir.join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    let error = set_with(&dir, &impatient(), A).unwrap_err();
    assert!(matches!(&error, WriteFailure::GitLocked(path) if path.ends_with("index.lock")));
    assert!(lock.exists(), "somebody else's lock was removed");
    fs::remove_file(&lock).unwrap();
    set(&dir, A).unwrap();
    sandbox.assert_clean(&dir);
}

#[cfg(unix)]
#[test]
fn a_vault_in_a_directory_that_the_journal_could_not_name() {
    let sandbox = Sandbox::new();
    for (number, name) in ["a:b", "a\\b", "a\nb"].iter().enumerate() {
        let dir = sandbox.empty(&format!("v{number}"));
        put(&dir, &format!("{name}/{VAULT}"), "root\n");
        sandbox.commit_all(&dir, "first");
        let vault = dir.join(name);
        let error = refused(&sandbox, &vault, &[("credentials/a.toml", "a\n")]);
        assert!(matches!(error, WriteFailure::Path(_)), "{error}");
        sandbox.assert_clean(&dir);
        // It can be read.
        let repository = open(&vault);
        assert_eq!(
            repository.snapshot("HEAD").unwrap().read(VAULT).unwrap().unwrap(),
            b"root\n"
        );
    }
}

#[test]
fn a_branch_that_a_main_work_tree_of_any_layout_shows() {
    let sandbox = Sandbox::new();
    let main = sandbox.vault("v");
    // Submodules and `git init --separate-git-dir` keep git's directory elsewhere.
    let apart = sandbox.path("apart");
    let store = sandbox.path("store");
    sandbox.git(
        &sandbox.home(),
        &[
            "clone",
            "-q",
            "--separate-git-dir",
            store.to_str().unwrap(),
            "../v",
            "../apart",
        ],
    );
    let outer = sandbox.vault("outer");
    sandbox.git(
        &outer,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "add",
            "-q",
            main.to_str().unwrap(),
            "inner",
        ],
    );
    for (number, dir) in [main, apart, outer.join("inner")].iter().enumerate() {
        sandbox.configure(dir);
        let linked = sandbox.path(&format!("linked{number}"));
        sandbox.git(dir, &["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap()]);
        let head = sandbox.head(dir);
        let error = set_with(&linked, &branch("main"), &[("credentials/a.toml", "x\n")]).unwrap_err();
        let WriteFailure::CheckedOutElsewhere { path, .. } = &error else {
            panic!("{error}");
        };
        let shown = if number == 1 { &store } else { dir };
        assert_eq!(path.canonicalize().unwrap(), shown.canonicalize().unwrap());
        assert_eq!(sandbox.head(dir), head);
        assert_eq!(sandbox.status(dir), "");
    }
    // The HEAD of a bare repository is no work tree's.
    sandbox.git(&sandbox.home(), &["clone", "-q", "--bare", "../v", "../bare/.git"]);
    let bare = sandbox.path("bare/.git");
    sandbox.configure(&bare);
    sandbox.git(&bare, &["worktree", "add", "-q", "-b", "aside", "../../beside"]);
    set_with(
        &sandbox.path("beside"),
        &branch("main"),
        &[("credentials/a.toml", "x\n")],
    )
    .unwrap();
    assert_eq!(sandbox.git(&bare, &["show", "main:credentials/a.toml"]), "x");
}
