//! A resolver that is killed while it writes down what it has used, with another one beside it: what is remembered is whole, and never lower.

use std::{collections::BTreeMap, fs, process::Stdio, time::Duration};

use crate::{
    support::Fleet,
    world::{Attack, memory, world},
};

const ROUNDS: u32 = 12;
const CREDENTIALS: usize = 12;

/// The floors of fleet-dev, each of which must be a whole line.
fn floors(fleet: &Fleet) -> BTreeMap<String, u64> {
    let files = memory(&fleet.path("fleet-dev-state")).into_iter();
    let files = files.filter(|(path, _)| path.extension().is_some_and(|extension| extension == "toml"));
    let floors = files.map(|(path, text)| {
        let text = String::from_utf8(text).unwrap();
        let (serial, digest) = text.trim_end().split_once(' ').unwrap_or_else(|| panic!("{text:?}"));
        assert!(digest.starts_with("sha256:") && digest.len() == 71, "{text:?}");
        (path.display().to_string(), serial.parse().unwrap())
    });
    floors.collect()
}

#[test]
fn a_resolver_killed_while_it_remembers() {
    let fleet = world();
    let names: Vec<String> = (0..CREDENTIALS).map(|n| format!("c{n}")).collect();
    for name in &names {
        fleet.set(name, "s3cr3t-one", "fleet-dev");
    }
    let template: String = names.iter().map(|name| format!("<<secure.{name}>> ")).collect();
    let input = fleet.path("template");
    fs::write(&input, &template).unwrap();
    let expected = "s3cr3t-one ".repeat(CREDENTIALS);
    let mut known = BTreeMap::new();
    let mut usual = Duration::from_millis(60);
    for round in 0..ROUNDS {
        // All serials rise, so that all floors must.
        let touch: Vec<&str> = ["touch"].into_iter().chain(names.iter().map(String::as_str)).collect();
        fleet.fleetvault(&touch).ok();
        let mut two: Vec<_> = (0..2)
            .map(|_| {
                let mut command = fleet.resolver_command("fleet-dev", &["expand"]);
                command.stdin(fs::File::open(&input).unwrap());
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            })
            .collect();
        std::thread::sleep(usual.mul_f64(0.6 + 0.9 * f64::from(round) / f64::from(ROUNDS)));
        two[0].kill().unwrap();
        two[0].wait().unwrap();
        two[1].wait().unwrap();
        let found = floors(&fleet);
        for (path, serial) in &known {
            assert!(found.get(path) >= Some(serial), "{path} fell below {serial}");
        }
        let wanted = u64::from(round) + 2;
        let written = found.values().filter(|serial| **serial == wanted).count();
        assert_eq!(written, CREDENTIALS, "the one beside it has written them");
        let start = std::time::Instant::now();
        assert_eq!(fleet.expand("fleet-dev", &template).ok().out(), expected);
        usual = start.elapsed();
        known = floors(&fleet);
        assert_eq!(known.values().filter(|serial| **serial == wanted).count(), CREDENTIALS);
    }
    fleet.gets("fleet-rev", &[("rev_pat", crate::world::REV)]);
}
