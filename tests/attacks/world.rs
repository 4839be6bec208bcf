//! What every attack starts from: a fleet of two members with four credentials, made once and written out anew for each test, and the hands
//! of an attacker: plain git, git's plumbing, and the format crate.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use vault_format::{AuthorName, Credential, Digest, Draft, FilePath, Head, Kind, Parsed, Root, SigningKey};

use crate::support::{Fleet, Run, run};

/// The value of `github_pat`, for fleet-dev alone.
pub const DEV: &str = "s3cr3t-of-dev";
/// The value of `rev_pat`, for fleet-rev alone.
pub const REV: &str = "s3cr3t-of-rev";
/// The value of `shared_key`, for both.
pub const BOTH: &str = "s3cr3t-of-both";
/// The value of `pub_token`, for everyone.
pub const ALL: &str = "s3cr3t-of-all";

/// What no output of a refused run may contain.
const MARKS: [&str; 2] = ["s3cr3t", "BEGIN OPENSSH"];

type Frozen = Vec<(PathBuf, Kept)>;

enum Kept {
    Directory,
    File(Vec<u8>, u32),
    Link(PathBuf),
}

/// A vault by alice with the members fleet-dev and fleet-rev, and one credential for each, for both, for everyone.
pub fn world() -> Fleet {
    static WORLD: OnceLock<Frozen> = OnceLock::new();
    let frozen = WORLD.get_or_init(|| {
        let fleet = Fleet::new();
        fleet.member("fleet-dev");
        fleet.member("fleet-rev");
        fleet.set("github_pat", DEV, "fleet-dev");
        fleet.set("rev_pat", REV, "fleet-rev");
        fleet.set("shared_key", BOTH, "fleet-dev,fleet-rev");
        fleet.set("pub_token", ALL, "*");
        let mut frozen = Vec::new();
        freeze(&fleet.path(""), Path::new(""), &mut frozen);
        frozen
    });
    let fleet = Fleet::without_vault();
    for (path, kept) in frozen {
        let path = fleet.path("").join(path);
        match kept {
            Kept::Directory => fs::create_dir_all(path).unwrap(),
            Kept::Link(target) => symlink(target, path).unwrap(),
            Kept::File(bytes, mode) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }
    fleet
}

fn freeze(base: &Path, below: &Path, frozen: &mut Frozen) {
    for entry in fs::read_dir(base.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            frozen.push((path.clone(), Kept::Directory));
            freeze(base, &path, frozen);
        } else if kind.is_symlink() {
            frozen.push((path, Kept::Link(fs::read_link(entry.path()).unwrap())));
        } else {
            let mode = entry.metadata().unwrap().permissions().mode();
            frozen.push((path, Kept::File(fs::read(entry.path()).unwrap(), mode)));
        }
    }
}

/// Every file below a directory with its contents: what must be the same after a refused run.
pub fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                collect(&path, found);
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(directory, &mut found);
    found
}

/// What a machine remembers: its state without the audit log, which tells of refusals too.
pub fn memory(state: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut memory = contents(state);
    memory.remove(&state.join("fleetvault/audit.jsonl"));
    memory
}

pub trait Attack {
    /// What a member gets for a reference to this credential.
    fn ask(&self, member: &str, name: &str) -> Run;
    /// Demands that a member is refused with this code, and that nothing was printed, written or told.
    fn refused(&self, member: &str, name: &str, code: i32) -> Run;
    /// Demands that a member still gets these.
    fn gets(&self, member: &str, expected: &[(&str, &str)]);
    /// Demands that `verify` ends with 6, and that a line of it begins with this path and has this text.
    fn finds(&self, path: &str, text: &str) -> Run;
    /// Demands that `verify` has nothing to say.
    fn finds_nothing(&self);
    /// Runs git with this on standard input, and returns what it printed, trimmed.
    fn plumb(&self, args: &[&str], stdin: &[u8]) -> String;
    /// Writes an object and returns its id.
    fn object(&self, bytes: &[u8]) -> String;
    /// Commits the present index with one more entry, whatever the work tree holds.
    fn plant(&self, mode: &str, object: &str, path: &str);
    /// A credential as it stands in the work tree.
    fn credential(&self, name: &str) -> Parsed<Credential>;
    /// Alice's signing key, for what an author was tricked into, or a laptop did that is behind.
    fn alice(&self) -> SigningKey;
}

impl Attack for Fleet {
    fn ask(&self, member: &str, name: &str) -> Run {
        self.expand(member, &format!("<<secure.{name}>>"))
    }

