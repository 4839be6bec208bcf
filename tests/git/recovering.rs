//! Interrupted runs, laid out by hand at each of their steps.

use std::fs;
use std::path::{Path, PathBuf};

use fleetvault::vault::WriteFailure;

use super::support::*;

/// A vault in which a run was killed just before it moved the branch: files and index are new.
struct Interrupted {
    sandbox: Sandbox,
    dir: PathBuf,
    commit: String,
}

impl Interrupted {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.vault("v");
        let old = sandbox.git(&dir, &["rev-parse", "HEAD:credentials/a.toml"]);
        let base = sandbox.head(&dir);
        put(&dir, "credentials/a.toml", "a 2\n");
        put(&dir, "members/new/x.toml", "x\n");
        sandbox.commit_all(&dir, "interrupted");
        let commit = sandbox.head(&dir);
        let new = sandbox.git(&dir, &["rev-parse", "HEAD:credentials/a.toml"]);
        let x = sandbox.git(&dir, &["rev-parse", "HEAD:members/new/x.toml"]);
        let state = dir.join(".git/fleetvault");
        fs::create_dir(&state).unwrap();
        let journal = format!(
            "fleetvault journal 1\ngit-dir \nreference refs/heads/main\ncommit {commit}\n\
             directory members\ndirectory members/new\n\
             file {old} {new} credentials/a.toml\nfile none {x} members/new/x.toml\nend\n"
        );
        fs::write(state.join("journal"), journal).unwrap();
        sandbox.git(&dir, &["update-ref", "refs/heads/main", &base]);
        fs::write(dir.join(".git/index.lock"), "fleetvault\n").unwrap();
        Self { sandbox, dir, commit }
    }

    fn next(&self) -> Vec<String> {
        let written = set(&self.dir, &[("credentials/b.toml", "b 2\n")]).unwrap();
        self.sandbox.assert_sound(&self.dir);
        written.left_alone
    }

    fn beside(&self, path: &str, number: usize, what: &str) -> PathBuf {
        let name = format!(".fleetvault-{}-{number}.{what}", &self.commit[..12]);
        self.dir.join(path).with_file_name(name)
    }
}

#[test]
fn files_and_index_go_back() {
    let run = Interrupted::new();
    assert!(run.next().is_empty());
    assert_eq!(get(&run.dir, "credentials/a.toml"), "a 1\n");
    assert!(!run.dir.join("members").exists());
    run.sandbox.assert_clean(&run.dir);
}

#[test]
fn what_was_kept_beside_is_put_back_or_removed() {
    let run = Interrupted::new();
    fs::write(run.beside("credentials/a.toml", 0, "old"), "a 1\n").unwrap();
    fs::write(run.beside("members/new/x.toml", 1, "new"), "half").unwrap();
    assert!(run.next().is_empty());
    assert_eq!(get(&run.dir, "credentials/a.toml"), "a 1\n");
    run.sandbox.assert_clean(&run.dir);
}

#[test]
fn what_somebody_changed_since_is_left_alone() {
    let run = Interrupted::new();
    put(&run.dir, "credentials/a.toml", "mine\n");
    put(&run.dir, "members/new/y.toml", "mine too\n");
    assert_eq!(run.next(), ["credentials/a.toml"]);
    assert_eq!(get(&run.dir, "credentials/a.toml"), "mine\n");
    assert_eq!(
        run.sandbox.status(&run.dir),
        " M credentials/a.toml\n?? members/new/y.toml"
    );
}

#[test]
fn what_somebody_committed_since_stays() {
    let run = Interrupted::new();
    fs::remove_file(run.dir.join(".git/index.lock")).unwrap();
    run.sandbox.commit_all(&run.dir, "by hand");
    assert!(run.next().is_empty());
    assert_eq!(get(&run.dir, "credentials/a.toml"), "a 2\n");
    run.sandbox.assert_clean(&run.dir);
}

#[test]
fn a_commit_that_reached_its_branch_is_finished() {
    for later in [false, true] {
        let run = Interrupted::new();
        run.sandbox
            .git(&run.dir, &["update-ref", "refs/heads/main", &run.commit]);
        fs::remove_file(run.dir.join(".git/index.lock")).unwrap();
        fs::write(run.beside("credentials/a.toml", 0, "old"), "a 1\n").unwrap();
        if later {
            run.sandbox
                .git(&run.dir, &["commit", "-q", "--allow-empty", "-m", "later"]);
        }
        assert!(run.next().is_empty());
        assert_eq!(get(&run.dir, "credentials/a.toml"), "a 2\n");
        run.sandbox.assert_clean(&run.dir);
    }
}

#[test]
fn a_lock_on_the_branch_is_removed_if_it_is_ours() {
    for is_filled in [false, true] {
        let run = Interrupted::new();
        let content = if is_filled {
            format!("{}\n", run.commit)
        } else {
            String::new()
        };
        fs::write(run.dir.join(".git/refs/heads/main.lock"), content).unwrap();
        assert!(run.next().is_empty());
        run.sandbox.assert_clean(&run.dir);
    }
    let run = Interrupted::new();
    let lock = run.dir.join(".git/refs/heads/main.lock");
    // Somebody else's: waited for, then named.
    fs::write(&lock, format!("{}\n", "1".repeat(40))).unwrap();
    let error = set_with(&run.dir, &impatient(), &[("credentials/b.toml", "b 2\n")]).unwrap_err();
    assert!(matches!(error, WriteFailure::GitLocked(_)), "{error}");
    assert!(lock.exists());
    assert_eq!(get(&run.dir, "credentials/b.toml"), "b 1\n");
    fs::remove_file(lock).unwrap();
    run.sandbox.assert_clean(&run.dir);
}

