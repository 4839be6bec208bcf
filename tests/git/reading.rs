//! Finding a repository and reading its commits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use fleetvault::vault::{
    Access, EntryKind, HeadState, ReadError, Remembered, Repository, RepositoryError, SnapshotError,
};

use super::support::*;

fn read(dir: &Path) -> Repository {
    Repository::open(dir, Access::Read).unwrap()
}

/// The directories that are looked into.
const FOLDERS: &[&str] = &["credentials", "members"];

#[test]
fn finds_the_vault_from_its_top_and_from_below() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    for start in ["", "credentials"] {
        let repository = read(&dir.join(start));
        let snapshot = repository.snapshot("HEAD").unwrap();
        assert_eq!(snapshot.commit().to_string(), sandbox.head(&dir));
        assert_eq!(snapshot.directory(), "");
        let contents = snapshot.read("credentials/a.toml").unwrap();
        assert_eq!(contents.as_deref(), Some(&b"a 1\n"[..]));
        assert_eq!(snapshot.read("credentials/c.toml").unwrap(), None);
        assert_eq!(snapshot.read("nowhere/c.toml").unwrap(), None);
        assert!(snapshot.contains("credentials").unwrap());
        assert!(!snapshot.contains("members").unwrap());
    }
}

#[test]
fn reads_the_commit_and_not_the_work_tree() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    put(&dir, "credentials/a.toml", "changed\n");
    sandbox.git(&dir, &["add", "-A"]);
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    assert_eq!(snapshot.read("credentials/a.toml").unwrap().unwrap(), b"a 1\n");
}

#[test]
fn finds_a_vault_in_a_subdirectory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    put(&dir, "ops/team/fleetvault.toml", "root\n");
    put(&dir, "ops/team/credentials/a.toml", "a\n");
    put(&dir, "src/main.c", "\n");
    sandbox.commit_all(&dir, "first");
    for start in ["ops/team", "ops/team/credentials"] {
        let repository = read(&dir.join(start));
        let snapshot = repository.snapshot("HEAD").unwrap();
        assert_eq!(snapshot.directory(), "ops/team");
        assert!(snapshot.read("credentials/a.toml").unwrap().is_some());
        let files = snapshot.files(FOLDERS).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["credentials", "credentials/a.toml", "fleetvault.toml"]);
    }
    for start in ["", "src", "ops"] {
        let repository = read(&dir.join(start));
        let error = repository.snapshot("HEAD").err().unwrap();
        assert!(matches!(error, SnapshotError::NoVault { .. }), "{error}");
    }
    let text = read(&dir.join("src")).snapshot("HEAD").err().unwrap().to_string();
    assert!(text.ends_with("has no fleetvault.toml in 'src' or above"), "{text}");
    let text = read(&dir).snapshot("HEAD").err().unwrap().to_string();
    assert!(text.ends_with("has no fleetvault.toml at its top"), "{text}");
}

#[test]
fn reads_bare_repositories_and_directories_inside_them() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    put(&dir, "hooks/team/fleetvault.toml", "root\n");
    sandbox.commit_all(&dir, "first");
    sandbox.git(&dir, &["clone", "-q", "--bare", ".", "../v.git"]);
    let bare = sandbox.path("v.git");
    // `hooks` exists on disk too, as git's own; `team` only in the tree.
    for start in ["hooks/team", "hooks/team/credentials"] {
        let repository = read(&bare.join(start));
        assert!(repository.is_bare());
        let snapshot = repository.snapshot("HEAD").unwrap();
        assert_eq!(snapshot.directory(), "hooks/team");
        assert_eq!(snapshot.read(VAULT).unwrap().unwrap(), b"root\n");
    }
    let error = read(&bare).snapshot("main").err().unwrap();
    assert!(matches!(error, SnapshotError::NoVault { .. }));
}

