//! Disks that are full, or cannot be written: a clear error, and the vault as it was.

use std::fs;
use std::path::{Path, PathBuf};

use fleetvault::vault::{Merged, WriteFailure, resolve};

use super::support::*;

/// A small file system of its own, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(sandbox: &Sandbox, size: &str) -> Option<Self> {
        let dir = sandbox.path("mount");
        fs::create_dir(&dir).unwrap();
        let options = format!("size={size}");
        let mut mount = sandbox.command("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(&dir);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then(|| Self(dir))
    }

    fn remount(&self, sandbox: &Sandbox, options: &str) {
        // Busy as long as a child that another test has just forked holds what this one had open to write.
        let remounted = (0..100).any(|_| {
            let mut mount = sandbox.command("mount");
            mount.args(["-o", &format!("remount,{options}")]).arg(&self.0);
            let done = mount.output().unwrap().status.success();
            if !done {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            done
        });
        assert!(remounted, "{options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up() {
    let sandbox = Sandbox::new();
    let Some(mount) = Mount::new(&sandbox, "4m") else {
        return skip("a full disk (needs root and tmpfs)");
    };
    let dir = sandbox.vault("mount/v");
    let head = sandbox.head(&dir);
    let large = "x".repeat(64 << 10);
    let files = [
        ("credentials/a.toml", large.as_str()),
        ("credentials/new/b.toml", "small\n"),
    ];
    // Leaves a little more room each time, so that every step is once the one that fails.
    for room in 0..200 {
        fill(&mount.0, room * 4096);
        let written = set(&dir, &files);
        fs::remove_file(mount.0.join("filler")).unwrap();
        let Err(error) = written else {
            assert!(room > 3, "only {room} steps failed");
            sandbox.assert_clean(&dir);
            return;
        };
        assert!(
            matches!(error, WriteFailure::Io { .. } | WriteFailure::Git { .. }),
            "{room}: {error}"
        );
        assert_eq!(sandbox.head(&dir), head, "{room}: {error}");
        assert_eq!(get(&dir, "credentials/a.toml"), "a 1\n", "{room}: {error}");
        assert!(!dir.join("credentials/new").exists(), "{room}: {error}");
        assert_eq!(sandbox.status(&dir), "", "{room}: {error}");
        let left = leftovers(&dir);
        assert!(left.is_empty(), "{room}: {error}: {left:?}");
        // What was written to no end is not there for the next round.
        sandbox.git(&dir, &["prune", "--expire=now"]);
        sandbox.assert_clean(&dir);
    }
    panic!("it never fitted");
}

#[test]
fn a_disk_that_fills_up_while_a_conflict_is_ended() {
    let sandbox = Sandbox::new();
    let Some(mount) = Mount::new(&sandbox, "4m") else {
        return skip("a full disk (needs root and tmpfs)");
    };
    let dir = sandbox.vault("mount/v");
    put(&dir, ".gitattributes", "* -text -merge\n");
    sandbox.commit_all(&dir, "attributes");
    sandbox.git(&dir, &["switch", "-q", "-c", "other"]);
    put(&dir, "credentials/a.toml", "theirs\n");
    put(&dir, "credentials/deep/c.toml", "theirs\n");
    sandbox.commit_all(&dir, "theirs");
    sandbox.git(&dir, &["switch", "-q", "main"]);
    put(&dir, "credentials/a.toml", "ours\n");
    put(&dir, "credentials/deep/c.toml", "ours\n");
    sandbox.commit_all(&dir, "ours");
    assert!(!sandbox.try_git(&dir, &["merge", "-q", "other"]).status.success());
    let sides = || sandbox.git(&dir, &["ls-files", "-u"]);
    let before = (sides(), sandbox.status(&dir));
    let repository = open(&dir);
    let merged: Vec<Merged> = repository
        .conflicts()
        .unwrap()
        .into_iter()
        .map(|conflict| Merged {
            contents: format!("{}{}\n", conflict.path, "x".repeat(64 << 10)).into_bytes(),
            conflict,
        })
        .collect();
    assert_eq!(merged.len(), 2);
    for room in 0..200 {
        fill(&mount.0, room * 4096);
        let ended = resolve(&repository, &merged, impatient().wait);
        fs::remove_file(mount.0.join("filler")).unwrap();
        let Err(error) = ended else {
            assert!(room > 3, "only {room} steps failed");
            assert_eq!(
                sandbox.status(&dir),
                "M  credentials/a.toml\nM  credentials/deep/c.toml"
            );
            sandbox.assert_sound(&dir);
            return;
        };
        assert_eq!((sides(), sandbox.status(&dir)), before, "{room}: {error}");
        assert_eq!(get(&dir, "credentials/a.toml"), "ours\n", "{room}: {error}");
        let left = leftovers(&dir);
        assert!(left.is_empty(), "{room}: {error}: {left:?}");
        sandbox.git(&dir, &["prune", "--expire=now"]);
    }
    panic!("it never fitted");
}

/// Fills a file system up to some bytes.
fn fill(dir: &Path, leave: usize) {
    use std::io::Write as _;
    let mut file = fs::File::create(dir.join("filler")).unwrap();
    let block = [0; 4096];
    while file.write_all(&block).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(leave as u64)).unwrap();
}

#[test]
fn a_read_only_disk() {
    let sandbox = Sandbox::new();
    let Some(mount) = Mount::new(&sandbox, "4m") else {
        return skip("a read-only disk (needs root and tmpfs)");
    };
    let dir = sandbox.vault("mount/v");
    mount.remount(&sandbox, "ro");
    let error = set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, WriteFailure::Io { .. }), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    set_with(&dir, &dry_run(), &[("credentials/a.toml", "a 2\n")]).unwrap();
    mount.remount(&sandbox, "rw");
    sandbox.assert_clean(&dir);
}

#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    if is_root() {
        // Root may write everywhere; the read-only disk above is its case.
        return;
    }
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let closed = dir.join("credentials");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let error = set(&dir, &[("credentials/a.toml", "a 2\n"), ("z.toml", "z\n")]).unwrap_err();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(error.to_string().contains("Permission denied"), "{error}");
    sandbox.assert_clean(&dir);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_committed_but_not_synced_is_said_to_be_committed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    // Can be written, and not be synced.
    let log = dir.join(".git/logs/refs/heads/main");
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink("/dev/null", &log).unwrap();
    let error = set(&dir, &[("credentials/a.toml", "a 2\n")]).unwrap_err();
    let WriteFailure::NotSynced { commit, branch, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(commit.to_string(), sandbox.head(&dir));
    assert_eq!(branch, "main");
    let start = format!(
        "committed {} to 'main', but it is not known to be on disk: cannot sync",
        commit.short()
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(get(&dir, "credentials/a.toml"), "a 2\n");
    assert_eq!(
        sandbox.status(&dir),
        "?? credentials/".to_owned() + &old_beside(&commit.to_string())
    );
    fs::remove_file(&log).unwrap();
    // The next command clears up.
    set(&dir, &[("credentials/b.toml", "b 2\n")]).unwrap();
    assert_eq!(get(&dir, "credentials/a.toml"), "a 2\n");
    sandbox.assert_clean(&dir);
}

#[cfg(target_os = "linux")]
fn old_beside(commit: &str) -> String {
    format!(".fleetvault-{}-0.old", &commit[..12])
}
