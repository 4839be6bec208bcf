//! `rm`: credentials out of the vault, leaving tombstones.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{author, cli::Failure};

use super::scope::matching;
use crate::{
    commit::{Keys, WriteArgs},
    complete,
    context::Context,
};

#[derive(Args)]
pub struct RmArgs {
    /// Credentials, or patterns such as 'prod/*'
    #[arg(required = true, value_name = "NAME|GLOB", add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &RmArgs, context: &Context) -> Result<(), Failure> {
    context.write(&args.write, Keys::SigningOnly, |desk| {
        let names = matching(desk.vault, &args.names)?;
        Ok(author::remove(desk, &names)?)
    })
}
