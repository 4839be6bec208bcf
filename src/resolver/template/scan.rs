//! Finds references, broken references and near misses in a text.
//!
//! One pass, linear in the text however it is built: what is looked at behind one opening is never looked
//! at again behind the next. Never changes a byte, never judges anything but the text.

use memchr::memmem::Finder;
use vault_format::CredentialName;

use crate::resolver::template::error::{Problem, TemplateError, TemplateErrors};
use crate::resolver::template::filter::{Filter, MAX_FILTERS};
use crate::resolver::template::piece::{Piece, Reference};

/// The longest name: four segments of 64, and three slashes.
const MAX_NAME: usize = 4 * 64 + 3;

/// After this many errors a text is not looked at any further: each takes memory, and nobody reads a thousand.
const MAX_ERRORS: usize = 1000;

/// How much of a refused placeholder an error shows, in bytes.
const MAX_SHOWN: usize = 60;

/// Takes a text apart.
pub(super) fn scan(source: &[u8]) -> Result<Vec<Piece<'_>>, TemplateErrors> {
    let mut openings = Openings::new(source);
    let mut lines = Lines::new(source);
    let mut pieces = Vec::new();
    let mut errors = Vec::new();
    let mut literal_from = 0;
    let mut at = 0;
    while let Some((start, brackets)) = openings.next_from(at) {
        at = start + 2;
        match look(source, start, brackets) {
            Found::Text => {}
            Found::Reference(reference) => {
                if literal_from < start {
                    pieces.push(Piece::Literal(&source[literal_from..start]));
                }
                at = reference.range.end;
                literal_from = at;
                pieces.push(Piece::Reference(reference));
            }
            Found::Refused { end, problem } => {
                let (line, column) = lines.locate(start);
                errors.push(TemplateError {
                    line,
                    column,
                    found: excerpt(source, start, end),
                    problem,
                });
                if errors.len() == MAX_ERRORS {
                    break;
                }
            }
        }
    }
    if literal_from < source.len() {
        pieces.push(Piece::Literal(&source[literal_from..]));
    }
    if errors.is_empty() {
        Ok(pieces)
    } else {
        Err(TemplateErrors(errors))
    }
}

/// A pair of brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    Angle,
    Brace,
}

impl Brackets {
    const fn close(self) -> &'static str {
        match self {
            Self::Angle => ">>",
            Self::Brace => "}}",
        }
    }
}

/// What stands at an opening.
enum Found {
    Text,
    Reference(Reference),
    /// `end` is where the part to show ends.
    Refused {
        end: usize,
        problem: Problem,
    },
}

/// Judges one opening at `start`.
fn look(source: &[u8], start: usize, brackets: Brackets) -> Found {
    let inside = start + 2;
    let word = inside + run(source, inside, is_blank);
    if source[word..].starts_with(b"secure.") {
        return match reference(source, start, brackets, word + b"secure.".len()) {
            Ok(reference) => Found::Reference(reference),
            Err((end, problem)) => Found::Refused { end, problem },
        };
    }
    match near_miss(source, brackets, inside) {
        Some((end, problem)) => Found::Refused { end, problem },
        None => Found::Text,
    }
}

