//! `exposure`: who could open which value, from real histories; and pages that nothing others wrote gets out of.

use std::{fs, io::Write as _, path::Path, process::Stdio};

use serde_json::{Value, json};

use crate::support::{Fleet, Run, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.member("rev");
    fleet
}

fn exposure(fleet: &Fleet, args: &[&str]) -> Value {
    fleet.fleetvault(&[&["exposure", "--json"], args].concat()).ok().json()
}

/// Who is to know that something is to be rotated: `github_pat: rev`.
fn worklist(json: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        let who = entry["known_to"].as_array().unwrap().iter();
        let who: Vec<&str> = who.map(|knower| knower["member"].as_str().unwrap()).collect();
        format!("{}: {}", entry["name"].as_str().unwrap(), who.join(", "))
    };
    json["rotate"].as_array().unwrap().iter().map(line).collect()
}

/// How each member stands to the newest value of a credential: `rev still_knows`.
fn standings(json: &Value, name: &str) -> Vec<String> {
    let trails = json["credentials"].as_array().unwrap();
    let trail = trails.iter().find(|trail| trail["name"] == name).unwrap();
    let known = trail["values"][0]["known_to"].as_array().unwrap().iter();
    known
        .map(|k| format!("{} {}", k["member"].as_str().unwrap(), k["standing"].as_str().unwrap()))
        .collect()
}

#[test]
fn who_was_dropped_from_a_scope_knows_the_value_until_it_is_rotated() {
    let fleet = fleet();
    fleet.set("github_pat", "the-first-value", "dev,rev");
    fleet.set("other", "another-value", "dev");
    let before = exposure(&fleet, &[]);
    assert_eq!(worklist(&before), [""; 0]);
    assert_eq!(
        standings(&before, "github_pat"),
        ["alice keeper", "dev may_use", "rev may_use"]
    );
    fleet
        .fleetvault(&["exposure"])
        .ok()
        .prints("nothing is to be rotated: whoever knows a current value may use or keep it\n");

    fleet.fleetvault(&["scope", "github_pat", "--drop", "rev"]).ok();
    let json = exposure(&fleet, &[]);
    assert_eq!(worklist(&json), ["github_pat: rev"]);
    assert_eq!(
        standings(&json, "github_pat"),
        ["alice keeper", "dev may_use", "rev still_knows"]
    );
    let knower = &json["rotate"][0]["known_to"][0];
    assert_eq!(
        (&knower["through"], &knower["reason"]["why"]),
        (&json!(["name"]), &json!("out_of_scope"))
    );
    let commit = fleet.git(&["rev-parse", "HEAD"]);
    assert_eq!(knower["reason"]["at"]["commit"], commit.trim());
    let text = fleet.fleetvault(&["exposure"]).ok();
    let lines = text.out();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "NAME        VALUE SINCE  FOR  ALSO KNOWN TO");
    assert!(
        lines[1].starts_with("github_pat  20") && lines[1].ends_with("   dev  rev"),
        "{lines:?}"
    );
    assert!(
        lines[4].starts_with("rotate github_pat: rev (removed from the scope on 20"),
        "{lines:?}"
    );
    assert!(lines[4].ends_with(") still knows the value"));
    assert_eq!(lines[5], "next: fleetvault rotate github_pat");

    fleet
        .fleetvault_with(&["rotate", "github_pat"], b"the-second-value")
        .ok();
    let json = exposure(&fleet, &["github_pat"]);
    assert_eq!(worklist(&json), [""; 0]);
    assert_eq!(json["credentials"].as_array().unwrap().len(), 1);
    let values = json["credentials"][0]["values"].as_array().unwrap();
    let known = |value: &Value| value["known_to"].as_array().unwrap().len();
    assert_eq!(
        (values.len(), known(&values[0]), known(&values[1])),
        (2, 2, 3),
        "the old value is another one, also when it was replaced within a second"
    );
    assert_eq!(
        (&values[0]["state"], &values[1]["state"]),
        (&json!("current"), &json!("past"))
    );
    let details = fleet.fleetvault(&["exposure", "github_pat"]).ok();
    details
        .prints("  the current value, since ")
        .prints("  a value until ")
        .prints("    rev    ");
}

