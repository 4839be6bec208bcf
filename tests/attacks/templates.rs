//! Templates made to exhaust or confuse the resolver.

use std::time::{Duration, Instant};

use crate::world::{ALL, Attack, clean, world};

const PATIENCE: Duration = Duration::from_secs(15);

#[test]
fn large_and_hostile_templates_end_soon() {
    let fleet = world();
    let filled = |bytes: usize, text: &str| text.repeat(bytes / text.len());
    let (large, small) = (10 << 20, 1 << 20);
    for (template, code) in [
        (filled(large, "<<"), 0),
        (filled(large, "<< "), 0),
        (filled(large, "<<secure."), 1),
        (filled(small, "{{"), 0),
        (filled(small, "<<{{"), 0),
        (filled(small, "<<secure.a"), 1),
        (filled(small, "{{secure.a|"), 1),
        (filled(small, "<<secure.pub_token\0>>"), 1),
        (filled(small, "\0"), 0),
        (filled(small, "<<\n"), 0),
        (format!("<<secure.{}>>", filled(small, "a")), 1),
        (format!("<<secure.pub_token{}>>", filled(small, "|base64")), 1),
        (format!("{}secure.pub_token", filled(small, "<<")), 1),
    ] {
        let start: String = template.chars().take(30).collect();
        let from = Instant::now();
        let run = fleet.expand("fleet-rev", &template).fails(code);
        assert!(from.elapsed() < PATIENCE, "{start:?} took {:?}", from.elapsed());
        if code == 0 {
            assert!(run.stdout == template.as_bytes(), "{start:?}");
        } else {
            let run = clean(run.silent());
            assert!(
                run.stderr.len() < 50_000,
                "{start:?}: {} bytes of errors",
                run.stderr.len()
            );
        }
    }
    let blanks = format!("<<secure.pub_token{}>>", filled(small, " "));
    assert_eq!(fleet.expand("fleet-rev", &blanks).ok().out(), ALL);
    let nested = format!("{}secure.pub_token>>", filled(small, "<<"));
    let out = fleet.expand("fleet-rev", &nested).ok().out();
    assert!(out == format!("{}{ALL}", filled(small - 2, "<<")));
}

#[test]
fn many_references() {
    let fleet = world();
    let from = Instant::now();
    let out = fleet
        .expand("fleet-rev", &"<<secure.pub_token>>".repeat(100_000))
        .ok()
        .stdout;
    assert!(out == ALL.repeat(100_000).as_bytes());
    let unknown: String = (0..20_000).map(|n| format!("<<secure.pub_token{n}>>")).collect();
    let run = clean(fleet.expand("fleet-rev", &unknown).fails(4).silent());
    assert!(run.stderr.len() < 50_000, "{} bytes of errors", run.stderr.len());
    // What is not shown still decides about the exit code.
    let last = format!("{unknown}<<secure.rev_pat>><<secure.zz_broken>>");
    fleet.plant("100644", &fleet.object(b"x"), "credentials/zz_broken.toml");
    clean(fleet.expand("fleet-rev", &last).fails(6).silent()).says("not shown");
    assert!(from.elapsed() < PATIENCE, "took {:?}", from.elapsed());
}

#[test]
fn bytes_that_mean_nothing_pass_and_references_among_them_do_not() {
    let fleet = world();
    let bytes = b"\0\xff<<x>>\0<<secure.pub_token>>\xfe{{ .Values.secure }}<<EOF\n";
    let out = fleet.resolver("fleet-rev", &["expand"], bytes).ok().stdout;
    let expected = [
        &b"\0\xff<<x>>\0"[..],
        ALL.as_bytes(),
        b"\xfe{{ .Values.secure }}<<EOF\n",
    ]
    .concat();
    assert!(out == expected, "{}", String::from_utf8_lossy(&out));
    let bytes = b"\0<<secure.github_pat>>\xff";
    clean(fleet.resolver("fleet-rev", &["expand"], bytes).fails(3).silent());
    // Twice as large as is read.
    let endless = vec![b'x'; (64 << 20) + 1];
    clean(fleet.resolver("fleet-rev", &["expand"], &endless).fails(1).silent()).says("larger than 64 MiB");
    fleet.gets("fleet-rev", &[("pub_token", ALL)]);
}
