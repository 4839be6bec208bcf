//! `show`: what a credential's header says. The value stays sealed.

use clap::Args;
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::AuthorError,
    cli::{Failure, time},
    resolver::nearest,
    terminal::escape,
};
use vault_format::{CredentialName, Verified};

use super::list::line;
use crate::{
    complete,
    context::{Context, ReadArgs, fail},
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
            None => Err(fail(AuthorError::NotFound {
                near: nearest(
                    args.name.as_str(),
                    vault.credential_names()?.into_iter().filter(|n| n != &args.name),
                    3,
                ),
                name: args.name.to_string(),
            })),
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
    println!("name       {}", line.name);
    println!("members    {members}");
    println!("network    {}", line.network);
    println!("expires    {}{expired}", line.expires.as_deref().unwrap_or("never"));
    println!("value set  {}", line.value_set);
    println!("note       {}", escape(line.note.as_deref().unwrap_or("none")));
    println!("serial     {}", line.serial);
    println!("signed by  {}", line.authors.join(", "));
    println!("sealed to  {}", line.sealed_to.join(", "));
    Ok(())
}
