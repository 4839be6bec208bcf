//! `rotate`: new values, the same scopes.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{author, cli::Failure, terminal::report::Report};
use vault_format::{CredentialName, Secret};

use super::scope::PolicyArgs;
use crate::{
    complete,
    context::{Context, Keys, ReadArgs, WriteArgs, fail},
    trust::Strictness,
    value::ValueArgs,
};

#[derive(Args)]
pub struct RotateArgs {
    /// The credentials
    #[arg(required = true, add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<CredentialName>,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &RotateArgs, context: &Context) -> Result<(), Failure> {
    if args.names.len() > 1 && args.value.is_shared() {
        return Err(
            Report::new(2, "usage", "one value cannot be given to several credentials")
                .hint("rotate them one by one, or with --generate, or type the values at the prompt")
                .into(),
        );
    }
    let policy = args.policy.change()?;
    let read = ReadArgs {
        reference: "HEAD".into(),
    };
    if args.value.is_asked_for() && args.write.branch.is_none() {
        context.read(&read, Strictness::Required, |vault| {
            for name in &args.names {
                author::check_exists(vault, name).map_err(fail)?;
            }
            Ok(())
        })?;
    }
    let mut values: Vec<(CredentialName, Secret)> = Vec::new();
    for name in &args.names {
        if !values.iter().any(|(known, _)| known == name) {
            values.push((name.clone(), args.value.read(name)?));
        }
    }
    context.write(&args.write, Keys::SigningOnly, |desk| {
        Ok(author::rotate(desk, &values, &policy)?)
    })
}
