//! Names, notes and texts in a repository that would act on the terminal of whoever looks at it.

use crate::{
    support::{Fleet, Run, run},
    world::{Attack, clean, redrafted, signed, world},
};

/// ESC, the one-byte CSI, bell, backspace, a right-to-left override, a line separator.
const EVIL: [&str; 6] = [
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "\u{9b}31m",
    "\u{8}\u{8}",
    "\u{202e}lmot",
    "\u{2028}x",
    "\u{7f}\u{85}",
];

/// Demands that no output has a character that acts on a terminal.
#[track_caller]
fn harmless(run: Run) -> Run {
    for text in [String::from_utf8_lossy(&run.stdout).into_owned(), run.stderr.clone()] {
        let acting = |c: &char| {
            (c.is_control() && *c != '\n')
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let found = text.chars().find(acting);
        assert!(found.is_none(), "U+{:04X} in {text:?}", u32::from(found.unwrap()));
    }
    clean(run)
}

fn look_everywhere(fleet: &Fleet) {
    for args in [
        vec!["verify"],
        vec!["verify", "--json"],
        vec!["list"],
        vec!["list", "--json"],
        vec!["show", "github_pat"],
        vec!["show", "github_pat", "--json"],
        vec!["member", "list"],
        vec!["member", "list", "--json"],
        vec!["trust", "show"],
        vec!["trust", "show", "--json"],
        vec!["doctor"],
        vec!["get", "github_pat", "--json"],
    ] {
        let run = fleet.fleetvault(&args);
        if args[0] != "get" || run.code != 0 {
            harmless(run);
        }
    }
    for args in [
        vec!["list"],
        vec!["list", "--all", "--json"],
        vec!["check"],
        vec!["check", "--json"],
        vec!["--json", "expand"],
    ] {
        let run = fleet.resolver("fleet-rev", &args, b"<<secure.github_pat>> <<secure.nothing>>");
        harmless(run);
    }
}

#[test]
fn in_the_names_of_files() {
    let fleet = world();
    let object = fleet.object(b"x");
    let mut lines = Vec::new();
    for evil in EVIL {
        for folder in [
            "",
            "credentials/",
            "members/",
            "grants/all/",
            "grants/",
            "roots/",
            "groups/",
        ] {
            lines.extend(format!("100644 {object}\t{folder}{evil}.toml\0").into_bytes());
            lines.extend(format!("120000 {object}\t{folder}{evil}/{evil}\0").into_bytes());
        }
    }
    fleet.plumb(&["update-index", "-z", "--index-info"], &lines);
    fleet.git(&["commit", "-q", "-m", "names"]);
    fleet.fleetvault(&["verify"]).fails(6);
    look_everywhere(&fleet);
}

#[test]
fn in_the_text_of_files() {
    let base = world();
    let text = base.read("credentials/github_pat.toml");
    for evil in EVIL {
        let escaped: String = evil.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        for forged in [
            format!("{evil}\n{text}"),
            text.replace("kind = \"credential\"", &format!("kind = \"{evil}\"")),
            text.replace("\"alice\"", &format!("\"{escaped}\"")),
            text.replace("\"fleet-dev\"", &format!("\"{escaped}\"")),
            text.replace("\"fleet-dev#1\"", &format!("\"{escaped}#1\"")),
            text.replace("\"github_pat\"", &format!("\"{escaped}\"")),
            text.replace("\n\npayload", &format!("\nnote = \"{escaped}\"\n\npayload")),
            text.replace("serial = 1", &format!("\"{escaped}\" = 1")),
            text.replace("serial = 1", &format!("serial = \"{escaped}\"")),
            text.replace("\"allow\"", &format!("\"{escaped}\"")),
        ] {
            let path = "credentials/github_pat.toml";
            base.plant("100644", &base.object(forged.as_bytes()), path);
            let run = harmless(base.fleetvault(&["verify"]).fails(6));
            assert!(run.out().starts_with(path), "{}", run.out());
            harmless(base.fleetvault(&["verify", "--json"]).fails(6));
            harmless(base.ask("fleet-dev", "github_pat").fails(6).silent());
        }
    }
    look_everywhere(&base);
}

/// An author's note is read by others, and an author's word is not always careful.
#[test]
fn in_a_note_that_an_author_signed() {
    let fleet = world();
    for evil in EVIL {
        let run = fleet.fleetvault_with(&["set", "noted", "--note", evil], b"s3cr3t-noted");
        harmless(run.fails(1).silent());
    }
    let plain = redrafted(&fleet.credential("github_pat"), |head| {
        head.body.as_mut().unwrap().note = Some("MARK".into())
    });
    let bytes = signed(plain, &fleet.alice(), "alice", "fleetvault-credential-v1")
        .as_bytes()
        .to_vec();
    let text = String::from_utf8(bytes).unwrap().replace("MARK", "\u{202e}x\u{200f}");
    fleet.forge("credentials/github_pat.toml", text);
    look_everywhere(&fleet);
}

/// The place of a vault is a directory of the repository, and part of what a person is asked about it.
#[test]
fn in_the_directory_of_a_vault() {
    let fleet = world();
    let tree = fleet.git(&["rev-parse", "HEAD^{tree}"]).trim().to_owned();
    let name = "evil\u{1b}[2J\u{9b}1m\u{202e}";
    let top = fleet.plumb(&["mktree", "-z"], format!("040000 tree {tree}\t{name}\0").as_bytes());
    let commit = fleet.git(&["commit-tree", "-p", "HEAD", "-m", "moved", &top]);
    fleet.git(&["update-ref", "refs/heads/main", commit.trim()]);
    fleet.git(&["reset", "-q", "--hard"]);
    let inside = fleet.vault().join(name);
    let path = inside.to_str().unwrap();
    for args in [
        vec!["-C", path, "trust", "show"],
        vec!["-C", path, "trust", "show", "--json"],
        vec!["-C", path, "trust", "accept", "--yes"],
        vec!["-C", path, "verify"],
        vec!["-C", path, "get", "nothing"],
        vec!["-C", path, "init", "--author", "alice"],
    ] {
        harmless(fleet.fleetvault(&args));
    }
    let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
    command.env("FLEETVAULT_VAULT", inside.join("nowhere\u{1b}[2J"));
    harmless(run(command, b"<<secure.github_pat>>").silent());
}
