//! Ways by which a value of a shell line comes to code without standing there: each is shown to work where nobody looks, and is refused.

use std::fs;
use std::process::{Command, Stdio};

use crate::shell::{Stage, line, shells};

/// Lines in which a value, or what a text or another variable brings of it, would be code, and the shells that would run it.
const ROUTES: &[(&str, &str)] = &[
    ("A=@; trap '$A' EXIT", "dash bash"),
    ("A=@; eval 'sh -c \"$A\"'", "dash bash"),
    ("export A=@; sh -c '$A'", "dash bash"),
    ("A=@ sh -c 'eval \"$A\"'", "dash bash"),
    ("env A=@ sh -c 'eval \"$A\"'", "dash bash"),
    ("sh -c 'eval \"$1\"' sh @", "dash bash"),
    ("sh -c 'sh -c \"$1\"' sh @", "dash bash"),
    ("A=@ bash -c 'x=$(( A ))'", "dash bash"),
    ("A=@ sh -c 'echo \"$A\" | sh'", "dash bash"),
    ("B=@; eval 'A=$B'; eval \"$A\"", "dash bash"),
    ("f() { eval 'echo \"$T\"'; }; T=@; sh -c \"$(f)\"", "dash bash"),
    ("T=@; eval 'echo \"$T\"' | sh", "dash bash"),
    ("A=@; C=eval; $C '$A'", "dash bash"),
    ("echo @ | sh -c \"$(cat)\"", "dash bash"),
    ("echo @ | { X=$(cat); eval \"$X\"; }", "dash bash"),
    ("sh -c \"`cat`\" <<E\n@\nE", ""),
    ("export A=@; sh -c \"$(printenv A)\"", "dash bash"),
    ("A=@ sh -c 'eval \"$(printenv A)\"'", "dash bash"),
    ("export A=@; printenv A | sh", "dash bash"),
    ("echo @ | sh //dev/stdin", "dash bash"),
    ("echo @ | sh /dev/./fd/0", "dash bash"),
    ("W=$PWD; export W; cd /; echo @ | sh dev/fd/0", "dash bash"),
    ("A=@; v=$(cat v); eval \"${!v}\"", "bash"),
    ("read 'a[0]' <<< @; eval \"${a[0]}\"", "bash"),
    ("A=@; B=A; x=$((B))", "bash"),
    ("A=@; C=B; B=A; (( C ))", "bash"),
    ("A=@; B=A; let C=B", "bash"),
    (
        "shopt -s expand_aliases; BASH_ALIASES[zz]='eval \"$A\"'; A=@\nzz",
        "bash",
    ),
    ("echo @ | awk -f - /dev/null", "dash bash"),
    ("echo @ | python3 < //dev/fd/0", "dash bash"),
    ("A=@; awk \"$A\"", "dash bash"),
    ("echo x >& @", "bash"),
    ("A=@; echo x >& \"f$A\"", "bash"),
    ("find . -maxdepth 0 -exec sh -c '$1' sh @ ';'", "dash bash"),
];

/// Each is code in some language.
const CODES: &[&str] = &[
    "touch PWNED",
    "touch $W/PWNED",
    "$(touch PWNED)",
    "a[$(touch PWNED)]",
    "BEGIN { system(\"touch PWNED\") }",
    "import os; os.system('touch PWNED')",
];

/// Runs a line as if values were safe everywhere, and says whether one was code.
fn naively(stage: &Stage, shell: &str, text: &str, value: &str) -> bool {
    let script = text.replace('@', "\"${_v}\"");
    let mut command = Command::new(shell);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .args(["-c", &format!("_v=$V; unset V\n{script}")])
        .env("V", value)
        .current_dir(stage.work())
        .stdin(Stdio::null());
    command.output().unwrap();
    fs::remove_file(stage.work().join("PWNED")).is_ok()
}

#[test]
fn values_that_come_to_code_by_other_ways_are_refused() {
    let stage = Stage::new();
    fs::write(stage.work().join("v"), "A\n").unwrap();
    for (text, dangerous) in ROUTES {
        for shell in shells() {
            let runs = CODES.iter().any(|value| naively(&stage, shell, text, value));
            let expected = dangerous.split(' ').any(|one| one == shell);
            assert!(runs || !expected, "no attack: {shell}: {text}");
            for value in CODES {
                let output = stage.run(shell, "C", &line(text), value.as_bytes());
                assert!(output.is_none(), "{shell}: {text}");
            }
        }
    }
}
