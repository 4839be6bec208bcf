//! Whose word stands where both sides changed one thing, and the list of what nobody decided.

use super::error::{Clash, MergeError, Which};

/// What is shown, and not only named: a policy that became looser has to be seen. Scopes are shown in whole, beside this.
const SHOWN: [&str; 2] = ["network", "expiry"];

/// What git makes of the two sides, and so whether a side may be older than what they began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It joins two histories: what both began with comes before both.
    Join,
    /// It makes a change once more, elsewhere: only that change comes after what both began with.
    Replay,
    /// It takes a change back: what both began with is the newer one.
    TakeBack,
}

/// What an author says about differences, and how the sides are called to people.
pub struct Ruling {
    /// What git does.
    pub course: Course,
    /// Whose word stands where the sides differ.
    pub choice: Option<Which>,
    /// Which commit `ours` is.
    pub ours: String,
    /// Which commit `theirs` is.
    pub theirs: String,
}

/// A judgement of one file: applies the ruling, and collects what it says nothing about.
pub(super) struct Judge<'a> {
    ruling: &'a Ruling,
    clashes: Vec<Clash>,
    /// Where each thing that differs was taken from.
    sources: Vec<String>,
}

impl<'a> Judge<'a> {
    pub fn new(ruling: &'a Ruling) -> Self {
        Self {
            ruling,
            clashes: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Takes one side of what cannot be merged; without a ruling it is noted as a clash, and what is returned means nothing.
    pub fn choose(&mut self, what: &'static str, ours: String, theirs: String) -> Which {
        self.ruling.choice.unwrap_or_else(|| {
            self.clashes.push(Clash { what, ours, theirs });
            Which::Ours
        })
    }

    /// What git does.
    pub fn course(&self) -> Course {
        self.ruling.course
    }

    /// Notes that everything was taken from one side.
    pub fn took_all(&mut self, text: String) {
        self.sources = vec![text];
    }

    /// Merges one field: what only one side changed is taken from it.
    pub fn field<T: Clone + PartialEq>(
        &mut self,
        what: &'static str,
        base: Option<&T>,
        (ours, theirs): (&T, &T),
        show: impl Fn(&T) -> String,
    ) -> T {
        if ours == theirs {
            return ours.clone();
        }
        let which = match base {
            Some(base) if base == theirs => Which::Ours,
            Some(base) if base == ours => Which::Theirs,
            _ => self.choose(what, show(ours), show(theirs)),
        };
        let (taken, other) = match which {
            Which::Ours => (ours, theirs),
            Which::Theirs => (theirs, ours),
        };
        let (is, is_not) = (show(taken), show(other));
        let text = match SHOWN.contains(&what) {
            true => format!("{what} from {which} ({is}, not {is_not})"),
            false => format!("{what} from {which}"),
        };
        self.sources.push(text);
        taken.clone()
    }

    /// Notes where something was taken from; `None` is both sides.
    pub fn took(&mut self, what: &'static str, which: Option<Which>) {
        let from = which.map_or_else(|| "both sides".to_owned(), |which| which.to_string());
        self.sources.push(format!("{what} from {from}"));
    }

    /// Ends the judgement.
    ///
    /// # Errors
    /// [`MergeError::Clash`] with everything that nobody decided.
    pub fn settle(self, path: &str) -> Result<Vec<String>, MergeError> {
        if self.clashes.is_empty() {
            return Ok(self.sources);
        }
        Err(MergeError::Clash {
            path: path.into(),
            clashes: self.clashes,
            ours: self.ruling.ours.clone(),
            theirs: self.ruling.theirs.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(choice: Option<Which>, base: Option<u8>, ours: u8, theirs: u8) -> Result<u8, String> {
        let ruling = Ruling {
            choice,
            course: Course::Join,
            ours: String::new(),
            theirs: String::new(),
        };
        let mut judge = Judge::new(&ruling);
        let merged = judge.field("it", base.as_ref(), (&ours, &theirs), u8::to_string);
        judge.settle("x").map(|_| merged).map_err(|error| error.to_string())
    }

    #[test]
    fn what_one_side_changed_is_taken_from_it() {
        assert_eq!(merged(None, Some(1), 1, 2), Ok(2));
        assert_eq!(merged(None, Some(1), 2, 1), Ok(2));
        assert_eq!(merged(None, Some(1), 2, 2), Ok(2));
        assert_eq!(merged(None, None, 2, 2), Ok(2));
        // Also against a ruling, which is about differences only.
        assert_eq!(merged(Some(Which::Ours), Some(1), 1, 2), Ok(2));
    }

    #[test]
    fn two_changes_are_refused_unless_somebody_decides() {
        let text = "x: both sides changed it to something else: it (ours: 2; theirs: 3)";
        assert_eq!(merged(None, Some(1), 2, 3), Err(text.into()));
        assert_eq!(merged(None, None, 2, 3), Err(text.into()));
        assert_eq!(merged(Some(Which::Ours), Some(1), 2, 3), Ok(2));
        assert_eq!(merged(Some(Which::Theirs), None, 2, 3), Ok(3));
    }
}
