//! Hostile values in shell lines, by real shells: a value is data wherever a reference is accepted, and nothing else runs.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use fleetvault::resolver::shell::{Dialect, bind, is_scrubbed};
use fleetvault::resolver::template::Template;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use crate::support::has;

/// Lines for any sh with `@` for the value, and what they print. `show` prints each argument in brackets and NUL.
const LINES: &[(&str, &str)] = &[
    ("show @", "[@]\0"),
    ("show a@b \"x @\" 'y @ z' \"\"@''", "[a@b]\0[x @]\0[y @ z]\0[@]\0"),
    ("show \\\"@ zz*@ ~@", "[\"@]\0[zz*@]\0[~@]\0"),
    ("show \"$x@$x\" '$x\\@'", "[@]\0[$x\\@]\0"),
    ("A=@; show \"$A\"", "[@]\0"),
    ("A=x'@'y; show \"$A\"", "[x@y]\0"),
    ("A=@ sh -c 'show \"$A\"'", "[@]\0"),
    ("env B='x @' sh -c 'show \"$B\"'", "[x @]\0"),
    ("sh -c 'show \"$1\"' sh @", "[@]\0"),
    ("cat <<E\n@|\"@\" '@'\nE", "@|\"@\" '@'\n"),
    ("cat <<-E\n\t@|\n\tE", "@|\n"),
    ("cat <<E\n$(printf '%s|' @ \"@\")\nE", "@|@|\n"),
    ("cat <<E; show @\n@|\nE", "@|\n[@]\0"),
    ("show \"$(printf '%s|' @ \"@\" '@')\"", "[@|@|@|]\0"),
    ("B=$(printf '%s|' '@'); show \"$B\"", "[@|]\0"),
    ("(show @)", "[@]\0"),
    ("{ show @; } | cat", "[@]\0"),
    ("if show @; then show \"@\"; fi", "[@]\0[@]\0"),
    ("for a in @ b; do show \"$a\"; done", "[@]\0[b]\0"),
    ("case x@ in y) ;; x*) show @;; esac", "[@]\0"),
    ("A=@; case $A in @) show same;; *) show other;; esac", "[same]\0"),
    ("show \"$(case a in a) printf '%s|' @;; esac)\"", "[@|]\0"),
    ("f() { show \"$1\"; }; f @", "[@]\0"),
    ("set -- @; show \"$1\" \"$#\"", "[@]\0[1]\0"),
    ("printf '%s' @ | cat", "@"),
    ("[ x@ = x'@' ] && show same", "[same]\0"),
    ("show x \\\n  @ # it's", "[x]\0[@]\0"),
    ("(readonly A=@; show \"$A\")", "[@]\0"),
    ("A=@; eval 'show \"$A\"'", "[@]\0"),
    ("(A=@; trap 'show \"$A\"' EXIT)", "[@]\0"),
    ("B=@ sh -c 'sh -c '\\''show \"$B\"'\\'''", "[@]\0"),
    ("env B=@ sh -c 'f() { show \"$1\"; }; f \"$B\"'", "[@]\0"),
    ("show x | sh -c \"echo $(echo 1)\"; show @", "1\n[@]\0"),
];

/// The same for bash.
const BASH_LINES: &[(&str, &str)] = &[
    ("a=(@ 'y @' [4]=@); show \"${a[^]}\"", "[@]\0[y @]\0[@]\0"),
    ("a=(1); a[0]=@; show \"$a\"", "[@]\0"),
    ("A=x; A+=@; show \"$A\"", "[x@]\0"),
    ("show @ 2>&1 >&1", "[@]\0"),
    ("cat <<< @", "@\n"),
    ("cat <<< \"x @\"", "x @\n"),
    ("cat <(printf '%s' @)", "@"),
    ("[[ a == a ]] && show @", "[@]\0"),
    ("(( 1 )) && show $'it\\'s' @", "[it's]\0[@]\0"),
    ("A=@; [[ $A == \"$A\" ]] && show \"$A\"", "[@]\0"),
    ("a=(1); readonly a=@; show \"$a\"", "[@]\0"),
    (
        "declare -A m; declare -a n; m=@; n=@; show \"${m[0]}\" \"$n\"",
        "[@]\0[@]\0",
    ),
    ("function g { show \"$@\"; }; g @", "[@]\0"),
];

