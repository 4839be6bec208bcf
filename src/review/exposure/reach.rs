//! Who could open a value: for each version of it, the members that it is sealed to, and those who were ever given the key of a group that it
//! is sealed to, at that epoch or a later one, for the later ones open all earlier keys. What somebody could open once stays known, and old
//! versions stay in the history: a grant made later opens them as well.

use std::collections::{BTreeMap, BTreeSet};

use vault_format::{Credential, GroupName, HolderName, MemberName, Scope};

use super::{
    facts::{Fact, Facts},
    value::{Knower, Moment, Reason, Standing, Through},
};
use crate::vault::Seen;

/// A stretch of time; without an end it is not over.
#[derive(Clone, Copy)]
struct Span {
    from: Seen,
    to: Option<Seen>,
    /// Whether the end is that of a grant, and not that of the version.
    by_grant: bool,
}

#[derive(Default)]
struct Reached {
    since: Option<Seen>,
    spans: Vec<(Span, Through)>,
    through: BTreeSet<Through>,
    own_epochs: BTreeSet<u64>,
}

/// Everybody who could ever open one of these versions of one value. `current` is the version that holds now, if it has this value.
pub(super) fn knowers(versions: &[&Fact<Credential>], current: Option<&Credential>, facts: &Facts) -> Vec<Knower> {
    let mut reached: BTreeMap<MemberName, Reached> = BTreeMap::new();
    for ((name, epoch), spans) in spans(versions) {
        match name {
            HolderName::Member(member) => {
                let reached = reached.entry(member).or_default();
                for span in spans {
                    reached.add(span, Through::Name, epoch);
                }
            }
            HolderName::Group(group) => through_group(&group, epoch, &spans, facts, &mut reached),
        }
    }
    reached
        .into_iter()
        .filter_map(|(member, reached)| reached.into_knower(member, current, facts))
        .collect()
}

/// When a value was sealed to whom: adjacent versions make one stretch.
fn spans(versions: &[&Fact<Credential>]) -> BTreeMap<(HolderName, u64), Vec<Span>> {
    let mut all: BTreeMap<(HolderName, u64), Vec<Span>> = BTreeMap::new();
    for version in versions {
        let Some(terms) = &version.said else { continue };
        for holder in terms.sealed_to.holders() {
            let spans = all.entry((holder.name.clone(), holder.epoch)).or_default();
            match spans.last_mut() {
                Some(last) if last.to.is_some_and(|to| to >= version.since) => last.to = version.until,
                _ => spans.push(Span {
                    from: version.since,
                    to: version.until,
                    by_grant: false,
                }),
            }
        }
    }
    all
}

fn through_group(
    group: &GroupName,
    epoch: u64,
    spans: &[Span],
    facts: &Facts,
    reached: &mut BTreeMap<MemberName, Reached>,
) {
    let through = Through::of(group);
    for (member, grants) in facts.grants.get(group).into_iter().flatten() {
        for grant in grants {
            let Some(granted) = grant.said.filter(|granted| granted.epoch >= epoch) else {
                continue;
            };
            let reached = reached.entry(member.clone()).or_default();
            for span in spans {
                let ends_first = match (span.to, grant.until) {
                    (None, Some(_)) => true,
                    (Some(version), Some(grant)) => grant < version,
                    _ => false,
                };
                let both = Span {
                    from: span.from.max(grant.since),
                    to: if ends_first { grant.until } else { span.to },
                    by_grant: ends_first,
                };
                reached.add(both, through.clone(), granted.member_epoch);
            }
        }
    }
}

impl Reached {
    fn add(&mut self, span: Span, through: Through, own_epoch: u64) {
        self.since = Some(self.since.map_or(span.from, |since| since.min(span.from)));
        self.through.insert(through.clone());
        self.own_epochs.insert(own_epoch);
        // A grant that came when the version was history opens it all the same, but was never among those for whom it was meant.
        if span.to.is_none_or(|to| to > span.from) {
            self.spans.push((span, through));
        }
    }

    fn into_knower(self, member: MemberName, current: Option<&Credential>, facts: &Facts) -> Option<Knower> {
        let since = self.since?;
        let open = self.spans.iter().any(|(span, _)| span.to.is_none());
        let last = self.spans.iter().max_by_key(|(span, _)| span.to);
        let until = last.and_then(|(span, _)| span.to).filter(|_| !open);
        let standing = match current {
            None => Standing::Past,
            Some(terms) if may_use(&terms.scope, &member, facts) => Standing::MayUse,
            Some(_) if facts.is_granted(&GroupName::keepers(), &member) => Standing::Keeper,
            Some(_) => Standing::StillKnows,
        };
        let reason = (standing == Standing::StillKnows).then(|| match (facts.removed(&member), last) {
            (Some(at), _) => Reason::MemberRemoved { at: at.into() },
            (None, Some((span, through))) if span.by_grant => Reason::LeftGroup {
                group: through.clone(),
                at: span.to.map_or(since, |to| to).into(),
            },
            (None, Some((Span { to: Some(to), .. }, Through::Keepers))) => Reason::NoKeeper { at: (*to).into() },
            (None, Some((Span { to: Some(to), .. }, _))) => Reason::OutOfScope { at: (*to).into() },
            (None, _) => Reason::FromHistory { since: since.into() },
        });
        let now = facts.living(&member);
        let other_keys = now.is_some_and(|now| self.own_epochs.iter().any(|&epoch| epoch > 0 && epoch < now));
        Some(Knower {
            member,
            since: Moment::from(since),
            until: until.map(Moment::from),
            through: self.through.into_iter().collect(),
            standing,
            reason,
            replaced_keys: other_keys,
        })
    }
}

/// Tells whether a scope reaches a living member now.
fn may_use(scope: &Scope, member: &MemberName, facts: &Facts) -> bool {
    let reaches = || match scope {
        Scope::Everyone => true,
        Scope::Named(_) => scope.names(member) || scope.groups().iter().any(|group| facts.is_granted(group, member)),
    };
    facts.living(member).is_some() && reaches()
}