/// Reads what must be a reference, from behind its dot. An error says up to where it read.
fn reference(source: &[u8], start: usize, brackets: Brackets, name_at: usize) -> Result<Reference, (usize, Problem)> {
    let mut at = name_at + run(source, name_at, is_name);
    let name = name(source, name_at, at)?;
    at += run(source, at, is_blank);
    let mut filters = Vec::new();
    while source.get(at) == Some(&b'|') {
        at += 1;
        at += run(source, at, is_blank);
        let filter_at = at;
        at += run(source, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let filter = filter(source, filter_at, at)?;
        if source.get(at) == Some(&b'(') {
            return Err((at + 1, Problem::FilterArguments { filter }));
        }
        filters.push(filter);
        if filters.len() > MAX_FILTERS {
            return Err((at, Problem::TooManyFilters));
        }
        at += run(source, at, is_blank);
    }
    let close = brackets.close();
    let rest = &source[at..];
    if rest.starts_with(close.as_bytes()) {
        let end = at + close.len();
        return Ok(Reference {
            name,
            filters,
            range: start..end,
        });
    }
    Err(match rest {
        [] | [b'\n', ..] | [b'\r', b'\n', ..] => (at, Problem::NotClosed { close }),
        [mark, tail @ ..] if is_mark(*mark) && tail.starts_with(close.as_bytes()) => {
            let mark = char::from(*mark);
            (at + 1 + close.len(), Problem::WhitespaceControl { mark })
        }
        _ => {
            let found = describe(source, at);
            (after(source, at), Problem::NotEnded { close, found })
        }
    })
}

/// Reads the name in `source[from..to]`, and looks at what follows to say what is wrong.
fn name(source: &[u8], from: usize, to: usize) -> Result<CredentialName, (usize, Problem)> {
    let next = source.get(to);
    if from == to {
        let found = describe(source, to);
        return Err((after(source, to), Problem::NoName { found }));
    }
    if next.is_some_and(|byte| !b" \t\r\n|><}{".contains(byte)) {
        let found = describe(source, to);
        return Err((after(source, to), Problem::InName { found }));
    }
    let length = to - from;
    if length > MAX_NAME {
        return Err((to, Problem::NameTooLong { length }));
    }
    // Only ASCII got here, so nothing is replaced.
    String::from_utf8_lossy(&source[from..to])
        .parse::<CredentialName>()
        .map_err(|error| {
            let reason = error.rule;
            (to, Problem::Name { reason })
        })
}

/// Reads the filter in `source[from..to]`.
fn filter(source: &[u8], from: usize, to: usize) -> Result<Filter, (usize, Problem)> {
    let word = &source[from..to];
    if let Some(filter) = Filter::named(word) {
        return Ok(filter);
    }
    if word.is_empty() {
        let found = describe(source, to);
        return Err((after(source, to), Problem::NoFilter { found }));
    }
    let filter = excerpt(source, from, to);
    let nearest = Filter::nearest(&filter);
    Err((to, Problem::UnknownFilter { filter, nearest }))
}

/// Recognises what is plainly meant as a reference; the module's page has the rule.
fn near_miss(source: &[u8], brackets: Brackets, inside: usize) -> Option<(usize, Problem)> {
    let mark = source.get(inside).copied().filter(|&byte| is_mark(byte));
    let lead = Blanks::at(source, inside + usize::from(mark.is_some()));
    let word = source.get(lead.end..lead.end + b"secure".len())?;
    if !word.eq_ignore_ascii_case(b"secure") {
        return None;
    }
    let exact = word == b"secure";
    let word_end = lead.end + word.len();
    let gap = Blanks::at(source, word_end);
    let next = source.get(gap.end)?;

    // Without a dot or another separator it takes more to be sure: `tight` means no blank at the brackets.
    let may_be_tight = brackets == Brackets::Angle && exact && lead.end == inside;
    let separator = || Problem::Separator {
        found: describe(source, word_end),
    };
    let (body, tight, problem) = match next {
        b'.' => {
            let behind = Blanks::at(source, gap.end + 1);
            let call = gap.end > word_end && behind.end == gap.end + 1;
            if brackets == Brackets::Brace && call {
                return None;
            }
            let problem = match gap.problem().or_else(|| behind.problem()) {
                Some(problem) => problem,
                None if exact => Problem::BlankAtDot,
                None => Problem::Case {
                    word: String::from_utf8_lossy(word).into_owned(),
                },
            };
            (behind.end, false, problem)
        }
        b':' | b'/' | b'[' if gap.end == word_end => (word_end + 1, false, separator()),
        b'-' if gap.end == word_end && may_be_tight => (word_end + 1, true, separator()),
        byte if gap.end > word_end && is_name(*byte) && may_be_tight => (gap.end, true, separator()),
        _ => return None,
    };

    let bracketed = source.get(word_end) == Some(&b'[');
    let body_end = body
        + run(source, body, |byte| match byte {
            b'.' | b':' => !tight,
            b'"' | b'\'' | b']' => bracketed,
            _ => is_name(byte),
        });
    if body_end == body {
        return None;
    }
    let mut end = Blanks::at(source, body_end).end;
    if source.get(end) == Some(&b'|') {
        end += run(source, end, |byte| !b"<>{}\r\n".contains(&byte));
    }
    let trailing_mark = source.get(end).copied().filter(|&byte| is_mark(byte));
    let close_at = end + usize::from(trailing_mark.is_some());
    if !source[close_at..].starts_with(brackets.close().as_bytes()) {
        return None;
    }
    if tight && (trailing_mark.is_some() || is_blank(source[close_at - 1])) {
        return None;
    }
    let problem = match mark.or(trailing_mark) {
        Some(mark) => Problem::WhitespaceControl { mark: char::from(mark) },
        None => lead.problem().unwrap_or(problem),
    };
    Some((close_at + 2, problem))
}

/// White space of any kind, for near misses.
struct Blanks {
    end: usize,
    line_break: bool,
    odd: Option<char>,
}

impl Blanks {
    fn at(source: &[u8], from: usize) -> Self {
        let mut blanks = Self {
            end: from,
            line_break: false,
            odd: None,
        };
        while let Some(char) = char_at(source, blanks.end) {
            match char {
                ' ' | '\t' => {}
                '\n' | '\r' => blanks.line_break = true,
                '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => blanks.odd = Some(char),
                _ if char.is_whitespace() => blanks.odd = Some(char),
                _ => break,
            }
            blanks.end += char.len_utf8();
        }
        blanks
    }

    /// Says what no reference has.
    fn problem(&self) -> Option<Problem> {
        if self.line_break {
            return Some(Problem::LineBreak);
        }
        self.odd.map(|blank| Problem::OddBlank { blank })
    }
}

/// Finds `<<` and `{{`, the innermost of a longer row.
struct Openings<'s> {
    source: &'s [u8],
    finders: [(Finder<'static>, Brackets, Option<usize>); 2],
}

impl<'s> Openings<'s> {
    fn new(source: &'s [u8]) -> Self {
        let finder = |needle: &'static str, brackets| {
            let finder = Finder::new(needle);
            let first = finder.find(source);
            (finder, brackets, first)
        };
        let finders = [finder("<<", Brackets::Angle), finder("{{", Brackets::Brace)];
        Self { source, finders }
    }

    fn next_from(&mut self, from: usize) -> Option<(usize, Brackets)> {
        for (finder, _, next) in &mut self.finders {
            if next.is_some_and(|at| at < from) {
                *next = finder.find(&self.source[from..]).map(|at| from + at);
            }
        }
        let (mut at, brackets) = self
            .finders
            .iter()
            .filter_map(|(_, brackets, next)| next.map(|at| (at, *brackets)))
            .min_by_key(|(at, _)| *at)?;
        while self.source.get(at + 2) == Some(&self.source[at]) {
            at += 1;
        }
        Some((at, brackets))
    }
}

/// Turns offsets into lines and columns. Cheap for offsets that rise.
pub(super) struct Lines<'s> {
    source: &'s [u8],
    counted: usize,
    line: usize,
    line_start: usize,
}

