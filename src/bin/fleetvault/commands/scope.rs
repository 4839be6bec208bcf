//! `scope`: who may use credentials, and how. Also the arguments for that which `set` and `rotate` share.

use clap::{Args, builder::ValueParser};
use clap_complete::ArgValueCandidates;
use fleetvault::{
    author::{self, PolicyChange, ScopeChange},
    cli::{Failure, time},
    terminal::report::Report,
    vault::Vault,
};
use glob::{MatchOptions, Pattern};
use vault_format::{CredentialName, Network, Scope, ScopeEntry, Timestamp};

use crate::{
    commit::{Keys, WriteArgs},
    complete,
    context::{Context, fail},
};

#[derive(Args)]
#[command(
    after_help = "EXAMPLES:\n  fleetvault scope github_pat --add fleet-rev\n  fleetvault scope 'prod/*' --drop build-7 --network deny\n  fleetvault scope pub_token --members fleet-dev,fleet-rev"
)]
pub struct ScopeArgs {
    /// Credentials, or patterns such as 'prod/*' (one folder) and 'prod/**' (all below)
    #[arg(required = true, value_name = "NAME|GLOB", add = ArgValueCandidates::new(complete::credentials))]
    names: Vec<String>,
    #[command(flatten)]
    members: MembersArgs,
    /// Add members to the scope
    #[arg(long, value_name = "a,b", conflicts_with = "members", add = ArgValueCandidates::new(complete::members))]
    add: Vec<String>,
    /// Drop members from the scope
    #[arg(long, value_name = "a,b", conflicts_with = "members", add = ArgValueCandidates::new(complete::members))]
    drop: Vec<String>,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Whom a credential is for.
#[derive(Args)]
pub struct MembersArgs {
    /// Who may use it: members, @groups, or '*' for everyone, now and later
    #[arg(long, value_name = "a,b|*", add = ArgValueCandidates::new(complete::scopes))]
    members: Vec<String>,
}

/// What else a header says.
#[derive(Args)]
pub struct PolicyArgs {
    /// Expire after this time: 12h, 30d, 1y
    #[arg(long, value_name = "TIME", conflicts_with = "expires")]
    ttl: Option<String>,
    /// Expire on this date (2027-01-01), or never
    #[arg(long, value_name = "DATE|never")]
    expires: Option<String>,
    /// Whether commands that use it may reach the network: allow, confirm or deny
    #[arg(long, value_name = "POLICY", value_parser = ValueParser::new(|text: &str| text.parse::<Network>()))]
    network: Option<Network>,
    /// A line for people; empty for none
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub fn run(args: &ScopeArgs, context: &Context) -> Result<(), Failure> {
    let policy = args.policy.change()?;
    let change = match args.members.scope()? {
        Some(scope) => ScopeChange::Replace(scope),
        None if args.add.is_empty() && args.drop.is_empty() => ScopeChange::Keep,
        None => ScopeChange::Edit {
            add: entries(&args.add)?,
            drop: entries(&args.drop)?,
        },
    };
    if matches!(change, ScopeChange::Keep) && args.policy.is_empty() {
        return Err(Report::new(2, "usage", "nothing to change was given")
            .hint("--members, --add, --drop, --ttl, --expires, --network or --note")
            .into());
    }
    context.write(&args.write, Keys::Identity, |desk| {
        let names = matching(desk.vault, &args.names)?;
        Ok(author::rescope(desk, &names, &change, &policy)?)
    })
}

impl MembersArgs {
    /// The scope that was named, if any. `a,b`, `a, b` and two options mean the same.
    pub fn scope(&self) -> Result<Option<Scope>, Failure> {
        if self.members.is_empty() {
            return Ok(None);
        }
        let scope =
            Scope::from_entries(split(&self.members)).map_err(|error| fail(author::AuthorError::from(error)))?;
        Ok(Some(scope))
    }
}

impl PolicyArgs {
    /// What is to change.
    pub fn change(&self) -> Result<PolicyChange, Failure> {
        let usage = |message: String| Failure::from(Report::new(2, "usage", message));
        let expires: Option<Option<Timestamp>> = match (&self.ttl, self.expires.as_deref()) {
            (Some(ttl), _) => Some(Some(time::after(time::now(), ttl).map_err(usage)?)),
            (None, Some("never")) => Some(None),
            (None, Some(date)) => Some(Some(time::date(date).map_err(usage)?)),
            (None, None) => None,
        };
        let note = self.note.as_ref().map(|note| (!note.is_empty()).then(|| note.clone()));
        Ok(PolicyChange {
            network: self.network,
            expires,
            note,
        })
    }

    fn is_empty(&self) -> bool {
        self.ttl.is_none() && self.expires.is_none() && self.network.is_none() && self.note.is_none()
    }
}

/// The living credentials that names and patterns mean, each once, in order. A name that is none is an error, as is a pattern that fits nothing.
pub fn matching(vault: &Vault<'_>, wanted: &[String]) -> Result<Vec<CredentialName>, Failure> {
    let mut found: Vec<CredentialName> = Vec::new();
    let mut all = None;
    for text in wanted {
        if !text.contains(['*', '?', '[']) {
            let name = text
                .parse()
                .map_err(|error| Report::new(2, "usage", format!("{error}")))?;
            found.push(name);
            continue;
        }
        let all = match &mut all {
            Some(all) => all,
            none => none.insert(vault.credential_names()?),
        };
        let pattern = Pattern::new(text)
            .map_err(|error| Report::new(2, "usage", format!("'{text}' is no pattern: {}", error.msg)))?;
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let before = found.len();
        // Only what fits is read: a broken file elsewhere is no reason to refuse.
        for name in all.iter().filter(|name| pattern.matches_with(name.as_str(), options)) {
            if is_living(vault, name)? {
                found.push(name.clone());
            }
        }
        if found.len() == before {
            return Err(
                Report::new(4, "not_found", format!("no credential fits the pattern '{text}'"))
                    .hint(
                        "'*' stands for one folder's names, '**' for all below; 'fleetvault list' shows what there is",
                    )
                    .into(),
            );
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn is_living(vault: &Vault<'_>, name: &CredentialName) -> Result<bool, Failure> {
    let path = vault_format::FilePath::Credential(name.clone());
    let file = vault.look_at::<vault_format::Credential>(&path)?;
    Ok(file.is_some_and(|file| file.body().is_some()))
}

fn entries(texts: &[String]) -> Result<Vec<ScopeEntry>, Failure> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let scope = Scope::from_entries(split(texts)).map_err(|error| fail(author::AuthorError::from(error)))?;
    match scope {
        Scope::Named(entries) => Ok(entries.into_iter().collect()),
        Scope::Everyone => Err(
            Report::new(2, "usage", "'*' cannot be added or dropped: it is a scope of its own")
                .hint("--members '*' makes it for everyone")
                .into(),
        ),
    }
}

/// Splits at commas, and drops blanks and what is empty, as the predecessor did.
fn split(texts: &[String]) -> impl Iterator<Item = &str> {
    texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}
