//! What it means that a file of a vault became another one, in the words of people who decide about it.

use std::cmp::Ordering;

use vault_format::{
    AuthorName, Credential, Grant, GrantSubject, Group, GroupName, Member, MemberName, Network, Root, Scope,
};

use super::item::{Risk, Statement};

/// A credential, before and after; `None` is none, or a removed one.
pub(super) fn credential(before: Option<&Credential>, after: Option<&Credential>, resealed: bool) -> Vec<Statement> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(new)) => {
            let mut statements = vec![Statement::new(Risk::Routine, format!("new, for {}", whom(&new.scope)))];
            if new.network != Network::Allow {
                statements.push(Statement::new(Risk::Routine, format!("network: {}", new.network)));
            }
            statements
        }
        (Some(old), None) => vec![Statement::new(
            Risk::Rotation,
            format!("removed; {} may still know its value", whom(&old.scope)),
        )],
        (Some(old), Some(new)) => changed(old, new, resealed),
    }
}

fn changed(old: &Credential, new: &Credential, resealed: bool) -> Vec<Statement> {
    let value = old.value_set != new.value_set;
    let mut statements = scope(&old.scope, &new.scope, value);
    if value {
        statements.push(Statement::new(Risk::Routine, "value changed"));
    } else if resealed {
        statements.push(Statement::new(
            Risk::Routine,
            "re-sealed; the author says it is the same value",
        ));
    }
    if old.network != new.network {
        let risk = match strictness(new.network) < strictness(old.network) {
            true => Risk::Relaxed,
            false => Risk::Routine,
        };
        statements.push(Statement::new(
            risk,
            format!("network: {} → {}", old.network, new.network),
        ));
    }
    if old.expires != new.expires {
        let date = |time: Option<vault_format::Timestamp>| time.map_or("never".into(), |time| time.date().to_string());
        let later = match (old.expires, new.expires) {
            (Some(_), None) => true,
            (Some(old), Some(new)) => new > old,
            (None, _) => false,
        };
        let risk = if later { Risk::Relaxed } else { Risk::Routine };
        let text = format!("expires: {} → {}", date(old.expires), date(new.expires));
        statements.push(Statement::new(risk, text));
    }
    if old.note != new.note {
        let text = match &new.note {
            Some(note) => format!("note: {note}"),
            None => "note taken away".into(),
        };
        statements.push(Statement::new(Risk::Routine, text));
    }
    statements
}

fn scope(old: &Scope, new: &Scope, value: bool) -> Vec<Statement> {
    if old == new {
        return Vec::new();
    }
    let know = |who: &str| match value {
        true => format!("{who} may still know the old value"),
        false => format!("{who} may still know the value until it is rotated"),
    };
    match (old, new) {
        (_, Scope::Everyone) => vec![Statement::new(
            Risk::Widening,
            format!(
                "{} → everyone, now and later: members added tomorrow included",
                whom(old)
            ),
        )],
        (Scope::Everyone, _) => vec![Statement::new(
            Risk::Narrowing,
            format!("everyone → {}; {}", whom(new), know("every other member")),
        )],
        _ => {
            let (old, new) = (old.entries(), new.entries());
            let more: Vec<&str> = new
                .iter()
                .filter(|one| !old.contains(one))
                .map(String::as_str)
                .collect();
            let less: Vec<&str> = old
                .iter()
                .filter(|one| !new.contains(one))
                .map(String::as_str)
                .collect();
            let mut statements = Vec::new();
            if !more.is_empty() {
                statements.push(Statement::new(Risk::Widening, format!("+ {}", more.join(", "))));
            }
            if !less.is_empty() {
                let less = less.join(", ");
                statements.push(Statement::new(Risk::Narrowing, format!("- {less}; {}", know(&less))));
            }
            statements
        }
    }
}

/// A member, before and after.
pub(super) fn member(before: Option<&Member>, after: Option<&Member>) -> Vec<Statement> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(new)) => vec![Statement::new(
            Risk::Widening,
            format!("new member with {}", keys(new.recipients.len())),
        )],
        (Some(_), None) => vec![Statement::new(Risk::Narrowing, "member removed")],
        (Some(old), Some(new)) => {
            let mut statements = Vec::new();
            if old.recipients != new.recipients && new.epoch <= old.epoch {
                let text = "other keys without a higher epoch: what is sealed to the earlier ones would count as sealed to these";
                statements.push(Statement::new(Risk::Error, text));
            } else if old.recipients != new.recipients {
                let text = format!(
                    "keys replaced: it has {} now, at epoch {}",
                    keys(new.recipients.len()),
                    new.epoch
                );
                statements.push(Statement::new(Risk::Widening, text));
            } else if old.epoch != new.epoch {
                let text = format!("the same keys at another epoch: {} → {}", old.epoch, new.epoch);
                statements.push(Statement::new(Risk::Widening, text));
            }
            if old.note != new.note {
                statements.push(Statement::new(Risk::Routine, "note changed"));
            }
            statements
        }
    }
}

