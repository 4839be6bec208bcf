//! `uninstall`: takes out of a client's configuration what `install` put there, and nothing else.

use clap::Args;
use fleetvault::{
    agent::install::{ConfigFile, Directories, Part, Removed, Snippet},
    cli::Failure,
    say,
};

use crate::{
    installed::{ClientArgs, Outcome, leaves_backup, say_outcomes},
    launch::{LaunchArgs, warn},
};

#[derive(Args)]
#[command(
    after_help = "An entry is fleetvault's if it runs 'fleetvault-resolver hook' or 'fleetvault-resolver mcp', wherever that program is and however it is launched. A file in which nothing else is left is removed. A copy of each changed file is left beside it."
)]
pub struct UninstallArgs {
    #[command(flatten)]
    client: ClientArgs,
}

pub fn run(args: &UninstallArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let directories = args.client.directories()?;
    let removals = removals(args, &directories)?;
    let remove = |removal: Removal| {
        let written = match removal.left.is_bare {
            true => removal.file.remove(&removal.left.text),
            false => removal.file.write(&removal.left.text),
        };
        Ok(Outcome {
            path: removal.file.path().to_owned(),
            parts: removal.parts,
            written: written?,
        })
    };
    let outcomes: Vec<Outcome> = removals.into_iter().map(remove).collect::<Result<_, Failure>>()?;
    say_outcomes(&outcomes, launch.json)?;
    if outcomes.is_empty() && !launch.json {
        say!("nothing of fleetvault was there");
    }
    if leaves_backup(&outcomes, &directories) {
        warn("the backups lie in the project: remove them, rather than committing them");
    }
    Ok(())
}

/// A file, and what is left of it.
struct Removal {
    file: ConfigFile,
    parts: Vec<Part>,
    left: Removed,
}

/// Works out every removal before the first file is changed.
fn removals(args: &UninstallArgs, directories: &Directories) -> Result<Vec<Removal>, Failure> {
    let mut removals: Vec<Removal> = Vec::new();
    for snippet in [Part::Hook, Part::Mcp].map(|part| Snippet::of(args.client.client, part)) {
        for path in snippet.paths(directories) {
            if let Some(earlier) = removals.iter_mut().find(|removal| removal.file.path() == path) {
                let removed = snippet.remove(&earlier.left.text);
                if let Some(left) = removed.map_err(|problem| earlier.file.problem(problem))? {
                    earlier.left = left;
                    earlier.parts.push(snippet.part());
                }
                continue;
            }
            let file = ConfigFile::read(path, directories)?;
            if let Some(left) = snippet.remove(file.text()).map_err(|problem| file.problem(problem))? {
                let parts = vec![snippet.part()];
                removals.push(Removal { file, parts, left });
            }
        }
    }
    Ok(removals)
}
