//! `set`: value and scope of a credential, new or not.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::author::{self, Setting};
use fleetvault::cli::Failure;
use vault_format::CredentialName;

use super::scope::{MembersArgs, PolicyArgs};
use crate::{
    commit::{Keys, WriteArgs},
    complete,
    context::{Context, fail},
    value::ValueArgs,
};

#[derive(Args)]
#[command(
    after_help = "The value is typed at a hidden prompt, or read from standard input, or from --from-file; never from the command line.\n\nEXAMPLES:\n  fleetvault set github_pat --members fleet-dev\n  fleetvault set shared_key --members fleet-dev,fleet-rev --ttl 30d < key\n  fleetvault set pub_token                        (everyone, now and later)"
)]
pub struct SetArgs {
    /// The credential: one to four segments of A-Z a-z 0-9 _ - joined by /
    #[arg(add = ArgValueCandidates::new(complete::credentials))]
    name: CredentialName,
    #[command(flatten)]
    members: MembersArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &SetArgs, context: &Context) -> Result<(), Failure> {
    let scope = args.members.scope()?;
    let policy = args.policy.change()?;
    // What can be refused is refused before a value is typed.
    if args.value.is_asked_for() {
        context.consider(&args.write, Keys::SigningOnly, |desk| {
            author::check_set(desk.vault, &args.name, scope.as_ref())
                .map(|_| ())
                .map_err(fail)
        })?;
    }
    let value = args.value.read(&args.name)?;
    context.write(&args.write, Keys::SigningOnly, |desk| {
        let setting = Setting {
            name: &args.name,
            value: &value,
            scope: scope.clone(),
            policy: policy.clone(),
        };
        Ok(author::set(desk, &setting)?)
    })
}
