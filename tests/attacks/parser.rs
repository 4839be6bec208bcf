//! Files that nobody signed are parsed before that is known: they must cost little and stop nothing.

use std::time::{Duration, Instant};

use crate::world::{Attack, DEV, clean, world};

#[test]
fn a_hostile_file_is_refused_quickly() {
    let fleet = world();
    let real = fleet.read("credentials/github_pat.toml");
    let vault = real.lines().nth(2).unwrap();
    let start = format!("format = 1\nkind = \"credential\"\n{vault}\nname = \"evil\"\nserial = 1\n");
    let size = 4_000_000;
    let fill = |text: &str| text.repeat(size / text.len());
    for (index, body) in [
        format!("members = {}", fill("[")),
        format!("members = {}", fill("{a=")),
        format!("members = [{}]\n", fill("\"a\",")),
        format!(
            "members = [{}]\n",
            (0..size / 12).map(|n| format!("\"m{n:08}\",")).collect::<String>()
        ),
        format!("a{} = 1\n", fill(".a")),
        (0..size / 16).map(|n| format!("k{n:010} = 1\n")).collect(),
        fill("[[signature]]\n"),
        fill("[[a.b.c.d.e]]\n"),
        format!("note = \"{}\"\n", fill("x")),
        format!("note = \"\"\"{}", fill("\"\" ")),
        format!("serial2 = {}\n", fill("9")),
        format!(
            "sealed_to = [{}]\n",
            (0..size / 14).map(|n| format!("\"m{n:08}#1\",")).collect::<String>()
        ),
        fill("\n"),
        fill("\u{0}"),
    ]
    .iter()
    .enumerate()
    {
        let object = fleet.object(format!("{start}{body}").as_bytes());
        fleet.plant("100644", &object, "credentials/evil.toml");
        let from = Instant::now();
        let run = fleet
            .refused("fleet-dev", "evil", 6)
            .says("credentials/evil.toml (commit ");
        assert!(
            from.elapsed() < Duration::from_secs(10),
            "file {index} took {:?}",
            from.elapsed()
        );
        assert!(
            run.stderr.len() < 4000,
            "file {index} is quoted at length: {} bytes",
            run.stderr.len()
        );
    }
    fleet.finds("credentials/evil.toml", "line ");
    fleet.gets("fleet-dev", &[("github_pat", DEV)]);
    clean(fleet.fleetvault(&["list"]));
}

#[test]
fn what_somebody_wrote_down_in_plain_text_is_in_no_error() {
    let fleet = world();
    fleet.git(&["checkout", "-q", "-b", "topic"]);
    for text in [
        "password = \"s3cr3t-in-plain-text\"\n",
        "# s3cr3t-in-plain-text\nformat = 1\n",
        "format = 1\ns3cr3t-in-plain-text\n",
    ] {
        fleet.forge("credentials/github_pat.toml", text);
        fleet.finds("credentials/github_pat.toml", "found '…'");
        clean(fleet.fleetvault(&["review", "main"]).fails(6)).prints("not sealed");
        fleet.refused("fleet-dev", "github_pat", 6);
        clean(fleet.fleetvault(&["get", "github_pat"]).fails(6));
        clean(fleet.fleetvault(&["exposure"]).fails(6));
    }
}
