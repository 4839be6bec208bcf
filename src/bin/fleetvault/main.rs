//! `fleetvault`: authors a vault. One command makes one commit.

#![forbid(unsafe_code)]

mod ask;
mod commands;
mod commit;
mod complete;
mod context;
mod keys;
mod output;
mod progress;
mod recipients;
mod trust;
mod value;

use std::{io, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use fleetvault::{
    cli::{Failure, arguments},
    terminal::{
        report::{exit_code, print},
        style::Style,
    },
};

use commands::{
    author, completions, demo, doctor, edit, exposure, get, group, hooks, init, join, keygen, list, man, member, merge,
    reseal, review, rm, rotate, scope, set, show, sync, touch, trust as trust_command, verify,
};
use context::{Context, Globals};

/// A git-backed vault for the credentials of people, machines and AI agents.
#[derive(Parser)]
#[command(name = "fleetvault", version, propagate_version = true)]
#[command(
    after_help = "EXIT CODES:\n  0 done  2 usage  3 outside the scope  4 not found  5 expired\n  6 signature, seal, floor or anchor  7 refused by policy  1 anything else"
)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a vault, with keys for its first author where they are missing
    Init(init::InitArgs),
    /// Make an identity for a member, and print its public key
    Keygen(keygen::KeygenArgs),
    /// Make keys on a new machine, and ask to become a member
    Join(join::JoinArgs),
    /// Add, approve, list, show and remove members, and give them other keys
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Add, list and remove authors, and say how many must agree on that
    #[command(subcommand)]
    Author(author::AuthorCommand),
    /// Make groups, and say who has them
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Set the value and the scope of a credential
    Set(set::SetArgs),
    /// Give credentials new values; their scopes stay
    Rotate(rotate::RotateArgs),
    /// Change who may use credentials, and how; their values stay
    Scope(scope::ScopeArgs),
    /// Write credentials once more as they are, with a higher serial
    Touch(touch::TouchArgs),
    /// Seal anew what was written to keys that were over already
    Reseal(reseal::ResealArgs),
    /// Change a value in an editor
    Edit(edit::EditArgs),
    /// List credentials and who may use them
    List(list::ListArgs),
    /// Show what a credential's header says
    Show(show::ShowArgs),
    /// Print a value
    Get(get::GetArgs),
    /// Remove credentials, leaving tombstones
    Rm(rm::RmArgs),
    /// Merge what git left in conflict, by what the files mean
    Merge(merge::MergeArgs),
    /// Fetch, verify, rebase and push: bring this clone and the others together
    Sync(sync::SyncArgs),
    /// Check every file of the vault; needs no key
    Verify(verify::VerifyArgs),
    /// Tell who could open which value, and what is to be rotated; needs no key
    Exposure(exposure::ExposureArgs),
    /// Tell what a proposed change means; needs no key
    Review(review::ReviewArgs),
    /// Put hooks into git that refuse what must not be committed or pushed
    #[command(subcommand)]
    Hooks(hooks::HooksCommand),
    /// Tell what is wrong or risky here, and what to do
    Doctor(doctor::DoctorArgs),
    /// Show and accept what this machine trusts
    #[command(subcommand)]
    Trust(trust_command::TrustCommand),
    /// Make a throw-away fleet and show what happens
    Demo(demo::DemoArgs),
    /// Print the script that makes a shell complete commands, credentials and members
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(man::ManArgs),
}

fn main() -> ExitCode {
    // Passphrases, values and the keys of authors and groups are in this process.
    fleetvault::cli::process::protect();
    // Answers the shell and exits, where the shell asks for completions; costs one look at an environment variable otherwise.
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let cli: Cli = match arguments() {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let context = Context::new(cli.globals);
    match context
        .enter()
        .and_then(|()| run(&cli.command, &context))
        .and_then(|()| output::finish())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(reports)) => {
            // Where even stderr is closed, the exit code still tells.
            let _ = print(
                &reports,
                context.globals.json,
                Style::stderr(),
                &mut io::stderr().lock(),
            );
            ExitCode::from(exit_code(&reports).max(1))
        }
    }
}

fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Keygen(args) => keygen::run(args, context),
        Command::Join(args) => join::run(args, context),
        Command::Member(command) => member::run(command, context),
        Command::Author(command) => author::run(command, context),
        Command::Group(command) => group::run(command, context),
        Command::Set(args) => set::run(args, context),
        Command::Rotate(args) => rotate::run(args, context),
        Command::Scope(args) => scope::run(args, context),
        Command::Touch(args) => touch::run(args, context),
        Command::Reseal(args) => reseal::run(args, context),
        Command::Edit(args) => edit::run(args, context),
        Command::List(args) => list::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Get(args) => get::run(args, context),
        Command::Rm(args) => rm::run(args, context),
        Command::Merge(args) => merge::run(args, context),
        Command::Sync(args) => sync::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Exposure(args) => exposure::run(args, context),
        Command::Review(args) => review::run(args, context),
        Command::Hooks(command) => hooks::run(command, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Trust(command) => trust_command::run(command, context),
        Command::Demo(args) => demo::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}
