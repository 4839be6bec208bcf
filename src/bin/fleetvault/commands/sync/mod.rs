//! `sync`: what others have changed, verified before it becomes anything; one's own commits behind it; and those to the others.

mod args;
mod giving_up;
mod judge;
mod rebase;
mod round;
mod sealing;
mod tell;
mod watch;

use std::{
    io::IsTerminal,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use fleetvault::{cli::Failure, vault::RemoteOptions};

use crate::context::Context;

pub use args::SyncArgs;

pub fn run(args: &SyncArgs, context: &Context) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let options = RemoteOptions {
        limit: Duration::from_secs(args.timeout),
        interactive: args.watch.is_none() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        stop,
    };
    match args.watch {
        Some(seconds) => watch::watch(args, context, &options, Duration::from_secs(seconds)),
        None => {
            let outcome = round::round(args, context, &options)?;
            tell::tell(&outcome, context.globals.json, args.dry_run)
        }
    }
}
