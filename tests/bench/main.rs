//! The figures that fleetvault promises, measured as whole processes beside what they are compared with, in one run.
//!
//! Every run but the warm-up finds large folders unchanged, so the places of files in them are remembered; the first use is slower.
//! `cargo bench` prints ratios of medians; absolute times are those of the machine at hand. `cargo bench -- NAME` runs some only.

mod fleet;
mod mask;
mod mcp;
mod timing;
mod vaults;

use std::{fs, path::Path, process::Command, thread, time::Instant};

use fleetvault::{
    review::{proposal::review, verify::verify},
    vault::{Access, Repository, Vault},
};
use timing::{compare, compare_sum, peak_memory, print};
use vault_format::{Credential, FilePath, Kind, Parsed};
use vaults::Fixture;

const RUNS: usize = 201;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if std::env::args().any(|arg| arg == mcp::BARE) {
        return mcp::serve_bare();
    }
    let benches: [(&str, fn()); 16] = [
        ("age", against_age),
        ("scope", scope_size),
        ("everyone", members_of_everyone),
        ("folder", size_of_folder),
        ("folders", many_folders),
        ("set", set_against_git),
        ("verify", verify_against_signatures),
        ("review", review_against_signatures),
        ("exposure", exposure_against_git_log),
        ("run", run_beside_its_parts),
        ("mask", mask::masking),
        ("mcp", mcp::serving),
        ("resolve", mcp::resolving),
        ("join", fleet::joining),
        ("leave", fleet::leaving),
        ("renew", fleet::renewing),
    ];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            bench();
        }
    }
}

