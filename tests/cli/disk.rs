//! Disks that are full or cannot be written, by way of a small file system of their own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    clones::Clones,
    support::{Fleet, has, skip},
};

/// A tmpfs, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    /// `None`, which is said, where this user may not mount.
    fn new(path: PathBuf) -> Option<Self> {
        if !has("mount") {
            return None;
        }
        fs::create_dir(&path).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "none"])
            .arg(&path)
            .output()
            .unwrap();
        if !done.status.success() {
            skip("full and read-only disks (this user may not mount)");
            return None;
        }
        Some(Self(path))
    }

    fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        assert!(
            Command::new("mount")
                .args(["-o", &option])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills a file system until this many bytes are left.
fn fill(directory: &Path, leave: u64) {
    let mut file = fs::File::create(directory.join("filler")).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(leave)).unwrap();
}

fn fleet_on(mount: impl Fn(&Fleet) -> Option<Mount>) -> Option<(Fleet, Mount)> {
    let fleet = Fleet::without_vault();
    let mount = mount(&fleet)?;
    fs::create_dir(fleet.vault()).unwrap_or(());
    fleet.fleetvault(&["init", "../disk/v", "--author", "alice"]).ok();
    fleet
        .fleetvault_with(&["-C", "../disk/v", "set", "token"], b"value-of-token")
        .ok();
    Some((fleet, mount))
}

#[test]
fn a_read_only_disk() {
    let Some((fleet, mount)) = fleet_on(|fleet| Mount::new(fleet.path("disk"))) else {
        return;
    };
    mount.remount("ro");
    fleet
        .fleetvault_with(&["-C", "../disk/v", "rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says("fleetvault: error: cannot ")
        .says("Read-only file system")
        .says("the vault is as it was before; run this again when there is room or permission");
    // Reading, and asking what would happen, goes on.
    assert_eq!(
        fleet.fleetvault(&["-C", "../disk/v", "get", "token"]).ok().out(),
        "value-of-token"
    );
    fleet
        .fleetvault_with(&["-C", "../disk/v", "rotate", "token", "--dry-run"], b"another-value")
        .ok();
    fleet
        .fleetvault(&["init", "../disk/w", "--author", "alice"])
        .fails(1)
        .silent()
        .says("fleetvault: error: ");
    mount.remount("rw");
    fleet
        .fleetvault_with(&["-C", "../disk/v", "rotate", "token"], b"another-value")
        .ok();
}

#[test]
fn a_disk_that_fills_up() {
    let Some((fleet, mount)) = fleet_on(|fleet| Mount::new(fleet.path("disk"))) else {
        return;
    };
    let git = |args: &[&str]| fleet.git_in(&fleet.path("disk/v"), args).ok().out();
    let head = git(&["rev-parse", "HEAD"]);
    let value = b"x".repeat(64 << 10);
    for leave in [0, 16 << 10, 100 << 10] {
        fill(&mount.0, leave);
        fleet
            .fleetvault_with(&["-C", "../disk/v", "rotate", "token"], &value)
            .fails(1)
            .silent()
            .says("fleetvault: error: cannot ");
        fs::remove_file(mount.0.join("filler")).unwrap();
        assert_eq!(git(&["rev-parse", "HEAD"]), head);
        assert_eq!(git(&["status", "--porcelain"]), "");
        assert_eq!(
            fleet.fleetvault(&["-C", "../disk/v", "get", "token"]).ok().out(),
            "value-of-token"
        );
    }
    fill(&mount.0, 0);
    fleet
        .fleetvault(&["keygen", "-o", "../disk/key.txt"])
        .fails(1)
        .silent()
        .says("cannot write ../disk/key.txt");
    assert!(!fleet.path("disk/key.txt").exists(), "half a key");
    let out = ["expand", "-o", "disk/out"];
    fleet
        .resolver("alice", &out, b"a text without references, but no room for it")
        .fails(1)
        .says("cannot write disk/out");
    assert_eq!(fs::read_dir(&mount.0).unwrap().count(), 2, "left over");
    fs::remove_file(mount.0.join("filler")).unwrap();
    // The same command succeeds when there is room.
    fleet
        .fleetvault_with(&["-C", "../disk/v", "rotate", "token"], &value)
        .ok();
    git(&["fsck", "--strict"]);
}

#[test]
fn a_disk_that_fills_up_while_syncing() {
    let clones = Clones::new();
    let Some(mount) = Mount::new(clones.path("disk")) else {
        return;
    };
    clones.clone("disk/b");
    clones.clone("a");
    clones.set("a", "token", &"value ".repeat(10 << 10));
    clones.sync("a", &[]).ok();
    clones.set("disk/b", "own", "my-own-value-here");
    let head = clones.head("disk/b");
    for leave in [0, 16 << 10, 60 << 10, 120 << 10] {
        fill(&mount.0, leave);
        let run = clones.sync("disk/b", &[]);
        fs::remove_file(mount.0.join("filler")).unwrap();
        assert_eq!(run.code, 1, "with {leave} bytes left: {}", run.stderr);
        assert_eq!(clones.head("disk/b"), head);
        assert_eq!(
            clones.git("disk/b", &["status", "--porcelain"]),
            "",
            "with {leave} bytes left"
        );
    }
    clones.sync("disk/b", &[]).ok();
    clones.assert_clean("disk/b");
    clones.sync("a", &[]).ok();
    assert_eq!(clones.get("a", "own"), "my-own-value-here");
}

#[test]
fn a_resolver_tells_when_standard_output_is_full() {
    if !Path::new("/dev/full").exists() {
        return skip("a full standard output (no /dev/full)");
    }
    let fleet = Fleet::without_vault();
    let mut command = fleet.resolver_command("alice", &["expand"]);
    command
        .stdout(fs::File::create("/dev/full").unwrap())
        .stdin(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"text").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("cannot write standard output: No space left on device"),
        "{stderr}"
    );
}
