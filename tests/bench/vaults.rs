//! Vaults of any size, made through the library in a few commits, and the commands that are measured in them.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fleetvault::{
    author::{Desk, NewVault, Plan, Signer, VaultFiles},
    cli::time::now,
    vault::{Access, CommitRequest, Repository, Snapshot, Vault, WriteOptions, init_repository, write, write_new},
};
use tempfile::TempDir;
use vault_format::{
    Anchor, Credential, Grant, GrantSubject, GroupName, Identity, IdentityFile, Member, Network, Scope, Secret,
    SigningKey, Timestamp,
};

/// A vault by `alice` with members `m1`, `m2`, … in a directory that goes away.
pub struct Fixture {
    directory: TempDir,
}

impl Fixture {
    /// A vault with this many members beside alice.
    pub fn new(members: usize) -> Self {
        let fixture = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(fixture.path("keys")).unwrap();
        fs::write(
            fixture.path("gitconfig"),
            "[user]\n\tname = Alice\n\temail = alice@fleet.example\n",
        )
        .unwrap();
        let key = SigningKey::generate().unwrap();
        fs::write(fixture.signing_key(), key.to_openssh("alice").unwrap().as_bytes()).unwrap();
        let repository = init_repository(&fixture.vault()).unwrap();
        configure(&fixture.vault());
        let alice = Identity::generate();
        let VaultFiles { files, vault } = NewVault {
            author: "alice".parse().unwrap(),
            signer: &Signer::open(&fixture.signing_key()).unwrap(),
            member: "alice".parse().unwrap(),
            recipient: alice.recipient().clone(),
            recovery: None,
            plugins: None,
        }
        .files()
        .unwrap();
        let request = CommitRequest {
            files,
            subject: "init".into(),
            trailers: Vec::new(),
        };
        write_new(&repository, "", &WriteOptions::default(), &request).unwrap();
        fixture.write_identity("alice", &alice, vault);
        fixture.add_members(members, vault);
        fixture
    }

    /// Adds credentials in one commit, and packs the repository as a clone would have it.
    pub fn credentials(&self, credentials: impl IntoIterator<Item = (String, Vec<String>)>) {
        let credentials: Vec<(String, Scope)> = credentials
            .into_iter()
            .map(|(name, members)| (name, Scope::from_entries(members.iter().map(String::as_str)).unwrap()))
            .collect();
        self.commit(|desk| {
            for (name, scope) in &credentials {
                let (sealed_to, _) = desk.holders(scope).unwrap();
                let terms = Credential {
                    scope: scope.clone(),
                    sealed_to,
                    network: Network::Allow,
                    expires: None,
                    value_set: now(),
                    note: None,
                };
                let value = Secret::new(format!("value-of-{name}").into_bytes());
                desk.write_credential(&name.parse().unwrap(), None, terms, &value)
                    .unwrap();
            }
        });
        self.git(&["gc", "-q"]);
    }

    /// Makes a history in which each commit has a new version of one credential: `rounds` versions of each. Packed, as a clone would have it.
    pub fn history(&self, credentials: usize, rounds: u64) {
        let scopes = [vec!["m1"], vec!["m1", "m2"], vec!["m2", "m3", "m4"]];
        let base = self.git_output(&["rev-parse", "HEAD"], b"");
        let mut script = String::new();
        for round in 0..rounds {
            self.commit(|desk| {
                for n in 0..credentials {
                    let scope = &scopes[(n + round as usize) % scopes.len()];
                    let scope = Scope::from_entries(scope.iter().copied()).unwrap();
                    let (sealed_to, _) = desk.holders(&scope).unwrap();
                    let terms = Credential {
                        scope,
                        sealed_to,
                        network: Network::Allow,
                        expires: None,
                        // A new value every fifth time, a new scope otherwise.
                        value_set: Timestamp::from_unix(1_800_000_000 + (round / 5) as i64 * 1000).unwrap(),
                        note: None,
                    };
                    let value = Secret::new(format!("value-of-{n}").into_bytes());
                    let before = (round > 0).then_some(round);
                    desk.write_credential(&format!("c{n}").parse().unwrap(), before, terms, &value)
                        .unwrap();
                }
            });
            for line in self.git_output(&["ls-tree", "-r", "HEAD", "credentials/"], b"").lines() {
                let (entry, path) = line.split_once('\t').unwrap();
                let id = entry.split(' ').nth(2).unwrap();
                let from = if script.is_empty() {
                    format!("from {}\n", base.trim())
                } else {
                    String::new()
                };
                script.push_str(&format!(
                    "commit refs/heads/long\ncommitter A <a@b> {} +0000\ndata 6\nchange\n{from}M 100644 {id} {path}\n\n",
                    1_800_000_000 + round * 100
                ));
            }
        }
        self.git_output(&["fast-import", "--quiet", "--force"], script.as_bytes());
        self.git(&["checkout", "-q", "-B", "main", "long"]);
        self.git(&["branch", "-q", "-D", "long"]);
        self.git(&["reflog", "expire", "--expire=now", "--all"]);
        self.git(&["gc", "-q", "--prune=now"]);
    }

