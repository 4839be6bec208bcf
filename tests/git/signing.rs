//! Who commits, and commits that git signs.

use std::fs;

use super::child::once;
use super::support::*;

#[test]
fn the_identity_is_gits() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    for key in ["user.name", "user.email"] {
        sandbox.git(&dir, &["config", "--unset", key]);
    }
    assert_eq!(
        once(&sandbox, &dir, &[]),
        "failed: git does not know who you are: set user.name and user.email with 'git config'"
    );
    let config = "[user]\n\tname = Global\n\temail = global@example.org\n";
    fs::write(sandbox.home().join(".gitconfig"), config).unwrap();
    let line = once(
        &sandbox,
        &dir,
        &[("GIT_AUTHOR_NAME", "Ann"), ("GIT_COMMITTER_DATE", "1700000000 +0530")],
    );
    assert!(line.starts_with("written "), "{line}");
    assert_eq!(
        sandbox.git(&dir, &["log", "-1", "--format=%an %ae|%cn %ce|%cd", "--date=raw"]),
        "Ann global@example.org|Global global@example.org|1700000000 +0530"
    );
    sandbox.assert_clean(&dir);
}

#[test]
fn signs_with_an_ssh_key() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let key = sandbox.path("key");
    let mut keygen = sandbox.command("ssh-keygen");
    let Ok(made) = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status() else {
        return skip_without("ssh-keygen", "signing with ssh");
    };
    assert!(made.success());
    let public = fs::read_to_string(sandbox.path("key.pub")).unwrap();
    fs::write(sandbox.path("allowed"), format!("tester@example.org {public}")).unwrap();
    sandbox.git(&dir, &["config", "commit.gpgsign", "yes"]);
    sandbox.git(&dir, &["config", "gpg.format", "ssh"]);
    sandbox.git(&dir, &["config", "user.signingkey", key.to_str().unwrap()]);
    let allowed = sandbox.path("allowed");
    sandbox.git(
        &dir,
        &["config", "gpg.ssh.allowedSignersFile", allowed.to_str().unwrap()],
    );
    let line = once(&sandbox, &dir, &[("GIT_AUTHOR_NAME", "Ann")]);
    assert!(line.starts_with("written "), "{line}");
    sandbox.git(&dir, &["verify-commit", "HEAD"]);
    assert_eq!(
        sandbox.git(&dir, &["log", "-1", "--format=%G? %an %cn|%B"]),
        "G Ann Tester|fleetvault: set\n\nFleetvault-Credential: a"
    );
    sandbox.assert_clean(&dir);
    let bare = sandbox.path("v.git");
    sandbox.git(&dir, &["clone", "-q", "--bare", ".", "../v.git"]);
    for key in [
        "commit.gpgsign",
        "gpg.format",
        "user.signingkey",
        "user.name",
        "user.email",
    ] {
        let value = sandbox.git(&dir, &["config", key]);
        sandbox.git(&bare, &["config", key, &value]);
    }
    put(&dir, "x", "");
    assert!(set(&bare, &[("credentials/a.toml", "a 3\n")]).is_ok());
    assert!(
        sandbox
            .git(&bare, &["cat-file", "commit", "HEAD"])
            .contains("SSH SIGNATURE")
    );
}

#[test]
fn signs_with_an_openpgp_key() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    // Sockets of the agent need a short path.
    let home = tempfile::Builder::new().prefix("g").tempdir().unwrap();
    let variables = [("GNUPGHOME", home.path().to_str().unwrap())];
    let gpg = |args: &[&str]| sandbox.command("gpg").envs(variables).args(args).output();
    let made = gpg(&[
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-generate-key",
        "Tester <tester@example.org>",
        "ed25519",
        "sign",
    ]);
    let Ok(made) = made else {
        return skip_without("gpg", "signing with openpgp");
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    sandbox.git(&dir, &["config", "commit.gpgsign", "1"]);
    sandbox.git(&dir, &["config", "user.signingkey", "tester@example.org"]);
    let line = once(&sandbox, &dir, &variables);
    assert!(line.starts_with("written "), "{line}");
    let mut verify = sandbox.command("git");
    verify.envs(variables).current_dir(&dir).args(["verify-commit", "HEAD"]);
    assert!(verify.status().unwrap().success());
    sandbox.assert_clean(&dir);
    let _ = sandbox
        .command("gpgconf")
        .envs(variables)
        .args(["--kill", "all"])
        .status();
}

#[test]
fn a_signature_that_fails_is_a_commit_that_fails() {
    let sandbox = Sandbox::new();
    let dir = sandbox.vault("v");
    let head = sandbox.head(&dir);
    sandbox.git(&dir, &["config", "commit.gpgsign", "true"]);
    sandbox.git(&dir, &["config", "gpg.format", "ssh"]);
    sandbox.git(&dir, &["config", "user.signingkey", "/nowhere/key"]);
    let line = once(&sandbox, &dir, &[]);
    assert!(line.starts_with("failed: git could not sign the commit: "), "{line}");
    assert!(line.contains("/nowhere/key"), "{line}");
    assert_eq!(sandbox.head(&dir), head);
    sandbox.assert_clean(&dir);
}
