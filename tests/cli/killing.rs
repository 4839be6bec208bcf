//! `kill -9` at any point of every command that writes: HEAD is valid, the repository is sound, and the same command run again succeeds.
//!
//! Some rounds are always run; `KILLS=1000 cargo test --test cli killing` runs as many as one likes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use vault_format::{Identity, SigningKey};

use crate::support::{Fleet, Run, run};

const ROUNDS: u32 = 42;

/// A command, what it reads, and the state that it starts from.
struct Case {
    args: Vec<String>,
    stdin: &'static str,
    in_conflict: bool,
}

#[test]
fn a_kill_at_any_point_of_any_command_leaves_nothing_behind() {
    let rounds = std::env::var("KILLS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let fleet = prepared();
    let cases = cases();
    let mut usual = vec![Duration::from_millis(150); cases.len()];
    let (mut before, mut between, mut after) = (0, 0, 0);
    let start = Instant::now();
    for round in 0..rounds {
        let number = round as usize % cases.len();
        let case = &cases[number];
        thaw(&fleet, case.in_conflict);
        let head = head(&fleet);
        // Spread over the whole command by a cheap hash.
        let share = f64::from(round.wrapping_mul(2_654_435_761)) / f64::from(u32::MAX);
        killed(&fleet, case, usual[number].mul_f64(share));
        let what = format!("round {round}, {:?}", case.args);
        // As it is, before anybody cleans up.
        sound(&fleet, &what);
        let made = head != self::head(&fleet);
        let journal = fleet.vault().join(".git/fleetvault/journal").exists();
        match (made, journal) {
            (false, false) => before += 1,
            (_, true) => between += 1,
            (true, false) => after += 1,
        }
        let again = Instant::now();
        let done = again_run(&fleet, case);
        if made {
            // It was done: what it says now depends on the command, but it is no damage.
            assert!([0, 1, 4].contains(&done.code), "{what}: {}", done.stderr);
        } else {
            assert_eq!(done.code, 0, "{what}: {}", done.stderr);
            usual[number] = again.elapsed();
        }
        whole(&fleet, case, &what);
    }
    println!(
        "{rounds} kills in {:.0} s: {before} before the commit, {between} in the middle of it, {after} after it",
        start.elapsed().as_secs_f64()
    );
}

fn cases() -> Vec<Case> {
    let key = Identity::generate().recipient().to_string();
    let signer = SigningKey::generate().unwrap().signer().unwrap().to_string();
    let case = |line: &str, stdin| Case {
        args: line
            .split(' ')
            .map(|word| word.replace("KEY", &key).replace("SIGNER", &signer))
            .collect(),
        stdin,
        in_conflict: line.starts_with("merge"),
    };
    vec![
        case("set new_one --members dev,rev", "value-of-new-one"),
        case("set for_two --members dev,rev", "value-of-for-two-later"),
        case("rotate for_all", "value-of-for-all-later"),
        case("scope for_two --add ops", ""),
        case("touch *", ""),
        case("rm for_two", ""),
        case("edit for_two", ""),
        case("member add new --recipient KEY --like dev", ""),
        case("member remove dev", ""),
        case("member rekey rev --recipient KEY", ""),
        case("group add others dev ops", ""),
        case("group grant team ops", ""),
        case("group revoke team dev", ""),
        case("group revoke keepers ops", ""),
        case("group remove empty", ""),
        case("reseal --all", ""),
        case("author add other --key SIGNER", ""),
        case("author remove helper", ""),
        case("merge --ours", ""),
    ]
}

/// A fleet in which every command has something to do, kept in two states beside each other: as it is, and in the middle of a conflict of git.
fn prepared() -> Fleet {
    let fleet = Fleet::new();
    for name in ["dev", "rev", "ops", "gone"] {
        fleet.member(name);
    }
    for args in [
        &["group", "add", "team", "dev", "rev"][..],
        &["group", "add", "empty"],
        &["group", "grant", "keepers", "ops"],
    ] {
        fleet.fleetvault(args).ok();
    }
    fleet.set("for_all", "value-of-for-all", "*");
    fleet.set("for_two", "value-of-for-two", "dev,rev");
    fleet.set("for_team", "value-of-for-team", "@team");
    // An author whose files are to be signed by another one.
    let helper = SigningKey::generate().unwrap();
    fs::write(fleet.path("helper"), helper.to_openssh("").unwrap().as_bytes()).unwrap();
    let public = helper.signer().unwrap().to_string();
    fleet.fleetvault(&["author", "add", "helper", "--key", &public]).ok();
    for number in 0..5 {
        let mut by_helper = fleet.fleetvault_command(&["set", &format!("of_helper_{number}")]);
        by_helper.env("FLEETVAULT_SIGNING_KEY", fleet.path("helper"));
        run(by_helper, b"value-of-a-helper").ok();
    }
    // Something that `reseal --all` finds.
    fleet.fleetvault(&["member", "remove", "gone"]).ok();
    fs::write(fleet.path("editor"), "printf more >> \"$1\"\n").unwrap();
    fs::create_dir(fleet.path("runtime")).unwrap();
    copy(&fleet, "plain", false);
    fleet.git(&["switch", "-q", "-c", "other"]);
    let mut elsewhere = fleet.fleetvault_command(&["rotate", "for_two"]);
    elsewhere.env("XDG_STATE_HOME", fleet.path("elsewhere"));
    run(elsewhere, b"value-of-for-two-there").ok();
    fleet.git(&["switch", "-q", "main"]);
    fleet
        .fleetvault_with(&["rotate", "for_two"], b"value-of-for-two-here")
        .ok();
    fleet.git_in(&fleet.vault(), &["merge", "-q", "other"]).fails(1);
    copy(&fleet, "conflict", false);
    fleet
}

fn thaw(fleet: &Fleet, in_conflict: bool) {
    copy(fleet, if in_conflict { "conflict" } else { "plain" }, true);
}

/// Keeps the vault and alice's memory under a name, or brings them back.
fn copy(fleet: &Fleet, name: &str, back: bool) {
    for part in ["vault", "alice-state"] {
        let (here, kept) = (fleet.path(part), fleet.path(&format!("{name}-{part}")));
        let (from, to) = if back { (kept, here) } else { (here, kept) };
        let _ = fs::remove_dir_all(&to);
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(copied.unwrap().success());
    }
}

fn command(fleet: &Fleet, case: &Case) -> Command {
    let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    let mut command = fleet.fleetvault_command(&args);
    command
        .env("EDITOR", format!("sh {}", fleet.path("editor").display()))
        .env("XDG_RUNTIME_DIR", fleet.path("runtime"));
    command
}

fn killed(fleet: &Fleet, case: &Case, after: Duration) {
    let input = fleet.path("input");
    fs::write(&input, case.stdin).unwrap();
    let mut child = command(fleet, case)
        .stdin(fs::File::open(&input).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn again_run(fleet: &Fleet, case: &Case) -> Run {
    run(command(fleet, case), case.stdin.as_bytes())
}

fn head(fleet: &Fleet) -> String {
    fleet.git(&["rev-parse", "HEAD^{commit}", "HEAD^{tree}"])
}

fn sound(fleet: &Fleet, what: &str) {
    let fsck = fleet.git_in(&fleet.vault(), &["fsck", "--full", "--strict", "--no-dangling"]);
    assert_eq!((fsck.code, fsck.out().as_str()), (0, ""), "{what}: {}", fsck.stderr);
}

/// Everything as after a command that nobody disturbed, and the next one works.
fn whole(fleet: &Fleet, case: &Case, what: &str) {
    if case.in_conflict {
        fleet.git(&["commit", "-q", "--no-edit"]);
    }
    let next = fleet.fleetvault(&["touch", "for_team"]);
    assert_eq!(next.code, 0, "{what}: {}", next.stderr);
    sound(fleet, what);
    let left = leftovers(&fleet.vault());
    assert!(left.is_empty(), "{what}: {left:?}");
    assert_eq!(fleet.git(&["status", "--porcelain"]), "", "{what}");
    let verify = fleet.fleetvault(&["verify"]);
    assert_eq!(verify.code, 0, "{what}: {}{}", verify.out(), verify.stderr);
    let floors = floors(&fleet.path("alice-state"), "");
    assert!(!floors.is_empty());
    for (path, floor) in floors {
        let text = match path.as_str() {
            // Of all roots it is one floor.
            path if path.ends_with("fleetvault.toml") => fleet.read(&newest_root(fleet)),
            path => fleet.read(path),
        };
        let serial = text.lines().find_map(|line| line.strip_prefix("serial = "));
        let serial: u64 = serial.unwrap().parse().unwrap();
        assert!(
            floor <= serial,
            "{what}: the floor of {path} is {floor}, its serial {serial}"
        );
    }
}

fn newest_root(fleet: &Fleet) -> String {
    let named = (2..).map(|serial| format!("roots/{serial}.toml"));
    let there = named.take_while(|path| fleet.vault().join(path).exists());
    there.last().unwrap_or_else(|| "fleetvault.toml".to_owned())
}

/// Every floor in a state directory, by the path of its file inside the vault.
fn floors(directory: &Path, prefix: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let inside = match prefix {
            "" if name == "floors" => ".".to_owned(),
            "" => String::new(),
            _ => format!("{prefix}/{name}"),
        };
        if path.is_dir() {
            found.extend(floors(&path, &inside));
        } else if name.ends_with(".toml") && !inside.is_empty() {
            let text = fs::read_to_string(&path).unwrap();
            let (serial, _) = text.split_once(' ').unwrap_or_else(|| panic!("{inside}: {text:?}"));
            found.push((inside, serial.parse().unwrap()));
        }
    }
    found
}

/// Locks, journals and half-written files of a repository and its work tree.
fn leftovers(directory: &Path) -> BTreeSet<PathBuf> {
    let mut left = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            left.extend(leftovers(&path));
        } else if name.ends_with(".lock")
            || name.starts_with(".fleetvault-")
            || (directory.ends_with("fleetvault") && name != "lock")
        {
            left.insert(path);
        }
    }
    left
}
