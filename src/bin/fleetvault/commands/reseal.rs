//! `reseal`: what was written to keys that were over already, sealed to those of now.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author,
    cli::Failure,
    review::verify::{list, verify},
    terminal::progress::Progress,
};
use vault_format::FilePath;

use super::{leaving, scope::matching};
use crate::{
    commit::{Keys, WriteArgs},
    complete,
    context::Context,
};

#[derive(Args)]
#[command(
    after_help = "What was written on a clone that had not seen yet who had left is mended by this. Where it was pushed before, the history keeps it as it was: the values to rotate are listed."
)]
pub struct ResealArgs {
    /// Only these credentials, or patterns such as 'prod/*'; without, all that 'verify' calls stale
    #[arg(value_name = "NAME|GLOB", add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<String>,
    /// Everything that is sealed to an epoch that is over, also what was there before it ended
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &ResealArgs, context: &Context) -> Result<(), Failure> {
    context.write(&args.write, Keys::Identity, |desk| {
        let files: Vec<FilePath> = if args.names.is_empty() {
            let progress = Progress::new("verifying", list(desk.vault)?.len());
            let verdict = verify(desk.vault, &|done| progress.advance(done))?;
            let files = if args.all { verdict.outdated } else { verdict.stale };
            files.into_iter().collect()
        } else {
            let names = matching(desk.vault, &args.names)?;
            names.into_iter().map(FilePath::Credential).collect()
        };
        let vault = desk.vault;
        let mut plan = author::reseal(desk, &files)?;
        plan.rotate = leaving::known_of(vault, &plan.request.files)?;
        Ok(plan)
    })
}
