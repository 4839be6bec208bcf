//! `hooks`: what git calls, and where it is put.

mod check;
mod git;
mod hook;
mod install;
mod place;
mod textconv;

use clap::Subcommand;
use fleetvault::cli::Failure;

use crate::context::Context;

#[derive(Subcommand)]
pub enum HooksCommand {
    /// Put the hooks into this repository: pre-commit where people work, pre-receive on a server
    #[command(
        after_help = "A hook that is there already is left alone, unless --chain sets it aside to be called first. `git diff` and `git log -p` \
            are told to show the headers of a vault's files only.\n\n\
            EXAMPLES:\n  \
              fleetvault hooks install\n  \
              fleetvault -C /srv/git/vault.git hooks install\n  \
              fleetvault -C /srv/git/vault.git hooks install update"
    )]
    Install(install::InstallArgs),
    /// Tell which hooks are there
    Status,
    /// Remove the hooks of fleetvault, and bring back what they set aside
    Remove,
    /// Judge what is staged, pushed, or to be updated; the hooks call this
    #[command(hide = true)]
    Check(check::CheckArgs),
    /// Show the header of a vault's file, for git
    #[command(hide = true)]
    Textconv(textconv::TextconvArgs),
}

pub fn run(command: &HooksCommand, context: &Context) -> Result<(), Failure> {
    match command {
        HooksCommand::Install(args) => install::install(args),
        HooksCommand::Status => install::status(context),
        HooksCommand::Remove => install::remove(),
        HooksCommand::Check(args) => check::run(args, context),
        HooksCommand::Textconv(args) => textconv::run(args),
    }
}
