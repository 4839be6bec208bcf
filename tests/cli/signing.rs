//! Signing through the user's own programs: encrypted keys, agents, and commits that git signs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::{Fleet, Run, has, run};

/// An `ssh-agent` of the test's own, ended with it.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(directory: &Path) -> Self {
        let socket = directory.join("agent");
        let mut command = Command::new("ssh-agent");
        // -D: it stays our child, so that it can be ended by its handle.
        command
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let agent = Self { child, socket };
        for _ in 0..200 {
            if agent.socket.exists() {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("ssh-agent did not start");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes an SSH key with this passphrase.
fn ssh_key(fleet: &Fleet, name: &str, passphrase: &str) -> PathBuf {
    let file = fleet.path(name);
    let mut command = fleet.command("ssh-keygen", "alice");
    command
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", "a comment", "-f"])
        .arg(&file);
    run(command, b"").ok();
    file
}

fn with_key(fleet: &Fleet, key: &Path, variables: &[(&str, &Path)], args: &[&str]) -> Run {
    let mut command = fleet.fleetvault_command(args);
    command
        .env("FLEETVAULT_SIGNING_KEY", key)
        .envs(variables.iter().copied());
    fleet.remember(b"value-of-token");
    run(command, b"value-of-token")
}

#[cfg(unix)]
#[test]
fn an_encrypted_key_and_one_in_an_agent() {
    use std::os::unix::fs::PermissionsExt;

    if !has("ssh-keygen") || !has("ssh-agent") {
        return;
    }
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let key = ssh_key(&fleet, "key", "a long passphrase");
    // ssh-keygen asks for the passphrase as it always does; here by a program in place of a terminal.
    let askpass = fleet.path("askpass");
    fs::write(&askpass, "#!/bin/sh\necho 'a long passphrase'\n").unwrap();
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
    let force = Path::new("force");
    let asking = [("SSH_ASKPASS", askpass.as_path()), ("SSH_ASKPASS_REQUIRE", force)];
    with_key(&fleet, &key, &asking, &["init", "--author", "alice"]).ok();
    with_key(&fleet, &key, &asking, &["set", "token"]).ok();
    with_key(&fleet, &key, &asking, &["verify"]).ok();
    // Nobody who knows it: refused, and nothing written.
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let never = Path::new("/bin/false");
    let silent = [("SSH_ASKPASS", never), ("SSH_ASKPASS_REQUIRE", force)];
    with_key(&fleet, &key, &silent, &["rotate", "token"])
        .fails(1)
        .silent()
        .says("fleetvault: error: ssh-keygen did not sign with ")
        .says("hint: an agent must hold the key ('ssh-add FILE'");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);

    let agent = Agent::start(&fleet.path(""));
    let mut add = fleet.command("ssh-add", "alice");
    add.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &agent.socket).envs(asking);
    run(add, b"").ok();
    // The agent has it: the public half names it.
    fs::rename(&key, fleet.path("put-away")).unwrap();
    let public = fleet.path("key.pub");
    let path = agent.socket.clone();
    let socket = [("SSH_AUTH_SOCK", path.as_path())];
    with_key(&fleet, &public, &socket, &["rotate", "token"]).ok();
    with_key(&fleet, &public, &socket, &["doctor"])
        .ok()
        .prints("good  you are author 'alice'\n");
    fleet.fleetvault(&["verify"]).ok();
    drop(agent);
    with_key(&fleet, &public, &socket, &["rotate", "token"])
        .fails(1)
        .silent()
        .says("ssh-keygen did not sign with ");
    // An encrypted key without its public half beside it.
    fs::rename(&public, fleet.path("public")).unwrap();
    fs::rename(fleet.path("put-away"), &key).unwrap();
    with_key(&fleet, &key, &asking, &["rotate", "token"])
        .fails(1)
        .says("its public half ")
        .says("key.pub is needed");
}

#[test]
fn keys_that_cannot_sign() {
    if !has("ssh-keygen") {
        return;
    }
    let fleet = Fleet::new();
    let mut command = fleet.command("ssh-keygen", "alice");
    command
        .args(["-q", "-t", "ecdsa", "-N", "", "-f"])
        .arg(fleet.path("ecdsa"));
    run(command, b"").ok();
    with_key(&fleet, &fleet.path("ecdsa"), &[], &["set", "token"])
        .fails(1)
        .says("ecdsa: it is no ");
    // A good key of somebody else.
    let key = ssh_key(&fleet, "other", "");
    with_key(&fleet, &key, &[], &["set", "token"])
        .fails(7)
        .says("belongs to no author of this vault");
}

#[test]
fn commits_are_signed_where_git_signs() {
    if !has("ssh-keygen") || !has("git") {
        return;
    }
    let fleet = Fleet::new();
    let key = ssh_key(&fleet, "commit-key", "");
    let public = fs::read_to_string(fleet.path("commit-key.pub")).unwrap();
    fs::write(fleet.path("allowed"), format!("alice@fleet.example {public}")).unwrap();
    for (name, value) in [
        ("commit.gpgsign", "true"),
        ("gpg.format", "ssh"),
        ("user.signingkey", key.to_str().unwrap()),
        ("gpg.ssh.allowedSignersFile", fleet.path("allowed").to_str().unwrap()),
    ] {
        fleet.git(&["config", name, value]);
    }
    fleet.set("token", "value-of-token", "alice");
    fleet.git(&["verify-commit", "HEAD"]);
    assert_eq!(
        fleet
            .git(&["log", "-1", "--format=%G?|%s|%(trailers:only,unfold)"])
            .trim(),
        "G|fleetvault: set token|Fleetvault-Credential: token\nFleetvault-Scope: alice"
    );
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fleet.git(&["config", "user.signingkey", "/none/key"]);
    fleet
        .fleetvault_with(&["rotate", "token"], b"another-value")
        .fails(1)
        .silent()
        .says("git could not sign the commit: ")
        .says("commit.gpgsign is set; the same commit must work with 'git commit -S'");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(fleet.git(&["status", "--porcelain"]), "");
}

#[cfg(unix)]
#[test]
fn a_signature_that_readers_refuse_is_not_committed() {
    use std::os::unix::fs::PermissionsExt;

    if !has("ssh-keygen") {
        return;
    }
    let fleet = Fleet::without_vault();
    fs::create_dir(fleet.vault()).unwrap();
    let key = ssh_key(&fleet, "key", "");
    // As an agent, which has the private half, and signs something else.
    let bin = fleet.path("bin");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let program = format!(
        "#!/bin/sh\nPATH='{}'\nexec ssh-keygen -q -Y sign -n \"$5\" -f '{}' < /dev/null\n",
        path.to_str().unwrap(),
        key.display()
    );
    fs::write(bin.join("ssh-keygen"), program).unwrap();
    fs::set_permissions(bin.join("ssh-keygen"), fs::Permissions::from_mode(0o700)).unwrap();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
    let public = fleet.path("key.pub");
    let broken = |args: &[&str]| {
        with_key(&fleet, &public, &[("PATH", Path::new(&path))], args)
            .fails(1)
            .silent()
            .says("would be refused by every reader: ");
    };
    broken(&["init", "--author", "alice"]);
    assert!(!fleet.vault().join(".git").exists());
    with_key(&fleet, &key, &[], &["init", "--author", "alice"]).ok();
    with_key(&fleet, &key, &[], &["set", "token"]).ok();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for args in [&["set", "other"][..], &["rotate", "token"], &["rm", "token"]] {
        broken(args);
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}
