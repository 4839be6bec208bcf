//! Templates through the real binary: both forms, filters, what passes untouched, and near misses.

use crate::support::Fleet;

fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.member("dev");
    fleet.set("one", "value/of one", "dev");
    fleet.set("prod/db", "value-of-db", "dev");
    fleet
}

#[test]
fn both_forms_with_and_without_blanks() {
    let fleet = fleet();
    for reference in [
        "<<secure.one>>",
        "{{secure.one}}",
        "<< secure.one >>",
        "{{  secure.one\t}}",
        "<<secure.prod/db>>",
        "{{ secure.prod/db }}",
    ] {
        let value = if reference.contains("one") {
            "value/of one"
        } else {
            "value-of-db"
        };
        let template = format!("a{reference}b");
        assert_eq!(
            fleet.expand("dev", &template).ok().out(),
            format!("a{value}b"),
            "{reference}"
        );
    }
    let next_to_each_other = "<<secure.one>>{{secure.one}}<<<secure.one>>>";
    assert_eq!(
        fleet.expand("dev", next_to_each_other).ok().out(),
        "value/of onevalue/of one<value/of one>"
    );
}

#[test]
fn filters() {
    let fleet = fleet();
    fleet.set("quoted", "a \"b\" 'c'\n\\$d", "dev");
    for (filter, text) in [
        ("<<secure.one|base64>>", "dmFsdWUvb2Ygb25l"),
        ("{{ secure.one | urlencode }}", "value%2Fof%20one"),
        ("<<secure.quoted | tojson>>", "\"a \\\"b\\\" 'c'\\n\\\\$d\""),
        ("<<secure.quoted|shell_quote>>", "'a \"b\" '\\''c'\\''\n\\$d'"),
        ("<<secure.one | base64 | tojson>>", "\"dmFsdWUvb2Ygb25l\""),
    ] {
        assert_eq!(fleet.expand("dev", filter).ok().out(), text, "{filter}");
    }
    fleet
        .fleetvault_with(&["set", "binary", "--members", "dev"], b"\xff\xfe and \0 NUL")
        .ok();
    assert_eq!(
        fleet.expand("dev", "<<secure.binary|base64>>").ok().out(),
        "//4gYW5kIAAgTlVM"
    );
    fleet
        .expand(
            "dev",
            "<<secure.one>> <<secure.binary|tojson>> <<secure.binary|shell_quote>>",
        )
        .fails(1)
        .silent()
        .says("credential 'binary': filter 'tojson' takes UTF-8 only, and this value is none\n")
        .says("credential 'binary': filter 'shell_quote' cannot quote a NUL byte, and this value has one\n");
    fleet
        .resolver("dev", &["--json", "expand"], b"<<secure.binary|tojson>>")
        .fails(1)
        .says(r#"{"code":"filter","message":"credential 'binary': filter 'tojson'"#);
}

#[test]
fn everything_else_passes_byte_for_byte() {
    let fleet = fleet();
    for text in [
        b"cat <<EOF\n$x {{ .Values.secret }} {% if x %} std::cout << secure << x;\nEOF\n".as_slice(),
        b"\xff\xfe\x00<<secure.one>>\xc3\x28\r\n",
        b"<<insecure.one>> <<secured.one>> {{ security.one }}",
        b"<<\n>> {{}} <<>> {{{{ }}}}",
        "ünïcödé <<secure.one>> \u{1f511}\r\n\r\n".as_bytes(),
    ] {
        let expected = replace(text, b"<<secure.one>>", b"value/of one");
        let expanded = fleet.resolver("dev", &["expand"], text).ok().stdout;
        assert!(expanded == expected, "{}", String::from_utf8_lossy(text));
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let fleet = fleet();
    let tricky = "<<secure.prod/db>> {{secure.prod/db}} $(id) `id` ${HOME} \\1 %s \" '";
    fleet.set("tricky", tricky, "dev");
    assert_eq!(
        fleet.expand("dev", "[<<secure.tricky>>]").ok().out(),
        format!("[{tricky}]")
    );
    // Nor does a reference come together out of text and value.
    fleet.set("half", "<<secure.", "dev");
    assert_eq!(
        fleet.expand("dev", "{{secure.half}}prod/db>>").ok().out(),
        "<<secure.prod/db>>"
    );
}

#[test]
fn a_large_value_in_a_large_template() {
    let fleet = fleet();
    let value = "v".repeat(1 << 20);
    fleet.set("large", &value, "dev");
    let template = format!(
        "{}<<secure.large>>{}<<secure.large>>",
        "a".repeat(100_000),
        "b".repeat(100_000)
    );
    let expanded = fleet.expand("dev", &template).ok().out();
    assert!(expanded == template.replace("<<secure.large>>", &value));
}

#[test]
fn near_misses_are_errors_with_line_and_column() {
    let fleet = fleet();
    let only = "expected only letters, digits, '_', '-' and '/' in a name, found ";
    for (template, line, column, problem) in [
        ("<<secure.o ne>>", 1, 1, "expected '>>' or '|', found 'n'"),
        ("{{secure.o ne}}", 1, 1, "expected '}}' or '|', found 'n'"),
        ("a\nbc <<secure.one", 2, 4, "expected '>>' on the same line"),
        ("<<secure.one\n>>", 1, 1, "expected '>>' on the same line"),
        ("<<secure.one}}", 1, 1, "expected "),
        ("<<secure.>>", 1, 1, "expected a name after 'secure.', found '>'"),
        ("<<secure.o.e>>", 1, 1, &format!("{only}'.'")),
        ("<<secure.a//b>>", 1, 1, "segments between '/' must not be empty"),
        ("<<secure.a/b/c/d/e>>", 1, 1, "at most four segments joined by '/'"),
        (
            "<<secure.one|b64>>",
            1,
            1,
            "unknown filter 'b64', did you mean 'base64'?; known are base64, urlencode, tojson, shell_quote",
        ),
        (
            "<<secure.one|>>",
            1,
            1,
            "expected a filter after '|' (base64, urlencode, tojson, shell_quote), found '>'",
        ),
        ("<<secure.one|base64()>>", 1, 1, "filter 'base64' takes no arguments"),
        (
            "x\r\n\r\n  <<Secure.one>>",
            3,
            3,
            "expected 'secure' in lower case, found 'Secure'",
        ),
        ("<<secure:one>>", 1, 1, "expected '.' after 'secure', found ':'"),
        ("<<secure . one>>", 1, 1, "expected no blank around the '.'"),
        (
            "{{- secure.one -}}",
            1,
            1,
            "a reference has no whitespace control, found '-' at its brackets",
        ),
        (
            "<<\u{a0}secure.one>>",
            1,
            1,
            "expected only spaces and tabs inside the brackets, found U+00A0",
        ),
        (
            "<<secure.one\u{a0}>>",
            1,
            1,
            "expected only letters, digits, '_', '-' and '/' in a name, found U+00A0",
        ),
    ] {
        let refused = fleet.expand("dev", template).fails(1).silent();
        let place = format!("fleetvault: error: line {line}, column {column}: '");
        assert!(refused.stderr.starts_with(&place), "{template}: {}", refused.stderr);
        refused
            .says(problem)
            .says("hint: write <<secure.NAME>> or <<secure.NAME | FILTER>>, on one line; {{ }} may stand for << >>\n");
    }
}

#[test]
fn all_near_misses_are_listed_at_once_before_any_key_is_read() {
    let fleet = fleet();
    let template = "<<secure.a b>>\n{{ secure.one }}\n  <<secure.one|b64>>";
    std::fs::remove_file(fleet.identity("dev")).unwrap();
    fleet.expand("dev", template).fails(1).silent().says_exactly(
        "fleetvault: error: line 1, column 1: '<<secure.a b' is no reference: expected '>>' or '|', found 'b'\n\
         fleetvault: error: line 3, column 3: '<<secure.one|b64' is no reference: unknown filter 'b64', did you mean 'base64'?; \
         known are base64, urlencode, tojson, shell_quote\n\
         fleetvault: hint: write <<secure.NAME>> or <<secure.NAME | FILTER>>, on one line; {{ }} may stand for << >>\n",
    );
    let json = fleet
        .resolver("dev", &["--json", "expand"], template.as_bytes())
        .fails(1);
    assert_eq!(json.stderr.matches("{\"code\":\"template\"").count(), 2);
}
