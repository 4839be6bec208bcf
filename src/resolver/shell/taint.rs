//! Which variables of the line hold a credential's value, and which references that makes impossible.
//!
//! Does not follow the order of commands: a variable that holds a value anywhere counts everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::resolver::shell::error::Context;
use crate::resolver::shell::line::{Assignment, Dialect, Line, Word, is_name};
use crate::resolver::shell::names::names;
use crate::resolver::shell::option::Leads;

/// Judges ranges of a line, and keeps what it found.
pub(super) struct Taint<'l> {
    pub line: &'l Line,
    pub dialect: Dialect,
    references: &'l [Range<usize>],
    /// Names with one reference each from which their values come.
    names: BTreeMap<&'l [u8], usize>,
    /// Names of variables that hold such a name.
    named: BTreeMap<&'l [u8], usize>,
    /// What is wrong with each reference: the first that was found.
    pub refused: Vec<Option<Found>>,
    /// How the value of each may become an option.
    pub leads: Vec<Leads>,
    /// What plain variables are assigned from.
    assigned: Vec<Range<usize>>,
    /// Variables that may begin a word.
    leading: BTreeSet<&'l [u8]>,
}

/// Is one reason against a reference, with the variable that carries its value there.
#[derive(Clone)]
pub(super) struct Found {
    pub context: Context,
    pub through: Option<(Vec<u8>, usize)>,
}

/// Variables that shells set by themselves, to arguments, input or matches.
const AUTOMATIC: [&str; 5] = ["_", "REPLY", "MAPFILE", "BASH_REMATCH", "OPTARG"];

impl<'l> Taint<'l> {
    /// Follows values through assignments. `more` are those that commands make.
    pub(super) fn new(
        line: &'l Line,
        text: &'l [u8],
        references: &'l [Range<usize>],
        more: &'l [Assignment],
        dialect: Dialect,
    ) -> Self {
        let plain = line.assignments.iter().chain(more);
        let plain = plain.filter(|one| is_name(&one.name) && one.from != (0..text.len()));
        let mut taint = Self {
            line,
            dialect,
            references,
            names: BTreeMap::new(),
            named: BTreeMap::new(),
            refused: vec![None; references.len()],
            leads: vec![Leads::default(); references.len()],
            assigned: plain.map(|one| one.from.clone()).collect(),
            leading: BTreeSet::new(),
        };
        if !references.is_empty() {
            taint.names.extend(AUTOMATIC.map(|name| (name.as_bytes(), 0)));
        }
        let mut grows = true;
        while grows {
            grows = false;
            for assignment in line.assignments.iter().chain(more) {
                let name = canonical(&assignment.name);
                if taint.names.contains_key(name) {
                    continue;
                }
                if let Some(source) = taint.source(&assignment.from) {
                    taint.names.insert(name, source);
                    grows = true;
                }
            }
        }
        taint.follow_names(text, more);
        taint
    }

    /// Finds variables that hold the name of another one: where names are evaluated, so is what they name.
    fn follow_names(&mut self, text: &'l [u8], more: &'l [Assignment]) {
        let whole = 0..text.len();
        let all = self.line.assignments.iter().chain(more);
        let all = all.filter(|one| one.from != whole && !one.name.ends_with(b"()"));
        let mentions: Vec<(&[u8], BTreeSet<Vec<u8>>)> = all
            .map(|one| {
                (
                    canonical(&one.name),
                    names(text.get(one.from.clone()).unwrap_or_default())
                        .into_iter()
                        .collect(),
                )
            })
            .collect();
        let mut grows = true;
        while grows {
            grows = false;
            for (name, mentioned) in &mentions {
                if self.names.contains_key(name) || self.named.contains_key(name) {
                    continue;
                }
                let sources = mentioned.iter().map(|one| canonical(one));
                let source = sources
                    .filter_map(|one| self.names.get(one).or_else(|| self.named.get(one)))
                    .next();
                if let Some(&source) = source {
                    self.named.insert(name, source);
                    grows = true;
                }
            }
        }
    }

    /// Returns a reference whose value is in a range, by itself or in a variable.
    fn source(&self, range: &Range<usize>) -> Option<usize> {
        let direct = self.within(range).next();
        direct.or_else(|| self.through(range).map(|(source, ..)| source).next())
    }