#[test]
fn reads_linked_work_trees() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    sandbox.git(&dir, &["worktree", "add", "-q", "-b", "other", "../linked"]);
    let linked = sandbox.path("linked");
    put(&linked, "credentials/a.toml", "a 2\n");
    sandbox.commit_all(&linked, "second");
    let repository = read(&linked.join("credentials"));
    assert_eq!(repository.head(), HeadState::Branch("other".into()));
    assert_eq!(repository.work_dir().unwrap(), linked.canonicalize().unwrap());
    for repository in [repository.reopen().unwrap(), repository] {
        assert_eq!(repository.start(), "credentials");
        let snapshot = repository.snapshot("HEAD").unwrap();
        assert_eq!(snapshot.read("credentials/a.toml").unwrap().unwrap(), b"a 2\n");
    }
}

#[test]
fn names_commits_as_git_does() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let first = sandbox.head(&dir);
    sandbox.git(&dir, &["tag", "light"]);
    sandbox.git(&dir, &["tag", "-a", "-m", "x", "annotated"]);
    sandbox.git(&dir, &["tag", "-a", "-m", "x", "twice", "annotated"]);
    sandbox.git(&dir, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    sandbox.git(&dir, &["branch", "team/a"]);
    sandbox.git(&dir, &["pack-refs", "--all"]);
    put(&dir, "x", "");
    sandbox.commit_all(&dir, "second");
    let repository = read(&dir);
    for name in [
        "light",
        "annotated",
        "twice",
        "origin/main",
        "refs/remotes/origin/main",
        "team/a",
        "HEAD~1",
        "main^",
        &first,
        &first[..8],
    ] {
        let snapshot = repository.snapshot(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(snapshot.commit().to_string(), first, "{name}");
    }
    for name in [
        "",
        "nowhere",
        "origin/nowhere",
        "HEAD~7",
        "HEAD:x",
        "config",
        &"0".repeat(40),
        "a\nb",
    ] {
        let error = repository.snapshot(name).err().unwrap();
        assert!(matches!(error, SnapshotError::NoSuchReference(_)), "{name}: {error}");
        assert_eq!(error.to_string(), format!("there is no branch, tag or commit '{name}'"));
    }
    let tree = sandbox.git(&dir, &["rev-parse", "HEAD^{tree}"]);
    let error = repository.snapshot(&tree).err().unwrap();
    assert_eq!(error.to_string(), format!("'{tree}' is a tree, expected a commit"));
}

#[test]
fn a_repository_without_commits_has_an_unborn_head() {
    let sandbox = Sandbox::new();
    let repository = read(&sandbox.empty("v"));
    assert_eq!(repository.head(), HeadState::Unborn("main".into()));
    let error = repository.snapshot("HEAD").err().unwrap();
    assert_eq!(error.to_string(), "the branch 'main' has no commits yet");
    assert!(matches!(
        repository.snapshot("main").err().unwrap(),
        SnapshotError::NoSuchReference(_)
    ));
}

#[test]
fn what_is_no_repository_is_said_so() {
    let sandbox = Sandbox::new();
    let plain = sandbox.path("plain");
    fs::create_dir(&plain).unwrap();
    for access in [Access::Read, Access::Write] {
        let error = Repository::open(&plain, access).err().unwrap();
        assert!(matches!(error, RepositoryError::NotARepository(_)), "{error}");
    }
    let dir = sandbox.vault("v");
    for missing in ["nowhere", "nowhere/below", "README/below", "nowhere/../.."] {
        let error = Repository::open(&dir.join(missing), Access::Read).err().unwrap();
        assert!(
            matches!(error, RepositoryError::NoSuchDirectory(_)),
            "{missing}: {error}"
        );
    }
    fs::write(dir.join(".git/config"), "[core\n").unwrap();
    let error = Repository::open(&dir, Access::Read).err().unwrap();
    assert!(matches!(error, RepositoryError::Git { .. }), "{error}");
}

#[test]
fn only_regular_files_are_read() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let blob = sandbox.git(&dir, &["rev-parse", "HEAD:README"]);
    let commit = sandbox.head(&dir);
    for (mode, id, name) in [
        ("120000", &blob, "link"),
        ("160000", &commit, "module"),
        ("100755", &blob, "exec"),
    ] {
        let entry = format!("{mode},{id},credentials/{name}.toml");
        sandbox.git(&dir, &["update-index", "--add", "--cacheinfo", &entry]);
    }
    sandbox.git(&dir, &["commit", "-q", "-m", "odd"]);
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    for (path, kind) in [
        ("credentials/link.toml", EntryKind::Link),
        ("credentials/module.toml", EntryKind::Submodule),
        ("credentials/exec.toml", EntryKind::Executable),
        ("credentials", EntryKind::Directory),
    ] {
        let error = snapshot.read(path).unwrap_err();
        let ReadError::Kind { found, .. } = error else {
            panic!("{path}: {error}");
        };
        assert_eq!(found, kind);
        assert!(snapshot.contains(path).unwrap());
    }
    assert_eq!(
        snapshot.read("credentials/link.toml").unwrap_err().to_string(),
        "credentials/link.toml is a symbolic link, expected a regular file"
    );
    assert_eq!(
        snapshot.read("credentials/link.toml/x").unwrap_err().to_string(),
        "credentials/link.toml is a symbolic link, expected a directory"
    );
    let files = snapshot.files(FOLDERS).unwrap();
    let module = files.iter().find(|file| file.path.ends_with("module.toml")).unwrap();
    assert_eq!(module.kind, EntryKind::Submodule);
    assert!(snapshot.read_blob(module).is_err());
    let a = files.iter().find(|file| file.path.ends_with("a.toml")).unwrap();
    assert_eq!(snapshot.read_blob(a).unwrap(), b"a 1\n");
    let children = snapshot.children("credentials").unwrap();
    let names: Vec<_> = children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["a.toml", "b.toml", "exec.toml", "link.toml", "module.toml"]);
    assert_eq!(children[3].kind, EntryKind::Link);
    assert!(snapshot.children("members").unwrap().is_empty());
    assert_eq!(snapshot.children("").unwrap().len(), 4);
    for path in ["../x", ".git/config", "a//b", "/a"] {
        assert!(matches!(snapshot.read(path).unwrap_err(), ReadError::Path(_)));
    }
}