const VALUES: &[&[u8]] = &[
    b"plain",
    b"",
    b" ",
    b"*",
    b"~",
    b"-n",
    b"-vx[$(touch PWNED)]",
    b"$HOME",
    b"${HOME}",
    b"a b\tc",
    b"a[$(touch PWNED)]",
    b"a[$(touch PWNED)]=1",
    b"'; touch PWNED #",
    b"\"; touch PWNED #",
    b"\"$(touch PWNED)\"",
    b"$(touch PWNED)",
    b"`touch PWNED`",
    b"; touch PWNED;",
    b"\ntouch PWNED\n",
    b"& touch PWNED & | touch PWNED",
    b"one\ntwo\n",
    b"ends in newlines\n\n\n",
    b"\n",
    b"\\",
    b"\\\\",
    b"a\\\nb\\",
    b"EOF",
    b"E\n$(touch PWNED)\nE\ntouch PWNED\n",
    b"\nE\n",
    b"]]",
    b"))",
    b"}",
    b"esac; touch PWNED",
    b"|&;<>(){}!#%^=",
    b"\x01\x02\x7f\x1b",
    b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\xa0\xff",
    b"\xc3",
    b"\\\x01\\\x7f\\\x81",
    "🔑 ü €".as_bytes(),
    b"<<secure.x>> {{secure.x}}",
    b"FLEETVAULT_VALUE_1 ${_fv1} $_fv1",
    b"() { :; }; touch PWNED",
];

/// A directory with `show` on its PATH.
pub struct Stage {
    directory: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("bin/show");
        fs::create_dir(directory.path().join("bin")).unwrap();
        fs::create_dir(directory.path().join("work")).unwrap();
        fs::write(&program, "#!/bin/sh\nexec env printf '[%s]\\0' \"$@\"\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory }
    }

    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Binds a line and runs it as the resolver would; nothing where it is refused.
    pub fn run(&self, shell: &str, locale: &str, line: &str, value: &[u8]) -> Option<Output> {
        let dialect = if shell == "bash" { Dialect::Bash } else { Dialect::Posix };
        let template = Template::parse(line.as_bytes()).ok()?;
        let bound = bind(&template, dialect).ok()?;
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            self.directory.path().join("bin").display()
        );
        let mut command = Command::new(shell);
        command
            .env_clear()
            .envs([
                ("PATH", path.as_str()),
                ("LC_ALL", locale),
                ("HOME", "/nowhere"),
                ("_fv1", "inherited"),
            ])
            .envs(
                bound
                    .bindings
                    .iter()
                    .map(|binding| (&binding.environment, OsStr::from_bytes(value))),
            )
            .arg("-c")
            .arg(OsStr::from_bytes(&bound.script))
            .current_dir(self.work())
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        // Taken away where it is, so that the next line is not blamed for it.
        assert!(
            fs::remove_file(self.work().join("PWNED")).is_err(),
            "{shell}: {line}\n{:?}",
            value.escape_ascii().to_string()
        );
        Some(output)
    }
}

/// Puts a value in the places of `@`.
fn filled(expected: &str, value: &[u8]) -> Vec<u8> {
    expected.split('@').map(str::as_bytes).collect::<Vec<_>>().join(value)
}

pub fn line(text: &str) -> String {
    text.replace("$@", "\u{1}")
        .replace('@', "<<secure.x>>")
        .replace('\u{1}', "$@")
        .replace('^', "@")
}