#[test]
fn a_newcomer_to_everyone_opens_what_the_history_still_has() {
    let fleet = fleet();
    fleet.set("token", "for-everyone-once", "*");
    fleet.set("open", "for-everyone-still", "*");
    fleet.fleetvault(&["scope", "token", "--members", "dev"]).ok();
    fleet.member("late");
    let json = exposure(&fleet, &[]);
    assert_eq!(worklist(&json), ["token: late, rev"]);
    let known = &json["rotate"][0]["known_to"];
    assert_eq!(known[0]["reason"]["why"], "from_history");
    assert_eq!(known[1]["reason"]["why"], "out_of_scope");
    assert_eq!(known[0]["through"], json!(["*"]));
    assert_eq!(
        standings(&json, "open"),
        ["alice may_use", "dev may_use", "late may_use", "rev may_use"]
    );
    fleet
        .fleetvault(&["exposure"])
        .ok()
        .prints("late (was never in its scope; opens it all the same since ");
}

#[test]
fn the_worklist_of_a_lost_machine() {
    let fleet = fleet();
    fleet.set("a", "value-of-a", "dev");
    fleet.set("b", "value-of-b", "rev");
    fleet.set("c", "value-of-c", "*");
    fleet.set("d", "value-of-d", "dev,rev");
    fleet.fleetvault(&["scope", "d", "--drop", "dev"]).ok();
    let text = fleet.fleetvault(&["exposure", "--member", "dev"]).ok();
    let text = text
        .prints("by name  may use it\n")
        .prints("by name  still knows it: removed from the scope on ");
    let end = "if a machine of dev is lost, these 3 values are to be rotated, once it is out of their scopes:\n  fleetvault rotate a c d\n";
    assert!(text.out().ends_with(end), "{}", text.out());
    let json = exposure(&fleet, &["--member", "dev"]);
    assert_eq!(worklist(&json), ["a: dev", "c: dev", "d: dev"]);
    fleet
        .fleetvault(&["exposure", "--member", "dex"])
        .fails(4)
        .says("did you mean 'dev'?");
    fleet
        .fleetvault(&["exposure", "nothing"])
        .fails(4)
        .says("Credential 'nothing' not found");
    assert_eq!(
        worklist(&exposure(&fleet, &["--member", "alice"])).len(),
        4,
        "a keeper opens all"
    );
}

#[test]
fn merges_squashes_and_what_only_other_references_have() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev");
    fleet
        .fleetvault(&["scope", "pat", "--add", "rev", "--branch", "widen"])
        .ok();
    assert_eq!(
        standings(&exposure(&fleet, &[]), "pat"),
        ["alice keeper", "dev may_use"]
    );
    let all = exposure(&fleet, &["--all"]);
    assert_eq!(worklist(&all), ["pat: rev"], "it could open what was on a branch");
    assert_eq!(all["rotate"][0]["known_to"][0]["reason"]["why"], "other_branch");

    fleet.git(&["commit", "-q", "--allow-empty", "-m", "meanwhile"]);
    fleet.git(&["merge", "-q", "--no-ff", "-m", "merge", "widen"]);
    let branch = fleet.git(&["rev-parse", "widen"]);
    let json = exposure(&fleet, &[]);
    assert_eq!(standings(&json, "pat"), ["alice keeper", "dev may_use", "rev may_use"]);
    let rev = &json["credentials"][0]["values"][0]["known_to"][2];
    assert_eq!(
        rev["since"]["commit"],
        branch.trim(),
        "from the branch on, not from its merge on"
    );

    fleet
        .fleetvault(&["scope", "pat", "--drop", "rev", "--branch", "narrow"])
        .ok();
    fleet.git(&["merge", "-q", "--squash", "narrow"]);
    fleet.git(&["commit", "-q", "-m", "squashed"]);
    fleet.git(&["branch", "-q", "-D", "narrow", "widen"]);
    assert_eq!(worklist(&exposure(&fleet, &[])), ["pat: rev"]);

    // What a force push took away, and a remote's branch still has.
    fleet.set("deploy", "value-of-deploy", "dev,rev");
    fleet.git(&["update-ref", "refs/remotes/origin/old", "HEAD"]);
    fleet.git(&["reset", "-q", "--hard", "HEAD~1"]);
    fs::remove_dir_all(fleet.path("alice-state")).unwrap();
    let all = exposure(&fleet, &["--all"]);
    let state = |json: &Value, name: &str| {
        let trails = json["credentials"].as_array().unwrap();
        let trail = trails.iter().find(|trail| trail["name"] == name);
        trail.map(|trail| trail["values"][0]["state"].clone())
    };
    assert_eq!(state(&exposure(&fleet, &[]), "deploy"), None);
    assert_eq!(state(&all, "deploy"), Some(json!("elsewhere")));
}

