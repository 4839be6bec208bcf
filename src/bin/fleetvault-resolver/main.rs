//! `fleetvault-resolver`: expands references to credentials for the one member it was launched for.
//!
//! Holds no code that writes to a vault.

#![forbid(unsafe_code)]

mod check;
mod expand;
mod input;
mod launch;
mod list;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use fleetvault::{
    cli::{Failure, arguments},
    terminal::{
        report::{exit_code, print},
        style::Style,
    },
};

use launch::LaunchArgs;

/// Expand <<secure.NAME>> for the member this resolver was launched for.
#[derive(Parser)]
#[command(name = "fleetvault-resolver", version, propagate_version = true)]
#[command(
    after_help = "EXIT CODES:\n  0 done  2 usage  3 outside the scope  4 not found  5 expired\n  6 signature, seal, floor or anchor  7 refused by policy  1 anything else"
)]
struct Cli {
    #[command(flatten)]
    launch: LaunchArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put values in the place of references: all of them, or nothing
    Expand(expand::ExpandArgs),
    /// Tell whether every reference of a template would be expanded, without opening a value
    Check(check::CheckArgs),
    /// List the credentials that this member may use
    List(list::ListArgs),
}

fn main() -> ExitCode {
    let cli: Cli = match arguments() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let result = match &cli.command {
        Command::Expand(args) => expand::run(args, &cli.launch),
        Command::Check(args) => check::run(args, &cli.launch),
        Command::List(args) => list::run(args, &cli.launch),
    };
    match result.and_then(|()| input::finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(reports)) => {
            // Where even stderr is closed, the exit code still tells.
            let _ = print(&reports, cli.launch.json, Style::stderr(), &mut io::stderr().lock());
            ExitCode::from(exit_code(&reports).max(1))
        }
    }
}
