//! A file of a gigabyte in the repository: refused by its size, before it is read.

use std::{fs::File, process::Command};

use crate::{
    support::run,
    world::{Attack, DEV, clean, world},
};

/// Enough address space for the program itself, and for nothing near a gigabyte.
const LIMIT_KB: u32 = 400_000;

#[test]
fn a_gigabyte_is_not_read() {
    let fleet = world();
    // Sparse on disk, and streamed by git into a pack of a megabyte.
    let big = fleet.path("big");
    File::create(&big).unwrap().set_len(1 << 30).unwrap();
    let args = [
        "-c",
        "core.bigFileThreshold=1m",
        "-c",
        "core.compression=1",
        "hash-object",
        "-w",
        big.to_str().unwrap(),
    ];
    let object = fleet.plumb(&args, b"");
    fleet.plant("100644", &object, "credentials/huge.toml");
    fleet.plant("100644", &object, "roots/README.md");
    for (template, code) in [("<<secure.huge>>", 6), ("<<secure.github_pat>>", 0)] {
        let resolver = fleet.resolver_command("fleet-dev", &["expand"]);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -v {LIMIT_KB} && exec \"$0\" \"$@\"")]);
        limited.arg(resolver.get_program()).args(resolver.get_args());
        limited.current_dir(fleet.path("")).env_clear();
        limited.envs(resolver.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let run = run(limited, template.as_bytes()).fails(code);
        match code {
            0 => assert_eq!(run.out(), DEV),
            _ => drop(
                clean(run.silent())
                    .says("credentials/huge.toml (commit ")
                    .says("1073741824 bytes, more than the 4194304"),
            ),
        }
    }
    fleet.finds("credentials/huge.toml", "1073741824 bytes");
}
