//! `keygen`: an identity for a member. Inside a vault the file also says which vault it is for.

use std::path::{Path, PathBuf};

use clap::Args;
use fleetvault::say;
use fleetvault::{
    cli::{Failure, time},
    vault::{Access, Repository},
};
use vault_format::{Anchor, Identity, MemberName};

use crate::{
    context::Context,
    keys::{identity_text, write_private},
    trust::Strictness,
};

#[derive(Args)]
#[command(
    after_help = "Prints the public key. Hand it to an author, who registers it: fleetvault member add NAME --recipient KEY"
)]
pub struct KeygenArgs {
    /// Where to write the private key; an existing file is never overwritten [default: identity.txt in the configuration directory]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The member that this will be the key of, for the anchor
    #[arg(long, value_name = "NAME")]
    member: Option<MemberName>,
}

pub fn run(args: &KeygenArgs, context: &Context) -> Result<(), Failure> {
    let path = match &args.output {
        Some(path) => path.clone(),
        None => context.own_identity_path()?,
    };
    let identity = Identity::generate();
    let anchor = anchor(args, context)?;
    write_private(&path, identity_text(&identity, anchor.as_ref(), time::now())?.expose())?;
    if anchor.is_none() {
        crate::output::note(
            "no vault here, so the file has no anchor: a recovery key needs none; for a member add the line '# fleetvault: vault=SHA256:… member=NAME', or launch with --root",
        );
    }
    say!("{}", identity.recipient());
    Ok(())
}

/// The anchor for the vault that keygen was started in, or that `--root` names; only one that is trusted becomes an anchor.
fn anchor(args: &KeygenArgs, context: &Context) -> Result<Option<Anchor>, Failure> {
    let member = args.member.clone();
    let repository = Repository::open(Path::new("."), Access::Read).ok();
    let snapshot = repository
        .as_ref()
        .and_then(|here| Some((here, here.snapshot("HEAD").ok()?)));
    let Some((repository, snapshot)) = snapshot else {
        return Ok(context.globals.root.map(|vault| Anchor {
            vault,
            member,
            root: None,
        }));
    };
    let vault = context.load(snapshot)?;
    context.check_trust(repository, &vault, Strictness::Required)?;
    Ok(Some(Anchor::of(vault.authority(), member)))
}
