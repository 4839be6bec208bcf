//! Who could open a value: for each version of it, the members that it is sealed to, and those who were ever given the key of a group that it
//! is sealed to, at that epoch or a later one, for the later ones open all earlier keys. What somebody could open once stays known, and old
//! versions stay in the history: a grant made later opens them as well.

use std::collections::{BTreeMap, BTreeSet};

use vault_format::{Credential, GroupName, HolderName, MemberName, Scope};

use super::{
    facts::{Asked, Fact, Facts},
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

/// Everybody asked about who could ever open one of these versions of one value. `current` is the version that holds now, if it has this value.
pub(super) fn knowers(
    versions: &[&Fact<Credential>],
    current: Option<&Credential>,
    facts: &Facts,
    asked: &Asked<'_>,
) -> Vec<Knower> {
    if asked.exposed && current.is_none() {
        return Vec::new();
    }
    // Nearly everybody, of whom nothing is to be said: not one by one for each credential.
    let as_ever = |member: &MemberName| {
        facts.living(member) == Some(1) && current.is_some_and(|terms| may_use(&terms.scope, member, facts))
    };
    let wanted = |member: &MemberName| asked.about_member(member) && !(asked.exposed && as_ever(member));
    let mut reached: BTreeMap<MemberName, Reached> = BTreeMap::new();
    for ((name, epoch), spans) in spans(versions) {
        match name {
            HolderName::Member(member) if !wanted(&member) => {}
            HolderName::Member(member) => {
                let reached = reached.entry(member).or_default();
                for span in spans {
                    reached.add(span, Through::Name, epoch);
                }
            }
            HolderName::Group(group) => through_group(&group, epoch, &spans, (facts, &wanted), &mut reached),
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
    (facts, wanted): (&Facts, &dyn Fn(&MemberName) -> bool),
    reached: &mut BTreeMap<MemberName, Reached>,
) {
    let through = Through::of(group);
    let members = facts.grants.get(group).into_iter().flatten();
    for (member, grants) in members.filter(|(member, _)| wanted(member)) {
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
        let last = { self.spans.iter() }.max_by_key(|(span, _)| (span.to.is_none(), span.to));
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
            (None, Some((Span { to: None, .. }, _))) if facts.living(&member).is_none() => Reason::NoMember,
            (None, Some((Span { to: None, from, .. }, _))) => Reason::OtherBranch { since: (*from).into() },
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

#[cfg(test)]
mod tests {
    use vault_format::{Holder, Network, SealedTo, Timestamp};

    use super::{super::facts::Granted, *};

    fn at(rank: usize) -> Seen {
        Seen::for_test(rank)
    }

    fn fact<T>(since: usize, until: Option<usize>, said: Option<T>) -> Fact<T> {
        Fact {
            since: at(since),
            until: until.map(at),
            current: until.is_none(),
            serial: since as u64,
            said,
        }
    }

    /// A version for everyone or for some, sealed to the groups' keys of an epoch.
    fn version(scope: &[&str], epoch: u64) -> Credential {
        let scope = Scope::from_entries(scope.iter().copied()).unwrap();
        let holders = scope.holders().into_iter().map(|name| Holder { name, epoch });
        Credential {
            sealed_to: SealedTo::new(holders.collect()).unwrap(),
            scope,
            network: Network::Allow,
            expires: None,
            value_set: Timestamp::EPOCH,
            note: None,
        }
    }

    fn granted(epoch: u64) -> Option<Granted> {
        Some(Granted { epoch, member_epoch: 1 })
    }

    fn grant(facts: &mut Facts, group: &str, member: &str, grants: Vec<Fact<Granted>>) {
        let members = facts.grants.entry(group.parse().unwrap()).or_default();
        members.insert(member.parse().unwrap(), grants);
        let living = fact(0, None, Some(1));
        facts.members.entry(member.parse().unwrap()).or_insert(vec![living]);
    }

    fn told(versions: &[Fact<Credential>], facts: &Facts) -> Vec<String> {
        let all: Vec<&Fact<Credential>> = versions.iter().collect();
        let current = versions
            .iter()
            .find(|version| version.current)
            .and_then(|version| version.said.as_ref());
        let line = |knower: &Knower| match &knower.reason {
            Some(reason) => format!("{} {:?}: {reason}", knower.member, knower.standing),
            None => format!("{} {:?}", knower.member, knower.standing),
        };
        let known = knowers(&all, current, facts, &Asked::default());
        let only = Asked {
            exposed: true,
            ..Asked::default()
        };
        let exposed = knowers(&all, current, facts, &only);
        // Whoever is to be told of is, in the same words, however much is asked.
        let counts = |knower: &&Knower| knower.standing == Standing::StillKnows || knower.replaced_keys;
        let lines = |knowers: &[Knower]| -> Vec<String> { knowers.iter().filter(counts).map(line).collect() };
        if current.is_some() {
            assert_eq!(lines(&known), lines(&exposed));
        }
        known.iter().map(line).collect()
    }

    #[test]
    fn a_later_epoch_opens_the_earlier_ones_and_not_the_other_way_round() {
        let mut facts = Facts::default();
        // Left before the value was sealed to epoch 2; came with epoch 2; has both.
        grant(
            &mut facts,
            "all",
            "left",
            vec![fact(1, Some(5), granted(1)), fact(5, None, None)],
        );
        grant(&mut facts, "all", "came", vec![fact(6, None, granted(2))]);
        grant(
            &mut facts,
            "all",
            "stayed",
            vec![fact(1, Some(5), granted(1)), fact(5, None, granted(2))],
        );
        assert_eq!(
            told(&[fact(7, None, Some(version(&["*"], 2)))], &facts),
            ["came MayUse", "stayed MayUse"],
            "the one who left holds no key of epoch 2"
        );
        facts.members.insert(
            "left".parse().unwrap(),
            vec![fact(1, Some(5), Some(1)), fact(5, None, None)],
        );
        assert_eq!(
            told(&[fact(3, None, Some(version(&["*"], 1)))], &facts),
            [
                "came MayUse",
                "left StillKnows: the member was removed on 1970-01-01",
                "stayed MayUse"
            ]
        );
    }

    #[test]
    fn who_kept_a_key_opens_what_is_sealed_to_it_although_the_grant_is_gone() {
        let mut facts = Facts::default();
        grant(
            &mut facts,
            "g",
            "gone",
            vec![fact(1, Some(2), granted(1)), fact(2, None, None)],
        );
        assert_eq!(
            told(&[fact(3, None, Some(version(&["@g"], 1)))], &facts),
            ["gone StillKnows: was never in its scope; opens it all the same since 1970-01-01"]
        );
        assert_eq!(
            told(&[fact(1, None, Some(version(&["@g"], 1)))], &facts),
            ["gone StillKnows: left @g on 1970-01-01"]
        );
    }

    #[test]
    fn who_was_a_keeper_knows_it_all_and_who_is_one_keeps_it() {
        let mut facts = Facts::default();
        grant(
            &mut facts,
            "keepers",
            "was",
            vec![fact(1, Some(9), granted(1)), fact(9, None, None)],
        );
        grant(&mut facts, "keepers", "is", vec![fact(1, None, granted(1))]);
        assert_eq!(
            told(&[fact(3, None, Some(version(&["dev"], 1)))], &facts),
            [
                "dev StillKnows: there is no such member",
                "is Keeper",
                "was StillKnows: no keeper any more since 1970-01-01"
            ]
        );
    }

    #[test]
    fn keys_that_were_replaced_are_told() {
        let mut facts = Facts::default();
        facts.members.insert(
            "dev".parse().unwrap(),
            vec![fact(1, Some(5), Some(1)), fact(5, None, Some(2))],
        );
        let versions = [
            fact(3, Some(6), Some(version(&["dev"], 1))),
            fact(6, None, Some(version(&["dev"], 2))),
        ];
        let all: Vec<&Fact<Credential>> = versions.iter().collect();
        let known = knowers(&all, versions[1].said.as_ref(), &facts, &Asked::default());
        assert!(known[0].replaced_keys && known[0].standing == Standing::MayUse && known[0].until.is_none());
        let known = knowers(&all[1..], versions[1].said.as_ref(), &facts, &Asked::default());
        assert!(!known[0].replaced_keys);
    }
}