/// Where `sh` is dash, it is not run twice.
pub fn shells() -> impl Iterator<Item = &'static str> {
    let is_dash = |directory: PathBuf| fs::canonicalize(directory.join("sh")).is_ok_and(|file| file.ends_with("dash"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let same = std::env::split_paths(&path).find(|directory| directory.join("sh").is_file());
    let skip_sh = same.is_some_and(is_dash);
    let all = ["sh", "dash", "bash"].into_iter();
    all.filter(move |shell| !(skip_sh && *shell == "sh") && has(shell))
}

fn lines(shell: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let more = if shell == "bash" { BASH_LINES } else { &[] };
    LINES.iter().chain(more)
}

/// Runs all lines as one, and then finds the one that is wrong.
fn check(stage: &Stage, shell: &str, locale: &str, value: &[u8]) -> Result<(), String> {
    let all: Vec<String> = lines(shell).map(|(text, _)| line(text)).collect();
    let output = stage.run(shell, locale, &all.join("\n"), value).ok_or("refused")?;
    let expected: Vec<u8> = lines(shell).flat_map(|(_, expected)| filled(expected, value)).collect();
    if output.stdout == expected {
        return Ok(());
    }
    for (text, expected) in lines(shell) {
        let output = stage.run(shell, locale, &line(text), value).ok_or("refused alone")?;
        if output.stdout != filled(expected, value) {
            return Err(format!(
                "{shell}, {locale}: {text}\nvalue: {}\nprinted: {}\nstderr: {}",
                value.escape_ascii(),
                output.stdout.escape_ascii(),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    Err(format!("{shell}, {locale}: only together: {}", value.escape_ascii()))
}

#[test]
fn hostile_values_arrive_byte_for_byte() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for shell in shells() {
        for locale in ["C", "C.UTF-8"] {
            wrong.extend(
                VALUES
                    .iter()
                    .filter_map(|value| check(&stage, shell, locale, value).err()),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_line_works_alone() {
    let stage = Stage::new();
    for shell in shells() {
        for (text, expected) in lines(shell) {
            let value = b"'\"$(touch PWNED)\\\n*";
            let output = stage.run(shell, "C", &line(text), value).expect(text);
            let stdout = output.stdout.escape_ascii().to_string();
            assert_eq!(
                stdout,
                filled(expected, value).escape_ascii().to_string(),
                "{shell}: {text}"
            );
        }
    }
}

#[test]
fn a_redirection_names_exactly_that_file() {
    let stage = Stage::new();
    for shell in shells() {
        for value in VALUES
            .iter()
            .filter(|value| !value.is_empty() && !value.contains(&b'/'))
        {
            let text = line("printf x > @; { cat; } < '@'");
            let output = stage.run(shell, "C", &text, value).unwrap();
            assert_eq!(output.stdout, b"x", "{shell}: {}", value.escape_ascii());
            let files: Vec<_> = fs::read_dir(stage.work())
                .unwrap()
                .map(|file| file.unwrap().path())
                .collect();
            assert_eq!(files, [stage.work().join(OsStr::from_bytes(value))], "{shell}");
            fs::remove_file(&files[0]).unwrap();
        }
    }
}

#[test]
fn any_bytes_arrive() {
    let byte = prop_oneof![
        Just(b'\''),
        Just(b'"'),
        Just(b'\\'),
        Just(b'\n'),
        Just(b'$'),
        Just(b'`'),
        1_u8..=255
    ];
    let stage = Stage::new();
    let shells: Vec<_> = shells().collect();
    TestRunner::new(ProptestConfig::with_cases(25))
        .run(
            &(proptest::collection::vec(byte, 0..30), any::<bool>()),
            |(value, utf8)| {
                for shell in &shells {
                    let locale = if utf8 { "C.UTF-8" } else { "C" };
                    check(&stage, shell, locale, &value).map_err(TestCaseError::fail)?;
                }
                Ok(())
            },
        )
        .unwrap();
}

#[test]
fn values_are_in_no_environment_and_no_argument() {
    let stage = Stage::new();
    let value = b"marked-value-1234";
    for shell in shells() {
        for (text, _) in lines(shell).filter(|(text, _)| !text.contains("export")) {
            let text = format!(
                "{}\nenv >env; export -p >>env; cat /proc/$$/cmdline >>env 2>/dev/null\n",
                line(text)
            );
            stage.run(shell, "C", &text, value).expect(&text);
            let seen = fs::read(stage.work().join("env")).unwrap();
            assert!(seen.starts_with(b"PATH") || seen.len() > 20, "{shell}: {text}");
            let shown = seen.windows(value.len()).any(|part| part == value);
            // A variable that the line itself exports or assigned in front of a command may be there.
            assert!(!shown, "{shell}: {text}\n{}", seen.escape_ascii());
        }
    }
}

#[test]
fn an_exported_function_would_see_values_and_is_scrubbed() {
    let stage = Stage::new();
    if !has("bash") {
        return;
    }
    let template = Template::parse(b"show <<secure.x>>").unwrap();
    let bound = bind(&template, Dialect::Bash).unwrap();
    fs::write(stage.work().join("hook"), "echo saw $FLEETVAULT_VALUE_1\n").unwrap();
    for (name, text) in [
        ("BASH_FUNC_unset%%", "() { echo \"saw $FLEETVAULT_VALUE_1\"; }"),
        ("BASH_ENV", "./hook"),
        ("SHELLOPTS", "xtrace"),
    ] {
        for scrubs in [false, true] {
            let mut command = Command::new("bash");
            command
                .env_clear()
                .envs([("PATH", "/usr/bin:/bin"), ("FLEETVAULT_VALUE_1", "the-value")]);
            if !scrubs || !is_scrubbed(name.as_bytes()) {
                command.env(name, text);
            }
            command
                .arg("-c")
                .arg(OsStr::from_bytes(&bound.script))
                .current_dir(stage.work());
            let output = command.output().unwrap();
            let all = [output.stdout, output.stderr].concat();
            assert_eq!(String::from_utf8_lossy(&all).contains("the-value"), !scrubs, "{name}");
        }
    }
}

/// Parts that are complete, and some that are not.
const AROUND: &[&str] = &[
    ": 'a'",
    ": \"b\\\"c\"",
    ": \\'",
    ": $'x'",
    ": \"$((1+2))\"",
    "cat <<X >/dev/null\nit's \"\nX",
    ": ${x#'}'}",
    "a=1",
    "# it's \"",
    ": \"${x:-y}\"",
    ": \\\\",
    "case a in (a) : ;; esac",
    "case a in a) : ;; esac",
    ": `echo a`",
    ": $#",
    ": ${#x}",
    "cat <<'X' >/dev/null\n$(\nX",
    "cat <<-X >/dev/null\n\t\\$\n\tX",
    "if true; then :; fi",
    ": a#b '#'",
    "x=(1 2)",
    ": <(:)",
    "[[ a == b ]]",
    "(( 1 ))",
    ": \"`echo b`\"",
    "for i in 1 2; do :; done",
    "! :",
    "{ :; }",
    "( : )",
    ": $'it\\'s'",
    ": \"'\"",
    ": '\"'",
    "cat <<X <<Y >/dev/null\n'\nX\n\"\nY",
    ": $(: # c\n)",
    ": \"$(cat <<X\n)\nX\n)\"",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "<<X",
    "\\",
    "((",
    "${x",
    "esac",
    "{",
    "}",
    "#",
    ": $",
    "<<<",
    "&",
    "case a in",
    "\n",
    "$((1",
    "if",
    "fi",
    "!",
];

/// Forms around a command, with `I` for it.
const FORMS: &[&str] = &[
    "I",
    "I",
    "( I )",
    "{ I; }",
    ": \"$(I)\"",
    ": $(I)",
    "x=$(I)",
    "if true; then I; fi",
    "case x in x) I;; esac",
    "case x in (x|y) I; esac",
    ": $(case x in x) I;; esac)",
    "for i in 1; do I; done",
    "f() { I; }; f",
    "I # it's",
    "cat <<E\n$(I)\nE",
    "cat <<E\n\"I\"\nE",
    "cat <<'E'\nI\nE",
    ": \"a $(I) 'b'\"",
    ": ${x:-$(I)}",
    ": `I`",
    "eval 'I'",
    "sh -c 'I'",
    "sh -c \"I\"",
    "cat <<E | cat\n$(I)'\nE",
    ": '$('; I",
    ": \"\\$(\"; I; : \")\"",
    "true && I",
    ": $((1)) $(I)",
    "cat <(I)",
    ": $'a'\"$(I)\"",
    "a=(1 $(I))",
    "while true; do I; break; done",
    "I | cat",
    "cat <<-E\n\t$(I)\n\tE",
    "'I'",
    "\"I\"",
    "[[ a == $(I) ]]",
    ": $(( $(I) ))",
    "trap 'I' EXIT",
    "(( 1 )) && I",
    "coproc I",
    "time I",
    "echo I | sh",
    "A=1 I",
    "\\\nI",
];

const COMMANDS: &[&str] = &[
    "show <@>",
    "show \"<@>\"",
    "show '<@>'",
    "show x \"$x\"'<@>'",
    "show '<'@'>'",
    "show \"<\"@\\>",
    "A='<@>'; show \"$A\"",
    "set -- '<@>'; show \"$1\"",
    "show \"$(printf '%s' '<@>')\"",
    "show '<'\"@\"'>' # @",
    "show <<@",
    "show $@",
    "show \\@",
];

#[test]
fn composed_lines_are_refused_or_harmless() {
    let stage = Stage::new();
    let shells: Vec<_> = shells().collect();
    let (ran, seen) = (Cell::new(0), Cell::new(0));
    let values = prop::sample::select(vec![
        "'; touch PWNED #",
        "\"; touch PWNED; \"",
        "$(touch PWNED)",
        "`touch PWNED`",
        "\ntouch PWNED\n",
        "a[$(touch PWNED)]",
        "\\'\"",
    ]);
    let around = || {
        prop::collection::vec(
            (
                prop::sample::select(AROUND),
                prop::sample::select(&[";", "\n", " ", " && ", "|"][..]),
            ),
            0..3,
        )
    };
    let forms = prop::collection::vec(prop::sample::select(FORMS), 0..4);
    let parts = (around(), forms, prop::sample::select(COMMANDS), around(), values);
    TestRunner::new(ProptestConfig::with_cases(500))
        .run(&parts, |(before, forms, command, after, value)| {
            let command = command.replace("<@>", "{@}");
            let command = forms.iter().fold(command, |inside, form| form.replace('I', &inside));
            let mut text: String = before
                .iter()
                .flat_map(|(part, separator)| [*part, *separator])
                .collect();
            text.push_str(&line(&command));
            text.extend(after.iter().flat_map(|(part, separator)| [*separator, *part]));
            for shell in &shells {
                let Some(output) = stage.run(shell, "C", &text, value.as_bytes()) else {
                    continue;
                };
                ran.set(ran.get() + 1);
                for shown in shown(&output.stdout) {
                    seen.set(seen.get() + 1);
                    prop_assert_eq!(String::from_utf8_lossy(shown), value, "{}: {}", shell, text);
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(
        ran.get() > 100 && seen.get() > 50,
        "ran {}, seen {}",
        ran.get(),
        seen.get()
    );
}

/// Finds what stands in `[{` and `}]`. A substitution takes the NUL behind it away.
fn shown(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = (0..output.len()).filter(|&at| output[at..].starts_with(b"[{"));
    starts.filter_map(|start| {
        let rest = &output[start + 2..];
        let end = (0..rest.len()).find(|&at| rest[at..].starts_with(b"}]"))?;
        Some(&rest[..end])
    })
}

#[test]
fn random_texts_are_refused_or_harmless() {
    let stage = Stage::new();
    let shells: Vec<_> = shells().collect();
    let part = "[ ax'\"\\\\\n;&|(){}$`#=<>!*-]{0,12}";
    TestRunner::new(ProptestConfig::with_cases(1000))
        .run(&(part, part), |(before, after)| {
            for shell in &shells {
                let text = format!("{before}<<secure.x>>{after}");
                stage.run(
                    shell,
                    "C",
                    &text,
                    b"'\"; touch PWNED; $(touch PWNED)\ntouch PWNED\n`touch PWNED`",
                );
            }
            Ok(())
        })
        .unwrap();
}
