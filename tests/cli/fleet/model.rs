//! What a vault says, naively: sets and maps, without a key or a file. And what each key that ever was could open.

use std::collections::{BTreeMap, BTreeSet};

pub type Names = BTreeSet<String>;

/// A credential; `sealed` is whose keys, as `dev#1` or `@all#2`, and `stamp` which writing of the file this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub scope: Names,
    pub value: String,
    pub sealed: Names,
    pub stamp: u64,
}

/// A vault at one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Epochs of the living members' keys.
    pub members: BTreeMap<String, u64>,
    /// Serials of members' files, of those who left too.
    pub serials: BTreeMap<String, u64>,
    /// Which key file `dev#1` is, also after it was given up.
    pub keys: BTreeMap<String, usize>,
    /// Epochs of the living groups.
    pub groups: BTreeMap<String, u64>,
    pub removed_groups: Names,
    /// Group and member, with the group's epoch.
    pub grants: BTreeMap<(String, String), u64>,
    pub credentials: BTreeMap<String, Credential>,
    /// Credentials that were removed once.
    pub removed: Names,
    pub authors: Names,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    Own,
    Upstream,
}

/// What three states come to. `clash` wants a decision, `hard` is more than this model knows.
pub struct Merged {
    pub state: State,
    pub clash: bool,
    pub hard: bool,
}

impl State {
    pub fn has(&self, group: &str, member: &str) -> bool {
        self.grants.contains_key(&(group.into(), member.into()))
    }

    pub fn holders_of(&self, group: &str) -> Vec<String> {
        let of = self.grants.keys().filter(|(of, _)| of == group);
        of.map(|(_, member)| member.clone()).collect()
    }

    pub fn may_use(&self, member: &str, scope: &Names) -> bool {
        self.members.contains_key(member)
            && scope.iter().any(|entry| match entry.strip_prefix('@') {
                Some(group) => self.has(group, member),
                None => entry == "*" || entry == member,
            })
    }

    /// Whose keys a scope means now; `None` where it names somebody who is not there.
    pub fn sealed_to(&self, scope: &Names) -> Option<Names> {
        let one = |entry: &str| match (entry, entry.strip_prefix('@')) {
            ("*", _) => Some(format!("@all#{}", self.groups.get("all")?)),
            (_, Some(group)) => Some(format!("@{group}#{}", self.groups.get(group)?)),
            (member, None) => Some(format!("{member}#{}", self.members.get(member)?)),
        };
        let keepers = ["@keepers"];
        scope.iter().map(String::as_str).chain(keepers).map(one).collect()
    }

    /// A scope, or a grant, that names somebody who is not there.
    pub fn is_dangling(&self) -> bool {
        let granted =
            |(group, member): &(String, String)| self.groups.contains_key(group) && self.members.contains_key(member);
        self.credentials.values().any(|it| self.sealed_to(&it.scope).is_none()) || !self.grants.keys().all(granted)
    }

    fn write(&mut self, name: &str, scope: Names, value: String, stamp: u64) -> Option<()> {
        let sealed = self.sealed_to(&scope)?;
        let credential = Credential {
            scope,
            value,
            sealed,
            stamp,
        };
        self.credentials.insert(name.into(), credential);
        Some(())
    }

    /// Writes once more what names somebody, with its scope changed.
    fn rewrite_naming(&mut self, entry: &str, stamp: u64, change: impl Fn(&mut Names)) -> Option<()> {
        for (name, mut credential) in self.credentials.clone() {
            if credential.scope.contains(entry) {
                change(&mut credential.scope);
                self.write(&name, credential.scope, credential.value, stamp)?;
            }
        }
        Some(())
    }

    pub fn set(mut self, name: &str, scope: &Names, value: &str, stamp: u64) -> Option<Self> {
        self.write(name, scope.clone(), value.into(), stamp)?;
        Some(self)
    }

    /// With another value, another scope, or once more as it is.
    pub fn change(self, name: &str, scope: Option<Names>, value: Option<&str>, stamp: u64) -> Option<Self> {
        let it = self.credentials.get(name)?.clone();
        let scope = scope.unwrap_or(it.scope);
        let value = value.unwrap_or(&it.value).to_owned();
        (!scope.is_empty()).then_some(self)?.set(name, &scope, &value, stamp)
    }