impl<'s> Lines<'s> {
    pub(super) const fn new(source: &'s [u8]) -> Self {
        Self {
            source,
            counted: 0,
            line: 1,
            line_start: 0,
        }
    }

    /// Returns line and column, both from 1. Offsets must not fall between calls.
    pub(super) fn locate(&mut self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.source.len());
        let passed = self.source.get(self.counted..offset).unwrap_or_default();
        for newline in memchr::memchr_iter(b'\n', passed) {
            self.line += 1;
            self.line_start = self.counted + newline + 1;
        }
        self.counted = self.counted.max(offset);
        (self.line, offset - self.line_start + 1)
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The bytes a name is made of; which orders of them are names is for [`CredentialName`] to say.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/')
}

/// Whitespace control of Jinja and Handlebars.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'-' | b'~' | b'+')
}

/// Counts the bytes from `from` that are of a kind.
fn run(source: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    source[from..]
        .iter()
        .position(|&byte| !is(byte))
        .unwrap_or(source.len() - from)
}

/// Reads the character at an offset, if there is a valid one.
fn char_at(source: &[u8], at: usize) -> Option<char> {
    let rest = source.get(at..)?;
    (1..=rest.len().min(4))
        .find_map(|length| std::str::from_utf8(&rest[..length]).ok())
        .and_then(|text| text.chars().next())
}

/// Returns the offset behind the character at an offset, which is the offset itself at a line's end.
fn after(source: &[u8], at: usize) -> usize {
    match source.get(at) {
        None | Some(b'\n' | b'\r') => at,
        Some(_) => at + char_at(source, at).map_or(1, char::len_utf8),
    }
}

/// Says what stands at an offset.
fn describe(source: &[u8], at: usize) -> String {
    match (source.get(at), char_at(source, at)) {
        (None, _) => "the end of the text".to_owned(),
        (Some(b'\n' | b'\r'), _) => "the end of the line".to_owned(),
        (Some(b' ' | b'\t'), _) => "a blank".to_owned(),
        (_, Some(char)) if char.is_control() || char.is_whitespace() => {
            format!("U+{:04X}", u32::from(char))
        }
        (_, Some(char)) => format!("'{char}'"),
        (Some(byte), None) => format!("byte 0x{byte:02x}"),
    }
}

/// Shows a part of the text, cut at [`MAX_SHOWN`].
fn excerpt(source: &[u8], from: usize, to: usize) -> String {
    let part = &source[from..to];
    if part.len() <= MAX_SHOWN {
        return String::from_utf8_lossy(part).into_owned();
    }
    // A character cut in two would show as damage that is not in the text.
    let mut cut = MAX_SHOWN;
    while cut > MAX_SHOWN - 3 && part[cut] & 0xc0 == 0x80 {
        cut -= 1;
    }
    format!("{}…", String::from_utf8_lossy(&part[..cut]))
}
