//! `edit`: the value in an editor of the user's, and nothing of it left anywhere.

use std::fs;

use crate::support::{Fleet, Run, run};

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("token", "value-of-token", "dev");
    fs::create_dir(fleet.path("runtime")).unwrap();
    fleet
}

/// Edits `token` with a script, which gets the file as `$1`, and demands that nothing is left behind.
#[track_caller]
fn edit(fleet: &Fleet, script: &str) -> Run {
    edit_with(fleet, &["edit", "token"], script)
}

#[track_caller]
fn edit_with(fleet: &Fleet, args: &[&str], script: &str) -> Run {
    let path = fleet.path("editor");
    fs::write(&path, format!("set -e\n{script}\n")).unwrap();
    let mut command = fleet.fleetvault_command(args);
    command
        .env("EDITOR", format!("sh {}", path.display()))
        .env("XDG_RUNTIME_DIR", fleet.path("runtime"));
    let done = run(command, b"");
    let left: Vec<_> = fs::read_dir(fleet.path("runtime")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    done
}

fn value(fleet: &Fleet) -> String {
    fleet.fleetvault(&["get", "token"]).ok().out()
}

#[test]
fn a_changed_value_is_rotated() {
    let fleet = fleet();
    edit(&fleet, "sed -i s/value/secret/ \"$1\"")
        .ok()
        .prints("rotated token; still for dev\n");
    assert_eq!(value(&fleet), "secret-of-token");
    assert_eq!(fleet.expand("dev", "<<secure.token>>").ok().out(), "secret-of-token");
    assert_eq!(fleet.git(&["log", "-1", "--format=%s"]), "fleetvault: rotate token\n");
}

#[test]
fn the_file_is_private_and_where_the_system_says() {
    let fleet = fleet();
    let seen = fleet.path("seen");
    let script = format!(
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > {}; echo more >> \"$1\"",
        seen.display()
    );
    edit(&fleet, &script).ok();
    let seen = fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    let runtime = fleet.path("runtime").display().to_string();
    assert!(lines[0].starts_with(&format!("600 {runtime}/fleetvault-")), "{seen}");
    assert!(lines[1].starts_with("700 "), "{seen}");
}

#[test]
fn an_editor_that_writes_a_new_file_and_renames_it() {
    let fleet = fleet();
    let script = "printf brand-new-value > \"$1.new\"; cp \"$1\" \"$1~\"; mv \"$1.new\" \"$1\"";
    edit(&fleet, script).ok();
    assert_eq!(value(&fleet), "brand-new-value");
}

#[test]
fn the_newline_that_editors_add_is_dropped_and_only_that() {
    let fleet = fleet();
    edit(&fleet, "echo brand-new-value > \"$1\"").ok();
    assert_eq!(value(&fleet), "brand-new-value");
    // An editor that adds a newline and changes nothing else has changed nothing.
    edit(&fleet, "echo >> \"$1\"")
        .fails(1)
        .says("the value was not changed; nothing was written");
    edit(&fleet, "printf 'two\\nlines of it\\n\\n' > \"$1\"").ok();
    assert_eq!(value(&fleet), "two\nlines of it\n");
    // A value that ends in one keeps it.
    edit(&fleet, "printf 'three\\nlines\\nof it\\n' > \"$1\"").ok();
    assert_eq!(value(&fleet), "three\nlines\nof it\n");
}

#[test]
fn nothing_is_written_where_nothing_was_edited() {
    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    edit(&fleet, "true")
        .fails(1)
        .silent()
        .says_exactly("fleetvault: error: the value was not changed; nothing was written\n");
    edit(&fleet, "echo half-a-change > \"$1\"; exit 3")
        .fails(1)
        .silent()
        .says("fleetvault: error: the editor 'sh ")
        .says("ended with exit status: 3; nothing was written");
    edit(&fleet, ": > \"$1\"").fails(1).says("the value is empty");
    edit(&fleet, "rm \"$1\"")
        .fails(1)
        .says("cannot read the file to edit: No such file or directory");
    edit(&fleet, "head -c 1048577 /dev/zero > \"$1\"")
        .fails(1)
        .says("more than the 1048576 bytes allowed");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    let mut command = fleet.fleetvault_command(&["edit", "token"]);
    command.env("VISUAL", "/none/editor").env("EDITOR", "true");
    run(command, b"")
        .fails(1)
        .says("the editor '/none/editor' ended with exit status: 127");
    let mut command = fleet.fleetvault_command(&["edit", "token"]);
    command.env("VISUAL", "").env("EDITOR", "true");
    run(command, b"").fails(1).says("the value was not changed");
}

#[test]
fn what_others_changed_meanwhile_is_not_overwritten() {
    let fleet = fleet();
    let script = format!(
        "printf changed-by-another | {} rotate token > /dev/null; echo changed-by-me > \"$1\"",
        env!("CARGO_BIN_EXE_fleetvault")
    );
    edit(&fleet, &script)
        .fails(1)
        .says("credential 'token' was changed while you edited it")
        .says("hint: edit it again");
    assert_eq!(value(&fleet), "changed-by-another");
}

#[test]
fn a_dry_run_edits_and_writes_nothing() {
    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    edit_with(&fleet, &["edit", "token", "--dry-run"], "echo brand-new-value > \"$1\"")
        .ok()
        .prints("dry run, nothing is written");
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(value(&fleet), "value-of-token");
}

#[test]
fn what_is_not_there_is_not_edited() {
    let fleet = fleet();
    edit_with(&fleet, &["edit", "tokenn"], "touch ../edited")
        .fails(4)
        .says("Credential 'tokenn' not found.\nfleetvault: hint: did you mean 'token'?");
    assert!(!fleet.path("edited").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_the_editors_and_leaves_nothing_behind() {
    use std::os::unix::process::CommandExt;

    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let edit = |script: &str| {
        let path = fleet.path("editor");
        fs::write(&path, script).unwrap();
        let mut command = fleet.fleetvault_command(&["edit", "token"]);
        command
            .env("EDITOR", format!("sh {}", path.display()))
            .env("XDG_RUNTIME_DIR", fleet.path("runtime"))
            // The terminal would signal this group; the test must not be in it.
            .process_group(0);
        let done = run(command, b"");
        assert_eq!(fs::read_dir(fleet.path("runtime")).unwrap().count(), 0, "{script}");
        done
    };
    for signal in ["INT", "QUIT"] {
        edit(&format!("echo half-a-value > \"$1\"; kill -{signal} 0; sleep 9"))
            .fails(1)
            .silent()
            .says("the editor 'sh ")
            .says("nothing was written");
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    }
    // An editor that goes on, as most do, is still waited for.
    edit("trap '' INT; kill -INT 0; sleep 0.2; echo brand-new-value > \"$1\"").ok();
    assert_eq!(value(&fleet), "brand-new-value");
}

#[cfg(unix)]
#[test]
fn who_ends_us_ends_the_editor_and_leaves_nothing_behind() {
    use std::process::Stdio;

    let fleet = fleet();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        let (path, ready) = (fleet.path("editor"), fleet.path("ready"));
        let script = format!(
            "echo half-a-value > \"$1\"; echo $$ > {}; while :; do sleep 0.1; done",
            ready.display()
        );
        fs::write(&path, script).unwrap();
        let mut command = fleet.fleetvault_command(&["edit", "token"]);
        let mut child = command
            .env("EDITOR", format!("sh {}", path.display()))
            .env("XDG_RUNTIME_DIR", fleet.path("runtime"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while fs::read_to_string(&ready).map_or(true, |pid| !pid.ends_with('\n')) {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
        assert_eq!(fs::read_dir(fleet.path("runtime")).unwrap().count(), 0);
        assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
        let editor: i32 = fs::read_to_string(&ready).unwrap().trim().parse().unwrap();
        let editor = rustix::process::Pid::from_raw(editor).unwrap();
        assert!(
            rustix::process::test_kill_process(editor).is_err(),
            "the editor runs on"
        );
        fs::remove_file(&ready).unwrap();
    }
    assert_eq!(value(&fleet), "value-of-token");
}