    fn git_output(&self, args: &[&str], stdin: &[u8]) -> String {
        let mut git = Command::new("git");
        self.environment(&mut git);
        git.args(args).current_dir(self.vault());
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// `fleetvault-resolver expand` of a template, for a member.
    pub fn expand(&self, member: &str, template: &str) -> Command {
        let file = self.path("template");
        fs::write(&file, template).unwrap();
        let mut command = self.resolver(member, &["expand"]);
        command.arg(file);
        command
    }

    /// `fleetvault-resolver` for a member.
    pub fn resolver(&self, member: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetvault-resolver"));
        self.environment(&mut command);
        command
            .arg("--vault")
            .arg(self.vault())
            .arg("--identity")
            .arg(self.identity(member))
            .args(args);
        command
    }

    /// `fleetvault` by alice.
    pub fn fleetvault(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetvault"));
        self.environment(&mut command);
        command
            .arg("-C")
            .arg(self.vault())
            .arg("--identity")
            .arg(self.identity("alice"))
            .arg("--signing-key")
            .arg(self.signing_key())
            .args(args);
        command
    }

    /// The armored payload of a credential, as a file of its own.
    pub fn payload(&self, name: &str) -> PathBuf {
        let text = fs::read_to_string(self.vault().join(format!("credentials/{name}.toml"))).unwrap();
        let (_, rest) = text.split_once("payload = \"\"\"\n").unwrap();
        let (payload, _) = rest.split_once("\"\"\"").unwrap();
        let file = self.path("payload.age");
        fs::write(&file, payload).unwrap();
        file
    }

    pub fn identity(&self, member: &str) -> PathBuf {
        self.path(&format!("keys/{member}.txt"))
    }

    pub fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        self.environment(&mut git);
        assert!(git.args(args).current_dir(self.vault()).status().unwrap().success());
    }

    pub fn environment(&self, command: &mut Command) {
        command
            .env("HOME", self.directory.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"));
    }

    fn signing_key(&self) -> PathBuf {
        self.path("signing_key")
    }

    fn add_members(&self, members: usize, vault: vault_format::VaultId) {
        let new: Vec<(String, Identity)> = (1..=members).map(|n| (format!("m{n}"), Identity::generate())).collect();
        for (name, identity) in &new {
            self.write_identity(name, identity, vault);
        }
        self.commit(|desk| {
            let keyring = desk.keyring.unwrap();
            let all = keyring.group_key(&GroupName::all(), 1).unwrap().unwrap();
            for (name, identity) in &new {
                let name = name.parse().unwrap();
                let member = Member {
                    epoch: 1,
                    recipients: vec![identity.recipient().clone()],
                    note: None,
                };
                desk.write_member(&name, None, member).unwrap();
                let subject = GrantSubject {
                    group: GroupName::all(),
                    member: name.clone(),
                };
                let head = desk.head(subject, None, Some(Grant::to(&name, 1, 1)));
                desk.write_sealed(head, &all.expose_line().unwrap(), &[identity.recipient().clone()])
                    .unwrap();
            }
        });
    }

    fn write_identity(&self, member: &str, identity: &Identity, vault: vault_format::VaultId) {
        let anchor = Anchor {
            vault,
            member: Some(member.parse().unwrap()),
            root: None,
        };
        let line = identity.expose_line().unwrap();
        let text = format!("{}\n{}\n", anchor.to_line(), line.expose_text().unwrap());
        let path = self.identity(member);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn commit(&self, work: impl Fn(&mut Desk<'_, '_, '_>)) {
        let repository = Repository::open(&self.vault(), Access::Write).unwrap();
        let written = write(
            &repository,
            &WriteOptions::default(),
            |snapshot| -> Result<CommitRequest, ()> {
                self.at_desk(snapshot.again(&repository).unwrap(), |mut desk| {
                    work(&mut desk);
                    let Plan { mut request, .. } = desk.finish("bench", Vec::new()).unwrap();
                    request.trailers.clear();
                    Ok(request)
                })
            },
        );
        written.unwrap();
    }

    /// Lets alice prepare a change of HEAD, of which no commit is made.
    pub fn plan<T>(&self, work: impl FnOnce(Desk<'_, '_, '_>) -> T) -> T {
        let repository = Repository::open(&self.vault(), Access::Write).unwrap();
        self.at_desk(repository.snapshot("HEAD").unwrap(), work)
    }

    fn at_desk<T>(&self, snapshot: Snapshot<'_>, work: impl FnOnce(Desk<'_, '_, '_>) -> T) -> T {
        let vault = Vault::load(snapshot, None).unwrap();
        let signer = Signer::open(&self.signing_key()).unwrap();
        let file = IdentityFile::parse(&fs::read(self.identity("alice")).unwrap()).unwrap();
        let keyring = fleetvault::resolver::identify(&vault, file, &Default::default()).unwrap();
        let now: Timestamp = now();
        work(Desk::new(&vault, &signer, Some(&keyring), now).unwrap())
    }
}

fn configure(vault: &Path) {
    for (key, value) in [("user.name", "Alice"), ("user.email", "alice@fleet.example")] {
        let git = Command::new("git")
            .args(["config", key, value])
            .current_dir(vault)
            .status();
        assert!(git.unwrap().success());
    }
}
