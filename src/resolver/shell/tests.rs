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
    (
        "curl -H @ | jq . && make test | tail",
        r#"curl -H "${_fv1}" | jq . && make test | tail"#,
    ),
    (
        "A=@; [ -n \"$A\" ] && [ $B = 1 ]",
        r#"A="${_fv1}"; [ -n "$A" ] && [ $B = 1 ]"#,
    ),
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
    (
        "npm config set //r/:_authToken @",
        r#"npm config set //r/:_authToken "${_fv1}""#,
    ),
    (
        "T=@ sh -c 'set -e; curl -H \"X: $T\" \"$1\" | jq .' sh u",
        "T=\"${_fv1}\" sh -c 'set -e; curl -H \"X: $T\" \"$1\" | jq .' sh u",
    ),
    ("export T=@; eval 'x \"$T\"'", "export T=\"${_fv1}\"; eval 'x \"$T\"'"),
    (
        "N=$(T=@ sh -c 'x \"$T\"'); y \"$N\"",
        "N=$(T=\"${_fv1}\" sh -c 'x \"$T\"'); y \"$N\"",
    ),
    (
        "x @ | jq .; sh -c \"echo $(date) $(git describe)\"",
        "x \"${_fv1}\" | jq .; sh -c \"echo $(date) $(git describe)\"",
    ),
    ("T=@ bash -c 'x \"$T\"' < in", "T=\"${_fv1}\" bash -c 'x \"$T\"' < in"),
    (
        "printf %s @ | redis-cli -x set k",
        "printf %s \"${_fv1}\" | redis-cli -x set k",
    ),
    ("redis-cli -a @ get k", "redis-cli -a \"${_fv1}\" get k"),
    (
        "T=@ sh -c '[[ a == b ]] || echo'",
        "T=\"${_fv1}\" sh -c '[[ a == b ]] || echo'",
    ),
    ("A=@; trap 'x \"$A\"' EXIT", r#"A="${_fv1}"; trap 'x "$A"' EXIT"#),
    ("trap 'rm x' EXIT; cmd @", r#"trap 'rm x' EXIT; cmd "${_fv1}""#),
    // What people write.
    (
        "curl -sS -H \"Authorization: Bearer @\" https://h/v1 | jq -r '.a[] | .b' | awk '{print $1}' | head -n1",
        "curl -sS -H \"Authorization: Bearer ${_fv1}\" https://h/v1 | jq -r '.a[] | .b' | awk '{print $1}' | head -n1",
    ),
    (
        "curl @ | python3 -c 'import json' | perl -ne 'print'",
        r#"curl "${_fv1}" | python3 -c 'import json' | perl -ne 'print'"#,
    ),
    (
        "export PGPASSWORD=@; psql -Atc 'select 1' | head",
        r#"export PGPASSWORD="${_fv1}"; psql -Atc 'select 1' | head"#,
    ),
    (
        "while read -r id; do curl -H \"X: @\" \"https://h/$id\"; done < ids.txt",
        "while read -r id; do curl -H \"X: ${_fv1}\" \"https://h/$id\"; done < ids.txt",
    ),
    (
        "for i in 1 2; do curl @; sleep $((i * 2)); done",
        r#"for i in 1 2; do curl "${_fv1}"; sleep $((i * 2)); done"#,
    ),
    (
        "R=$(curl -u \"u:@\" h) || exit 1; if [ -z \"$R\" ]; then echo none >&2; fi",
        "R=$(curl -u \"u:${_fv1}\" h) || exit 1; if [ -z \"$R\" ]; then echo none >&2; fi",
    ),
    (
        "cd dir && docker login -u x -p @ 2>/dev/null &",
        r#"cd dir && docker login -u x -p "${_fv1}" 2>/dev/null &"#,
    ),
    (
        "cat > f <<EOF\n{\"t\": \"@\"}\nEOF\nchmod 600 f",
        "cat > f <<EOF\n{\"t\": \"${_fv1}\"}\nEOF\nchmod 600 f",
    ),
    (
        "curl --data-urlencode 'a=@' \"${URL:-https://h}\"",
        r#"curl --data-urlencode 'a='"${_fv1}"'' "${URL:-https://h}""#,
    ),
    (
        "set -eu; kubectl apply -f - <<EOF\nt: @\nEOF",
        "set -eu; kubectl apply -f - <<EOF\nt: ${_fv1}\nEOF",
    ),
    ("readonly T=@; x \"$T\"", "readonly T=\"${_fv1}\"; x \"$T\""),
    (
        "declare -A m; declare -r n=1; a=@",
        "declare -A m; declare -r n=1; a=\"${_fv1}\"",
    ),
    ("LD_SDK_KEY=@ x", "LD_SDK_KEY=\"${_fv1}\" x"),
    ("LC_API=@ x", "LC_API=\"${_fv1}\" x"),
    (
        "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader GIT_CONFIG_VALUE_0='X: @'; git fetch",
        "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader GIT_CONFIG_VALUE_0='X: '\"${_fv1}\"''; git fetch",
    ),
    (
        "kubectl -n a create secret generic python --from-literal=a=@; kubectl get secret python",
        "kubectl -n a create secret generic python --from-literal=a=\"${_fv1}\"; kubectl get secret python",
    ),
    (
        "printf %s @ | docker login --password-stdin; docker pull mysql; docker run -d -e P=@ mysql",
        "printf %s \"${_fv1}\" | docker login --password-stdin; docker pull mysql; docker run -d -e P=\"${_fv1}\" mysql",
    ),
    (
        "export PGPASSWORD=@; gunzip -c d | psql",
        "export PGPASSWORD=\"${_fv1}\"; gunzip -c d | psql",
    ),
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
    ("[ \"$(x @)\" -eq 200 ]", r#"[ "$(x "${_fv1}")" -eq 200 ]"#),
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
        let line = line.replace('@', "<<secure.x>>").replace(['\u{1}', '\u{2}'], "@");
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

/// Lines for bash, with `@` for each reference, and a part of the reason against it.
const REFUSED: &[(&str, &str)] = &[
    ("cat <<'EOF'\n@\nEOF", "here-document whose delimiter is quoted"),
    ("cat <<\\EOF\n@\nEOF", "here-document whose delimiter is quoted"),
    ("cat <<E\"O\"F\n@\nEOF", "here-document whose delimiter is quoted"),
    ("cat <<E@\nx\nE", "delimiter"),
    ("cat <<'@'\nx\nE", "delimiter"),
    ("x # @", "in a comment"),
    ("x\n# it's @\ny", "in a comment"),
    ("x `y @`", "back-ticks"),
    ("x \"`y @`\"", "back-ticks"),
    ("x `y \\`@\\``", "back-ticks"),
    ("x $((1+@))", "arithmetic"),
    ("x $(( $(y @) ))", "arithmetic"),
    ("(( a = @ ))", "arithmetic"),
    ("for ((i=@;;)); do x; done", "arithmetic"),
    ("x ${a:@}", "inside '${ }'"),
    ("[[ @ == x ]]", "'[[ ]]'"),
    ("[[ a -eq @ ]]", "'[[ ]]'"),
    ("[[ a =~ @ ]]", "'[[ ]]'"),
    ("a[@]=1", "subscript"),
    ("a=([@]=1)", "subscript"),
    ("x ${a[@]}", "inside '${ }'"),
    ("x ${a:-@}", "inside '${ }'"),
    ("x \"${a:-@}\"", "inside '${ }'"),
    ("x ${a:-$(y @)}", "inside '${ }'"),
    ("x ${@}", "inside '${ }'"),
    ("x ${a@}", "inside '${ }'"),
    ("x $'a@'", "$'…'"),
    ("x $\"a@\"", "$\"…\""),
    ("x $[1+@]", "not understood for sure: '$['"),
    ("x \\@", "behind a backslash"),
    ("x \"\\@\"", "behind a backslash"),
    ("x \\\\@", "behind a backslash"),
    ("cat <<E\n\\@\nE", "behind a backslash"),
    ("x $@", "behind a '$'"),
    ("x \"$@\"", "behind a '$'"),
    ("@", "name of the program"),
    ("x; @ y", "name of the program"),
    ("x/@ y", "name of the program"),
    ("A=1 @", "name of the program"),
    ("$(@)", "name of the program"),
    ("exec @", "name of the program"),
    ("command @", "name of the program"),
    ("command -v @", "name of the program"),
    ("builtin @ x", "name of the program"),
    ("env @", "name of the program"),
    ("env A=1 @", "name of the program"),
    ("env -i -u B @ x", "name of the program"),
    ("env @=1 x", "name of the program"),
    ("sudo @", "name of the program"),
    ("sudo -u root -- @", "name of the program"),
    ("sudo --user root @", "name of the program"),
    ("nohup nice -n 5 @ x", "name of the program"),
    ("time @", "name of the program"),
    ("timeout 5 @", "name of the program"),
    ("timeout @ x", "before the program that 'timeout' is to run"),
    ("stdbuf -oL @", "name of the program"),
    ("setsid @", "name of the program"),
    ("find . -exec @ {} +", "name of the program"),
    ("sudo -i x @", "the arguments of 'sudo'"),
    ("npm run x -- @", "the arguments of 'npm'"),
    ("npx x @", "the arguments of 'npx'"),
    ("lftp -e 'x @'", "the arguments of 'lftp'"),
    ("sudo -p @ x", "before the program that 'sudo' is to run"),
    ("nohup A=@ x", "name of the program"),
    ("env -S 'x @'", "'env'"),
    ("$CMD @", "only known when the line runs"),
    ("x* @", "only known when the line runs"),
    ("sudo $CMD @", "only known when the line runs"),
    ("@() { x; }", "name of a function"),
    ("function @ { x; }", "name of a function"),
    ("for @ in a; do x; done", "name of a variable"),
    ("select @ in a; do x; done", "name of a variable"),
    ("let a=@", "'let'"),
    ("declare a=@", "'declare'"),
    ("typeset a=@", "'typeset'"),
    ("f() { local a=@; }", "'local'"),
    ("readonly @", "'readonly'"),
    ("declare -ri a; a=@", "changes the attributes"),
    ("declare -u a; a=@", "changes the attributes"),
    ("LC_ALL=@ x", "the value of LC_ALL"),
    ("LD_LIBRARY_PATH=@ x", "the value of LD_LIBRARY_PATH"),
    ("LD_PRELOAD=@ x", "the value of LD_PRELOAD"),
    ("GIT_CONFIG_VALUE_0=@ git fetch", "the value of GIT_CONFIG_VALUE_0"),
    (
        "GIT_CONFIG_KEY_0=core.sshCommand GIT_CONFIG_VALUE_0=@ git fetch",
        "the value of GIT_CONFIG_VALUE_0",
    ),
    (
        "GIT_CONFIG_KEY_1=http.a GIT_CONFIG_VALUE_0=@ git fetch",
        "the value of GIT_CONFIG_VALUE_0",
    ),
    (
        "GIT_CONFIG_KEY_0=$K GIT_CONFIG_VALUE_0=@ git fetch",
        "the value of GIT_CONFIG_VALUE_0",
    ),
    (
        "GIT_CONFIG_KEY_0=http.a GIT_CONFIG_VALUE_0=@ env GIT_CONFIG_KEY_0=core.pager git fetch",
        "the value of GIT_CONFIG_VALUE_0",
    ),
    (
        "GIT_CONFIG_KEY_0=http.a GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0=@ git log",
        "GIT_CONFIG_VALUE_0",
    ),
    ("kubectl create job j --image i -- sh -c @", "the code that 'sh' runs"),
    ("kubectl exec p -- python -c @", "the code that 'python' runs"),
    ("echo @ | docker run -i mysql", "the standard input that 'mysql'"),
    ("docker run mysql -e @", "the arguments of 'mysql'"),
    ("export P=@; envsubst < t | psql", "the standard input that 'psql'"),
    (
        "export P=@; gunzip -c d | psql; echo \"$P\"",
        "the standard input that 'psql'",
    ),
    (
        "export P=@; cat /proc/self/environ | psql",
        "the standard input that 'psql'",
    ),
    ("export P=@; printenv | psql", "the standard input that 'psql'"),
    (
        "export P=@; gunzip -c d | tee f | psql",
        "the standard input that 'psql'",
    ),
    ("gunzip -c @ | psql", "the standard input that 'psql'"),
    ("P=$(echo @ | sh)", "the standard input that 'sh'"),
    ("declare a=(@)", "'declare'"),
    ("export @", "'export'"),
    ("export A@=1", "'export'"),
    ("eval @", "'eval'"),
    ("eval 'x @'", "'eval'"),
    ("command eval @", "'eval'"),
    ("eval \"$(x @)\"", "'eval'"),
    ("source @", "'source'"),
    (". @", "'.'"),
    (". <(x @)", "'.'"),
    ("x @ | . /dev/stdin", "'.'"),
    ("trap '@' EXIT", "'trap'"),
    ("alias a=@", "'alias'"),
    ("alias a=x; y @", "aliases"),
    ("read @", "'read'"),
    ("mapfile -C @ a", "'mapfile'"),
    ("readarray @", "'readarray'"),
    ("getopts @ a", "'getopts'"),
    ("unset @", "'unset'"),
    ("complete -C @ x", "'complete'"),
    ("compgen -W @", "'compgen'"),
    ("bind -x @", "'bind'"),
    ("enable -f @ x", "'enable'"),
    ("history -s @", "'history'"),
    ("fc @", "'fc'"),
    ("coproc x @", "'coproc'"),
    ("printf -v @ x", "'printf'"),
    ("printf -v a %s @", "'printf'"),
    ("printf @ x", "'printf'"),
    ("wait -p @", "'wait'"),
    ("test -v @", "'test'"),
    ("[ -v @ ]", "'['"),
    ("[ -R @ ]", "'['"),
    ("[ @ x ]", "'['"),
    ("set @", "'set'"),
    ("exit @", "'exit'"),
    ("RANDOM=@", "the value of RANDOM"),
    ("SECONDS=@ x", "the value of SECONDS"),
    ("PS4=@; set -x", "the value of PS4"),
    ("BASH_ENV=@ x", "the value of BASH_ENV"),
    ("IFS=@", "the value of IFS"),
    ("export OPTIND=@", "the value of OPTIND"),
    ("env ENV=@ sh x.sh", "the value of ENV"),
    ("for LINENO in @; do x; done", "the value of LINENO"),
    ("GIT_SSH_COMMAND=@ git fetch", "the value of GIT_SSH_COMMAND"),
    ("EDITOR=@ git commit", "the value of EDITOR"),
    ("PAGER=@ man x", "the value of PAGER"),
    ("RANDOM=${x:-$(y)}; A=@; RANDOM=$A", "the value of RANDOM"),
    ("declare -i a; a=@", "changes the attributes"),
    ("a=@; typeset -n b", "changes the attributes"),
    ("eval 'declare -i a'; a=@", "changes the attributes"),
    ("eval 'alias a=b'; x @", "aliases"),
    ("declare $o a; a=@", "changes the attributes"),
    ("declare -i a; f() { a=$1; }; f @", "changes the attributes"),
    ("declare -i a; read a <<< @", "changes the attributes"),
    // Interpreters.
    ("sh -c 'x @'", "the code that 'sh' runs"),
    ("sh -c \"x @\"", "the code that 'sh' runs"),
    ("/bin/bash -lc 'x @' y", "the code that 'bash' runs"),
    ("bash -c -e @", "the code that 'bash' runs"),
    ("bash -o pipefail -c @", "the code that 'bash' runs"),
    ("bash --rcfile @", "the code that 'bash' runs"),
    ("bash @ x", "the code that 'bash' runs"),
    ("bash <(x @)", "the code that 'bash' runs"),
    ("sudo -u root sh -c 'x @'", "the code that 'sh' runs"),
    ("docker exec -i c sh -c 'x @'", "the code that 'sh' runs"),
    ("kubectl exec p -- bash -c 'x @'", "the code that 'bash' runs"),
    ("env A=1 bash -c 'x @'", "the code that 'bash' runs"),
    ("timeout 5 bash -c 'x @'", "the code that 'bash' runs"),
    ("find . -exec sh -c 'x @' ';'", "the code that 'sh' runs"),
    ("busybox sh -c 'x @'", "the code that 'sh' runs"),
    ("x {sh,-c,@}", "the code that 'sh' runs"),
    ("docker run --name sh i bash -c @", "the code that 'bash' runs"),
    ("fish --command=@", "the code that 'fish' runs"),
    ("python -c 'x(@)'", "the code that 'python' runs"),
    ("python3.11 -Ic 'x(@)'", "the code that 'python' runs"),
    ("python -W ignore -c 'x(@)'", "the code that 'python' runs"),
    ("python -c@", "the code that 'python' runs"),
    ("node -e 'x(@)'", "the code that 'node' runs"),
    ("node --eval='x(@)'", "the code that 'node' runs"),
    ("node -pe 'x(@)'", "the code that 'node' runs"),
    ("node -p 'x(@)'", "the code that 'node' runs"),
    ("node --require a --eval @", "the code that 'node' runs"),
    ("ruby -e x -e @", "the code that 'ruby' runs"),
    ("ruby -ne @", "the code that 'ruby' runs"),
    ("php -r 'x(@);'", "the code that 'php' runs"),
    ("lua -e @", "the code that 'lua' runs"),
    ("deno eval @", "the code that 'deno' runs"),
    ("bun -e @", "the code that 'bun' runs"),
    ("Rscript -e @", "the code that 'Rscript' runs"),
    ("pwsh -Command @", "the code that 'pwsh' runs"),
    ("osascript -e @", "the code that 'osascript' runs"),
    ("lua -e x @", "the code that 'lua' runs"),
    ("sh <<EOF\nx @\nEOF", "the standard input that 'sh'"),
    ("bash -s <<EOF\nx @\nEOF", "the standard input that 'bash'"),
    ("bash <<< 'x @'", "the standard input that 'bash'"),
    ("bash -s a <<< 'x @'", "the standard input that 'bash'"),
    ("python - a <<EOF\nx(@)\nEOF", "the standard input that 'python'"),
    ("A=@; [ $A = yes ]", "'['"),
    ("A=@; [ ! $A ]", "'['"),
    ("A=@; test -n $A", "'test'"),
    ("f() { [ $1 = yes ]; }; f @", "'['"),
    ("[ $(echo @) = x ]", "'['"),
    ("echo @ | $SHELL", "a program that is not known"),
    ("f() { echo @; }; eval \"$(f)\"", "'eval'"),
    ("f() { echo @; }; sh -c \"$(f)\"", "the code that 'sh' runs"),
    ("f() { echo @; }; N=$(f); echo $((N+1))", "an arithmetic expression"),
    ("f() { echo @; }; g() { f; }; $(g)", "the name of the program"),
    ("echo @ | sh", "the standard input that 'sh'"),
    ("echo @ | make -f -", "the standard input that 'make'"),
    ("echo @ | make --file=-", "the standard input that 'make'"),
    ("echo @ | sudo sh", "the standard input that 'sh'"),
    ("{ echo @; } | { x; sh; }", "the standard input that 'sh'"),
    ("echo @ | while read a; do sh; done", "the standard input that 'sh'"),
    ("{ sh; } <<EOF\n@\nEOF", "the standard input that 'sh'"),
    ("echo @ | sh 3</dev/null", "the standard input that 'sh'"),
    ("echo @ | bash /dev/stdin", "the standard input that 'bash'"),
    ("bash < <(echo @)", "the standard input that 'bash'"),
    ("echo @ | tee >(sh)", "the standard input that 'sh'"),
    ("docker exec -i c sh <<EOF\n@\nEOF", "the standard input that 'sh'"),
    ("docker exec -i c psql <<EOF\n@\nEOF", "the standard input that 'psql'"),
    ("psql -e <<EOF\n@\nEOF", "the standard input that 'psql'"),
    ("mysql -pe <<EOF\n@\nEOF", "the standard input that 'mysql'"),
    ("perl -w <<EOF\n@\nEOF", "the standard input that 'perl'"),
    ("ssh h <<EOF\nx @\nEOF", "the standard input that 'ssh'"),
    ("ssh -p 22 h bash -s <<EOF\nx @\nEOF", "the standard input that 'ssh'"),
    ("echo @ | xargs -I{} sh -c 'x {}'", "the standard input that 'xargs'"),
    ("ssh h x @", "the arguments of 'ssh'"),
    ("xargs x @", "the arguments of 'xargs'"),
    ("parallel x @", "the arguments of 'parallel'"),
    ("awk \"/@/\"", "the arguments of 'awk'"),
    ("gawk -v a=@ x", "the arguments of 'gawk'"),
    ("mawk @", "the arguments of 'mawk'"),
    ("nawk @", "the arguments of 'nawk'"),
    ("sed s/a/@/", "the arguments of 'sed'"),
    ("perl5.36 -e @", "the arguments of 'perl'"),
    ("watch x @", "the arguments of 'watch'"),
    ("su -c @", "the arguments of 'su'"),
    ("script -c @", "the arguments of 'script'"),
    ("expect -c @", "the arguments of 'expect'"),
    ("tclsh8.6 @", "the arguments of 'tclsh'"),
    ("gdb -ex @", "the arguments of 'gdb'"),
    ("vim -c @", "the arguments of 'vim'"),
    ("make A=@", "the arguments of 'make'"),
    ("m4 -D a=@", "the arguments of 'm4'"),
    ("echo @ | bc", "the standard input that 'bc'"),
    ("echo @ | at now", "the standard input that 'at'"),
    ("tmux new @", "the arguments of 'tmux'"),
    ("screen @", "the arguments of 'screen'"),
    ("echo @ | crontab -", "the standard input that 'crontab'"),
    ("nsenter -t 1 x @", "the arguments of 'nsenter'"),
    ("chroot / x @", "the arguments of 'chroot'"),
    ("git -c alias.x='!@' x", "the arguments of 'git'"),
    ("git -c core.sshCommand=@ fetch", "the arguments of 'git'"),
    ("git config core.editor @", "the arguments of 'git'"),
    ("git submodule foreach @", "the arguments of 'git'"),
    ("git rebase -x @", "the arguments of 'git'"),
    ("rsync -e 'ssh @' a b", "the arguments of 'rsync'"),
    ("rsync a h:@", "the arguments of 'rsync'"),
    ("tar --to-command=@ -xf a", "the arguments of 'tar'"),
    ("tar --checkpoint-action exec=@ -xf a", "the arguments of 'tar'"),
    ("tar -I @ -xf a", "the arguments of 'tar'"),
    ("psql -c 'select @'", "the arguments of 'psql'"),
    ("jq '.a=@'", "the arguments of 'jq'"),
    // Variables that hold a value.
    (
        "A=@; eval \"x $A\"",
        "in $A, as line 1, column 26 has that variable among the arguments of 'eval'",
    ),
    ("A=@; let b=A", "'let'"),
    ("A=@; eval '(( A ))'", "arithmetic"),
    ("A=@; eval 'eval \"$A\"'", "'eval'"),
    ("A=@; trap 'sh -c \"$A\"' EXIT", "the code that 'sh' runs"),
    // The texts that shells run.
    ("A=@; trap '$A' EXIT", "name of the program"),
    ("A=@; trap -- '$A x' EXIT", "name of the program"),
    ("A=@; eval 'bash -c \"$A\"'", "the code that 'bash' runs"),
    ("A=@; eval x '; $A'", "name of the program"),
    ("export A=@; sh -c '$A'", "name of the program"),
    ("A=@ sh -c 'eval \"$A\"'", "'eval'"),
    ("A=@ sh -c 'sh -c \"$A\"'", "the code that 'sh' runs"),
    ("A=@ sudo -E sh -c 'sh -c \"eval \\\"\\$A\\\"\"'", "'eval'"),
    ("docker exec -e A=@ c sh -c 'eval \"$A\"' sh", ""),
    (
        "sh -c 'eval \"$1\"' sh @",
        "in $1, as line 1, column 7 has that variable among the arguments of 'eval'",
    ),
    ("sh -c 'eval \"$*\"' sh @", "'eval'"),
    ("sh -c 'for i; do $i; done' sh @", "name of the program"),
    ("docker exec c bash -c '$1' sh @", "name of the program"),
    ("find . -exec sh -c '$2' sh {} @ ';'", "name of the program"),
    ("A=@ bash -c '(( A ))'", "arithmetic"),
    ("A=@ sh -c 'x $(( A ))'", "arithmetic"),
    ("A=@ sh -c '[ \"$A\" -eq 1 ]'", "'['"),
    ("A=@ sh -c '[[ $A -eq 1 ]]'", "is not understood for sure"),
    ("A=@ zsh -c 'x ${(e)A}'", "is not understood for sure"),
    ("A=@ sh -c 'echo \"$A\" | sh'", "the standard input that 'sh'"),
    ("A=@ sh -c \"$B 'eval \\\"\\$A\\\"'\"", "only known when the line runs"),
    ("env A=@ sh -c 'eval \"$A\"'", "'eval'"),
    ("docker run -eA=@ i sh -c '$A'", "name of the program"),
    ("docker run --env=A=@ i sh -c '$A'", "name of the program"),
    ("A=@; $B 'x \"$A\"'", "only known when the line runs"),
    ("A=@ su -c 'eval \"$A\"'", "'eval'"),
    ("A=@ script -c 'eval \"$A\"' f", "'eval'"),
    ("A=@ watch -n 5 eval '\"$A\"'", "'eval'"),
    ("eval 'A=@'", "'eval'"),
    ("B=@; eval 'A=$B'; eval \"$A\"", "'eval'"),
    (
        "f() { eval 'echo \"$T\"'; }; T=@; sh -c \"$(f)\"",
        "the code that 'sh' runs",
    ),
    ("T=@; sh -c \"$(eval 'echo \"$T\"')\"", "the code that 'sh' runs"),
    (
        "T=@; sh -c \"$(sh -c 'sh -c \"echo \\\"\\$T\\\"\"')\"",
        "the code that 'sh' runs",
    ),
    ("T=@; eval 'echo \"$T\"' | sh", "the standard input that 'sh'"),
    // By standard input, and by the list of variables.
    ("echo @ | sh -c \"$(cat)\"", "the code that 'sh' runs"),
    ("echo @ | x | sh -c \"$(cat)\"", "the code that 'sh' runs"),
    (
        "echo @ | python3 -c \"$(cat /dev/stdin)\"",
        "the code that 'python3' runs",
    ),
    ("echo @ | { X=$(cat); eval \"$X\"; }", "'eval'"),
    ("echo @ | { X=$(echo 1 | sort; head); eval \"$X\"; }", "'eval'"),
    ("sh -c \"`cat`\" <<E\n@\nE", "the code that 'sh' runs"),
    ("echo @ | ssh h \"$(cat)\"", "the arguments of 'ssh'"),
    ("export A=@; sh -c \"$(printenv A)\"", "the code that 'sh' runs"),
    ("A=@ sh -c 'eval \"$(printenv A)\"'", "'eval'"),
    ("A=@ sh -c 'eval \"$(env)\"'", "'eval'"),
    ("A=@; eval \"$(set)\"", "'eval'"),
    ("A=@; eval \"$(declare -p A)\"", "'eval'"),
    ("A=@ sh -c '. /proc/self/environ'", ""),
    ("export A=@; printenv A | sh", "the standard input that 'sh'"),
    ("A=@; v=$w; eval \"${!v}\"", "'eval'"),
    ("A=@; v=$w; x=${!v}; eval \"$x\"", "'eval'"),
    // Names behind names.
    ("read 'a[0]' <<< @; eval \"${a[0]}\"", "in $a"),
    ("printf -v 'a[0]' %s @; eval \"$a\"", "'printf'"),
    ("A=@; B=A; x $((B))", "arithmetic"),
    ("A=@; C=B; B=A; (( C ))", "arithmetic"),
    ("A=@; v=A; x ${!v}", "'${!…}'"),
    ("A=@; B=A; let C=B", "'let'"),
    ("A=@; B=A; x ${c[B]}", "subscript"),
    ("f() { x @; }; export -f f; bash -c f", "a function that is exported"),
    ("f() { x @; }; declare -fx f; bash -c f", "a function that is exported"),
    ("shopt -s expand_aliases; BASH_ALIASES[x]=eval; x @", "aliases"),
    ("BASH_ALIASES[x]='eval \"$A\"'; A=@", "aliases"),
    // Devices, however they are written.
    ("echo @ | sh //dev/stdin", "the standard input that 'sh'"),
    ("echo @ | sh /dev/./fd/0", "the standard input that 'sh'"),
    ("echo @ | sh /proc/self/../self/fd/0", "the standard input that 'sh'"),
    ("cd /; echo @ | sh dev/fd/0", "the standard input that 'sh'"),
    ("echo @ | sh /de[v]/stdin", "the standard input that 'sh'"),
    ("echo @ | . //dev/stdin", "'.'"),
    ("echo @ | python3 < //dev/fd/0", "the standard input that 'python3'"),
    ("echo @ | python3 < '/dev'/stdin", "the standard input that 'python3'"),
    // More programs.
    ("ipython -c @", "the code that 'ipython' runs"),
    ("tsx -e 'x(@)'", "the code that 'tsx' runs"),
    ("ts-node --eval @", "the code that 'ts-node' runs"),
    ("bun -e 'x(@)'", "the code that 'bun' runs"),
    ("nu -c 'x @'", "the code that 'nu' runs"),
    ("nu --commands @", "the code that 'nu' runs"),
    ("redis-cli -h h EVAL \"return '@'\" 0", "the arguments of 'redis-cli'"),
    ("redis-cli script load @", "the arguments of 'redis-cli'"),
    ("echo @ | redis-cli -a x", "the standard input that 'redis-cli'"),
    ("ansible-playbook -e t=@ p.yml", "the arguments of 'ansible-playbook'"),
    ("echo @ | awk -f - x", "the standard input that 'awk'"),
    ("echo @ | awk -f /dev/stdin x", "the standard input that 'awk'"),
    ("echo @ | gawk -E/dev/stdin", ""),
    ("echo @ | sed -nf- x", "the standard input that 'sed'"),
    ("echo @ | jq -f /dev/stdin x", "the standard input that 'jq'"),
    ("sqlite3 d 'select @'", "the arguments of 'sqlite3'"),
    ("mysql -e 'select @'", "the arguments of 'mysql'"),
    ("mongosh --eval 'x(@)'", "the arguments of 'mongosh'"),
    ("sed -e @ x", "the arguments of 'sed'"),
    ("less +@ x", "the arguments of 'less'"),
    ("adb shell x @", "the arguments of 'adb'"),
    ("A=@; unset 'b[A]'", "'unset'"),
    ("A=@; printf -v 'b[A]' x", "'printf'"),
    ("A=@; (( A ))", "arithmetic"),
    ("A=@; x $(( A + 1 ))", "arithmetic"),
    ("A=@; x $(( $A ))", "arithmetic"),
    ("A=@\n[[ $A -eq 1 ]]", "'[[ ]]'"),
    ("A=@; [[ A -lt 1 ]]", "'[[ ]]'"),
    ("A=@; x ${b[A]}", "subscript"),
    ("A=@; b[$A]=1", "subscript"),
    ("A=@; x ${b:A}", "arithmetic"),
    ("A=@; x ${!A}", "'${!…}'"),
    ("A=@; x ${A@P}", "'${!…}'"),
    ("A=@; sh -c \"x $A\"", "the code that 'sh' runs"),
    ("A=@ sh -c \"x ${A}\"", "the code that 'sh' runs"),
    ("A=@; ssh h \"x $A\"", "the arguments of 'ssh'"),
    ("A=@; sh <<EOF\n$A\nEOF", "the standard input that 'sh'"),
    ("A=@; echo \"$A\" | sh", "the standard input that 'sh'"),
    ("A=@; . \"$A\"", "'.'"),
    ("A=@; trap \"x $A\" EXIT", "'trap'"),
    ("A=@; $A", "name of the program"),
    ("A=@; printf \"$A\" x", "'printf'"),
    ("A=@; declare $A", "'declare'"),
    ("export A=@; eval $A", "'eval'"),
    ("for a in @; do eval $a; done", "'eval'"),
    ("A=@; B=x$A; eval $B", "in $B"),
    ("A=$(x @); eval $A", "in $A"),
    ("A=@; : ${B:=$A}; eval $B", "in $B"),
    ("set -- @; eval \"$1\"", "in $1"),
    ("f() { eval \"$1\"; }; f @", "in $1"),
    ("f() { local a=$1; (( a )); }; f @", "in $a"),
    ("f() { for a; do eval $a; done; }; f @", "in $a"),
    ("read a <<< @; eval $a", "in $a"),
    ("x @; eval $_", "in $_"),
    // What is not understood.
    ("x 'a @", "a single quote without its end"),
    ("x \"a @", "a double quote without its end"),
    ("x @ $(y", "without its end"),
    ("x @ )", "')' without '('"),
    ("x @ !(y)", "'(' inside"),
    ("x @(y)", "inside"),
    ("cat <<E $(x\ny)\n@\nE", "before the text of a here-document"),
    ("cat <<E 'x\ny'\n@\nE", "before the text of a here-document"),
    ("cat <<E\na \\\n@\nE", "ends in a backslash"),
    ("cat <<E\n@", "without its end"),
    ("x $((a) ; (b)) @", "arithmetic"),
    ("x $((a); b) @", "two groups"),
    ("e\\\nval @", "across two lines"),
    ("x $a\\\nb @", "across two lines"),
    ("x @ ${a:-'}'", "without its end"),
    ("x $(y # it's\n) @", "a comment with quotes"),
    ("x \"${a:-'b'}\" @", "quotes in '${…}'"),
    ("esac; x @", "'esac' without 'case'"),
    ("time for x in a; do @; done", ""),
    ("x \r\n @", "carriage return"),
];

#[test]
fn what_fits_nowhere_is_refused() {
    let mut wrong = Vec::new();
    for (line, reason) in REFUSED {
        // `${A@P}` is no reference.
        let line = line
            .replace("@P", "\u{1}P")
            .replace('@', "<<secure.x>>")
            .replace('\u{1}', "@");
        let error = bash(&line).unwrap_or_else(|script| format!("accepted: {script}"));
        if !error.contains(reason) {
            wrong.push(format!("{line}\n  expected: {reason}\n  {error}"));
        }
        if let Ok(script) = bound(&line, Dialect::Posix) {
            wrong.push(format!("{line}\n  accepted for any sh: {script}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_only_bash_knows_is_refused_for_any_sh() {
    for (line, _) in ACCEPTED_BY_BASH {
        let here_string = line.contains("<<<") || line.starts_with("select");
        let line = line
            .replace("[@]", "[\u{2}]")
            .replace('@', "<<secure.x>>")
            .replace('\u{2}', "@");
        // Other shells do not parse here-strings and 'select' at all, so nothing runs.
        let refused = bound(&line, Dialect::Posix).is_err();
        assert!(refused || here_string || line.contains("${a["), "{line}");
    }
}

#[test]
fn all_refusals_are_listed_with_what_to_write_instead() {
    let template = Template::parse(b"eval <<secure.a>>\nx <<secure.b>>\n: `<<secure.c/d>>`").unwrap();
    let errors = bind(&template, Dialect::Posix).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "line 1, column 6: '<<secure.a>>' cannot stand among the arguments of 'eval', which takes them for code, names, \
         numbers or options\nline 3, column 4: '<<secure.c/d>>' cannot stand in back-ticks"
    );
    let hints: Vec<String> = errors.0.iter().map(ShellError::hint).collect();
    assert_eq!(
        hints,
        [
            "write the command without eval, or TOKEN=<<secure.a>> sh -c '… \"$TOKEN\" …'",
            "write $(… <<secure.c/d>> …)"
        ]
    );
    let template = Template::parse(b"sh -c 'x <<secure.a>>'").unwrap();
    assert_eq!(
        bind(&template, Dialect::Posix).unwrap_err().0[0].hint(),
        "write TOKEN=<<secure.a>> sh -c '… \"$TOKEN\" …', or sh -c '… \"$1\" …' sh <<secure.a>>"
    );
}

#[test]
fn shell_quote_is_refused() {
    let error = bash("x <<secure.a | shell_quote>>").unwrap_err();
    assert_eq!(
        error,
        "line 1, column 3: '<<secure.a>>' cannot stand with the filter 'shell_quote' in a shell line, where it would be quoted twice"
    );
}

#[test]
fn each_name_with_its_filters_is_one_variable() {
    let template = Template::parse(b"x <<secure.a>> <<secure.b>> '{{secure.a}}' <<secure.a|base64>> _fv _fvv").unwrap();
    let bound = bind(&template, Dialect::Posix).unwrap();
    let script = String::from_utf8(bound.script).unwrap();
    assert_eq!(
        script,
        "unset _fvvv1;_fvvv1=$FLEETVAULT_VALUE_1;unset FLEETVAULT_VALUE_1;\
         unset _fvvv2;_fvvv2=$FLEETVAULT_VALUE_2;unset FLEETVAULT_VALUE_2;\
         unset _fvvv3;_fvvv3=$FLEETVAULT_VALUE_3;unset FLEETVAULT_VALUE_3\n\
         x \"${_fvvv1}\" \"${_fvvv2}\" ''\"${_fvvv1}\"'' \"${_fvvv3}\" _fv _fvv"
    );
    let bindings: Vec<_> = bound
        .bindings
        .iter()
        .map(|b| (b.name.to_string(), b.environment.as_str()))
        .collect();
    let expected = [
        ("a", "FLEETVAULT_VALUE_1"),
        ("b", "FLEETVAULT_VALUE_2"),
        ("a", "FLEETVAULT_VALUE_3"),
    ];
    assert_eq!(bindings, expected.map(|(name, variable)| (name.to_owned(), variable)));
    assert_eq!(bound.bindings[2].filters, [Filter::Base64]);
}

#[test]
fn a_line_without_references_stays() {
    for line in ["", "echo `x", "eval $(( a", "cat <<EOF"] {
        assert_eq!(bash(line), Ok(line.to_owned()));
    }
}

#[test]
fn what_would_run_before_the_prologue_is_scrubbed() {
    for name in ["BASH_ENV", "ENV", "PS4", "IFS", "BASH_FUNC_unset%%", "SHELLOPTS"] {
        assert!(is_scrubbed(name.as_bytes()), "{name}");
    }
    assert!(!is_scrubbed(b"PATH"));
    for (name, refused) in [("BASH_ENV", true), ("LD_PRELOAD", true), ("PATH", false), ("A", false)] {
        assert_eq!(is_refused(name.as_bytes()), refused, "{name}");
    }
}

#[test]
fn deep_and_long_lines_end_soon() {
    let from = std::time::Instant::now();
    for part in [
        "$(",
        "(",
        "${a:-",
        "\"$(",
        "$((",
        "case a in b) ",
        "a=(",
        "x <<E\n",
        "a[$(",
        "[[ ",
        "env ",
        "sudo -u x ",
        "nice -n 1 ",
    ] {
        let line = format!("x <<secure.a>>; {}", part.repeat(100_000 / part.len()));
        assert!(bash(&line).is_err(), "{part}");
    }
    for part in ["env ", "nice "] {
        let error = bash(&format!("{}x <<secure.a>>", part.repeat(50))).unwrap_err();
        assert!(
            error.contains("not understood for sure: very many programs that run one another"),
            "{error}"
        );
        assert!(bash(&format!("{}x <<secure.a>>", part.repeat(20))).is_ok());
    }
    for part in [
        "x $a <<secure.a>>\n",
        "A=$B x; ",
        "x <<secure.a>> \"$b\"; ",
        "x <<secure.a>> $(eval 'y \"$b\"'); ",
    ] {
        assert!(bash(&part.repeat(100_000 / part.len())).is_ok(), "{part}");
    }
    assert!(from.elapsed().as_secs() < 10, "{:?}", from.elapsed());
}

proptest::proptest! {
    #[test]
    fn any_text_is_bound_or_refused(line in "[ a-z<>{}$()`'\"\\\\\n;&|=\\[\\]#!@*-]{0,40}", more in "[ a<>{}$()`'\"\\\\\n;&|=#!-]{0,40}") {
        let line = format!("{line}<<secure.x>>{more}");
        if let Ok(template) = Template::parse(line.as_bytes()) {
            for dialect in [Dialect::Posix, Dialect::Bash] {
                if let Ok(bound) = bind(&template, dialect) {
                    proptest::prop_assert!(!bound.script.windows(6).any(|part| part == b"secure"));
                }
            }
        }
    }
}
