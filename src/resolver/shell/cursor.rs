//! The lexer's place in the text: what comes next, and what becomes of a reference there.
//!
//! Knows no grammar.

use std::ops::Range;

use crate::resolver::shell::error::Context;
use crate::resolver::shell::lexer::{Confusion, Lexer, MAX_DEPTH, Step};
use crate::resolver::shell::line::{Command, DYNAMIC, Input, Style};

impl Lexer<'_> {
    /// Returns a byte ahead, with [`DYNAMIC`] for any byte of a reference.
    pub(super) fn look(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        if at >= self.end {
            return None;
        }
        let next = self.references.partition_point(|range| range.end <= at);
        let inside = self.references.get(next).is_some_and(|range| range.start <= at);
        Some(if inside { DYNAMIC } else { self.text[at] })
    }

    /// Returns the number of the reference that begins here.
    pub(super) fn reference(&self) -> Option<usize> {
        let found = self.references.binary_search_by_key(&self.at, |range| range.start);
        found.ok().filter(|&index| self.references[index].end <= self.end)
    }

    /// Passes a reference, in the place that it has.
    pub(super) fn place(&mut self, style: Style) -> Step {
        let Some(index) = self.reference() else {
            return self.confused("a reference that is cut in two");
        };
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        let outcome = match (&self.refusing, before) {
            (Some(context), _) => Err(context.clone()),
            (None, Some(b'\\')) if style != Style::Single => Err(Context::Backslash),
            (None, Some(b'$')) if style != Style::Single => Err(Context::Dollar),
            (None, _) => Ok(style),
        };
        self.line.slots[index] = Some(outcome);
        self.at = self.references[index].end;
        Ok(())
    }

    /// Passes a reference that cannot stand where it does.
    pub(super) fn refuse(&mut self, index: usize, context: Context) {
        self.line.slots[index] = Some(Err(context));
        self.at = self.references[index].end;
    }

    /// Reads something in which no reference may stand.
    pub(super) fn refusing<T>(&mut self, context: Context, read: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let outer = self.refusing.clone();
        // The outermost says best what is wrong.
        self.refusing.get_or_insert(context);
        let result = read(self);
        self.refusing = outer;
        result
    }

    /// Reads something nested.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        if self.depth >= MAX_DEPTH {
            return self.confused("very deep nesting");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Returns the numbers of the references in a range.
    pub(super) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let from = self
            .references
            .partition_point(|reference| reference.start < range.start);
        let to = self.references.partition_point(|reference| reference.start < range.end);
        from..to.max(from)
    }

    pub(super) fn confused<T>(&self, what: &'static str) -> Step<T> {
        Err(self.confusion_at(what, self.at))
    }

    pub(super) const fn confusion_at(&self, what: &'static str, at: usize) -> Confusion {
        Confusion { what, at }
    }

    /// Notes where a command's input comes from.
    pub(super) fn input(&mut self, command: &mut Command, input: Input) {
        self.line.feeds = true;
        command.inputs.push(input);
    }
}
