//! Questions to the person at the terminal, whatever standard input and output are.
//!
//! A typed value goes into memory that is wiped, and is never shown. Never answers for the person: without a
//! terminal there is no answer.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write};

use zeroize::Zeroizing;

use crate::terminal::escape;
#[cfg(unix)]
use crate::terminal::signals;

#[cfg(not(windows))]
const TERMINAL: (&str, &str) = ("/dev/tty", "/dev/tty");
#[cfg(windows)]
const TERMINAL: (&str, &str) = ("CONIN$", "CONOUT$");

/// How often a question is put before no answer counts as no.
const ATTEMPTS: usize = 3;

/// The longest answer read, in bytes.
const ANSWER_MAX: u64 = 256;

/// Says whether a person would have to type what standard input is read for.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a value without showing it. `None` means that there is no terminal.
///
/// The line ends the value; control characters in it are ignored.
///
/// # Errors
/// What the terminal gives; [`io::ErrorKind::UnexpectedEof`] (Ctrl-D) and [`io::ErrorKind::Interrupted`] (Ctrl-C,
/// which raises no signal here) when the person gives up.
pub fn hidden(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    let Some((input, mut output)) = open() else {
        return Ok(None);
    };
    let _quiet = Quiet::start(&input)?;
    write!(output, "{}: ", escape(question))?;
    output.flush()?;
    let value = read_line(input);
    writeln!(output)?;
    value.map(|value| Some(Zeroizing::new(value)))
}

/// Asks for a value twice, until both are the same. `None` means that there is no terminal.
///
/// # Errors
/// As [`hidden`], and [`io::ErrorKind::InvalidInput`] after the third pair that differs.
pub fn hidden_twice(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    for attempt in 1..=ATTEMPTS {
        let Some(first) = hidden(question)? else {
            return Ok(None);
        };
        let Some(second) = hidden("the same again")? else {
            return Ok(None);
        };
        if *first == *second {
            return Ok(Some(first));
        }
        // A pasted text of several lines answers both prompts; what is left of it must not reach the shell.
        discard_typed();
        if let Some((_, mut output)) = open().filter(|_| attempt < ATTEMPTS) {
            writeln!(output, "The two differ. Once more.")?;
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the two values typed differ",
    ))
}

/// The columns of the terminal that is asked at; of a usual one, where there is none or it does not tell.
pub fn width() -> usize {
    let told = open().and_then(|(_, output)| terminal_size::terminal_size_of(&output));
    told.map(|(width, _)| usize::from(width.0))
        .filter(|&width| width > 0)
        .unwrap_or(80)
}

/// Asks a question to be answered with yes or no; only yes is yes. `None` means that there is no terminal.
///
/// # Errors
/// What the terminal gives.
pub fn confirm(question: &str) -> io::Result<Option<bool>> {
    let Some((input, mut output)) = open() else {
        return Ok(None);
    };
    // What was typed, or planted, before the question is no answer to it.
    discard_typed();
    ask(question, &mut BufReader::new(input), &mut output).map(Some)
}

fn ask(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    // A question may have several lines, which are the caller's own.
    let question: Vec<_> = question.lines().map(escape).collect();
    let question = question.join("\n");
    for _ in 0..ATTEMPTS {
        write!(output, "{question} [y/N] ")?;
        output.flush()?;
        let mut answer = Vec::new();
        input.by_ref().take(ANSWER_MAX).read_until(b'\n', &mut answer)?;
        match answer.trim_ascii().to_ascii_lowercase().as_slice() {
            b"y" | b"yes" => return Ok(true),
            b"" | b"n" | b"no" => return Ok(false),
            _ => writeln!(output, "Please answer y or n.")?,
        }
    }
    Ok(false)
}

/// Opens the terminal of this process, to read and to write.
fn open() -> Option<(File, File)> {
    let input = OpenOptions::new().read(true).open(TERMINAL.0).ok()?;
    let output = OpenOptions::new().write(true).open(TERMINAL.1).ok()?;
    input.is_terminal().then_some((input, output))
}

