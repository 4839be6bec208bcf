//! Tables without borders that fit the terminal.
//!
//! On a terminal, flexible columns give way, the widest first, and their text is wrapped onto further lines:
//! nothing is ever cut off, since the end of a scope matters as much as its beginning. Elsewhere every row is one
//! line. Widths are counted in characters, and every cell is escaped.

use std::io::{self, IsTerminal as _, Write as _};

use crate::terminal::escape;
use crate::terminal::style::{Paint, Style};

/// Between two columns.
const GAP: &str = "  ";

/// A flexible column gets no narrower than this, or than its title.
const NARROWEST: usize = 12;

/// Describes one column.
#[derive(Clone, Debug)]
pub struct Column {
    title: String,
    flexible: bool,
    right: bool,
}

impl Column {
    /// Keeps the width of its widest cell.
    pub fn fixed(title: &str) -> Self {
        Self {
            title: escape(title).into_owned(),
            flexible: false,
            right: false,
        }
    }

    /// Is wrapped where the terminal is too narrow.
    pub fn flexible(title: &str) -> Self {
        Self {
            flexible: true,
            ..Self::fixed(title)
        }
    }

    /// Is aligned to the right.
    pub fn number(title: &str) -> Self {
        Self {
            right: true,
            ..Self::fixed(title)
        }
    }
}