    pub fn member_add(mut self, name: &str, like: Option<&str>, key: usize, stamp: u64) -> Option<Self> {
        if self.members.contains_key(name) || like.is_some_and(|like| !self.members.contains_key(like)) {
            return None;
        }
        let before = self.serials.get(name).copied();
        self.serials.insert(name.into(), before.unwrap_or(0) + 1);
        self.give_keys(name, before.unwrap_or(1), key);
        let mut groups = vec!["all".to_owned()];
        let theirs = self
            .groups
            .keys()
            .filter(|group| !["all", "keepers"].contains(&group.as_str()));
        groups.extend(
            theirs
                .filter(|group| like.is_some_and(|like| self.has(group, like)))
                .cloned(),
        );
        for group in groups {
            self.grants.insert((group.clone(), name.into()), self.groups[&group]);
        }
        if let Some(like) = like {
            self.rewrite_naming(like, stamp, |scope| {
                scope.insert(name.into());
            })?;
        }
        Some(self)
    }

    fn give_keys(&mut self, name: &str, epoch: u64, key: usize) {
        self.members.insert(name.into(), epoch);
        self.keys.insert(format!("{name}#{epoch}"), key);
    }

    /// New keys for groups, and for all where one is that of the keepers. `leaving` is taken out of those named.
    fn renew(&mut self, groups: &[String], leaving: &Names) -> Option<()> {
        let keepers = groups.iter().any(|group| group == "keepers");
        if keepers && self.holders_of("keepers").iter().all(|keeper| leaving.contains(keeper)) {
            return None;
        }
        for (group, member) in self.grants.keys().cloned().collect::<Vec<_>>() {
            if groups.contains(&group) && leaving.contains(&member) {
                self.grants.remove(&(group, member));
            }
        }
        for (group, epoch) in &mut self.groups {
            if keepers || groups.contains(group) {
                *epoch += 1;
                for (_, of) in self.grants.iter_mut().filter(|((of, _), _)| of == group) {
                    *of = *epoch;
                }
            }
        }
        Some(())
    }

    fn groups_of(&self, member: &str) -> Vec<String> {
        let of = self.groups.keys().filter(|group| self.has(group, member));
        of.cloned().collect()
    }

    pub fn member_remove(mut self, name: &str, stamp: u64) -> Option<Self> {
        let is_only = |it: &Credential| it.scope.len() == 1 && it.scope.contains(name);
        if !self.members.contains_key(name) || self.credentials.values().any(is_only) {
            return None;
        }
        self.renew(&self.groups_of(name), &Names::from([name.to_owned()]))?;
        self.members.remove(name);
        *self.serials.get_mut(name)? += 1;
        self.rewrite_naming(name, stamp, |scope| {
            scope.remove(name);
        })?;
        self.authors.remove(name);
        Some(self)
    }

    pub fn member_rekey(mut self, name: &str, destroyed: bool, key: usize, stamp: u64) -> Option<Self> {
        let epoch = self.members.get(name)? + 1;
        *self.serials.get_mut(name)? += 1;
        self.give_keys(name, epoch, key);
        if !destroyed {
            self.renew(&self.groups_of(name), &Names::new())?;
        }
        self.rewrite_naming(name, stamp, |_| {})?;
        Some(self)
    }

    pub fn group_add(mut self, name: &str, members: &Names) -> Option<Self> {
        let taken = self.groups.contains_key(name) || self.removed_groups.contains(name);
        if taken || !members.iter().all(|member| self.members.contains_key(member)) {
            return None;
        }
        self.groups.insert(name.into(), 1);
        let grants = members.iter().map(|member| ((name.to_owned(), member.clone()), 1));
        self.grants.extend(grants);
        Some(self)
    }

    pub fn group_grant(mut self, name: &str, member: &str) -> Option<Self> {
        let epoch = *self.groups.get(name)?;
        let grant = (name.to_owned(), member.to_owned());
        (self.members.contains_key(member) && self.grants.insert(grant, epoch).is_none()).then_some(self)
    }

    pub fn group_revoke(mut self, name: &str, member: &str) -> Option<Self> {
        if name == "all" || !self.groups.contains_key(name) || !self.has(name, member) {
            return None;
        }
        self.renew(&[name.to_owned()], &Names::from([member.to_owned()]))?;
        Some(self)
    }

    pub fn group_remove(mut self, name: &str) -> Option<Self> {
        let entry = format!("@{name}");
        let used = self.credentials.values().any(|it| it.scope.contains(&entry));
        if ["all", "keepers"].contains(&name) || used || self.groups.remove(name).is_none() {
            return None;
        }
        self.removed_groups.insert(name.into());
        self.grants.retain(|(group, _), _| group != name);
        Some(self)
    }