/// `expand` of one reference among 1,000 credentials and 100 members, beside `age -d` of the same payload.
fn against_age() {
    let fixture = Fixture::new(100);
    fixture.credentials((0..1000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let payload = fixture.payload("c500");
    let identity = fixture.identity("m1");
    let ours = || fixture.expand("m1", "<<secure.c500>>");
    let age = || {
        let mut age = Command::new("age");
        age.arg("-d").arg("-i").arg(&identity).arg(&payload);
        age
    };
    print(
        "expand / age -d, 1,000 credentials, 100 members",
        0.8,
        &compare(RUNS, ours, age),
    );
    let empty = || Command::new("true");
    print(
        "expand / true (an empty process)",
        f64::INFINITY,
        &compare(RUNS, ours, empty),
    );
    println!("  peak memory of expand: {} KiB (at most 16384)", peak_memory(ours()));
}

/// `run -- true` with one reference beside `expand` of it and `true`, one after the other.
fn run_beside_its_parts() {
    let fixture = Fixture::new(100);
    fixture.credentials((0..1000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let parts: [&dyn Fn() -> Command; 2] = [&|| fixture.expand("m1", "<<secure.c500>>"), &|| {
        Command::new("/bin/true")
    }];
    let direct = || fixture.resolver("m1", &["run", "--", "/bin/true", "<<secure.c500>>"]);
    print("run -- true / expand + true", 1.5, &compare_sum(RUNS, direct, &parts));
    let shell = || fixture.resolver("m1", &["run", "--shell", "true <<secure.c500>>"]);
    print(
        "run --shell true / expand + true",
        f64::INFINITY,
        &compare_sum(RUNS, shell, &parts),
    );
    println!("  peak memory of run: {} KiB", peak_memory(direct()));
}

/// A credential of 30 members beside one of a single member.
fn scope_size() {
    let fixture = Fixture::new(100);
    let thirty: Vec<String> = (1..=30).map(|n| format!("m{n}")).collect();
    fixture.credentials([("many".to_owned(), thirty), ("one".to_owned(), vec!["m17".into()])]);
    let result = compare(
        RUNS,
        || fixture.expand("m17", "<<secure.many>>"),
        || fixture.expand("m17", "<<secure.one>>"),
    );
    print("scope of 30 members / of 1", 1.3, &result);
}

/// A credential for everyone among 1,000 members beside one among 10.
fn members_of_everyone() {
    let (large, small) = (Fixture::new(1000), Fixture::new(10));
    for fixture in [&large, &small] {
        fixture.credentials([("public".to_owned(), vec!["*".into()])]);
    }
    let result = compare(
        RUNS,
        || large.expand("m5", "<<secure.public>>"),
        || small.expand("m5", "<<secure.public>>"),
    );
    print("'*' with 1,000 members / with 10", 1.1, &result);
}

/// 10,000 credentials in one folder beside 100.
fn size_of_folder() {
    let (large, small) = (Fixture::new(2), Fixture::new(2));
    large.credentials((0..10_000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    small.credentials((0..100).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let result = compare(
        RUNS,
        || large.expand("m1", "<<secure.c77>>"),
        || small.expand("m1", "<<secure.c77>>"),
    );
    print("10,000 credentials in a folder / 100", 2.0, &result);
}

/// 100,000 credentials in 100 folders beside 100 in one.
fn many_folders() {
    let (large, small) = (Fixture::new(2), Fixture::new(2));
    large.credentials((0..100_000).map(|n| (format!("f{}/c{n}", n % 100), vec!["m1".into()])));
    small.credentials((0..100).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let result = compare(
        RUNS,
        || large.expand("m1", "<<secure.f77/c77>>"),
        || small.expand("m1", "<<secure.c77>>"),
    );
    print("100,000 credentials in 100 folders / 100 in one", 1.5, &result);
}

/// `set` of one credential among 10,000 beside `git add` and `git commit` of one file, both synced to disk.
fn set_against_git() {
    let fixture = Fixture::new(2);
    fixture.credentials((0..10_000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    fixture.git(&["config", "gc.auto", "0"]);
    let value = fixture.path("value");
    fs::write(&value, "a new value").unwrap();
    let set = || {
        fixture.fleetvault(&[
            "set",
            "c5000",
            "--members",
            "m1",
            "--from-file",
            value.to_str().unwrap(),
        ])
    };
    let git = |durability: &'static str| {
        let (fixture, file) = (&fixture, fixture.vault().join("credentials/c6000.toml"));
        move || {
            fs::write(&file, format!("changed {:?}\n", Instant::now())).unwrap();
            let mut shell = Command::new("sh");
            let line =
                format!("git -c {durability} add credentials/c6000.toml && git -c {durability} commit -qm changed");
            fixture.environment(&mut shell);
            shell.arg("-c").arg(line).current_dir(fixture.vault());
            shell
        }
    };
    print(
        "set among 10,000 / git add + commit, both synced",
        0.6,
        &compare(31, set, git("core.fsync=all")),
    );
    print(
        "the same, git syncing objects but neither index nor refs",
        f64::INFINITY,
        &compare(31, set, git("core.fsync=committed,loose-object")),
    );
}

/// `verify` of 10,000 credentials beside nothing but the signature checks of the same files, both on all processors.
fn verify_against_signatures() {
    let fixture = Fixture::new(10);
    fixture.credentials((0..10_000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let repository = Repository::open(&fixture.vault(), Access::Read).unwrap();
    let vault = Vault::load(repository.snapshot("HEAD").unwrap(), None).unwrap();
    let root = vault.authority().root().authors[0].key.to_string();
    let files = signed_files(&fixture.vault().join("credentials"));
    assert_eq!(files.len(), 10_000);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        let start = Instant::now();
        assert!(verify(&vault, &|_| {}).unwrap().findings.is_empty());
        ours.push(start.elapsed());
        let start = Instant::now();
        check_signatures(&root, &files);
        bare.push(start.elapsed());
    }
    print(
        "verify of 10,000 / their bare signature checks",
        1.5,
        &timing::ratios(ours, bare),
    );
}

/// `review` of 1,000 changed credentials among 10,000 beside nothing but the signature checks of those, both on all processors.
fn review_against_signatures() {
    let fixture = Fixture::new(10);
    fixture.credentials((0..10_000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let names: Vec<String> = (0..1000).map(|n| format!("c{n}")).collect();
    let touch: Vec<&str> = ["touch"].into_iter().chain(names.iter().map(String::as_str)).collect();
    assert!(
        fixture
            .fleetvault(&touch)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let repository = Repository::open(&fixture.vault(), Access::Read).unwrap();
    let base = Vault::load(repository.snapshot("HEAD~1").unwrap(), None).unwrap();
    let head = repository.commit("HEAD").unwrap();
    let signer = base.authority().root().authors[0].key.to_string();
    let mut files = signed_files(&fixture.vault().join("credentials"));
    files.truncate(1000);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let start = Instant::now();
        assert_eq!(
            review(&repository, &base, &base, head, &|_| {}).unwrap().items.len(),
            1000
        );
        ours.push(start.elapsed());
        let start = Instant::now();
        check_signatures(&signer, &files);
        bare.push(start.elapsed());
    }
    print(
        "review of 1,000 changed of 10,000 / their bare signature checks",
        2.0,
        &timing::ratios(ours, bare),
    );
}

/// `exposure` over 10,000 commits, each with a new version of one of 100 credentials, beside `git log --raw` of the same paths.
fn exposure_against_git_log() {
    let fixture = Fixture::new(20);
    fixture.history(100, 100);
    let ours = |args: &'static [&'static str]| {
        let fixture = &fixture;
        move || fixture.fleetvault(&[&["exposure"], args].concat())
    };
    let log = || {
        let mut git = Command::new("git");
        fixture.environment(&mut git);
        git.args(["log", "--raw", "--"]).args(vault_format::FOLDERS);
        git.current_dir(fixture.vault());
        git
    };
    print(
        "exposure of 10,000 commits / git log --raw",
        3.0,
        &compare(11, ours(&[]), log),
    );
    print(
        "exposure --format html / git log --raw",
        f64::INFINITY,
        &compare(5, ours(&["--format", "html"]), log),
    );
    print(
        "list --exposed / git log --raw",
        f64::INFINITY,
        &compare(5, || fixture.fleetvault(&["list", "--exposed"]), log),
    );
    println!("  peak memory of exposure: {} KiB", peak_memory(ours(&[])()));
}

/// The signed bytes and the armored signature of every credential, as `ssh-keygen -Y verify` would take them.
fn signed_files(directory: &Path) -> Vec<(Vec<u8>, String)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let path = FilePath::parse(&format!("credentials/{name}")).unwrap();
            let bytes = fs::read(entry.path()).unwrap();
            let parsed = Parsed::<Credential>::parse(&bytes, &path).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            let (_, signature) = text.split_once("value = \"\"\"\n").unwrap();
            let signature = signature.trim_end_matches("\"\"\"\n").to_owned();
            (parsed.signed_bytes().to_vec(), signature)
        })
        .collect()
}

/// What any tool must do at least: decode each signature and check it, on all processors.
fn check_signatures(signer: &str, files: &[(Vec<u8>, String)]) {
    let key: ssh_key::PublicKey = signer.parse().unwrap();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(threads)) {
            let key = &key;
            scope.spawn(move || {
                for (message, signature) in part {
                    let signature: ssh_key::SshSig = signature.parse().unwrap();
                    key.verify(Credential::NAMESPACE, message, &signature).unwrap();
                }
            });
        }
    });
}