/// Is a text of a table and how it looks.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// Takes a text, to be shown in a colour where there are colours.
    pub fn painted(text: &str, paint: Paint) -> Self {
        Self {
            text: escape(text).into_owned(),
            paint,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::painted(text, Paint::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

/// Collects rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Starts an empty table.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Missing cells are empty, surplus ones are dropped.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let mut cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), Cell::from(""));
        self.rows.push(cells);
        self
    }

    /// Says whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes it to standard output, fitted to the terminal if that is one.
    ///
    /// # Errors
    /// What writing to standard output gives.
    pub fn print(&self) -> io::Result<()> {
        let stdout = io::stdout();
        let width = stdout
            .is_terminal()
            .then(|| terminal_size::terminal_size_of(&stdout))
            .flatten()
            // A terminal that was never told its size, say a new pseudo-terminal, reports none.
            .map(|(width, _)| usize::from(width.0))
            .filter(|&width| width > 0);
        let mut stdout = stdout.lock();
        stdout.write_all(self.text(width, Style::stdout()).as_bytes())?;
        stdout.flush()
    }

    /// Returns it as text, within a width in characters where one is given and the columns allow.
    pub fn text(&self, width: Option<usize>, style: Style) -> String {
        let widths = self.widths(width);
        let header: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell {
                text: column.title.clone(),
                paint: Paint::Bold,
            })
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            self.write_row(&mut text, row, &widths, style);
        }
        text
    }

    /// Chooses the columns' widths.
    fn widths(&self, available: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| count(&column.title)).collect();
        let narrowest: Vec<usize> = widths.iter().map(|&title| title.max(NARROWEST)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(count(&cell.text));
            }
        }
        let Some(available) = available else {
            return widths;
        };
        let gaps = GAP.len() * self.columns.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(available);
        while excess > 0 {
            let widest = (0..widths.len())
                .filter(|&index| self.columns[index].flexible && widths[index] > narrowest[index])
                .max_by_key(|&index| widths[index]);
            let Some(widest) = widest else {
                break;
            };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }

    /// Writes one row, as many lines as its longest cell needs.
    fn write_row(&self, text: &mut String, row: &[Cell], widths: &[usize], style: Style) {
        let wrapped: Vec<Vec<&str>> = row
            .iter()
            .zip(widths)
            .map(|(cell, &width)| wrap(&cell.text, width))
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            // Blanks are owed until something follows them, so that no line ends in blanks.
            let mut owed = 0;
            for (index, lines) in wrapped.iter().enumerate() {
                if index > 0 {
                    owed += GAP.len();
                }
                let part = lines.get(line).copied().unwrap_or("");
                let padding = widths[index].saturating_sub(count(part));
                if part.is_empty() {
                    owed += padding;
                    continue;
                }
                let right = self.columns[index].right;
                text.push_str(&" ".repeat(owed + if right { padding } else { 0 }));
                text.push_str(&style.paint(row[index].paint, part));
                owed = if right { 0 } else { padding };
            }
            text.push('\n');
        }
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Breaks a text into lines of at most `width` characters: at blanks, after commas and slashes, else anywhere.
fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while count(rest) > width {
        // The first byte that does not fit. There is one, and `width` is at least a title's.
        let Some((limit, _)) = rest.char_indices().nth(width.max(1)) else {
            break;
        };
        let head = &rest[..limit];
        let end = if rest[limit..].starts_with(' ') {
            limit
        } else {
            head.rfind([' ', ',', '/']).map_or(limit, |at| at + 1)
        };
        lines.push(rest[..end].trim_end());
        rest = rest[end..].trim_start();
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Table {
        let mut table = Table::new([
            Column::fixed("NAME"),
            Column::flexible("MEMBERS"),
            Column::number("SERIAL"),
            Column::flexible("NOTE"),
        ]);
        table
            .row(["github_pat", "fleet-dev, fleet-rev, fleet-ops", "4", "CI token"])
            .row(["x", "*", "12"]);
        table
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        assert_eq!(
            fleet().text(None, Style::PLAIN),
            "NAME        MEMBERS                          SERIAL  NOTE\n\
             github_pat  fleet-dev, fleet-rev, fleet-ops       4  CI token\n\
             x           *                                    12\n"
        );
    }

    #[test]
    fn the_widest_flexible_column_is_wrapped() {
        assert_eq!(
            fleet().text(Some(52), Style::PLAIN),
            "NAME        MEMBERS                 SERIAL  NOTE\n\
             github_pat  fleet-dev, fleet-rev,        4  CI token\n\
             \x20           fleet-ops\n\
             x           *                           12\n"
        );
    }

    #[test]
    fn every_line_fits_and_nothing_is_lost() {
        let mut table = Table::new([Column::fixed("ID"), Column::flexible("WORDS")]);
        let words = "alpha,beta gamma/delta ".repeat(9) + &"y".repeat(70);
        table.row(["1", words.as_str()]);
        for width in 20..260 {
            let text = table.text(Some(width), Style::PLAIN);
            assert!(text.lines().all(|line| count(line) <= width), "{width}\n{text}");
            let shown: String = text.split_whitespace().skip(3).collect();
            assert_eq!(shown, words.replace(' ', ""), "{width}");
        }
    }

    #[test]
    fn too_narrow_a_terminal_keeps_the_least_widths() {
        let text = fleet().text(Some(3), Style::PLAIN);
        assert!(text.starts_with("NAME        MEMBERS       SERIAL  NOTE\n"), "{text}");
    }

    #[test]
    fn cells_are_escaped_and_counted_as_shown() {
        let mut table = Table::new([Column::fixed("A"), Column::fixed("B")]);
        table.row(["\x1b[2J\n", "é"]).row(["ü", "\u{202e}"]);
        assert_eq!(
            table.text(None, Style::PLAIN),
            "A               B\n\\u{1b}[2J\\u{a}  é\nü               \\u{202e}\n"
        );
    }

    #[test]
    fn short_rows_are_filled_and_an_empty_table_is_its_header() {
        let mut table = Table::new([Column::fixed("A"), Column::fixed("B")]);
        assert!(table.is_empty());
        assert_eq!(table.text(Some(80), Style::PLAIN), "A  B\n");
        table.row(["1", "2", "3"]).row([""; 0]);
        assert_eq!(table.text(Some(80), Style::PLAIN), "A  B\n1  2\n\n");
        assert!(!table.is_empty());
    }
}
