//! `mask`: a filter for pipes and log shippers.

use std::{
    io::{Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{OTHER, TOKEN, fleet, support::run};

#[test]
fn everything_the_member_may_use_is_masked_and_nothing_else() {
    let fleet = fleet();
    let text = format!("a {TOKEN} b {OTHER} c s3cr3t-of-alice\n\u{fffd}\n");
    let mut bytes = text.into_bytes();
    bytes.extend(b"\xff\xfe\0 tail without newline");
    let masked = fleet.resolver("dev", &["mask"], &bytes).ok();
    let expected =
        b"a [REDACTED:token] b [REDACTED:other] c s3cr3t-of-alice\n\xef\xbf\xbd\n\xff\xfe\0 tail without newline";
    assert_eq!(masked.stdout, expected);
    let some = fleet.resolver("dev", &["mask", "other"], &bytes);
    assert!(String::from_utf8_lossy(&some.ok().stdout).contains(TOKEN));
    let key = std::fs::read_to_string(fleet.identity("dev")).unwrap();
    fleet
        .resolver("dev", &["mask", "token"], key.as_bytes())
        .ok()
        .prints("\n[REDACTED:identity]\n");
}

#[test]
fn what_may_not_be_used_cannot_be_masked_either() {
    let fleet = fleet();
    fleet
        .resolver("dev", &["mask", "private"], b"text")
        .fails(3)
        .silent()
        .says("Credential 'private' is not accessible to member 'dev'");
    fleet
        .resolver("dev", &["mask", "tokn"], b"text")
        .fails(4)
        .silent()
        .says("did you mean 'token'?");
}

#[test]
fn an_expired_value_is_still_masked() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--ttl", "1s"]).ok();
    std::thread::sleep(Duration::from_millis(1100));
    fleet.expand("dev", "<<secure.token>>").fails(5);
    fleet
        .resolver("dev", &["mask"], TOKEN.as_bytes())
        .ok()
        .prints("[REDACTED:token]");
}

#[test]
fn lines_come_through_as_they_are_written() {
    let fleet = fleet();
    let mut command = fleet.resolver_command("dev", &["mask"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for _ in 0..3 {
        to.write_all(format!("line {TOKEN}\n").as_bytes()).unwrap();
        let mut line = [0; 22];
        let start = Instant::now();
        from.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"line [REDACTED:token]\n");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    drop(to);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let fleet = fleet();
    let mut command = fleet.command("sh", "dev");
    let resolver = fleet.resolver_command("dev", &["mask"]);
    command
        .args(["-c", "yes | \"$0\" mask | head -n 1; echo done"])
        .arg(resolver.get_program());
    command.current_dir(fleet.path(""));
    command.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let out = run(command, b"").ok();
    assert_eq!((out.out().as_str(), out.stderr.as_str()), ("y\ndone\n", ""));
}
