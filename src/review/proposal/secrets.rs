//! Likely secrets in plain text, by a small set of forms that mean nothing else.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

/// What is looked for, each with what it is called.
const FORMS: [(&str, &str); 16] = [
    ("an age identity", r"AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{20,}"),
    (
        "a private key",
        r"-----BEGIN ((RSA|DSA|EC|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY( BLOCK)?-----",
    ),
    ("an AWS access key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "a GitHub token",
        r"\b(gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{40,})",
    ),
    ("a GitLab token", r"\bglpat-[0-9A-Za-z_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a Stripe key", r"\b(sk|rk)_live_[0-9A-Za-z]{20,}"),
    ("an OpenAI key", r"\bsk-(proj-)?[0-9A-Za-z_-]{32,}"),
    ("an Anthropic key", r"\bsk-ant-[0-9A-Za-z_-]{32,}"),
    ("an npm token", r"\bnpm_[0-9A-Za-z]{36}\b"),
    ("a PyPI token", r"\bpypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{50,}"),
    ("a Hugging Face token", r"\bhf_[0-9A-Za-z]{34,}\b"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    ("a SendGrid key", r"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    (
        "a password in a URL",
        r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:[^\s:/@<>{}$*]{6,}@[^\s/]+",
    ),
];

static SET: LazyLock<Option<(RegexSet, Vec<Regex>)>> = LazyLock::new(|| {
    let set = RegexSet::new(FORMS.map(|(_, form)| form)).ok()?;
    let each = FORMS
        .iter()
        .map(|(_, form)| Regex::new(form))
        .collect::<Result<_, _>>()
        .ok()?;
    Some((set, each))
});

/// One place where a secret seems to stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Likely {
    /// The line, counted from one.
    pub line: usize,
    /// What it seems to be.
    pub what: &'static str,
}

/// Finds likely secrets in the lines of `after` that `before` does not have.
pub(super) fn find(before: &[u8], after: &[u8]) -> Vec<Likely> {
    let Some((set, each)) = &*SET else {
        return Vec::new();
    };
    if !set.is_match(after) {
        return Vec::new();
    }
    let known: std::collections::HashSet<&[u8]> = before.split(|&byte| byte == b'\n').collect();
    let lines = after.split(|&byte| byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !known.contains(line))
        .filter_map(|(number, line)| {
            let form = each.iter().position(|form| form.is_match(line))?;
            Some(Likely {
                line: number + 1,
                what: FORMS[form].0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_lines_with_secrets_are_found_and_others_are_not() {
        let key = format!("AGE-SECRET-KEY-1{}", "Q".repeat(58));
        let token = format!("token = ghp_{}", "a".repeat(36));
        let before = format!("a\n{token}\n");
        let after = format!("a\n{token}\nb\n{key}\nurl: postgres://u:s3cr3t-word@db/x\n");
        let found = find(before.as_bytes(), after.as_bytes());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].line, found[0].what), (4, "an age identity"));
        assert_eq!((found[1].line, found[1].what), (5, "a password in a URL"));
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        for line in [
            "url: postgres://user:<<secure.db/password>>@db/x",
            "url: postgres://user:${PASSWORD}@db/x",
            "see https://example.com:8443/path",
            "ghp_short",
            "age1q0uzuhtj5l5k4",
            "-----BEGIN PUBLIC KEY-----",
            "sk-learn and sk-proj",
        ] {
            assert_eq!(find(b"", line.as_bytes()), [], "{line}");
        }
        assert!(find(b"", &[0xff, 0xfe, 0, b'\n']).is_empty());
    }
}