#[test]
fn a_removed_and_a_renamed_credential() {
    let fleet = fleet();
    fleet.set("old_name", "the-same-value", "dev,rev");
    fleet.set("new_name", "the-same-value", "dev");
    fleet.fleetvault(&["rm", "old_name"]).ok();
    let json = exposure(&fleet, &[]);
    assert_eq!(
        worklist(&json),
        [""; 0],
        "nobody can tell that two names have one value"
    );
    assert_eq!(json["credentials"][1]["values"][0]["state"], "past");
    fleet
        .fleetvault(&["exposure", "old_name"])
        .ok()
        .prints("it has no value now")
        .prints("a value until");
}

#[test]
fn a_vault_that_moved_keeps_its_history() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev,rev");
    let first = fleet.git(&["rev-parse", "HEAD"]);
    let moved = fleet.vault().join("team/secrets");
    fs::create_dir_all(&moved).unwrap();
    for entry in [
        "fleetvault.toml",
        "members",
        "groups",
        "grants",
        "credentials",
        ".gitattributes",
    ] {
        fs::rename(fleet.vault().join(entry), moved.join(entry)).unwrap();
    }
    fleet.commit_all("move");
    let here = |args: &[&str]| {
        let mut command = fleet.fleetvault_command(args);
        command.current_dir(&moved);
        run(command, b"").ok()
    };
    here(&["scope", "pat", "--drop", "rev"]);
    let json = here(&["exposure", "--json"]).json();
    assert_eq!(worklist(&json), ["pat: rev"]);
    assert_eq!(json["directories"], json!(["team/secrets", ""]));
    assert_eq!(json["credentials"][0]["values"][0]["since"]["commit"], first.trim());
}

#[test]
fn a_shallow_clone_says_what_is_missing() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev,rev");
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    let url = format!("file://{}", fleet.vault().display());
    let clone = fleet.path("shallow");
    let clone_at = |depth: &str| {
        let _ = fs::remove_dir_all(&clone);
        fleet
            .git_in(
                Path::new("/"),
                &["clone", "-q", "--depth", depth, &url, clone.to_str().unwrap()],
            )
            .ok();
        let mut command = fleet.fleetvault_command(&["exposure"]);
        command.current_dir(&clone);
        run(command, b"").ok()
    };
    clone_at("1")
        .says("is missing here, so that more members may know a value, and for longer: 'git fetch --unshallow' gets it")
        .prints(" at latest")
        .prints("nothing is to be rotated: whoever knows a current value may use or keep it (at least, the history is not complete)");
    clone_at("2").prints("still knows the value (at least, the history is not complete)");
}

#[test]
fn what_is_broken_or_forged_is_named_and_says_nothing() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev");
    let good = fleet.read("credentials/pat.toml");
    // By someone who is no author: the scope widened by hand, then no TOML at all, then put right.
    let forged = good.replace("  \"dev\",\n]\nsealed", "  \"dev\",\n  \"rev\",\n]\nsealed");
    let forged = forged.replace("  \"dev#1\",\n", "  \"dev#1\",\n  \"rev#1\",\n");
    assert_ne!(forged, good);
    fleet.forge("credentials/pat.toml", &forged);
    fleet.forge("credentials/pat.toml", "<<<<<<< HEAD\n");
    let now = fleet.fleetvault(&["exposure"]);
    now.fails(6).says("credentials/pat.toml (commit ").prints("pat   20");
    fleet.forge("credentials/pat.toml", &good);
    let json = exposure(&fleet, &[]);
    assert_eq!(standings(&json, "pat"), ["alice keeper", "dev may_use"]);
    let problems: Vec<&str> = { json["ignored"].as_array().unwrap().iter() }
        .map(|ignored| ignored["problem"].as_str().unwrap())
        .collect();
    assert_eq!(problems.len(), 2);
    assert!(problems[0].contains("signature"), "{problems:?}");
    assert!(problems[1].contains("conflict"), "{problems:?}");
    fleet.fleetvault(&["exposure"]).ok().says("; it was ignored");
}

