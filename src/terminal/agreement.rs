//! What a person is asked to agree to, as a text in which what the caller wrote cannot pass for what this program says.
//!
//! Every line of the caller's is marked, nothing of it is left out but the number of blanks in a row, and what it is about stands right
//! before the question again: whatever was scrolled away. More than a person can be expected to read is refused, never shortened.

use thiserror::Error;

use crate::terminal::escape::acts;

/// The most lines of a terminal that a person is asked to read.
const LINES_MAX: usize = 200;

/// From how many blanks in a row on they are counted rather than shown.
const BLANKS_MAX: usize = 16;

/// What stands before every line of the caller's.
const MARK: &str = "  | ";

/// The widest text. A terminal says how wide it is, and whoever starts this program may have told it another width.
const WIDEST: usize = 100;

/// The narrowest text; a terminal that is narrower breaks its lines itself.
const NARROWEST: usize = 40;

/// One request for credentials.
pub struct Agreement<'a> {
    /// Who wants them.
    pub member: &'a str,
    /// Which.
    pub credentials: &'a [String],
    /// What for: `run this command`.
    pub purpose: &'a str,
    /// All that the caller wrote, part by part.
    pub shown: &'a [String],
}

/// More than a person can be asked to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it has {lines} lines, and nobody is asked to read more than {LINES_MAX}")]
pub struct TooLong {
    /// How many lines it has.
    pub lines: usize,
}

impl Agreement<'_> {
    /// Returns the question, in lines of at most `width` columns, and of 100; the last one is `Agree?`.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn question(&self, width: usize) -> Result<String, TooLong> {
        let width = width.clamp(NARROWEST, WIDEST);
        let names: Vec<String> = self.credentials.iter().map(|name| format!("'{name}'")).collect();
        let use_of = format!("{} to {}", names.join(", "), self.purpose);
        let marked: Vec<String> = self
            .shown
            .iter()
            .flat_map(|part| rows(part, width - MARK.len()))
            .collect();
        let count = match marked.len() {
            1 => "this one line".into(),
            many => format!("these {many} lines"),
        };
        let mut lines = rows(&format!("member '{}' wants to use {use_of}:", self.member), width);
        lines.extend(marked.into_iter().map(|row| format!("{MARK}{row}")));
        lines.extend(rows(&format!("That is all of it, {count} marked with '|'."), width));
        lines.extend(rows(
            &format!("It would let member '{}' use {use_of}.", self.member),
            width,
        ));
        lines.push("Agree?".into());
        match lines.len() > LINES_MAX {
            true => Err(TooLong { lines: lines.len() }),
            false => Ok(lines.join("\n")),
        }
    }
}

/// Breaks a text into lines that a terminal need not break. Whatever is not seen, or is seen as another character, becomes visible; a line
/// break is both shown and made.
fn rows(text: &str, width: usize) -> Vec<String> {
    let mut rows = Rows {
        all: Vec::new(),
        row: String::new(),
        columns: 0,
        width,
    };
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        if blanks > BLANKS_MAX {
            rows.push(&format!("[… {} blanks …]", grouped(blanks)));
            rest = &rest[blanks..];
            continue;
        }
        match blanks {
            0 if is_shown(char) => rows.push(&rest[..char.len_utf8()]),
            0 => rows.push(&format!("\\u{{{:x}}}", u32::from(char))),
            many => (0..many).for_each(|_| rows.push(" ")),
        }
        rest = &rest[blanks.max(char.len_utf8())..];
        if char == '\n' && !rest.is_empty() {
            rows.end();
        }
    }
    rows.end();
    rows.all
}

/// Lines that are being filled.
struct Rows {
    all: Vec<String>,
    row: String,
    columns: usize,
    width: usize,
}