/// A group, before and after. `held` tells whether those who signed it had its keys before.
pub(super) fn group(
    before: Option<&Group>,
    after: Option<&Group>,
    authors: &[AuthorName],
    held: bool,
) -> Vec<Statement> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![Statement::new(Risk::Widening, "new group")],
        (Some(_), None) => vec![Statement::new(Risk::Narrowing, "group removed")],
        (Some(old), Some(new)) => vec![keys_of_group(old, new, authors, held)],
    }
}

/// Whom a new key is granted to, each grant says for itself: what counts here is whether it is a new one, and who made it.
fn keys_of_group(old: &Group, new: &Group, authors: &[AuthorName], held: bool) -> Statement {
    let is_other = old.recipient.as_str() != new.recipient.as_str();
    let makers: Vec<&str> = authors.iter().map(AuthorName::as_str).collect();
    let makers = makers.join(", ");
    match (new.epoch.cmp(&old.epoch), is_other) {
        (Ordering::Equal, false) => Statement::new(Risk::Routine, "its earlier keys were sealed again"),
        (Ordering::Equal, true) => Statement::new(Risk::Error, "another key at the same epoch"),
        (Ordering::Less, _) => {
            let text = "its epoch goes back: who had lost it opens what is set from now on";
            Statement::new(Risk::Error, format!("{text} ({} → {})", old.epoch, new.epoch))
        }
        (Ordering::Greater, false) => {
            let text = "a new epoch with the key of before: who lost it still opens what is set from now on";
            Statement::new(Risk::Error, text)
        }
        (Ordering::Greater, true) if held => Statement::new(
            Risk::Routine,
            format!("new key, epoch {} → {}, made by {makers}", old.epoch, new.epoch),
        ),
        (Ordering::Greater, true) => Statement::new(
            Risk::Widening,
            format!(
                "new key, epoch {} → {}, made by {makers} without having had it: who made it opens what is set from now on",
                old.epoch, new.epoch
            ),
        ),
    }
}

/// A grant, before and after.
pub(super) fn grant(subject: &GrantSubject, before: Option<&Grant>, after: Option<&Grant>) -> Vec<Statement> {
    let GrantSubject { group, member } = subject;
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(_)) if group == &GroupName::keepers() => vec![Statement::new(
            Risk::Widening,
            format!("{member} becomes a keeper: its keys open every credential"),
        )],
        (None, Some(_)) => vec![Statement::new(
            Risk::Widening,
            format!("{member} can open what is for {}", of(group)),
        )],
        (Some(_), None) => vec![Statement::new(
            Risk::Narrowing,
            format!(
                "{member} gets no new keys of {}; it may still know what it could read",
                of(group)
            ),
        )],
        (Some(old), Some(new)) => {
            let text = match old.epoch == new.epoch {
                true => format!("sealed again for {member}"),
                false => format!("{member} gets epoch {} of {}", new.epoch, of(group)),
            };
            vec![Statement::new(Risk::Routine, text)]
        }
    }
}

/// A root and its predecessor.
pub(super) fn root(before: &Root, after: &Root) -> Vec<Statement> {
    let (was, is) = (before.author_names(), after.author_names());
    let line = |sign: char, author: &vault_format::AuthorKey| {
        let both = was.contains(&author.author) && is.contains(&author.author);
        let of = if both { "key of " } else { "" };
        let text = format!("{sign} {of}author {}, {}", author.author, author.key.fingerprint());
        Statement::new(Risk::Root, text)
    };
    let more = after.authors.iter().filter(|one| !before.authors.contains(one));
    let less = before.authors.iter().filter(|one| !after.authors.contains(one));
    let mut statements: Vec<Statement> = more.map(|one| line('+', one)).collect();
    statements.extend(less.map(|one| line('-', one)));
    if before.threshold != after.threshold {
        let text = format!(
            "authors who must sign the next root: {} → {} of {}",
            before.threshold,
            after.threshold,
            is.len()
        );
        statements.push(Statement::new(Risk::Root, text));
    }
    if before.keepers != after.keepers {
        let text = format!("keepers it should have: {} → {}", before.keepers, after.keepers);
        statements.push(Statement::new(Risk::Root, text));
    }
    if statements.is_empty() {
        statements.push(Statement::new(Risk::Root, "a new root that says the same"));
    }
    statements
}

/// A scope in words.
fn whom(scope: &Scope) -> String {
    match scope {
        Scope::Everyone => "everyone, now and later".into(),
        Scope::Named(_) => scope.entries().join(", "),
    }
}

fn of(group: &GroupName) -> String {
    match group == &GroupName::all() {
        true => "everyone".into(),
        false => format!("@{group}"),
    }
}

fn keys(count: usize) -> String {
    match count {
        1 => "1 key".into(),
        many => format!("{many} keys"),
    }
}

fn strictness(network: Network) -> u8 {
    match network {
        Network::Allow => 0,
        Network::Confirm => 1,
        Network::Deny => 2,
    }
}

/// How members and groups are called in items.
pub(super) fn subject_of_member(name: &MemberName) -> String {
    format!("member {name}")
}