#[test]
fn names_that_are_no_utf8_are_listed_but_not_children() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let blob = sandbox.git(&dir, &["rev-parse", "HEAD:README"]);
    let script = format!("printf '100644 {blob}\\tcredentials/\\377.toml\\0' | git update-index -z --index-info");
    let mut shell = sandbox.command("sh");
    assert!(
        shell
            .current_dir(&dir)
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    sandbox.git(&dir, &["commit", "-q", "-m", "odd"]);
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    let files = snapshot.files(FOLDERS).unwrap();
    let odd = files.iter().find(|file| file.raw_path.is_some()).unwrap();
    assert_eq!(odd.path_bytes(), b"credentials/\xff.toml");
    assert!(matches!(
        snapshot.children("credentials").unwrap_err(),
        ReadError::NotUtf8 { .. }
    ));
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    // As a hole.
    let file = fs::File::create(dir.join("credentials/huge.toml")).unwrap();
    file.set_len(1 << 26).unwrap();
    put(&dir, "credentials/limit.toml", &"x".repeat(4 << 20));
    sandbox.git(
        &dir,
        &[
            "-c",
            "core.bigFileThreshold=1m",
            "-c",
            "core.compression=1",
            "add",
            "-A",
        ],
    );
    sandbox.git(&dir, &["commit", "-q", "-m", "huge"]);
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    let before = std::time::Instant::now();
    let error = snapshot.read("credentials/huge.toml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "credentials/huge.toml has 67108864 bytes, more than the 4194304 that are read"
    );
    assert!(before.elapsed().as_millis() < 50);
    assert_eq!(snapshot.read("credentials/limit.toml").unwrap().unwrap().len(), 4 << 20);
}

#[test]
fn another_users_repository_is_read_but_not_written() {
    if !is_root() {
        return skip("a repository of another user (needs root)");
    }
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let chown = sandbox.command("chown").args(["-R", "4711:4711"]).arg(&dir).status();
    assert!(chown.unwrap().success());
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    assert!(snapshot.read(VAULT).unwrap().is_some());
    let error = Repository::open(&dir, Access::Write).err().unwrap();
    assert!(matches!(error, RepositoryError::OtherOwner(_)), "{error}");
    assert!(error.to_string().ends_with("belongs to another user"));
    assert!(Repository::open(&dir, Access::Read).is_ok());
}