    /// What is sealed to keys that are over, sealed to those of now.
    pub fn sealed_anew(mut self, which: impl Fn(&str) -> bool, stamp: u64) -> Option<Self> {
        let before = self.credentials.clone();
        for (name, it) in before.iter().filter(|(name, _)| which(name)) {
            if self.sealed_to(&it.scope)? != it.sealed {
                self.write(name, it.scope.clone(), it.value.clone(), stamp)?;
            }
        }
        (self.credentials != before).then_some(self)
    }

    /// What one side wrote since another state.
    pub fn written_since(&self, base: &Self) -> Names {
        let stamp = |state: &Self, name: &str| Some(state.credentials.get(name)?.stamp);
        let written = self
            .credentials
            .keys()
            .filter(|name| stamp(self, name) != stamp(base, name));
        written.cloned().collect()
    }
}

pub fn merge(base: &State, upstream: &State, own: &State, keep: Option<Keep>) -> Merged {
    let (mut clash, mut hard) = (false, false);
    let mut state = State {
        members: maps(&base.members, &upstream.members, &own.members, &mut hard),
        groups: maps(&base.groups, &upstream.groups, &own.groups, &mut hard),
        grants: maps(&base.grants, &upstream.grants, &own.grants, &mut hard),
        serials: upstream.serials.clone(),
        keys: upstream.keys.clone(),
        removed_groups: &upstream.removed_groups | &own.removed_groups,
        removed: &upstream.removed | &own.removed,
        ..State::default()
    };
    // What both made new, each for itself, is two files of one name; what both renewed has two keys.
    hard |= both(&base.groups, &upstream.groups, &own.groups) || both(&base.grants, &upstream.grants, &own.grants);
    hard |= both(&base.serials, &upstream.serials, &own.serials);
    hard |= base.authors != upstream.authors && base.authors != own.authors;
    for (name, serial) in &own.serials {
        let known = state.serials.entry(name.clone()).or_default();
        *known = (*known).max(*serial);
    }
    state.keys.extend(own.keys.clone());
    state.authors = if base.authors == own.authors {
        &upstream.authors
    } else {
        &own.authors
    }
    .clone();
    let names: Names = { upstream.credentials.keys() }
        .chain(own.credentials.keys())
        .cloned()
        .collect();
    for name in names {
        let [of_base, of_upstream, of_own] = [base, upstream, own].map(|side| side.credentials.get(&name));
        let has_had = |side: &State| side.removed.contains(&name) || side.credentials.contains_key(&name);
        if !has_had(base) && has_had(upstream) && has_had(own) && of_upstream.is_some() != of_own.is_some() {
            // New on both sides, and removed again on one.
            clash |= keep.is_none();
            let kept = if keep == Some(Keep::Own) { of_own } else { of_upstream };
            if let Some(kept) = kept {
                state.credentials.insert(name, kept.clone());
            }
            continue;
        }
        let Some(mut merged) = credentials(of_base, of_upstream, of_own, keep, &mut clash) else {
            continue;
        };
        let stamp = |side: Option<&Credential>| side.map(|it| it.stamp);
        if stamp(of_base) != stamp(of_upstream) && stamp(of_base) != stamp(of_own) {
            // Only what is in conflict is looked at, by what is known when it is merged.
            merged.scope.retain(|entry| match entry.strip_prefix('@') {
                Some(group) => !state.removed_groups.contains(group),
                None => !state.serials.contains_key(entry) || state.members.contains_key(entry),
            });
            hard |= merged.scope.is_empty();
        }
        state.credentials.insert(name, merged);
    }
    Merged { state, clash, hard }
}