    #[track_caller]
    fn refused(&self, member: &str, name: &str, code: i32) -> Run {
        let state = self.path(&format!("{member}-state"));
        let before = memory(&state);
        let run = clean(self.ask(member, name).fails(code).silent());
        // What was seen and lies outside the scope, was removed or has expired is remembered: it passed all checks.
        if !(3..=5).contains(&code) {
            assert!(
                memory(&state) == before,
                "a refused run has written to {}",
                state.display()
            );
        }
        run
    }

    #[track_caller]
    fn gets(&self, member: &str, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(self.ask(member, name).ok().out(), *value, "{member} {name}");
        }
    }

    #[track_caller]
    fn finds(&self, path: &str, text: &str) -> Run {
        let run = clean(self.fleetvault(&["verify"]).fails(6));
        let out = run.out();
        let found = out
            .lines()
            .any(|line| line.starts_with(&format!("{path}: ")) && line.contains(text));
        assert!(found, "expected '{path}: …{text}…' in\n{out}{}", run.stderr);
        run
    }

    #[track_caller]
    fn finds_nothing(&self) {
        self.fleetvault(&["verify"]).ok();
    }

    fn plumb(&self, args: &[&str], stdin: &[u8]) -> String {
        let mut command = self.command("git", "alice");
        command.args(args).current_dir(self.vault());
        run(command, stdin).ok().out().trim().to_owned()
    }

    fn object(&self, bytes: &[u8]) -> String {
        self.plumb(&["hash-object", "-w", "--stdin"], bytes)
    }

    fn plant(&self, mode: &str, object: &str, path: &str) {
        self.git(&[
            "update-index",
            "--add",
            "--replace",
            "--cacheinfo",
            &format!("{mode},{object},{path}"),
        ]);
        self.git(&["commit", "-q", "-m", "planted"]);
    }

    fn credential(&self, name: &str) -> Parsed<Credential> {
        let path = FilePath::Credential(name.parse().unwrap());
        Parsed::parse(self.read(&path.to_string()).as_bytes(), &path).unwrap_or_else(|error| panic!("{error}"))
    }

    fn alice(&self) -> SigningKey {
        signing_key(&self.path("alice/fleetvault/signing_key"))
    }
}

/// Demands that an output tells no value and no private key.
#[track_caller]
pub fn clean(run: Run) -> Run {
    for text in [&run.stderr, &String::from_utf8_lossy(&run.stdout).into_owned()] {
        for mark in MARKS {
            assert!(!text.contains(mark), "{mark} in {text}");
        }
        // A hint may name the prefix; a key goes on behind it.
        let mut keys = text.split("AGE-SECRET-KEY-1").skip(1);
        assert!(
            keys.all(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric())),
            "a private key in {text}"
        );
    }
    run
}

pub fn signing_key(path: &Path) -> SigningKey {
    SigningKey::from_openssh(&fs::read(path).unwrap()).unwrap()
}

/// Signs as whoever holds the key, under whatever name and namespace.
pub fn signed<K: Kind>(draft: Draft<K>, key: &SigningKey, author: &str, namespace: &str) -> Parsed<K> {
    let signature = key.sign(namespace, draft.signed_bytes()).unwrap();
    let author: AuthorName = author.parse().unwrap();
    draft
        .signed_by(author, signature)
        .finish()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A document with another header over the same payload.
pub fn redrafted<K: Kind>(document: &Parsed<K>, change: impl FnOnce(&mut Head<K>)) -> Draft<K> {
    let mut head = document.head().clone();
    change(&mut head);
    Draft::with_payload(head, document.payload().map(str::to_owned)).unwrap_or_else(|error| panic!("{error}"))
}

/// A root that follows another one, signed by whom you like.
pub fn successor(
    fleet: &Fleet,
    before: &Parsed<Root>,
    by: &SigningKey,
    author: &str,
    change: impl FnOnce(&mut Root),
) -> Parsed<Root> {
    let mut body = before.head().body.clone().unwrap();
    body.nonce = None;
    body.previous = Some(Digest::of(before.signed_bytes()));
    change(&mut body);
    let head = Head {
        vault: fleet.id().parse().ok(),
        subject: (),
        serial: before.head().serial + 1,
        body: Some(body),
    };
    signed(Draft::plain(head).unwrap(), by, author, Root::NAMESPACE)
}

/// A root of this serial that no vault has, as an anchor names it.
pub fn no_root(serial: u64) -> String {
    format!("{serial}@{}", vault_format::Digest::of(b"the root of no vault"))
}