    /// Says whether a reference is in a range.
    pub(super) fn has_reference(&self, range: &Range<usize>) -> bool {
        !self.within(range).is_empty()
    }

    /// Refuses all values in a range.
    pub(super) fn forbid(&mut self, range: &Range<usize>, context: &Context) {
        for index in self.within(range) {
            self.refuse(index, context, None);
        }
        self.forbid_carried(range, context);
    }

    fn forbid_carried(&mut self, range: &Range<usize>, context: &Context) {
        let carried: Vec<(usize, Vec<u8>, usize)> = self.through(range).collect();
        for (source, name, at) in carried {
            self.refuse(source, context, Some((name, at)));
        }
    }

    /// Refuses the values of these variables.
    pub(super) fn forbid_names(&mut self, names: &[Vec<u8>], at: usize, context: &Context) {
        for name in names {
            let name_of = canonical(name);
            if let Some(&source) = self.names.get(name_of).or_else(|| self.named.get(name_of)) {
                self.refuse(source, context, Some((name.clone(), at)));
            }
        }
    }

    /// Notes that a program may take for an option what a word begins with.
    pub(super) fn may_lead(&mut self, word: &Word) {
        for index in self.within(&word.leads) {
            self.leads[index].whole = true;
        }
        let range = if word.splits { &word.range } else { &word.leads };
        if word.splits {
            for index in self.within(range) {
                self.leads[index].parts = true;
            }
        }
        let line = self.line;
        let names = line.within(range).iter().map(|expansion| canonical(&expansion.name));
        self.leading.extend(names);
    }

    /// Goes back from the variables that begin words to the references from which their values come.
    pub(super) fn follow_leading(&mut self, more: &'l [Assignment]) {
        let line = self.line;
        let mut by_name: BTreeMap<&[u8], Vec<&Range<usize>>> = BTreeMap::new();
        for assignment in line.assignments.iter().chain(more) {
            by_name
                .entry(canonical(&assignment.name))
                .or_default()
                .push(&assignment.from);
        }
        let everything = 0..usize::MAX;
        let mut next: Vec<&[u8]> = self.leading.iter().copied().collect();
        while let Some(name) = next.pop() {
            let automatic = AUTOMATIC.iter().any(|known| known.as_bytes() == name);
            let from = by_name.get(name).into_iter().flatten().copied();
            for range in from.chain(automatic.then_some(&everything)) {
                for index in self.within(range) {
                    self.leads[index].whole = true;
                    self.leads[index].parts |= line.splits;
                }
                for expansion in line.within(range) {
                    let name = canonical(&expansion.name);
                    if self.leading.insert(name) {
                        next.push(name);
                    }
                }
            }
        }
    }

    /// Refuses all values in a range but those that are only assigned there.
    pub(super) fn forbid_printed(&mut self, range: &Range<usize>, context: &Context) {
        for index in self.within(range) {
            let at = self.references[index].start;
            if !self.assigned.iter().any(|assigned| assigned.contains(&at)) {
                self.refuse(index, context, None);
            }
        }
        self.forbid_carried(range, context);
    }

    /// Refuses the references in a range, but not variables.
    pub(super) fn forbid_here(&mut self, range: &Range<usize>, context: &Context) {
        for index in self.within(range) {
            self.refuse(index, context, None);
        }
    }

    fn refuse(&mut self, index: usize, context: &Context, through: Option<(Vec<u8>, usize)>) {
        if let Some(slot) = self.refused.get_mut(index) {
            slot.get_or_insert_with(|| Found {
                context: context.clone(),
                through,
            });
        }
    }

    fn within(&self, range: &Range<usize>) -> Range<usize> {
        let from = self
            .references
            .partition_point(|reference| reference.start < range.start);
        let to = self.references.partition_point(|reference| reference.start < range.end);
        from..to.max(from)
    }

    fn through(&self, range: &Range<usize>) -> impl Iterator<Item = (usize, Vec<u8>, usize)> {
        self.line.within(range).iter().filter_map(|expansion| {
            let source = self.names.get(canonical(&expansion.name))?;
            Some((*source, expansion.name.clone(), expansion.at))
        })
    }
}

/// All arguments of a function or of the shell are taken for one variable.
fn canonical(name: &[u8]) -> &[u8] {
    if name == b"*" || name.iter().all(u8::is_ascii_digit) {
        return b"@";
    }
    name
}