impl Rows {
    /// Adds what must stand on one line.
    fn push(&mut self, piece: &str) {
        // How wide a character is, each terminal decides; none makes one wider than two columns.
        let columns = piece
            .chars()
            .map(|char| if char.is_ascii() { 1 } else { 2 })
            .sum::<usize>();
        if self.columns + columns > self.width && self.columns > 0 {
            self.end();
        }
        self.row.push_str(piece);
        self.columns += columns;
    }

    fn end(&mut self) {
        self.all.push(std::mem::take(&mut self.row));
        self.columns = 0;
    }
}

/// Tells whether a character is seen as what it is; no blank but the plain one is.
fn is_shown(char: char) -> bool {
    !acts(char) && !char.is_whitespace() && char != '\u{2800}'
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(shown: &[&str], width: usize) -> Result<String, TooLong> {
        Agreement {
            member: "dev",
            credentials: &["other".into(), "token".into()],
            purpose: "run this command",
            shown: &shown.iter().map(|&part| part.to_owned()).collect::<Vec<_>>(),
        }
        .question(width)
    }

    #[test]
    fn it_says_what_it_is_about_before_and_after_what_the_caller_wrote() {
        assert_eq!(
            ask(&["curl 'a b'", "with the variable A=1"], 100).unwrap(),
            "member 'dev' wants to use 'other', 'token' to run this command:\n  \
             | curl 'a b'\n  \
             | with the variable A=1\n\
             That is all of it, these 2 lines marked with '|'.\n\
             It would let member 'dev' use 'other', 'token' to run this command.\n\
             Agree?"
        );
    }

    #[test]
    fn every_line_of_the_callers_is_marked_and_none_is_wider_than_the_terminal() {
        let wide = "日本".repeat(40);
        let parts = [
            "x".repeat(500),
            format!("a\n\nAgree? [y/N] y\r\n{wide}"),
            "\u{1b}[2J".repeat(30),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        for width in [0, 40, 47, 80, 100, 9999] {
            let text = ask(&parts, width).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let first = lines.iter().position(|line| line.starts_with(MARK)).unwrap();
            let last = lines.iter().rposition(|line| line.starts_with(MARK)).unwrap();
            assert!(lines[first..=last].iter().all(|line| line.starts_with(MARK)), "{text}");
            let columns = |line: &&str| {
                line.chars()
                    .map(|char| if char.is_ascii() { 1 } else { 2 })
                    .sum::<usize>()
            };
            assert!(
                lines.iter().map(columns).max().unwrap() <= width.clamp(NARROWEST, WIDEST),
                "{width}: {text}"
            );
            assert!(!text.contains(['\u{1b}', '\r']));
            assert!(lines[first..=last].concat().replace(MARK, "").contains(&wide));
        }
        assert_eq!(rows("a\nb\n", 40), ["a\\u{a}", "b\\u{a}"]);
        assert_eq!(rows("", 40), [""]);
    }

    #[test]
    fn blanks_are_counted_and_none_passes_for_another() {
        assert_eq!(
            rows(&format!("a{}b", " ".repeat(16)), 80),
            [format!("a{}b", " ".repeat(16))]
        );
        assert_eq!(rows(&format!("a{}b", " ".repeat(3000)), 80), ["a[… 3,000 blanks …]b"]);
        assert_eq!(rows(&" ".repeat(1_234_567), 80), ["[… 1,234,567 blanks …]"]);
        assert_eq!(
            rows("\u{a0}\u{3000}\u{2800}\u{200b}\t", 80),
            ["\\u{a0}\\u{3000}\\u{2800}\\u{200b}\\u{9}"]
        );
    }

    #[test]
    fn what_nobody_would_read_is_refused_as_a_whole() {
        let error = ask(&[&"\n".repeat(3000)], 80).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it has 3004 lines, and nobody is asked to read more than 200"
        );
        assert!(ask(&[&"\n".repeat(190)], 80).is_ok());
        assert!(ask(&vec!["x"; 300], 80).is_err());
        assert!(ask(&[&"\t".repeat(20_000)], 80).is_err());
    }
}
