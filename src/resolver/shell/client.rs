//! Programs of which some arguments are code and most are not: git, jq, rsync, ssh, npm and such.
//!
//! Refuses what such a program hands to a shell or runs by name; knows nothing of other programs.

use crate::resolver::shell::error::Context;
use crate::resolver::shell::line::{Word, span};
use crate::resolver::shell::tables::{Program, program};
use crate::resolver::shell::taint::Taint;

/// Refuses values in and behind some options.
pub(super) fn options(taint: &mut Taint<'_>, short: &[u8], long: &[&str], words: &[Word], context: &Context) {
    for (at, word) in words.iter().enumerate() {
        let text = word.text.as_slice();
        let next = span(words.get(at + 1..=at + 1).unwrap_or_default());
        if let Some(name) = text.strip_prefix(b"--") {
            let end = name.iter().position(|&byte| byte == b'=');
            let name = &name[..end.unwrap_or(name.len())];
            // Programs take a shortened name as well.
            if name.len() > 2 && long.iter().any(|known| known.as_bytes().starts_with(name)) {
                taint.forbid(&word.range, context);
                if end.is_none() {
                    taint.forbid(&next, context);
                }
            }
        } else if let Some(letters) = text.strip_prefix(b"-") {
            let ends = letters.first().into_iter().chain(letters.last());
            let mut capitals = letters.iter().filter(|letter| letter.is_ascii_uppercase());
            if ends.into_iter().any(|letter| short.contains(letter)) || capitals.any(|letter| short.contains(letter)) {
                taint.forbid(&word.range, context);
                taint.forbid(&next, context);
            }
        }
    }
}

/// The path behind `HOST:` may go through a shell over there.
pub(super) fn remote_paths(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    for word in words {
        let url = word.text.windows(3).any(|part| part == b"://");
        if word.text.contains(&b':') && !url && !word.is_option() {
            taint.forbid(&word.range, context);
        }
    }
}

/// A package's script is a line of a shell, to which arguments are appended.
pub(super) fn scripts(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    const SCRIPTS: [&str; 9] = [
        "run",
        "run-script",
        "exec",
        "start",
        "test",
        "stop",
        "restart",
        "x",
        "dlx",
    ];
    if let Some(at) = words
        .iter()
        .position(|word| SCRIPTS.iter().any(|script| word.is(script)))
    {
        taint.forbid(&span(&words[at..]), context);
    }
}

/// Judges `jq --arg NAME VALUE CODE`.
pub(super) fn filter(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    let mut plain_from = 0;
    for (at, word) in words.iter().enumerate() {
        if word.is("--arg") || word.is("--argjson") {
            taint.forbid(&span(words.get(at + 1..=at + 1).unwrap_or_default()), context);
            plain_from = at + 3;
        } else if at + 1 != plain_from {
            taint.forbid(&word.range, context);
        }
    }
}

/// Judges settings that name programs, and commands that run some.
pub(super) fn git(taint: &mut Taint<'_>, words: &[Word], context: &Context) {
    const PROGRAMS: [&str; 8] = [
        "--upload-pack",
        "--receive-pack",
        "--exec",
        "--exec-path",
        "--extcmd",
        "--config-env",
        "--open-files-in-pager",
        "-x",
    ];
    let mut command: Option<usize> = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1..=at + 1).unwrap_or_default();
        let attached = word.text.strip_prefix(b"--config=");
        if word.is("-c") || word.is("--config") {
            if !next.first().is_some_and(|setting| is_harmless(&setting.text)) {
                taint.forbid(&span(next), context);
            }
            at += 1;
        } else if attached.is_some_and(|setting| !is_harmless(setting)) {
            taint.forbid(&word.range, context);
        } else if PROGRAMS.iter().any(|option| word.text.starts_with(option.as_bytes())) {
            taint.forbid(&word.range, context);
            taint.forbid(&span(next), context);
        } else if word.is("-C") || word.is("--git-dir") || word.is("--work-tree") {
            at += 1;
        } else if !word.is_option() && command.is_none() {
            taint.forbid(&word.range, context);
            command = Some(at);
        }
        at += 1;
    }
    let rest = command.and_then(|at| words.get(at..)).unwrap_or_default();
    let Some(command) = rest.first() else {
        return;
    };
    let mut plain = rest[1..].iter().filter(|word| !word.is_option());
    let dangerous = match command.text.as_slice() {
        b"filter-branch" | b"difftool" | b"mergetool" | b"daemon" | b"instaweb" => true,
        b"submodule" => rest.iter().any(|word| word.is("foreach")),
        b"bisect" => rest.iter().any(|word| word.is("run")),
        b"config" => {
            let key = plain.find(|word| !word.is("set") && !word.is("get"));
            !key.is_some_and(|key| is_harmless(&key.text))
        }
        _ => false,
    };
    if dangerous {
        taint.forbid(&span(&rest[1..]), context);
    }
}

/// Says whether a setting of git is only ever a text.
pub(super) fn is_harmless(setting: &[u8]) -> bool {
    let key = setting.split(|&byte| byte == b'=').next().unwrap_or_default();
    let section = key.split(|&byte| byte == b'.').next().unwrap_or_default();
    let known = [&b"http"[..], b"user", b"url", b"author", b"committer"];
    known.iter().any(|known| section.eq_ignore_ascii_case(known)) && key.contains(&b'.')
}

/// Judges `redis-cli eval CODE`, and says whether commands are read.
pub(super) fn redis(taint: &mut Taint<'_>, words: &[Word], context: &Context) -> bool {
    const VALUED: &[u8] = b"hpastuniridDe";
    let lower = |word: &Word| word.text.to_ascii_lowercase();
    if let Some(at) = words
        .iter()
        .position(|word| matches!(lower(word).as_slice(), b"eval" | b"eval_ro"))
    {
        taint.forbid(&span(words.get(at + 1..=at + 1).unwrap_or_default()), context);
    }
    if let Some(at) = words
        .iter()
        .position(|word| matches!(lower(word).as_slice(), b"script" | b"function"))
    {
        taint.forbid(&span(&words[at..]), context);
    }
    let mut at = 0;
    while words.get(at).is_some_and(Word::is_option) {
        let text = words[at].text.as_slice();
        let valued = matches!(text, b"--user" | b"--pass") || (text.len() == 2 && VALUED.contains(&text[1]));
        at += if valued { 2 } else { 1 };
    }
    at >= words.len()
}

/// Says whether a remote shell takes its input for code: without a command, or with a shell as one.
pub(super) fn remote_reads_code(words: &[Word]) -> bool {
    const VALUED: &[u8] = b"BbcDEeFIiJLlmOoPpQRSWw";
    let mut at = 0;
    while words.get(at).is_some_and(Word::is_option) {
        let valued = words[at].text.last().is_some_and(|letter| VALUED.contains(letter)) && words[at].text.len() == 2;
        at += if valued { 2 } else { 1 };
    }
    let Some(command) = words.get(at + 1..).filter(|command| !command.is_empty()) else {
        return true;
    };
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let mut parts = command
        .iter()
        .flat_map(|word| word.text.split(move |byte| !is_word(byte)));
    parts.any(|part| matches!(program(part), Some((_, Program::Shell | Program::Language(_)))))
}
