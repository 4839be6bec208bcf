//! `show`: what a credential's header says. The value stays sealed.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::say;
use fleetvault::{
    author,
    cli::{Failure, time},
    terminal::escape,
};
use vault_format::{CredentialName, Verified};

use super::list::line;
use crate::{
    commit::ReadArgs,
    complete,
    context::{Context, fail},
    output,
    trust::Strictness,
};

#[derive(Args)]
pub struct ShowArgs {
    /// The credential
    #[arg(add = ArgValueCandidates::new(complete::credentials))]
    name: CredentialName,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &ShowArgs, context: &Context) -> Result<(), Failure> {
    let line = context.read(&args.read, Strictness::Noted, |vault| {
        let path = vault_format::FilePath::Credential(args.name.clone());
        let file = vault.look_at(&path)?;
        match file
            .as_ref()
            .and_then(|file| Verified::body(file).map(|terms| line(file, terms, time::now())))
        {
            Some(line) => Ok(line),
            None => Err(fail(author::not_found(vault, &args.name).map_err(fail)?)),
        }
    })?;
    if context.globals.json {
        return output::print_json(&line);
    }
    let members = if line.members == ["*"] {
        "everyone, now and later (*)".into()
    } else {
        line.members.join(", ")
    };
    let expired = if line.expired { " (expired)" } else { "" };
    say!("name       {}", line.name);
    say!("members    {members}");
    say!("network    {}", line.network);
    say!("expires    {}{expired}", line.expires.as_deref().unwrap_or("never"));
    say!("value set  {}", line.value_set);
    say!("note       {}", escape(line.note.as_deref().unwrap_or("none")));
    say!("serial     {}", line.serial);
    say!("signed by  {}", line.authors.join(", "));
    say!("sealed to  {}", line.sealed_to.join(", "));
    Ok(())
}