#[test]
fn several_threads_read_at_once() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let repository = read(&dir);
    let snapshot = repository.snapshot("HEAD").unwrap();
    let place = snapshot.place();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let repository = place.open().unwrap();
                let snapshot = repository.snapshot_at(&place).unwrap();
                for file in snapshot.files(FOLDERS).unwrap() {
                    if file.kind == EntryKind::Directory {
                        continue;
                    }
                    snapshot.read_blob(&file).unwrap();
                }
                assert_eq!(snapshot.place(), place);
            });
        }
    });
}

#[test]
fn counts_what_the_upstream_has() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    assert_eq!(read(&dir).ahead_behind_upstream(), None);
    sandbox.git(&dir, &["clone", "-q", ".", "../clone"]);
    let clone = sandbox.path("clone");
    sandbox.configure(&clone);
    assert_eq!(read(&clone).ahead_behind_upstream(), Some((0, 0)));
    for n in ["1", "2"] {
        put(&dir, "x", n);
        sandbox.commit_all(&dir, n);
    }
    put(&clone, "y", "");
    sandbox.commit_all(&clone, "y");
    sandbox.git(&clone, &["fetch", "-q"]);
    assert_eq!(read(&clone).ahead_behind_upstream(), Some((1, 2)));
}

/// Notes in memory, counted.
#[derive(Default)]
struct Notes {
    notes: RefCell<BTreeMap<String, String>>,
    noted: Cell<usize>,
}

impl Remembered for Notes {
    fn recall(&self, path: &str) -> Option<String> {
        self.notes.borrow().get(path).cloned()
    }

    fn note(&self, path: &str, place: String) {
        self.noted.set(self.noted.get() + 1);
        self.notes.borrow_mut().insert(path.to_owned(), place);
    }
}

#[test]
fn what_was_found_in_a_large_directory_is_found_there_again_while_it_is_the_same() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    for number in 0..600 {
        put(&dir, &format!("credentials/c{number}.toml"), &format!("{number}\n"));
    }
    put(&dir, "members/m.toml", "m\n");
    sandbox.commit_all(&dir, "many");
    let notes = Rc::new(Notes::default());
    let look = |path: &str| {
        let repository = read(&dir);
        let mut snapshot = repository.snapshot("HEAD").unwrap();
        snapshot.remember(notes.clone());
        snapshot
            .read(path)
            .unwrap()
            .map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let path = "credentials/c77.toml";
    assert_eq!(look(path).as_deref(), Some("77\n"));
    assert_eq!(look(path).as_deref(), Some("77\n"));
    assert_eq!(notes.noted.get(), 1, "searched for once");
    assert_eq!(look("members/m.toml").as_deref(), Some("m\n"));
    assert_eq!(look("credentials/none.toml"), None);
    assert_eq!(
        notes.noted.get(),
        1,
        "small directories and missing files are not noted"
    );
    // Another tree: the note no longer holds.
    put(&dir, path, "changed\n");
    sandbox.commit_all(&dir, "changed");
    assert_eq!(look(path).as_deref(), Some("changed\n"));
    assert_eq!(notes.noted.get(), 2);
    // Notes that were cut short, or are none.
    for note in ["", "x", "x y", "0123 4567", &"0".repeat(81)] {
        notes.notes.borrow_mut().insert(path.to_owned(), note.to_owned());
        assert_eq!(look(path).as_deref(), Some("changed\n"), "{note:?}");
    }
}