#[test]
fn what_one_member_knows_is_all_that_is_said_of_it_and_nothing_of_others_is_opened() {
    let fleet = fleet();
    fleet.set("a", "value-of-a", "dev,rev");
    fleet.set("b", "value-of-b", "*");
    fleet.set("c", "value-of-c", "rev");
    fleet.fleetvault(&["scope", "a", "--drop", "dev"]).ok();
    let good = fleet.read("grants/all/rev.toml");
    fleet.forge("grants/all/rev.toml", "no grant\n");
    fleet.forge("grants/all/rev.toml", &good);
    let all = exposure(&fleet, &[]);
    for (member, ignored) in [("alice", false), ("dev", false), ("rev", true)] {
        let trails = all["credentials"].as_array().unwrap().iter();
        let known = trails.filter(|trail| {
            let known = trail["values"][0]["known_to"].as_array().unwrap();
            known.iter().any(|knower| knower["member"] == member)
        });
        let known: Vec<String> = known
            .map(|trail| format!("{}: {member}", trail["name"].as_str().unwrap()))
            .collect();
        let told = fleet.fleetvault(&["exposure", "--json", "--member", member]).ok();
        assert_eq!(worklist(&told.json()), known);
        match ignored {
            true => told.says("grants/all/rev.toml (commit "),
            false => told.says_exactly(""),
        };
    }
}

#[test]
fn what_else_a_repository_holds_costs_nothing_and_stops_nothing() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev");
    fs::write(fleet.vault().join("huge.bin"), vec![7; 20 << 20]).unwrap();
    fleet.commit_all("huge");
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let module = format!("160000,{},vendor/module", head.trim());
    fleet.git(&["update-index", "--add", "--cacheinfo", &module]);
    let blob = fleet.git(&["rev-parse", "HEAD:credentials/pat.toml"]);
    let mut odd = fleet.command("git", "alice");
    odd.args(["update-index", "--index-info"]).current_dir(fleet.vault());
    let line = [
        format!("100644 {}\tcredentials/", blob.trim()).as_bytes(),
        b"\xff\xfe.toml\n",
    ]
    .concat();
    run(odd, &line).ok();
    fleet.git(&["commit", "-q", "-m", "odd"]);
    // The contents of the huge file are gone: whoever looked at it would fail.
    let huge = fleet.git(&["rev-parse", "HEAD:huge.bin"]);
    let (folder, file) = huge.trim().split_at(2);
    fs::remove_file(fleet.vault().join(".git/objects").join(folder).join(file)).unwrap();
    let json = exposure(&fleet, &[]);
    assert_eq!(standings(&json, "pat"), ["alice keeper", "dev may_use"]);
    assert_eq!((&json["not_utf8"], &json["unreadable"]), (&json!(1), &json!([])));
}

#[test]
fn ten_thousand_commits() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev,rev");
    let wide = fleet.git(&["rev-parse", "HEAD:credentials/pat.toml"]);
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    let narrow = fleet.git(&["rev-parse", "HEAD:credentials/pat.toml"]);
    let mut script = String::new();
    for n in 0..10_000 {
        let blob = if n % 2 == 0 { &wide } else { &narrow };
        let from = if n == 0 { "from refs/heads/main^0\n" } else { "" };
        script.push_str(&format!(
            "commit refs/heads/main\ncommitter A <a@b> {} +0000\ndata 0\n{from}M 100644 {} credentials/pat.toml\n\n",
            2_000_000_000 + n,
            blob.trim()
        ));
    }
    let mut import = fleet.command("git", "alice");
    import.args(["fast-import", "--quiet"]).current_dir(fleet.vault());
    run(import, script.as_bytes()).ok();
    fleet.git(&["reset", "-q", "--hard"]);
    let begun = std::time::Instant::now();
    let json = exposure(&fleet, &[]);
    let took = begun.elapsed();
    assert!(json["commits"].as_u64().unwrap() > 10_000);
    assert_eq!(worklist(&json), ["pat: rev"]);
    assert!(took.as_secs() < 30, "{took:?}, unoptimised");
}