fn both<K: Ord, V: PartialEq>(base: &BTreeMap<K, V>, one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> bool {
    let mut keys = one.keys().chain(other.keys()).chain(base.keys());
    keys.any(|key| base.get(key) != one.get(key) && base.get(key) != other.get(key))
}

fn maps<K: Ord + Clone, V: PartialEq + Clone>(
    base: &BTreeMap<K, V>,
    upstream: &BTreeMap<K, V>,
    own: &BTreeMap<K, V>,
    hard: &mut bool,
) -> BTreeMap<K, V> {
    let keys: BTreeSet<&K> = upstream.keys().chain(own.keys()).collect();
    let merged = keys.into_iter().filter_map(|key| {
        let taken = one_of(base.get(key), upstream.get(key), own.get(key));
        *hard |= taken.is_none();
        Some((key.clone(), taken.unwrap_or(upstream.get(key)).cloned()?))
    });
    merged.collect()
}

/// What only one side changed is taken from it.
fn one_of<T: PartialEq>(base: T, upstream: T, own: T) -> Option<T> {
    match () {
        () if own == base || own == upstream => Some(upstream),
        () if upstream == base => Some(own),
        () => None,
    }
}

fn credentials(
    base: Option<&Credential>,
    upstream: Option<&Credential>,
    own: Option<&Credential>,
    keep: Option<Keep>,
    clash: &mut bool,
) -> Option<Credential> {
    let says = |side: Option<&Credential>| side.map(|it| (it.scope.clone(), it.value.clone()));
    let mut choose = || {
        *clash |= keep.is_none();
        keep == Some(Keep::Own)
    };
    let stamp = |side: Option<&Credential>| side.map(|it| it.stamp);
    if stamp(own) == stamp(base) {
        return upstream.cloned();
    }
    if stamp(upstream) == stamp(base) {
        return own.cloned();
    }
    if says(own) == says(upstream) {
        return upstream.cloned();
    }
    let (Some(up), Some(mine)) = (upstream, own) else {
        let living = upstream.or(own);
        let removed = base.is_some() && says(living) == says(base);
        let keeps = !removed && (choose() == own.is_some());
        return living.filter(|_| keeps).cloned();
    };
    let value = one_of(base.map(|it| &it.value), Some(&up.value), Some(&mine.value)).flatten();
    let value = value.unwrap_or_else(|| if choose() { &mine.value } else { &up.value });
    let scope = scopes(base.map(|it| &it.scope), &up.scope, &mine.scope);
    let scope = scope.unwrap_or_else(|| if choose() { &mine.scope } else { &up.scope }.clone());
    Some(Credential {
        scope,
        value: value.clone(),
        // Another writing than both.
        stamp: up.stamp.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mine.stamp,
        sealed: mine.sealed.clone(),
    })
}

fn scopes(base: Option<&Names>, up: &Names, own: &Names) -> Option<Names> {
    if let Some(taken) = one_of(base, Some(up), Some(own)).flatten() {
        return Some(taken.clone());
    }
    let base = base?;
    let all = |scope: &Names| scope.contains("*");
    let merged = match (all(base), all(up), all(own)) {
        (true, false, false) => up & own,
        (false, false, false) => &(&(base & up) & own) | &(&(up - base) | &(own - base)),
        (false, true, false) if own.is_superset(base) => up.clone(),
        (false, false, true) if up.is_superset(base) => own.clone(),
        _ => Names::new(),
    };
    (!merged.is_empty()).then_some(merged)
}

/// What each key could ever open, by what was published.
#[derive(Default)]
pub struct Knowledge {
    by_name: BTreeMap<usize, Names>,
    to_group: BTreeMap<(String, u64), Names>,
    /// The latest epoch of a group that a key was given. It opens all earlier ones.
    given: BTreeMap<(usize, String), u64>,
}

impl Knowledge {
    pub fn learn(&mut self, state: &State) {
        for credential in state.credentials.values() {
            for holder in &credential.sealed {
                let known = match holder.strip_prefix('@').and_then(|group| group.split_once('#')) {
                    Some((group, epoch)) => {
                        let epoch = epoch.parse().unwrap();
                        self.to_group.entry((group.into(), epoch)).or_default()
                    }
                    None => self.by_name.entry(state.keys[holder]).or_default(),
                };
                known.insert(credential.value.clone());
            }
        }
        for ((group, member), epoch) in &state.grants {
            let Some(of) = state.members.get(member) else { continue };
            let key = state.keys[&format!("{member}#{of}")];
            let given = self.given.entry((key, group.clone())).or_default();
            *given = (*given).max(*epoch);
        }
    }

    pub fn of(&self, key: usize) -> Names {
        let mut known = self.by_name.get(&key).cloned().unwrap_or_default();
        for ((_, group), given) in self.given.iter().filter(|((of, _), _)| *of == key) {
            let to = self
                .to_group
                .iter()
                .filter(|((of, epoch), _)| of == group && epoch <= given);
            known.extend(to.flat_map(|(_, values)| values.clone()));
        }
        known
    }
}
