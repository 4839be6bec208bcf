//! What a command gets: arguments, variables, standard input, a directory; and when it gets nothing at all.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    OTHER, Runs, TOKEN, fleet,
    support::{run, skip},
};

#[test]
fn values_reach_the_command_exactly_and_are_masked_on_the_way_back() {
    let fleet = fleet();
    let script = "printf '%s|' \"$@\" > args; printf '%s\\n' \"$@\"";
    let printed = fleet.run(&[
        "--",
        "sh",
        "-c",
        script,
        "sh",
        "a <<secure.token>>",
        "{{ secure.other }}",
        "<<secure.token|base64>>",
    ]);
    assert_eq!(
        printed.ok().out(),
        "a [REDACTED:token]\n[REDACTED:other]\n[REDACTED:token]\n"
    );
    assert_eq!(
        fleet.written("args"),
        format!("a {TOKEN}|{OTHER}|czNjcjN0LXRva2VuLW9mLWRldg==|")
    );
}

#[test]
fn a_value_that_holds_a_template_is_not_expanded_again() {
    let fleet = fleet();
    fleet.set("nested", "<<secure.private>> and {{secure.token}}", "dev");
    fleet
        .run(&["--", "sh", "-c", "printf %s \"$1\" > args", "sh", "<<secure.nested>>"])
        .ok();
    assert_eq!(fleet.written("args"), "<<secure.private>> and {{secure.token}}");
}

#[test]
fn variables_come_from_the_environment_then_files_then_flags() {
    let fleet = fleet();
    fs::write(
        fleet.path("vars"),
        "# of the project\nA=file <<secure.token>>\nB='file <<secure.other>>'\nC=file\n",
    )
    .unwrap();
    let mut command = fleet.resolver_command(
        "dev",
        &["run", "--env-file", "vars", "--env", "C=flag <<secure.token>>"],
    );
    command.args(["--", "sh", "-c", "printf '%s|' \"$A\" \"$B\" \"$C\" \"$D\" > out"]);
    command.env("A", "inherited").env("D", "inherited");
    run(command, b"").ok();
    assert_eq!(
        fleet.written("out"),
        format!("file {TOKEN}|file {OTHER}|flag {TOKEN}|inherited|")
    );
}

#[test]
fn the_projects_file_of_variables_is_found_upwards() {
    let fleet = fleet();
    fs::create_dir_all(fleet.path("project/src/deep")).unwrap();
    let file = fleet.path("project/.fleetvault.env");
    fs::write(&file, "T=<<secure.token>>\n").unwrap();
    // Whatever the umask here.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = fleet.resolver_command("dev", &["run", "--env-file", ".fleetvault.env"]);
    command.args(["--", "sh", "-c", "printf %s \"$T\" > out"]);
    command.current_dir(fleet.path("project/src/deep"));
    run(command, b"").ok();
    assert_eq!(fleet.written("project/src/deep/out"), TOKEN);
    // Any other name is a path like every other.
    let mut command = fleet.resolver_command("dev", &["run", "--env-file", "other.env", "--", "true"]);
    command.current_dir(fleet.path("project/src"));
    run(command, b"").fails(125).says("cannot read other.env: No such file");
}

#[test]
fn a_file_of_variables_that_others_put_there_is_not_found() {
    use std::os::unix::fs::{chown, symlink};

    let fleet = fleet();
    let file = fleet.path("project/.fleetvault.env");
    fs::create_dir_all(fleet.path("project/src")).unwrap();
    let found = |name: &str| {
        fs::write(&file, "T=<<secure.token>>\n").unwrap();
        let mut command = fleet.resolver_command("dev", &["run", "--env-file", name, "--", "true"]);
        command.current_dir(fleet.path("project/src"));
        command
    };
    fs::write(&file, "").unwrap();
    for (mode, refused) in [(0o644, false), (0o646, true), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let ended = run(found(".fleetvault.env"), b"");
        match refused {
            false => drop(ended.ok()),
            true => drop(
                ended
                    .fails(125)
                    .says(&format!(
                        "{} was found, but others can write to it, and would decide what runs",
                        file.display()
                    ))
                    .says(&format!(
                        "hint: where you would run what it says, name it by its path: --env-file {}",
                        file.display()
                    )),
            ),
        }
    }
    if !rustix::process::geteuid().is_root() {
        return skip("a file of another user: needs root");
    }
    chown(&file, Some(54321), None).unwrap();
    run(found(".fleetvault.env"), b"").fails(125).says(&format!(
        "{} was found, but it belongs to the user id 54321, who would decide what runs",
        file.display()
    ));
    // Whoever names it means it.
    run(found("../.fleetvault.env"), b"").ok();
    // Nor does a link of theirs choose among our own files.
    let link = fleet.path("project/src/.fleetvault.env");
    fs::rename(&file, fleet.path("own")).unwrap();
    chown(fleet.path("own"), Some(0), None).unwrap();
    symlink(fleet.path("own"), &link).unwrap();
    run(found(".fleetvault.env"), b"").ok();
    std::os::unix::fs::lchown(&link, Some(54321), None).unwrap();
    run(found(".fleetvault.env"), b"")
        .fails(125)
        .says("it belongs to the user id 54321");
}

