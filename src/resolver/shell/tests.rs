//! Each context with what becomes of a reference in it. What real shells make of the results is in tests/attacks/shell.rs.

use super::*;

/// Binds a line for bash, and returns what follows the prologue, or the errors.
fn bash(line: &str) -> Result<String, String> {
    bound(line, Dialect::Bash)
}

fn bound(line: &str, dialect: Dialect) -> Result<String, String> {
    let template = Template::parse(line.as_bytes()).unwrap();
    match bind(&template, dialect) {
        Ok(bound) => {
            let script = String::from_utf8(bound.script).unwrap();
            let behind = if bound.bindings.is_empty() {
                0
            } else {
                script.find('\n').unwrap() + 1
            };
            Ok(script[behind..].to_owned())
        }
        Err(errors) => {
            for error in &errors.0 {
                assert!(!error.hint().is_empty(), "{error}");
            }
            Err(errors.to_string())
        }
    }
}

/// Lines for any sh, with `@` for the reference, and what they become.
const ACCEPTED: &[(&str, &str)] = &[
    ("curl -H @", r#"curl -H "${_fv1}""#),
    ("curl -H a@b", r#"curl -H a"${_fv1}"b"#),
    (r#"curl -H "X: @""#, r#"curl -H "X: ${_fv1}""#),
    (r#"curl -H "X: @abc""#, r#"curl -H "X: ${_fv1}abc""#),
    ("curl -H 'X: @'", r#"curl -H 'X: '"${_fv1}"''"#),
    (r"curl -H 'X: \@'", r#"curl -H 'X: \'"${_fv1}"''"#),
    ("curl -H 'X: $@'", r#"curl -H 'X: $'"${_fv1}"''"#),
    ("A=@", r#"A="${_fv1}""#),
    ("A=@ cmd", r#"A="${_fv1}" cmd"#),
    ("A='x @' cmd", r#"A='x '"${_fv1}"'' cmd"#),
    ("export A=@", r#"export A="${_fv1}""#),
    ("export A=@; sh script.sh", r#"export A="${_fv1}"; sh script.sh"#),
    ("cmd >@", r#"cmd >"${_fv1}""#),
    ("cmd 2>> @ <in", r#"cmd 2>> "${_fv1}" <in"#),
    ("{ cmd; } > @", r#"{ cmd; } > "${_fv1}""#),
    ("cmd < @", r#"cmd < "${_fv1}""#),
    ("cat <<EOF\na @ b\nEOF", "cat <<EOF\na ${_fv1} b\nEOF"),
    ("cat <<EOF\n'@' \"@\"\nEOF", "cat <<EOF\n'${_fv1}' \"${_fv1}\"\nEOF"),
    (
        "cat <<-EOF\n\t@\n\tEOF\necho @",
        "cat <<-EOF\n\t${_fv1}\n\tEOF\necho \"${_fv1}\"",
    ),
    (
        "cat <<A <<'B'; x @\n@\nA\nb\nB\ny @",
        "cat <<A <<'B'; x \"${_fv1}\"\n${_fv1}\nA\nb\nB\ny \"${_fv1}\"",
    ),
    ("cat <<\\E\n$(\nE\necho @", "cat <<\\E\n$(\nE\necho \"${_fv1}\""),
    ("echo $(cat <<E\n@\nE\n)", "echo $(cat <<E\n${_fv1}\nE\n)"),
    ("cat <<E\n$(cmd @)\nE", "cat <<E\n$(cmd \"${_fv1}\")\nE"),
    ("cat <<E\n\\$ \\\\ @\nE", "cat <<E\n\\$ \\\\ ${_fv1}\nE"),
    ("x $(cmd @)", r#"x $(cmd "${_fv1}")"#),
    (r#"x "$(cmd @ "@")""#, r#"x "$(cmd "${_fv1}" "${_fv1}")""#),
    ("(cmd @)", r#"(cmd "${_fv1}")"#),
    ("{ cmd @; }", r#"{ cmd "${_fv1}"; }"#),
    (
        "if cmd @; then x; else y @; fi",
        r#"if cmd "${_fv1}"; then x; else y "${_fv1}"; fi"#,
    ),
    ("while ! cmd @; do x; done", r#"while ! cmd "${_fv1}"; do x; done"#),
    ("for a in @ b; do x $a; done", r#"for a in "${_fv1}" b; do x $a; done"#),
    (
        "case @ in a) x;; (b|c) y @;; esac; z @",
        r#"case "${_fv1}" in a) x;; (b|c) y "${_fv1}";; esac; z "${_fv1}""#,
    ),
    ("case x in @) y;; esac", r#"case x in "${_fv1}") y;; esac"#),
    (
        "x $(case a in b) c @;; esac)",
        r#"x $(case a in b) c "${_fv1}";; esac)"#,
    ),
    ("f() { x \"$1\"; }; f @", r#"f() { x "$1"; }; f "${_fv1}""#),
    (
        "cmd ${#x} $# ${x#a} ${x:-b} $$ @",
        r#"cmd ${#x} $# ${x#a} ${x:-b} $$ "${_fv1}""#,
    ),
    ("cmd \\\n  @", "cmd \\\n  \"${_fv1}\""),
    ("cmd a\\\n  @", "cmd a\\\n  \"${_fv1}\""),
    ("cmd \\\" \\' @", "cmd \\\" \\' \"${_fv1}\""),
    ("cmd \"a\\\"b\" @", "cmd \"a\\\"b\" \"${_fv1}\""),
    ("cmd a#b @ # it's", "cmd a#b \"${_fv1}\" # it's"),
    ("cmd `date` @", "cmd `date` \"${_fv1}\""),
    ("cmd $((1 + (2))) @", "cmd $((1 + (2))) \"${_fv1}\""),
    ("cmd; # don't\ncmd @", "cmd; # don't\ncmd \"${_fv1}\""),
    ("cmd *@ ~@", r#"cmd *"${_fv1}" ~"${_fv1}""#),
    ("env A=@ cmd", r#"env A="${_fv1}" cmd"#),
    ("sudo -u root A=@ cmd @", r#"sudo -u root A="${_fv1}" cmd "${_fv1}""#),
    ("timeout -k 1 5 curl @", r#"timeout -k 1 5 curl "${_fv1}""#),
    ("exec curl @", r#"exec curl "${_fv1}""#),
    ("exec 3>@", r#"exec 3>"${_fv1}""#),
    ("set -- @; x \"$1\"", r#"set -- "${_fv1}"; x "$1""#),
    ("printf '%s' @", r#"printf '%s' "${_fv1}""#),
    ("[ \"$a\" = @ ]", r#"[ "$a" = "${_fv1}" ]"#),
    ("[ -n @ ] && x", r#"[ -n "${_fv1}" ] && x"#),
    // Positional arguments, scripts, and variables of one command.
    ("sh -c 'x \"$1\"' sh @", r#"sh -c 'x "$1"' sh "${_fv1}""#),
    (
        "sudo bash -xec 'x \"$1\"' sh @",
        r#"sudo bash -xec 'x "$1"' sh "${_fv1}""#,
    ),
    ("T=@ sh -c 'x \"$T\"'", r#"T="${_fv1}" sh -c 'x "$T"'"#),
    ("T=@ sh -s <<'E'\nx \"$T\"\nE", "T=\"${_fv1}\" sh -s <<'E'\nx \"$T\"\nE"),
    ("cat s | T=@ bash", r#"cat s | T="${_fv1}" bash"#),
    ("T=@ ssh h 'x'", r#"T="${_fv1}" ssh h 'x'"#),
    ("sh script.sh @", r#"sh script.sh "${_fv1}""#),
    (
        "bash -o pipefail -e s.sh -c @",
        r#"bash -o pipefail -e s.sh -c "${_fv1}""#,
    ),
    (
        "python3 s.py --token @ -c @",
        r#"python3 s.py --token "${_fv1}" -c "${_fv1}""#,
    ),
    (
        "python3.11 -c 'import sys' @ --x=@",
        r#"python3.11 -c 'import sys' "${_fv1}" --x="${_fv1}""#,
    ),
    ("python -m tool @", r#"python -m tool "${_fv1}""#),
    ("node -e 'x' @", r#"node -e 'x' "${_fv1}""#),
    ("node app.js --token=@", r#"node app.js --token="${_fv1}""#),
    ("ruby -e x -- @", r#"ruby -e x -- "${_fv1}""#),
    ("php -r x @", r#"php -r x "${_fv1}""#),
    ("docker exec c env A=@ cmd", r#"docker exec c env A="${_fv1}" cmd"#),
    (
        "docker exec c sh -c 'x \"$1\"' sh @",
        r#"docker exec c sh -c 'x "$1"' sh "${_fv1}""#,
    ),
    (
        "kubectl create secret generic x --from-literal=a=@",
        r#"kubectl create secret generic x --from-literal=a="${_fv1}""#,
    ),
    (
        "git clone https://u:@@h/r.git",
        r#"git clone https://u:"${_fv1}"@h/r.git"#,
    ),
    (
        "git -c http.extraHeader='X: @' fetch",
        r#"git -c http.extraHeader='X: '"${_fv1}"'' fetch"#,
    ),
    ("git commit -m @", r#"git commit -m "${_fv1}""#),
    ("git add . @", r#"git add . "${_fv1}""#),
    (
        "psql postgres://u:@@h/d -c 'select 1'",
        r#"psql postgres://u:"${_fv1}"@h/d -c 'select 1'"#,
    ),
    (
        "find . -name @ -exec rm {} ';'",
        r#"find . -name "${_fv1}" -exec rm {} ';'"#,
    ),
    ("find . -exec curl -H @ {} +", r#"find . -exec curl -H "${_fv1}" {} +"#),
    ("tar -czf @ dir", r#"tar -czf "${_fv1}" dir"#),
    ("rsync -az @ dir", r#"rsync -az "${_fv1}" dir"#),
    ("sshpass -p @ ssh h x", r#"sshpass -p "${_fv1}" ssh h x"#),
    (
        "printf '%s\\n' @ | ssh h 'read -r T; x'",
        "printf '%s\\n' \"${_fv1}\" | ssh h 'read -r T; x'",
    ),
    (
        "printf '%s' @ | docker login --password-stdin",
        r#"printf '%s' "${_fv1}" | docker login --password-stdin"#,
    ),
    ("curl https://h/sed @", r#"curl https://h/sed "${_fv1}""#),
    (
        "T=@ awk '{ print ENVIRON[\"T\"] }'",
        r#"T="${_fv1}" awk '{ print ENVIRON["T"] }'"#,
    ),
    ("jq -n --arg t @ '{t: $t}'", r#"jq -n --arg t "${_fv1}" '{t: $t}'"#),
    ("A=@; cmd \"$A\" ${A:-x}", r#"A="${_fv1}"; cmd "$A" ${A:-x}"#),
    (
        "f() { local t=\"$1\"; x \"$t\"; }; f @",
        r#"f() { local t="$1"; x "$t"; }; f "${_fv1}""#,
    ),
    ("trap 'rm x' EXIT; cmd @", r#"trap 'rm x' EXIT; cmd "${_fv1}""#),
    ("export -p; cmd @", r#"export -p; cmd "${_fv1}""#),
];

/// The same for bash alone.
const ACCEPTED_BY_BASH: &[(&str, &str)] = &[
    (
        "a=(x @ 'y @' [2]=@)",
        r#"a=(x "${_fv1}" 'y '"${_fv1}"'' [2]="${_fv1}")"#,
    ),
    ("a+=(@)", r#"a+=("${_fv1}")"#),
    ("a[1]=@", r#"a[1]="${_fv1}""#),
    ("A+=@", r#"A+="${_fv1}""#),
    ("cat <<<@", r#"cat <<<"${_fv1}""#),
    ("cat <<< 'a @'", r#"cat <<< 'a '"${_fv1}"''"#),
    ("cat <(x @)", r#"cat <(x "${_fv1}")"#),
    ("x > >(cat @)", r#"x > >(cat "${_fv1}")"#),
    ("x &> @", r#"x &> "${_fv1}""#),
    ("x {fd}> @", r#"x {fd}> "${_fv1}""#),
    ("function f { x; }; f @", r#"function f { x; }; f "${_fv1}""#),
    (
        "[[ $a == b* && ( $c < d ) ]] && x @",
        r#"[[ $a == b* && ( $c < d ) ]] && x "${_fv1}""#,
    ),
    ("[[ $a =~ ^(a|b)$ ]] && x @", r#"[[ $a =~ ^(a|b)$ ]] && x "${_fv1}""#),
    ("(( i++ )); x @", r#"(( i++ )); x "${_fv1}""#),
    (
        "for (( i=0; i<3; i++ )); do x @; done",
        r#"for (( i=0; i<3; i++ )); do x "${_fv1}"; done"#,
    ),
    ("x $'a\\'b' @", "x $'a\\'b' \"${_fv1}\""),
    ("A=@; [[ $A == x ]]", r#"A="${_fv1}"; [[ $A == x ]]"#),
    (
        "x ${a[i]} ${a[@]} ${#a[@]} ${x:1:2} ${x//a/b} @",
        r#"x ${a[i]} ${a[@]} ${#a[@]} ${x:1:2} ${x//a/b} "${_fv1}""#,
    ),
    ("select x in @; do y; done", r#"select x in "${_fv1}"; do y; done"#),
];

#[test]
fn references_become_variables() {
    for (line, expected) in ACCEPTED {
        let line = line.replace("@@", "<<secure.x>>\u{1}").replace("[@]", "[\u{2}]");
        let line = line
            .replace('@', "<<secure.x>>")
            .replace('\u{1}', "@")
            .replace('\u{2}', "@");
        for dialect in [Dialect::Posix, Dialect::Bash] {
            assert_eq!(bound(&line, dialect), Ok((*expected).to_owned()), "{line}");
            let braces = line.replace("<<secure.x>>", "{{ secure.x }}");
            assert_eq!(bound(&braces, dialect), Ok((*expected).to_owned()), "{braces}");
        }
    }
    for (line, expected) in ACCEPTED_BY_BASH {
        let line = line
            .replace("[@]", "[\u{2}]")
            .replace('@', "<<secure.x>>")
            .replace('\u{2}', "@");
        assert_eq!(bash(&line), Ok((*expected).to_owned()), "{line}");
    }
}