#[test]
fn a_page_of_its_own() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev,rev");
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    let page = fleet.fleetvault(&["exposure", "--format", "html"]).ok().out();
    for (text, times) in [
        ("<script", 0),
        ("http://", 0),
        ("https://", 0),
        ("src=", 0),
        ("url(", 0),
        ("<svg", 1),
    ] {
        assert_eq!(page.matches(text).count(), times, "{text}");
    }
    assert!(page.contains("<td class=\"knows\" title=\"rev: knows it and may not use it\">✕</td>"));
    let file = fleet.path("page.html");
    fleet
        .fleetvault(&["exposure", "--format", "html", "-o", file.to_str().unwrap()])
        .ok()
        .silent();
    assert_eq!(well_formed(&fs::read_to_string(&file).unwrap()), Ok(()));
    let of_member = fleet
        .fleetvault(&["exposure", "--member", "rev", "--format", "html"])
        .ok()
        .out();
    assert_eq!(well_formed(&of_member), Ok(()));
    assert!(of_member.contains("To be rotated if a machine is lost"));
    fleet
        .fleetvault(&["exposure", "-o", "x"])
        .fails(2)
        .says("-o writes the page");
    if crate::support::has("python3") {
        assert_parses(&fleet, &page);
    }
}

/// An independent parser agrees: everything that is opened is closed, in order.
fn assert_parses(fleet: &Fleet, page: &str) {
    let script = "import sys,xml.dom.minidom as m; m.parseString(sys.stdin.buffer.read().split(b'\\n',1)[1])";
    let mut python = fleet.command("python3", "alice");
    python.args(["-c", script]).stdin(Stdio::piped());
    let Run { code, stderr, .. } = run(python, page.as_bytes());
    if code != 0 {
        std::io::stderr().write_all(stderr.as_bytes()).unwrap();
    }
    assert_eq!(code, 0, "{stderr}");
}

/// Every tag that is opened is closed, and in order.
fn well_formed(page: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').ok_or("a tag without an end")?;
        if tag.starts_with('!') || tag.ends_with('/') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(name) => return Err(format!("</{name}> closes nothing")),
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => Err(format!("left open: {open:?}")),
    }
}

#[test]
fn list_and_rotate_go_by_it() {
    let fleet = fleet();
    fleet.set("pat", "value-of-pat", "dev,rev");
    fleet.set("other", "another-value", "dev");
    fleet.fleetvault(&["scope", "pat", "--drop", "rev"]).ok();
    let list = fleet.fleetvault(&["list", "--exposed"]).ok().out();
    let lines: Vec<&str> = list.lines().collect();
    assert!(
        lines[0].ends_with("SERIAL  ALSO KNOWN TO")
            && lines[1].ends_with("     1")
            && lines[2].ends_with("     2  rev")
    );
    let json = fleet.fleetvault(&["list", "--exposed", "--json"]).ok().json();
    assert_eq!(
        (&json[0]["also_known_to"], &json[1]["also_known_to"]),
        (&json!([]), &json!(["rev"]))
    );
    let json = fleet.fleetvault(&["list", "--json"]).ok().json();
    assert_eq!(json[1].get("also_known_to"), None);

    fleet
        .fleetvault(&["rotate", "--exposed", "--generate"])
        .ok()
        .prints("rotated pat; still for dev\n");
    fleet
        .fleetvault(&["rotate", "--exposed", "--generate"])
        .ok()
        .prints("nothing is to be rotated: whoever knows a current value may use or keep it");
    fleet.fleetvault(&["rotate", "--generate"]).fails(2);
    fleet.fleetvault(&["rotate", "--exposed", "pat"]).fails(2);
}
