//! Colours, where they are wanted.
//!
//! Decides per stream, once; never colours what is not a terminal, and carries no meaning by colour alone.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};

/// Says whether text for one stream is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    coloured: bool,
}

/// Is a way text can look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    #[default]
    Plain,
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// What is wrong.
    Red,
    /// What needs attention.
    Yellow,
    /// What is well.
    Green,
}

impl Style {
    /// Never colours.
    pub const PLAIN: Self = Self { coloured: false };

    /// Decides for standard output.
    pub fn stdout() -> Self {
        Self::decide(
            io::stdout().is_terminal(),
            env::var_os("TERM").as_deref(),
            env::var_os("NO_COLOR").as_deref(),
        )
    }

    /// Decides for standard error.
    pub fn stderr() -> Self {
        Self::decide(
            io::stderr().is_terminal(),
            env::var_os("TERM").as_deref(),
            env::var_os("NO_COLOR").as_deref(),
        )
    }

    /// Paints a text, which is expected to be escaped already.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Red => "31",
            Paint::Yellow => "33",
            Paint::Green => "32",
        };
        if self.coloured && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Paints [`Paint::Bold`].
    pub fn bold(self, text: &str) -> String {
        self.paint(Paint::Bold, text)
    }

    /// Paints [`Paint::Dim`].
    pub fn dim(self, text: &str) -> String {
        self.paint(Paint::Dim, text)
    }

    /// Paints [`Paint::Red`].
    pub fn red(self, text: &str) -> String {
        self.paint(Paint::Red, text)
    }

    /// Paints [`Paint::Yellow`].
    pub fn yellow(self, text: &str) -> String {
        self.paint(Paint::Yellow, text)
    }

    /// Paints [`Paint::Green`].
    pub fn green(self, text: &str) -> String {
        self.paint(Paint::Green, text)
    }

    fn decide(terminal: bool, term: Option<&OsStr>, no_color: Option<&OsStr>) -> Self {
        let dumb = term.is_some_and(|term| term == "dumb");
        let refused = no_color.is_some_and(|value| !value.is_empty());
        Self {
            coloured: terminal && !dumb && !refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_willing_terminal() {
        let some = |text: &'static str| Some(OsStr::new(text));
        for (terminal, term, no_color, coloured) in [
            (true, some("xterm"), None, true),
            (true, None, None, true),
            (true, some("xterm"), some(""), true),
            (true, some("xterm"), some("1"), false),
            (true, some("xterm"), some("0"), false),
            (true, some("dumb"), None, false),
            (false, some("xterm"), None, false),
        ] {
            assert_eq!(
                Style::decide(terminal, term, no_color),
                Style { coloured },
                "{terminal} {term:?} {no_color:?}"
            );
        }
    }

    #[test]
    fn painting_wraps_the_text_or_leaves_it() {
        let on = Style { coloured: true };
        assert_eq!(on.red("no"), "\x1b[31mno\x1b[0m");
        assert_eq!(on.bold("N"), "\x1b[1mN\x1b[0m");
        assert_eq!(on.paint(Paint::Plain, "x"), "x");
        assert_eq!(on.green(""), "");
        assert_eq!(Style::PLAIN.yellow("x"), "x");
        assert_eq!(Style::PLAIN.dim("x"), "x");
    }
}
