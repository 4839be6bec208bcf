//! `rotate`: new values, the same scopes.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{author, cli::Failure, say, terminal::report::Report};
use vault_format::{CredentialName, Secret};

use super::{exposure, scope::PolicyArgs};
use crate::{
    commit::{Keys, ReadArgs, WriteArgs},
    complete,
    context::{Context, fail},
    output,
    trust::Strictness,
    value::ValueArgs,
};

#[derive(Args)]
pub struct RotateArgs {
    /// The credentials
    #[arg(required_unless_present = "exposed", add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<CredentialName>,
    /// All that someone knows who may not use it any more, as 'fleetvault exposure' tells; typed at a prompt, each is committed at once
    #[arg(long, conflicts_with = "names")]
    exposed: bool,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &RotateArgs, context: &Context) -> Result<(), Failure> {
    let names = match args.exposed {
        true => exposed(context)?,
        false => args.names.clone(),
    };
    if names.is_empty() {
        return output::nothing(
            context.globals.json,
            "nothing is to be rotated: whoever knows a current value may use or keep it",
        );
    }
    if names.len() > 1 && args.value.is_shared() {
        return Err(
            Report::new(2, "usage", "one value cannot be given to several credentials")
                .hint("rotate them one by one, or with --generate, or type the values at the prompt")
                .into(),
        );
    }
    let policy = args.policy.change()?;
    if args.value.is_asked_for() {
        context.consider(&args.write, Keys::SigningOnly, |desk| {
            for name in &names {
                author::check_exists(desk.vault, name).map_err(fail)?;
            }
            Ok(())
        })?;
    }
    let write = |values: &[(CredentialName, Secret)]| {
        context.write(&args.write, Keys::SigningOnly, |desk| {
            Ok(author::rotate(desk, values, &policy)?)
        })
    };
    if args.exposed && args.value.is_asked_for() && !args.write.dry_run {
        // A person who is interrupted in the middle goes on where they were: what was typed is committed.
        for (place, name) in names.iter().enumerate() {
            if !context.globals.json {
                say!("{} of {}", place + 1, names.len());
            }
            write(&[(name.clone(), args.value.read(name)?)])?;
        }
        return Ok(());
    }
    let mut values: Vec<(CredentialName, Secret)> = Vec::new();
    for name in &names {
        if !values.iter().any(|(known, _)| known == name) {
            values.push((name.clone(), args.value.read(name)?));
        }
    }
    write(&values)
}

/// What the history says is to be rotated.
fn exposed(context: &Context) -> Result<Vec<CredentialName>, Failure> {
    let read = ReadArgs {
        reference: "HEAD".into(),
    };
    let found = context.read(&read, Strictness::Required, |vault| {
        exposure::read(vault, &exposure::EXPOSED, false)
    })?;
    exposure::remark(&found);
    Ok(found.worklist().map(|(name, _)| name.clone()).collect())
}