#[test]
fn no_variable_makes_the_shell_do_something_else() {
    let fleet = fleet();
    fs::write(fleet.path("evil"), "touch ran\n").unwrap();
    fs::write(fleet.path("vars"), "BASH_ENV=evil\n").unwrap();
    let line = ["--shell-program", "bash", "--shell", "echo <<secure.token>>"];
    for name in [
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "IFS",
        "LD_PRELOAD",
        "BASH_FUNC_echo",
    ] {
        fleet
            .run(&[&["--env", &format!("{name}=evil")][..], &line].concat())
            .fails(125)
            .says(&format!(
                "variable {name}: it would make the shell run or load something else where values are"
            ))
            .says(&format!(
                "hint: set it inside of the line, for the command that needs it: {name}=… COMMAND"
            ));
    }
    fleet
        .run(&[&["--env-file", "vars"][..], &line].concat())
        .fails(125)
        .says("variable BASH_ENV: ");
    assert!(!fleet.path("ran").exists());
    // A command that is started directly may have them.
    fleet.run(&["--env", "PS4=<<secure.token>>", "--", "true"]).ok();
}

#[test]
fn what_is_wrong_in_a_file_of_variables_is_named_by_its_line() {
    let fleet = fleet();
    fs::write(fleet.path("vars"), "A=1\nnonsense\n").unwrap();
    fleet
        .run(&["--env-file", "vars", "--", "true"])
        .fails(125)
        .says("vars, line 2: expected NAME=TEMPLATE, found no '='")
        .says("hint: a line is NAME=TEMPLATE");
    for (variable, problem) in [
        ("A", "expected NAME=TEMPLATE"),
        ("1A=x", "expected a name of letters, digits and '_'"),
        (
            "FLEETVAULT_MEMBER=x",
            "is a setting of the resolver, which no command inherits",
        ),
    ] {
        fleet.run(&["--env", variable, "--", "true"]).fails(125).says(problem);
    }
    fleet
        .run(&["--env", "A=<<secure.b c>>", "--", "true"])
        .fails(125)
        .says("variable A: line 1, column 1: '<<secure.b c' is no reference");
}

#[test]
fn standard_input_is_ours_or_a_template() {
    let fleet = fleet();
    let cat = ["run", "--", "sh", "-c", "cat > out"];
    fleet.resolver("dev", &cat, b"typed").ok();
    assert_eq!(fleet.written("out"), "typed");
    fleet
        .run(&["--stdin", "user:<<secure.token>>\n", "--", "sh", "-c", "cat > out"])
        .ok();
    assert_eq!(fleet.written("out"), format!("user:{TOKEN}\n"));
    // A command that reads nothing ends like any other.
    let large = "x".repeat(500_000);
    fleet.set("large", &large, "dev");
    fleet.run(&["--stdin", "<<secure.large>>", "--", "true"]).ok();
    fleet
        .run(&["--stdin", "<<secure.large>>", "--", "sh", "-c", "cat > out"])
        .ok();
    assert_eq!(fleet.written("out"), large);
}

#[test]
fn it_runs_in_another_directory() {
    let fleet = fleet();
    fs::create_dir(fleet.path("there")).unwrap();
    fleet
        .run(&[
            "--cwd",
            "there",
            "--",
            "sh",
            "-c",
            "echo $1 > out; pwd",
            "sh",
            "<<secure.other>>",
        ])
        .ok();
    assert!(fleet.path("there/out").is_file());
    fleet
        .run(&["--cwd", "nowhere", "--", "true"])
        .fails(125)
        .says("cannot run in nowhere: No such file");
    fs::write(fleet.path("file"), "").unwrap();
    fleet
        .run(&["--cwd", "file", "--", "true"])
        .fails(125)
        .says("cannot run in file: ");
}

