//! The pre-resolve hook: asked before a value is opened, never taken from a vault, and a no whenever it does not say yes.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Runs, TOKEN, fleet,
    support::{Fleet, Run, has, run, skip},
};

fn script(path: &Path, text: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

fn configure(fleet: &Fleet, text: &str) {
    fs::create_dir_all(fleet.path("dev/fleetvault")).unwrap();
    fs::write(fleet.path("dev/fleetvault/resolver.toml"), text).unwrap();
}

fn touch(fleet: &Fleet, hook: &Path) -> Run {
    fleet.run(&[
        "--pre-resolve",
        hook.to_str().unwrap(),
        "--",
        "touch",
        "ran",
        "<<secure.token>>",
    ])
}

#[test]
fn it_is_asked_for_each_credential_and_sees_no_value() {
    let fleet = fleet();
    let hook = script(
        &fleet.path("hook"),
        &format!(
            "cat >> {}; env >> {}",
            fleet.path("asked").display(),
            fleet.path("env").display()
        ),
    );
    let printed = fleet.run(&[
        "--pre-resolve",
        hook.to_str().unwrap(),
        "--",
        "echo",
        "<<secure.token>> <<secure.other | base64>>",
    ]);
    printed.ok().prints("[REDACTED:token] [REDACTED:other]");
    let asked = fleet.written("asked");
    let questions: Vec<Value> = asked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        questions[1],
        json!({
            "version": 1,
            "vault": fleet.id(),
            "commit": fleet.git(&["rev-parse", "HEAD"]).trim(),
            "member": "dev",
            "purpose": "run",
            "with": [],
            "command": ["echo", "<<secure.token>> <<secure.other | base64>>"],
            "credential": "token",
            "scope": ["dev"],
            "serial": 1,
            "network": "allow",
        })
    );
    assert_eq!((questions.len(), &questions[0]["credential"]), (2, &json!("other")));
    assert_eq!(questions[0]["scope"], json!(["*"]));
    // The resolver's settings name its identity: they are nobody else's business.
    for text in [asked, fleet.written("env")] {
        assert!(!text.contains(TOKEN) && !text.contains("FLEETVAULT_"), "{text}");
    }
    let args = ["--pre-resolve", hook.to_str().unwrap()];
    fleet
        .resolver("dev", &[&args[..], &["expand"]].concat(), b"<<secure.token>>")
        .ok();
    fleet
        .resolver("dev", &[&args[..], &["mask", "token"]].concat(), b"")
        .ok();
    let asked = fleet.written("asked");
    for purpose in ["expand", "mask"] {
        assert!(asked.contains(&format!("\"purpose\":\"{purpose}\"")), "{asked}");
    }
}

