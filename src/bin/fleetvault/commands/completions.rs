//! `completions`: the script that makes a shell ask this program for completions.

use std::io;

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use fleetvault::cli::Failure;

use crate::output::cannot_write;

#[derive(Args)]
#[command(
    after_help = "EXAMPLES:\n  source <(fleetvault completions bash)                        in ~/.bashrc\n  fleetvault completions fish > ~/.config/fish/completions/fleetvault.fish\n\nNames of credentials and members are completed from the vault you stand in."
)]
pub struct CompletionsArgs {
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut out = io::stdout().lock();
    shell
        .write_registration("COMPLETE", "fleetvault", "fleetvault", "fleetvault", &mut out)
        .map_err(|error| cannot_write(&error))
}
