//! The commands that the hook makes, run by the shells that clients run them with: they do what the original does with the value in it, and print
//! it masked.

use std::{fs, process::Output};

use serde_json::json;

use crate::{
    support::has,
    world::{Place, VALUE, World, said, text},
};

const SHELLS: [&str; 3] = ["sh", "bash", "dash"];

/// What a shell prints and ends with.
fn result(place: &Place<'_>, shell: &str, line: &str) -> (String, Option<i32>) {
    let Output { status, stdout, .. } = place.command(shell).args(["-c", line]).output().unwrap();
    (String::from_utf8(stdout).unwrap(), status.code())
}

/// Runs a line of a model's as the hook makes it, and compares it with the same line that has the value in it.
#[track_caller]
fn compare(place: &Place<'_>, shell: &str, line: &str) {
    let request = place.shell_request("claude-code", json!(line));
    let options = ["--shell-program", shell];
    let answer = place.ask(&place.launch(), "claude-code", &options, request.to_string().as_bytes());
    let rewritten = said("claude-code", &answer.ok()).command();
    assert!(!rewritten.contains(VALUE));
    let (printed, code) = result(place, shell, &rewritten);
    let (plain, plain_code) = result(place, shell, &line.replace("<<secure.github_pat>>", VALUE));
    assert!(plain.contains(VALUE), "this line shows nothing: {line}");
    assert_eq!(
        printed,
        plain.replace(VALUE, "[REDACTED:github_pat]"),
        "{shell}: {line}\n{rewritten}"
    );
    assert_eq!(code, plain_code, "{shell}: {line}");
}

#[test]
fn a_line_does_what_it_did_with_the_value_masked() {
    let lines = [
        "echo <<secure.github_pat>>",
        "printf '%s\\n' \"a 'b' <<secure.github_pat>>\" 'it'\\''s' \"\\\"q\\\"\"",
        "echo 'single <<secure.github_pat>> \"x\" $HOME `id`'",
        "echo one\necho <<secure.github_pat>>\n\n# done\necho three",
        "X='a b'; echo \"$X\" ${X} $((1 + 2)) $(echo sub) `echo old` <<secure.github_pat>>; exit 7",
        "printf '%s|' a\\ b \\$HOME \\\\ '\\n' <<secure.github_pat>>",
        "echo 'hi!' \"wow!\" !x <<secure.github_pat>>",
        "echo 'ünï — 漢字 🎉' <<secure.github_pat>> é",
        "cat <<E\n$HOME says <<secure.github_pat>> and \\$5\nE",
        "TOKEN=<<secure.github_pat>> sh -c 'echo \"in it: $TOKEN\"; exit 3'",
        "echo <<secure.github_pat>> | cat | (cat; false)",
        "for i in 1 2; do echo \"$i <<secure.github_pat>>\"; done && test -z <<secure.github_pat>>",
        "f() { echo \"$1\" >&2; echo \"$1\"; return 9; }; f <<secure.github_pat>>",
        "echo <<secure.github_pat>> > out.txt; cat out.txt; rm out.txt; echo \"$PWD\"",
        "\techo   'tabs\tand  blanks'   <<secure.github_pat>>  ",
    ];
    let world = World::new();
    let place = world.place("lines");
    for shell in SHELLS.into_iter().filter(|shell| has(shell)) {
        for line in lines {
            compare(&place, shell, line);
        }
    }
}

#[test]
fn a_value_is_data_whatever_is_in_it() {
    let world = World::new();
    let place = world.place("odd");
    let line = "printf '[%s]' <<secure.odd_one>> \"a <<secure.odd_one>>\" 'b <<secure.odd_one>>' | tr -d '[]' | wc -c";
    let rewritten = place.shell("codex", line).command();
    let bytes = 3 * "it's \"odd\" $HOME\\é".len() + "a b ".len();
    for shell in SHELLS.into_iter().filter(|shell| has(shell)) {
        assert_eq!(result(&place, shell, &rewritten).0.trim(), bytes.to_string());
    }
}

#[test]
fn paths_with_blanks_and_quotes_are_quoted() {
    let world = World::new();
    let place = world.place("paths");
    let strange = world.fleet.path("it's my \"own\" $HOME; `place` é");
    fs::create_dir(&strange).unwrap();
    fs::rename(world.fleet.vault(), strange.join("the vault")).unwrap();
    fs::rename(world.fleet.identity("dev"), strange.join("dev's key.txt")).unwrap();
    let launch = [
        env!("CARGO_BIN_EXE_fleetvault-resolver").to_owned(),
        "--vault".into(),
        text(&strange.join("the vault")),
        "--identity".into(),
        text(&strange.join("dev's key.txt")),
    ];
    let line = "echo 'it'\\''s' \"<<secure.github_pat>>\"; exit 4";
    for shell in SHELLS.into_iter().filter(|shell| has(shell)) {
        let request = place.shell_request("gemini", json!(line)).to_string();
        let answer = place.ask(&launch, "gemini", &["--shell-program", shell], request.as_bytes());
        let rewritten = said("gemini", &answer.ok()).command();
        let expected = ("it's [REDACTED:github_pat]\n".to_owned(), Some(4));
        assert_eq!(result(&place, shell, &rewritten), expected, "{rewritten}");
    }
}

#[test]
fn a_command_can_be_asked_about_twice() {
    let world = World::new();
    let place = world.place("twice");
    for client in crate::world::CLIENTS {
        let rewritten = place.shell(client, "echo 'a b' \"<<secure.github_pat>>\"").command();
        assert_eq!(place.shell(client, &rewritten), crate::world::Said::Nothing, "{client}");
        // What only begins like it is rewritten as a whole, or refused, like any other line.
        for more in [
            "; rm x <<secure.github_pat>>",
            " && echo",
            "\nrm x",
            " # x",
            " | cat",
            "'$(rm x)'",
        ] {
            let longer = format!("{rewritten}{more}");
            match place.shell(client, &longer) {
                crate::world::Said::Nothing => panic!("{client} runs as it stands: {longer}"),
                crate::world::Said::Runs(again) => assert!(again.starts_with(&place.rewrite()) && again != longer),
                stopped => assert!(stopped.stops()),
            }
        }
    }
}