#[test]
fn nothing_runs_where_one_reference_is_refused() {
    let fleet = fleet();
    let touched = ["sh", "-c", "touch ran", "sh"];
    fs::write(fleet.path("template"), "<<secure.private>>").unwrap();
    for (args, sentence) in [
        (
            &["--env", "A=<<secure.private>>"][..],
            "Credential 'private' is not accessible to member 'dev'. Allowed: alice",
        ),
        (&["--stdin", "<<secure.private>>"], "is not accessible to member 'dev'"),
        (&["--file", "template:made"], "is not accessible to member 'dev'"),
        (&["--env", "A=<<secure.nothing>>"], "Credential 'nothing' not found."),
        (&["--env", "A=<<secure.token"], "variable A: line 1, column 1"),
    ] {
        fleet
            .run(&[args, &["--"], &touched, &["<<secure.token>>"]].concat())
            .fails(125)
            .silent()
            .says(sentence);
    }
    let all = [
        &["--env", "A=<<secure.private>> <<secure.nothing>>", "--"],
        &touched[..],
        &["<<secure.zero>>"],
    ]
    .concat();
    let refused = fleet.run(&all).fails(125);
    for name in ["private", "nothing", "zero"] {
        assert!(refused.stderr.contains(&format!("'{name}'")), "{}", refused.stderr);
    }
    assert!(!fleet.path("ran").exists() && !fleet.path("made").exists());
    fleet.run(&[&["--"], &touched[..], &["<<secure.token>>"]].concat()).ok();
    assert!(fleet.path("ran").exists());
}

#[test]
fn what_no_argument_can_hold_is_refused_with_what_can() {
    let fleet = fleet();
    let large = "x".repeat((128 << 10) - 2);
    fleet.set("large", &large, "dev");
    fleet
        .fleetvault_with(&["set", "nul", "--members", "dev"], b"a-value\0with-nul")
        .ok();
    let count = "printf %s \"$1\" | wc -c";
    fleet
        .run(&["--", "sh", "-c", count, "sh", "<<secure.large>>"])
        .ok()
        .prints("131070");
    fleet
        .run(&["--", "sh", "-c", count, "sh", "xx<<secure.large>>"])
        .fails(125)
        .says("argument 4: with the value of 'large' it has 131072 bytes, and the system takes less than 131072")
        .says("hint: give it to the command in a file (--file TEMPLATE_FILE:DEST) or on standard input (--stdin TEMPLATE)");
    fleet
        .run(&["--env", "V=<<secure.large>>", "--", "true"])
        .fails(125)
        .says("variable V: with the value of 'large' it has 131072 bytes");
    fleet
        .run(&["--", "echo", "<<secure.nul>> <<secure.token>>"])
        .fails(125)
        .says("argument 1: the values of 'nul', 'token' cannot be an argument: it has a NUL byte");
    fleet
        .run(&["--env", "V=<<secure.nul>>", "--", "true"])
        .fails(125)
        .says("variable V: the value of 'nul' cannot be a variable");
    fleet
        .run(&["--stdin", "<<secure.nul>>", "--", "sh", "-c", "cat > out"])
        .ok();
    assert_eq!(fs::read(fleet.path("out")).unwrap(), b"a-value\0with-nul");
}

#[test]
fn a_value_never_says_what_is_run() {
    let fleet = fleet();
    fleet.set("program", "/usr/bin/touch", "dev");
    fleet
        .run(&["--", "<<secure.program>>", "ran"])
        .fails(125)
        .says("the program: '<<secure.program>>' cannot say what is run")
        .says("hint: name the program, and give it the value as an argument");
    fleet.run(&["--", "/bin/<<secure.program>>", "ran"]).fails(125);
    assert!(!fleet.path("ran").exists());
}

#[test]
fn filters_work_and_what_they_make_is_masked_too() {
    let fleet = fleet();
    let twice = "<<secure.token | base64 | base64>>";
    let printed = fleet
        .run(&[
            "--",
            "sh",
            "-c",
            "printf %s \"$1\" > out; printf %s \"$1\"",
            "sh",
            twice,
        ])
        .ok();
    assert_eq!(fleet.written("out"), "Y3pOamNqTjBMWFJ2YTJWdUxXOW1MV1JsZGc9PQ==");
    assert_eq!(printed.out(), "[REDACTED:token]");
    fleet
        .fleetvault_with(&["set", "binary", "--members", "dev"], b"\xff\xfe-no-text-at-all")
        .ok();
    fleet
        .run(&["--", "echo", "<<secure.binary | tojson>>"])
        .fails(125)
        .says("argument 1: credential 'binary': filter 'tojson' takes UTF-8 only");
}

#[test]
fn without_a_reference_it_is_a_command_like_any_other() {
    let fleet = fleet();
    fleet
        .run(&["--", "echo", "<<EOF", "a >> b"])
        .ok()
        .prints("<<EOF a >> b\n");
    fleet.run(&["echo", "-n", "--env", "A=b"]).ok().prints("--env A=b");
}

#[test]
fn a_short_value_is_warned_about() {
    let fleet = fleet();
    fleet.set("pin", "1234", "dev");
    fleet
        .run(&["--", "echo", "<<secure.pin>>"])
        .ok()
        .prints("[REDACTED:pin]\n")
        .says("warning: the value of 'pin' has less than 8 bytes");
}