/// Reads what is typed up to the end of the line.
#[cfg(unix)]
fn read_line(input: File) -> io::Result<String> {
    let config = rpassword::ConfigBuilder::new()
        .input_reader(Keys(input))
        .output_discard()
        .build();
    rpassword::read_password_with_config(config)
}

#[cfg(not(unix))]
fn read_line(_: File) -> io::Result<String> {
    rpassword::read_password()
}

/// The keys of a quiet terminal.
#[cfg(unix)]
struct Keys(File);

#[cfg(unix)]
impl io::Read for Keys {
    /// Makes Ctrl-C an error, and a signal that ends the process: it would die with the terminal quiet.
    fn read(&mut self, keys: &mut [u8]) -> io::Result<usize> {
        use rustix::{
            event::{PollFd, PollFlags, Timespec, poll},
            io::Errno,
        };

        let interrupted = || io::Error::new(io::ErrorKind::Interrupted, "interrupted");
        let soon = Timespec {
            tv_sec: 0,
            tv_nsec: 200_000_000,
        };
        loop {
            if signals::is_one_waiting() {
                return Err(interrupted());
            }
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&soon)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let length = self.0.read(keys)?;
        if keys[..length].contains(&0x03) {
            return Err(interrupted());
        }
        Ok(length)
    }
}

/// Shows nothing that is typed as long as it lives, and leaves the terminal as it was, however it goes.
#[cfg(unix)]
struct Quiet {
    terminal: File,
    before: rustix::termios::Termios,
    /// Dropped behind the rest: a signal that came in between ends the process when the terminal is as it was.
    _held: signals::Held,
}

#[cfg(unix)]
impl Quiet {
    fn start(terminal: &File) -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

        let held = signals::Held::start();
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Without ICANON a line may be longer than the 4096 bytes the kernel would cut it to.
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        let terminal = terminal.try_clone()?;
        tcsetattr(&terminal, OptionalActions::Now, &quiet)?;
        Ok(Self {
            terminal,
            before,
            _held: held,
        })
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        // If this fails the terminal is gone, and there is nobody to tell.
        let _ = rustix::termios::tcsetattr(&self.terminal, rustix::termios::OptionalActions::Now, &self.before);
    }
}

/// Elsewhere rpassword does it.
#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn start(_: &File) -> io::Result<Self> {
        Ok(Self)
    }
}

/// Throws away what was typed and not read.
fn discard_typed() {
    #[cfg(unix)]
    if let Some((input, _)) = open() {
        // If it cannot be discarded, nothing is worse than before.
        let _ = rustix::termios::tcflush(input, rustix::termios::QueueSelector::IFlush);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(typed: &str) -> (bool, String) {
        let mut shown = Vec::new();
        let yes = ask("Go \x1b[1mon?", &mut typed.as_bytes(), &mut shown).unwrap();
        (yes, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn a_question_may_have_lines_and_nothing_that_acts() {
        let mut shown = Vec::new();
        ask("One\u{1b}[2J\nTwo?", &mut &b"y\n"[..], &mut shown).unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), "One\\u{1b}[2J\nTwo? [y/N] ");
    }

    #[test]
    fn only_yes_is_yes() {
        for (typed, yes) in [
            ("y\n", true),
            ("YES\r\n", true),
            (" yes \n", true),
            ("n\n", false),
            ("no\n", false),
            ("\n", false),
            ("", false),
            ("yeah\n\n", false),
        ] {
            assert_eq!(answer(typed).0, yes, "{typed:?}");
        }
    }

    #[test]
    fn the_question_is_escaped_and_asked_again_three_times_at_most() {
        assert_eq!(answer("y\n").1, "Go \\u{1b}[1mon? [y/N] ");
        let (yes, shown) = answer("maybe\n?\n1\ny\n");
        assert!(!yes);
        assert_eq!(shown.matches("[y/N]").count(), 3);
        assert!(answer("maybe\nyes\n").0);
    }

    #[test]
    fn an_endless_answer_is_not_read_to_its_end() {
        let endless = "y".repeat(10_000);
        assert!(!answer(&endless).0);
    }
}