#[test]
fn a_run_in_a_linked_work_tree_is_undone_from_the_main_one() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["worktree", "add", "-q", "-b", "other", "../linked"]);
    let linked = sandbox.path("linked");
    let old = sandbox.git(&dir, &["rev-parse", "HEAD:credentials/a.toml"]);
    put(&linked, "credentials/a.toml", "a 2\n");
    sandbox.git(&linked, &["add", "-A"]);
    let new = sandbox.git(&linked, &["rev-parse", ":credentials/a.toml"]);
    let journal = |reference: &str| {
        format!(
            "fleetvault journal 1\ngit-dir worktrees/linked\nreference {reference}\n\
             commit {}\nfile {old} {new} credentials/a.toml\nend\n",
            "2".repeat(40)
        )
    };
    let state = dir.join(".git/fleetvault");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("journal"), journal("refs/heads/other")).unwrap();
    fs::write(dir.join(".git/worktrees/linked/index.lock"), "fleetvault\n").unwrap();
    set(&dir, &[("credentials/b.toml", "b 2\n")]).unwrap();
    assert_eq!(get(&linked, "credentials/a.toml"), "a 1\n");
    sandbox.assert_clean(&linked);
    sandbox.assert_clean(&dir);
    // And one whose work tree is gone is forgotten.
    fs::write(state.join("journal"), journal("refs/heads/other")).unwrap();
    sandbox.git(&dir, &["worktree", "remove", "--force", "../linked"]);
    set(&dir, &[("credentials/b.toml", "b 3\n")]).unwrap();
    sandbox.assert_clean(&dir);
}

#[test]
fn a_dry_run_after_an_interrupted_one_changes_nothing() {
    let run = Interrupted::new();
    let files = [("credentials/a.toml", "a 3\n")];
    set_with(&run.dir, &dry_run(), &files).unwrap();
    assert_eq!(get(&run.dir, "credentials/a.toml"), "a 2\n");
    set(&run.dir, &files).unwrap();
    run.sandbox.assert_clean(&run.dir);
}

#[test]
fn a_damaged_journal_is_named() {
    let sandbox = Sandbox::new();
    let dir: PathBuf = sandbox.vault("v");
    let journal = dir.join(".git/fleetvault/journal");
    fs::create_dir(journal.parent().unwrap()).unwrap();
    fs::write(&journal, "something else\nend\n").unwrap();
    let error = set(&dir, &[("credentials/b.toml", "b 2\n")]).unwrap_err();
    let WriteFailure::BadJournal { path, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(same(path), same(&journal));
    assert_eq!(get(&dir, "credentials/b.toml"), "b 1\n");
}

fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap()
}

#[test]
fn a_journal_that_was_cut_off_blocks_nothing() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let journal = dir.join(".git/fleetvault/journal");
    fs::create_dir(journal.parent().unwrap()).unwrap();
    for (round, text) in ["", "fleetvault jour", "fleetvault journal 1\ngit-dir \n", "\0\0\0"]
        .iter()
        .enumerate()
    {
        fs::write(&journal, text).unwrap();
        set_with(&dir, &dry_run(), &[("credentials/b.toml", "b X\n")]).unwrap();
        // Refused after the recovery, so that only that can have removed it.
        let error = set(&dir, &[]).unwrap_err();
        assert!(matches!(error, WriteFailure::NothingToChange), "{error}");
        assert!(!journal.exists());
        fs::write(&journal, text).unwrap();
        set(&dir, &[("credentials/b.toml", format!("b {round}\n").as_str())]).unwrap();
        sandbox.assert_clean(&dir);
    }
}

#[test]
fn what_somebody_wrote_just_before_it_was_replaced_is_put_back() {
    let run = Interrupted::new();
    let kept = run.beside("credentials/a.toml", 0, "old");
    fs::write(&kept, "mine\n").unwrap();
    assert_eq!(run.next(), ["credentials/a.toml"]);
    assert_eq!(get(&run.dir, "credentials/a.toml"), "mine\n");
    assert_eq!(run.sandbox.status(&run.dir), " M credentials/a.toml");
}

#[test]
fn what_somebody_wrote_just_before_it_was_replaced_is_kept_beside_what_was_committed() {
    let run = Interrupted::new();
    run.sandbox
        .git(&run.dir, &["update-ref", "refs/heads/main", &run.commit]);
    fs::remove_file(run.dir.join(".git/index.lock")).unwrap();
    let kept = run.beside("credentials/a.toml", 0, "old");
    fs::write(&kept, "mine\n").unwrap();
    let written = set(&run.dir, &[("credentials/b.toml", "b 2\n")]).unwrap();
    assert_eq!(
        written.left_alone,
        [kept.strip_prefix(&run.dir).unwrap().to_str().unwrap()]
    );
    assert_eq!(get(&run.dir, "credentials/a.toml"), "a 2\n");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "mine\n");
    assert_eq!(leftovers(&run.dir), [kept]);
}