#[test]
fn whatever_it_does_but_allow_is_a_no() {
    let fleet = fleet();
    for (text, reason) in [
        ("echo 'not on a Sunday' >&2; echo more >&2; exit 1", "not on a Sunday\n"),
        ("printf '\\n  \\033[2J spaced \\n' >&2; exit 9", "\\u{1b}[2J spaced\n"),
        ("exit 3", "no reason given (exit status: 3)\n"),
        ("kill -9 $$", "no reason given (signal: 9 (SIGKILL))\n"),
        ("yes no | head -c 10000000 >&2; exit 1", "no\n"),
        ("(sleep 30 >&2) & exit 4", "no reason given (exit status: 4)\n"),
    ] {
        let hook = script(&fleet.path("hook"), text);
        let start = Instant::now();
        touch(&fleet, &hook).fails(125).silent().says(&format!(
            "credential 'token' is refused by the pre-resolve hook {}: {reason}",
            hook.display()
        ));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    touch(&fleet, Path::new("none/hook"))
        .fails(125)
        .says("it cannot be started: No such file");
    let args = ["--json", "--pre-resolve", "hook", "expand"];
    fleet
        .resolver("dev", &args, b"<<secure.token>>")
        .fails(7)
        .silent()
        .says("\"code\":\"pre_resolve\"");
    assert!(!fleet.path("ran").exists());
}

#[test]
fn whoever_starts_the_resolver_does_not_decide_what_it_does() {
    let fleet = fleet();
    // Programs found by the caller's PATH, code loaded by the caller's variables, the caller's time zone and directory.
    let said = fleet.path("said");
    let hook = fleet.path("hook");
    fs::write(
        &hook,
        format!(
            "#!/usr/bin/env sh\n{{ pwd; env; }} > {}; echo no >&2; exit 1\n",
            said.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    script(&fleet.path("evil/sh"), "exit 0");
    let mut command = fleet.resolver_command("dev", &["--pre-resolve", "hook", "expand"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", fleet.path("evil").display()));
    command
        .env("TZ", "Asia/Tokyo")
        .env("PYTHONPATH", fleet.path("evil"))
        .env("LD_AUDIT", "")
        .env("ENV", "x");
    run(command, b"<<secure.token>>").fails(7).silent().says(": no\n");
    let said = fleet.written("said");
    let names: Vec<&str> = said.lines().skip(1).filter_map(|line| line.split('=').next()).collect();
    assert!(said.starts_with("/\n"), "{said}");
    assert!(
        names
            .iter()
            .all(|name| ["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)),
        "{said}"
    );
}

#[test]
fn time_runs_out() {
    let fleet = fleet();
    let hook = script(&fleet.path("hook"), "sleep 30 & sleep 30");
    configure(
        &fleet,
        &format!(
            "pre_resolve = [{:?}]\npre_resolve_timeout = \"300ms\"",
            hook.to_str().unwrap()
        ),
    );
    let start = Instant::now();
    fleet
        .run(&["--", "touch", "ran", "<<secure.token>>"])
        .fails(125)
        .says("no answer within 0.3 s");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(!fleet.path("ran").exists());
}

#[test]
fn nothing_is_opened_before_it_was_asked() {
    let fleet = fleet();
    // Refused by the hook, a member learns nothing of a credential outside its scope either: that is refused first.
    let hook = script(
        &fleet.path("hook"),
        &format!("cat >> {}; exit 1", fleet.path("asked").display()),
    );
    let args = [
        "--pre-resolve",
        hook.to_str().unwrap(),
        "--",
        "true",
        "<<secure.private>> <<secure.token>>",
    ];
    fleet
        .run(&args)
        .fails(125)
        .says("Credential 'private' is not accessible");
    assert!(!fleet.path("asked").exists());
}

#[test]
fn a_vault_cannot_bring_one() {
    let fleet = fleet();
    let inside = script(&fleet.vault().join("hooks/allow"), "exit 0");
    touch(&fleet, &inside)
        .fails(125)
        .says("hooks/allow lies in the repository of the vault, which must not bring code that runs");
    let link = fleet.path("link");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    touch(&fleet, &link)
        .fails(125)
        .says("lies in the repository of the vault");
    let git = script(&fleet.vault().join(".git/allow"), "exit 0");
    touch(&fleet, &git)
        .fails(125)
        .says("lies in the repository of the vault");
    let through = ["/bin/sh".to_owned(), inside.to_str().unwrap().to_owned()];
    configure(&fleet, &format!("pre_resolve = {through:?}\n"));
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(7)
        .says("lies in the repository of the vault");
    fs::remove_file(fleet.path("dev/fleetvault/resolver.toml")).unwrap();
    // A linked work tree belongs to the repository, and the repository to it.
    fleet.commit_all("hooks");
    fleet.git(&["worktree", "add", "-q", "../linked", "HEAD~0"]);
    for hook in [fleet.path("linked/hooks/allow"), inside] {
        let args = ["--vault", "linked", "--pre-resolve", hook.to_str().unwrap(), "expand"];
        fleet
            .resolver("dev", &args, b"<<secure.token>>")
            .fails(7)
            .silent()
            .says("lies in the repository of the vault");
    }
    // So do the other linked ones, to each and to the repository, noted by whole paths or by relative ones.
    fleet.git(&["worktree", "add", "-q", "--detach", "../second"]);
    let hook = fleet.path("second/hooks/allow");
    let noted = fleet.vault().join(".git/worktrees/second/gitdir");
    for place in [fs::read_to_string(&noted).unwrap(), "../../../../second/.git\n".into()] {
        fs::write(&noted, place).unwrap();
        for vault in ["vault", "linked", "second"] {
            let args = ["--vault", vault, "--pre-resolve", hook.to_str().unwrap(), "expand"];
            fleet
                .resolver("dev", &args, b"<<secure.token>>")
                .fails(7)
                .silent()
                .says("second/hooks/allow lies in the repository of the vault");
        }
    }
    // A configuration in the vault, or where the resolver is started, is no configuration.
    let marks = script(
        &fleet.path("marks"),
        &format!("touch {}; exit 1", fleet.path("marked").display()),
    );
    for place in [fleet.vault(), fleet.path(""), fleet.vault().join(".fleetvault")] {
        fs::create_dir_all(&place).unwrap();
        fs::write(
            place.join("resolver.toml"),
            format!("pre_resolve = {:?}\n", marks.to_str().unwrap()),
        )
        .unwrap();
    }
    let mut command = fleet.resolver_command("dev", &["expand"]);
    command.current_dir(fleet.vault());
    assert_eq!(run(command, b"<<secure.token>>").ok().out(), TOKEN);
    assert!(!fleet.path("marked").exists());
}

#[test]
fn a_configuration_that_is_not_understood_stops_everything() {
    let fleet = fleet();
    for (text, problem) in [
        ("pre_resolve = \"hook\"", "pre_resolve must be an absolute path"),
        ("preresolve = \"/x\"", "unknown field `preresolve`"),
        ("nonsense", "TOML parse error"),
    ] {
        configure(&fleet, text);
        let file = fleet.path("dev/fleetvault/resolver.toml");
        fleet
            .expand("dev", "<<secure.token>>")
            .fails(1)
            .silent()
            .says(&format!("cannot use {}: ", file.display()))
            .says(problem)
            .says("hint: nothing is resolved before it is mended: it may forbid what is asked");
        fleet.run(&["--", "touch", "ran", "<<secure.token>>"]).fails(125);
    }
    fs::remove_file(fleet.path("dev/fleetvault/resolver.toml")).unwrap();
    fs::create_dir(fleet.path("dev/fleetvault/resolver.toml")).unwrap();
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(1)
        .says("resolver.toml: Is a directory");
    assert!(!fleet.path("ran").exists());
}

/// Runs the resolver where `/etc/fleetvault/resolver.toml` has this text, seen by no other process.
fn with_system_configuration(fleet: &Fleet, text: &str, args: &[&str]) -> Option<Run> {
    let root = rustix::process::geteuid().is_root();
    let can = || {
        Command::new("unshare")
            .args(["-m", "true"])
            .status()
            .is_ok_and(|status| status.success())
    };
    if !root || !can() {
        skip("only root with mount namespaces can put a file in /etc for one process");
        return None;
    }
    fs::write(fleet.path("system.toml"), text).unwrap();
    let resolver = fleet.resolver_command("dev", args);
    let mut command = fleet.command("unshare", "dev");
    let mount = "mount -t tmpfs none /etc && mkdir /etc/fleetvault && cp system.toml /etc/fleetvault/resolver.toml && exec \"$0\" \"$@\"";
    command
        .args(["-m", "sh", "-c", mount])
        .arg(resolver.get_program())
        .args(resolver.get_args());
    command.current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    Some(run(command, b"<<secure.token>>"))
}

#[test]
fn nothing_overrides_the_administrators_hook() {
    let fleet = fleet();
    let deny = script(&fleet.path("deny"), "echo 'says the administrator' >&2; exit 1");
    let allow = script(&fleet.path("allow"), "exit 0");
    let (deny, allow) = (deny.to_str().unwrap(), allow.to_str().unwrap());
    configure(&fleet, &format!("pre_resolve = {allow:?}\n"));
    let system = format!(
        "pre_resolve = {deny:?}\naudit_log = {:?}\n",
        fleet.path("system.log").to_str().unwrap()
    );
    let Some(refused) = with_system_configuration(&fleet, &system, &["--pre-resolve", allow, "expand"]) else {
        return;
    };
    refused.fails(7).silent().says("says the administrator");
    assert!(fleet.written("system.log").contains("\"code\":\"pre_resolve\""));
    // Both are asked: the user may be stricter than the administrator, never laxer.
    let system = format!("pre_resolve = {allow:?}\n");
    let stricter = with_system_configuration(&fleet, &system, &["--pre-resolve", deny, "expand"]).unwrap();
    stricter.fails(7).says("says the administrator");
    with_system_configuration(&fleet, &system, &["expand"])
        .unwrap()
        .ok()
        .prints(TOKEN);
    let system = "audit_log = \"/dev/null/log\"\naudit_required = true\n";
    let required = with_system_configuration(&fleet, system, &["expand"]).unwrap();
    required
        .fails(7)
        .silent()
        .says("the audit log must be written, and cannot be: /dev/null/log: ");
    let elsewhere = with_system_configuration(&fleet, system, &["--audit-log", "own", "expand"]).unwrap();
    elsewhere
        .fails(7)
        .silent()
        .says("the audit log is /dev/null/log, as /etc/fleetvault/resolver.toml says, which nothing overrides");
    with_system_configuration(&fleet, "broken", &["expand"])
        .unwrap()
        .fails(1)
        .silent()
        .says("cannot use /etc/fleetvault/resolver.toml");
}

fn example(name: &str) -> String {
    format!("{}/hooks/pre-resolve/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn example_office_hours() {
    let fleet = fleet();
    // With a clock of the test's own, in front of the real one.
    for (now, arguments, allowed) in [
        ("1 08", "", true),
        ("5 17", "", true),
        ("5 18", "", false),
        ("1 07", "", false),
        ("6 12", "", false),
        ("3 09", ", \"10\", \"12\"", false),
        ("3 11", ", \"10\", \"12\"", true),
    ] {
        let date = script(&fleet.path("date"), &format!("echo '{now}'"));
        let hook = fs::read_to_string(example("office-hours")).unwrap();
        let hook = hook.replace("$(date ", &format!("$({} ", date.display()));
        let hook = script(&fleet.path("office-hours"), hook.strip_prefix("#!/bin/sh\n").unwrap());
        configure(
            &fleet,
            &format!("pre_resolve = [{:?}{arguments}]\n", hook.to_str().unwrap()),
        );
        let expanded = fleet.expand("dev", "<<secure.token>>");
        match allowed {
            true => drop(expanded.ok().prints(TOKEN)),
            false => drop(expanded.fails(7).says("outside office hours (Monday to Friday, ")),
        }
    }
}

#[test]
fn example_only_commands() {
    let fleet = fleet();
    if !has("python3") {
        return;
    }
    fs::write(
        fleet.path("commands"),
        "# what may use what\ntoken /bin/echo /usr/bin/env\n* /bin/true\n",
    )
    .unwrap();
    let line = [
        example("only-commands"),
        fleet.path("commands").to_str().unwrap().to_owned(),
    ];
    configure(&fleet, &format!("pre_resolve = {line:?}\n"));
    fleet
        .run(&["--", "/bin/echo", "<<secure.token>>"])
        .ok()
        .prints("[REDACTED:token]");
    fleet.run(&["--", "/bin/true", "<<secure.other>>"]).ok();
    for (args, reason) in [
        (
            &["--", "/bin/cat", "<<secure.token>>"][..],
            "/bin/cat is not among the programs that may use it",
        ),
        (&["--", "echo", "<<secure.token>>"], "echo is not among the programs"),
        (
            &["--", "/bin/echo", "<<secure.other>>"],
            "/bin/echo is not among the programs",
        ),
        (&["--shell", "echo <<secure.token>>"], "sh is not among the programs"),
    ] {
        fleet.run(args).fails(125).says(reason);
    }
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(7)
        .says("expand hands the value to no command");
    fs::remove_file(fleet.path("commands")).unwrap();
    fleet
        .run(&["--", "/bin/echo", "<<secure.token>>"])
        .fails(125)
        .says("only-commands failed: FileNotFoundError");
}

#[test]
fn example_ask_over_http() {
    let fleet = fleet();
    if !has("python3") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ask", listener.local_addr().unwrap());
    let answers = [
        (200, "{\"allow\": true}"),
        (200, "{\"allow\": false, \"reason\": \"Bob says no\"}"),
        (200, "{\"allow\": \"true\"}"),
        (200, "[]"),
        (500, "{\"allow\": true}"),
        (302, "{\"allow\": true}"),
    ];
    let asked = thread::spawn(move || answers.map(|(status, answer)| answered(&listener, status, answer)));
    fs::write(fleet.path("header"), "Authorization: Bearer chat\n").unwrap();
    let line = [
        example("ask-over-http"),
        url,
        fleet.path("header").to_str().unwrap().to_owned(),
    ];
    configure(&fleet, &format!("pre_resolve = {line:?}\n"));
    fleet
        .run(&["--", "echo", "<<secure.token>>"])
        .ok()
        .prints("[REDACTED:token]");
    for reason in [
        "Bob says no",
        "refused in the chat",
        "nobody could be asked: ",
        "nobody could be asked: HTTP Error 500",
        "nobody could be asked: HTTP Error 302",
    ] {
        fleet
            .run(&["--", "touch", "ran", "<<secure.token>>"])
            .fails(125)
            .says(reason);
    }
    let asked = asked.join().unwrap();
    assert!(asked[0].contains("Authorization: Bearer chat"), "{}", asked[0]);
    assert!(
        asked[0].contains("dev wants to use token for: [\\\"echo\\\", \\\"<<secure.token>>\\\"]"),
        "{}",
        asked[0]
    );
    // Nobody listens any more.
    fleet
        .run(&["--", "touch", "ran", "<<secure.token>>"])
        .fails(125)
        .says("nobody could be asked: ");
    assert!(!fleet.path("ran").exists());
}

/// Answers one request, and returns it.
fn answered(listener: &TcpListener, status: u16, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let reply = format!(
        "HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(reply.as_bytes()).unwrap();
    head + &String::from_utf8(body).unwrap()
}