#[test]
fn a_file_is_read_from_the_branch_that_is_committed_to() {
    let sandbox = Sandbox::new();
    let dir = sandbox.empty("v");
    assert_eq!(read(&dir).file_in(None, ".gitattributes").unwrap(), None);
    put(&dir, ".gitattributes", "* text\n");
    put(&dir, "sub/.gitattributes", "* -text\n");
    sandbox.commit_all(&dir, "first");
    sandbox.git(&dir, &["checkout", "-q", "-b", "other"]);
    put(&dir, ".gitattributes", "* eol=crlf\n");
    sandbox.commit_all(&dir, "second");
    put(&dir, ".gitattributes", "not committed\n");
    sandbox.git(&sandbox.home(), &["clone", "-q", "--mirror", "../v", "../bare.git"]);
    for dir in [dir, sandbox.path("bare.git")] {
        let repository = read(&dir);
        let text = |branch, path| {
            let bytes = repository.file_in(branch, path).unwrap();
            bytes.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        for (branch, path, expected) in [
            (None, ".gitattributes", Some("* eol=crlf\n")),
            (Some("other"), ".gitattributes", Some("* eol=crlf\n")),
            (Some("main"), ".gitattributes", Some("* text\n")),
            (Some("to-be-made"), ".gitattributes", Some("* eol=crlf\n")),
            (Some("no..name"), "sub/.gitattributes", Some("* -text\n")),
            (None, "sub/none", None),
            (None, "none/.gitattributes", None),
        ] {
            assert_eq!(text(branch, path).as_deref(), expected, "{branch:?} {path}");
        }
        let error = repository.file_in(None, "sub").unwrap_err();
        assert!(matches!(error, SnapshotError::Read(ReadError::Kind { .. })), "{error}");
        assert!(repository.file_in(None, "../x").is_err());
    }
}

/// Makes trees that each name the one before `wide` times, `deep` of them, and returns the last.
fn tree_bomb(sandbox: &Sandbox, dir: &Path, innermost: &str, wide: usize, deep: usize) -> String {
    let mut tree = mktree(sandbox, dir, innermost);
    for _ in 0..deep {
        let lines: Vec<String> = (0..wide).map(|n| format!("040000 tree {tree}\td{n}")).collect();
        tree = mktree(sandbox, dir, &lines.join("\n"));
    }
    tree
}

fn mktree(sandbox: &Sandbox, dir: &Path, lines: &str) -> String {
    put(dir, ".git/lines", &format!("{lines}\n"));
    let mut git = sandbox.command("git");
    git.arg("-C").arg(dir).arg("mktree");
    git.stdin(fs::File::open(dir.join(".git/lines")).unwrap());
    let output = git.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_few_trees_that_stand_for_billions_of_files_are_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let blob = sandbox.git(&dir, &["rev-parse", "HEAD:README"]);
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let long = "n".repeat(100_000);
    for innermost in [
        format!("100644 blob {blob}\tx"),
        format!("040000 tree {empty}\tx"),
        format!("100644 blob {blob}\t{long}"),
    ] {
        let bomb = tree_bomb(&sandbox, &dir, &innermost, 10, 12);
        let top = mktree(
            &sandbox,
            &dir,
            &format!("100644 blob {blob}\tfleetvault.toml\n040000 tree {bomb}\tcredentials\n040000 tree {bomb}\tsrc"),
        );
        let commit = sandbox.git(&dir, &["commit-tree", "-m", "bomb", &top]);
        let repository = read(&dir);
        let snapshot = repository.snapshot(&commit).unwrap();
        let error = snapshot.files(FOLDERS).unwrap_err();
        assert!(matches!(error, ReadError::TooMany { .. }), "{error}");
        // One beside the vault is not looked into.
        assert_eq!(snapshot.files(&["members"]).unwrap().len(), 3);
    }
    // Many files are none.
    let many = tree_bomb(&sandbox, &dir, &format!("100644 blob {blob}\tx"), 10, 4);
    let top = mktree(
        &sandbox,
        &dir,
        &format!("100644 blob {blob}\tfleetvault.toml\n040000 tree {many}\tcredentials"),
    );
    let commit = sandbox.git(&dir, &["commit-tree", "-m", "many", &top]);
    let files = read(&dir).snapshot(&commit).unwrap().files(FOLDERS).unwrap().len();
    assert_eq!(files, 10_002);
}
