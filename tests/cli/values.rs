//! Values: which bytes they may have, where they come from, and that they come back as they were.

use std::fs;

use crate::support::Fleet;

const MAX: usize = 1 << 20;

/// Sets a value in every way it can be read, and reads it back through both binaries.
#[track_caller]
fn comes_back(fleet: &Fleet, value: &[u8]) {
    fs::write(fleet.path("value"), value).unwrap();
    fleet.remember(value);
    fleet
        .fleetvault(&["set", "token", "--from-file", fleet.path("value").to_str().unwrap()])
        .ok();
    assert!(fleet.fleetvault(&["get", "token"]).ok().stdout == value);
    assert!(fleet.expand("dev", "<<secure.token>>").ok().stdout == value);
    fleet.fleetvault_with(&["set", "token", "--keep-newline"], value).ok();
    assert!(fleet.expand("dev", "<<secure.token>>").ok().stdout == value);
}

#[test]
fn bytes_of_all_kinds_come_back_as_they_were() {
    let fleet = Fleet::new();
    fleet.member("dev");
    let all: Vec<u8> = (0..=255).collect();
    for value in [
        b"a".as_slice(),
        b"\n",
        b"two\nlines of it\n",
        b"no newline at its end",
        b"\r\nwindows\r\n",
        b"with a NUL \0 inside",
        b"\0",
        &all,
        "schl\u{fc}ssel \u{202e}\u{1f511}".as_bytes(),
        b"$HOME `id` $(id) \\ \" ' \"\"\" '''",
        b"<<secure.other>> {{secure.other}} {% raw %}",
        b"\xff\xfe broken \xc3",
        b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        b"[[signature]]\n",
        b"  blanks around  ",
    ] {
        comes_back(&fleet, value);
    }
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn one_mebibyte_and_not_a_byte_more() {
    let fleet = Fleet::new();
    fleet.member("dev");
    comes_back(&fleet, &b"x".repeat(MAX));
    let mut binary = vec![0xff; MAX];
    binary[0] = 0;
    comes_back(&fleet, &binary);
    let head = fleet.git(&["rev-parse", "HEAD"]);
    let large = b"y".repeat(MAX + 1);
    fs::write(fleet.path("large"), &large).unwrap();
    let text = "fleetvault: error: the value has more than the 1048576 bytes allowed\n";
    let from_file = ["set", "token", "--from-file", fleet.path("large").to_str().unwrap()].map(str::to_owned);
    let from_file = from_file.each_ref().map(String::as_str);
    fleet.fleetvault(&from_file).fails(1).silent().says_exactly(text);
    fleet
        .fleetvault_with(&["set", "token"], &large)
        .fails(1)
        .silent()
        .says_exactly(text);
    fleet
        .fleetvault_with(&["rotate", "token"], &b"y".repeat(MAX * 3))
        .fails(1)
        .says_exactly(text);
    // The newline that is dropped does not count.
    let mut line = b"z".repeat(MAX);
    line.push(b'\n');
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
    fleet.fleetvault_with(&["set", "token"], &line).ok();
    fleet
        .fleetvault_with(&["set", "token", "--keep-newline"], &line)
        .fails(1)
        .says_exactly(text);
    assert_eq!(fleet.fleetvault(&["get", "token"]).ok().stdout.len(), MAX);
    fleet.fleetvault(&["verify"]).ok();
}

#[test]
fn nothing_is_no_value() {
    let fleet = Fleet::new();
    let head = fleet.git(&["rev-parse", "HEAD"]);
    fs::write(fleet.path("empty"), "").unwrap();
    let from_file = ["set", "token", "--from-file", "../empty"];
    for (args, stdin) in [
        (&["set", "token"][..], ""),
        (&["set", "token"], "\n"),
        (&from_file, "unused"),
    ] {
        fleet
            .fleetvault_with(args, stdin.as_bytes())
            .fails(1)
            .silent()
            .says_exactly(
                "fleetvault: error: the value is empty\n\
                 fleetvault: hint: a pipe that failed gives an empty value; nothing was written\n",
            );
    }
    assert_eq!(fleet.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn one_trailing_newline_is_dropped_from_standard_input() {
    let fleet = Fleet::new();
    for (typed, kept) in [
        ("long enough", "long enough"),
        ("long enough\n", "long enough"),
        ("long enough\r\n", "long enough"),
        ("long enough\n\n", "long enough\n"),
        ("\nlong enough \n", "\nlong enough "),
    ] {
        fleet.fleetvault_with(&["set", "token"], typed.as_bytes()).ok();
        assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), kept, "{typed:?}");
        fleet
            .fleetvault_with(&["set", "token", "--keep-newline"], typed.as_bytes())
            .ok();
        assert_eq!(fleet.fleetvault(&["get", "token"]).ok().out(), typed);
    }
}

#[test]
fn a_file_that_cannot_be_read() {
    let fleet = Fleet::new();
    fleet
        .fleetvault(&["set", "token", "--from-file", "/none/there"])
        .fails(1)
        .says("cannot read the value from /none/there: No such file or directory");
    fleet
        .fleetvault(&["set", "token", "--from-file", "/"])
        .fails(1)
        .says("cannot read the value from /: ");
}

#[test]
fn short_values_are_warned_of() {
    let fleet = Fleet::new();
    let warning = "fleetvault: warning: a value under 8 bytes cannot be masked reliably in the output of commands\n";
    fleet
        .fleetvault_with(&["set", "token"], b"1234567\n")
        .ok()
        .says_exactly(warning);
    fleet
        .fleetvault_with(&["set", "token"], b"12345678\n")
        .ok()
        .says_exactly("");
}

#[test]
fn random_values() {
    let fleet = Fleet::new();
    let mut seen = std::collections::BTreeSet::new();
    for (args, length) in [
        (&["--generate"][..], 32),
        (&["--generate"], 32),
        (&["--generate", "8"], 8),
        (&["--generate", "41"], 41),
        (&["--generate=4096"], 4096),
    ] {
        // What is piped in is not read.
        fleet
            .fleetvault_with(&[&["set", "token"], args].concat(), b"not the value")
            .ok();
        let value = fleet.fleetvault(&["get", "token"]).ok().out();
        assert_eq!(value.len(), length);
        assert!(
            value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{value}"
        );
        assert!(seen.insert(value));
    }
    fleet
        .fleetvault(&["set", "token", "--generate", "7"])
        .fails(2)
        .says("7 is not in 8..=4096");
    fleet
        .fleetvault(&["set", "token", "--generate", "4097"])
        .fails(2)
        .says("4097 is not in 8..=4096");
    fleet
        .fleetvault(&["set", "token", "--generate", "--from-file", "x"])
        .fails(2)
        .says("cannot be used with '--from-file <FILE>'");
}

#[test]
fn a_value_is_never_an_argument() {
    let fleet = Fleet::new();
    fleet
        .fleetvault(&["set", "token", "value"])
        .fails(2)
        .says("unexpected argument 'value'");
    fleet
        .fleetvault(&["set", "token", "--value", "value"])
        .fails(2)
        .says("unexpected argument '--value'");
}
