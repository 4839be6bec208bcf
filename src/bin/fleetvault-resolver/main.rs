//! `fleetvault-resolver`: expands references to credentials for the one member it was launched for.
//!
//! Holds no code that writes to a vault.

#![forbid(unsafe_code)]

mod approve;
mod check;
mod deadline;
mod expand;
mod hook;
mod input;
mod install;
mod installed;
mod launch;
mod list;
mod log;
mod mask;
#[cfg(unix)]
mod mcp;
mod run;
mod uninstall;

use std::{alloc::System, env, io, process::ExitCode};

use clap::{Parser, Subcommand};
use fleetvault::{
    cli::{Failure, Lazy, arguments, process},
    terminal::{
        report::{Report, exit_code, print},
        style::Style,
    },
};

use launch::LaunchArgs;
use zeroizing_alloc::ZeroAlloc;

/// Wipes memory that is given back, whoever had it: the copies that the standard library makes of arguments and variables too.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

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
    Expand(Lazy<expand::ExpandArgs>),
    /// Tell whether this member may use every reference of a template, without opening a value or asking policy
    Check(Lazy<check::CheckArgs>),
    /// List the credentials that this member may use
    List(Lazy<list::ListArgs>),
    /// Run a command that uses credentials, and mask what it prints
    Run(Lazy<run::RunArgs>),
    /// Mask the values of credentials in a stream
    Mask(Lazy<mask::MaskArgs>),
    /// Serve an agent that uses credentials: MCP on standard input and output
    #[cfg(unix)]
    Mcp(Lazy<mcp::McpArgs>),
    /// Answer a client before each of its tool calls
    Hook(Lazy<hook::HookArgs>),
    /// Show what was opened and refused here
    Log(Lazy<log::LogArgs>),
    /// Give an agent's client the hook and the MCP server, launched as this resolver is
    Install(Lazy<install::InstallArgs>),
    /// Take the hook and the MCP server out of a client's configuration
    Uninstall(Lazy<uninstall::UninstallArgs>),
}

fn main() -> ExitCode {
    process::protect();
    let mut cli: Cli = match arguments() {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(of_run(code)),
    };
    let result = match &cli.command {
        Command::Expand(Lazy(args)) => expand::run(args, &cli.launch).map(|()| 0),
        Command::Check(Lazy(args)) => check::run(args, &cli.launch).map(|()| 0),
        Command::List(Lazy(args)) => list::run(args, &cli.launch).map(|()| 0),
        Command::Run(Lazy(args)) => run::run(args, &cli.launch),
        Command::Mask(Lazy(args)) => mask::run(args, &cli.launch).map(|()| 0),
        #[cfg(unix)]
        Command::Mcp(Lazy(args)) => mcp::run(args, &mut cli.launch).map(|()| 0),
        Command::Hook(Lazy(args)) => hook::run(args, &mut cli.launch).map(|()| 0),
        Command::Log(Lazy(args)) => log::run(args, &cli.launch).map(|()| 0),
        Command::Install(Lazy(args)) => install::run(args, &cli.launch).map(|()| 0),
        Command::Uninstall(Lazy(args)) => uninstall::run(args, &cli.launch).map(|()| 0),
    };
    match result.and_then(|code| input::finish().map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(Failure(reports)) => {
            // Where even stderr is closed, the exit code still tells.
            let _ = print(&reports, cli.launch.json, Style::stderr(), &mut io::stderr().lock());
            let code = exit_code(&reports).max(1);
            ExitCode::from(match cli.command {
                // The command's own code must not be taken for ours, nor ours for its.
                Command::Run(_) if was_refused(&reports, code) => run::REFUSED,
                Command::Hook(_) => deadline::BLOCKED,
                _ => code,
            })
        }
    }
}

/// Tells whether a command was not run at all, rather than not found or cut off.
fn was_refused(reports: &[Report], code: u8) -> bool {
    let ran = reports.iter().any(|report| report.code == "output");
    !ran && ![run::NOT_RUNNABLE, run::NOT_FOUND].contains(&code)
}

/// The exit code for arguments that are none: that of a refusal, where a command was to be run.
fn of_run(code: u8) -> u8 {
    let mut before_command = env::args_os().take_while(|word| word != "--");
    match code > 0 && before_command.any(|word| word == "run") {
        true => run::REFUSED,
        false => code,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    /// What is put together only when it is called is put together here.
    #[test]
    fn arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }
}
