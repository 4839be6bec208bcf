//! What the two binaries share: where a person's files are, and how errors are worded.
//!
//! Where the environment is read; `terminal` looks at what concerns it alone (`TERM`, `NO_COLOR`).

pub mod approval;
pub mod configuration;
pub mod explain;
mod failure;
mod passphrase;
mod plugins;
pub mod process;
mod settings;
mod syncing;
pub mod time;
mod trail;

pub use failure::Failure;
pub use passphrase::{signer, unlock};
pub use plugins::{Asking, plugins};
pub use settings::Settings;
pub use trail::{Trail, audit_log};

use std::{env, io, mem::ManuallyDrop};

use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};

use crate::terminal::{report, report::Report, style::Style};

/// Reads the arguments. What clap prints of its own (help, usage errors) is printed here, and the exit code returned.
///
/// # Errors
/// The exit code, where there is nothing left to do. A private key in the arguments is not repeated.
pub fn arguments<C: Parser>() -> Result<C, u8> {
    // Never taken apart: that takes half as long as putting it together, and the process ends soon anyway.
    let mut command = ManuallyDrop::new(C::command());
    let matches = command.try_get_matches_from_mut(env::args_os());
    let read = matches
        .and_then(|mut matches| C::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command)));
    read.map_err(|error| {
        if error.use_stderr() && vault_format::holds_private_key(&error.to_string()) {
            let report = Report::new(2, "usage", "an argument is a private key, where none belongs")
                .hint("it stands in the history of your shell now: make a new one with 'fleetvault keygen -o FILE'");
            let _ = report::print(&[report], false, Style::stderr(), &mut io::stderr().lock());
        } else {
            let _ = error.print();
        }
        u8::try_from(error.exit_code()).unwrap_or(2)
    })
}

/// The arguments of a subcommand, which are put together only if it is called: a resolver starts on every tool call, and has many.
pub struct Lazy<A>(pub A);

impl<A: Args> Args for Lazy<A> {
    fn augment_args(command: Command) -> Command {
        command.defer(A::augment_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(A::augment_args_for_update)
    }
}

impl<A: FromArgMatches> FromArgMatches for Lazy<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        A::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}
