//! A person at a terminal: a pseudo-terminal on which a program runs, keys to press, and what the screen shows.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use pty_process::{Size, blocking::Pty};

/// How long something may take to show, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Console {
    pty: Arc<Pty>,
    child: Child,
    shown: Receiver<Vec<u8>>,
    screen: String,
    seen: usize,
}

impl Console {
    /// Starts a program whose controlling terminal is a new one of 30 rows and 100 columns.
    pub fn start(command: Command) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(30, 100)).unwrap();
        let child = pty_process::blocking::Command::from(command).spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (to, shown) = channel();
        let from = Arc::clone(&pty);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = (&*from).read(&mut buffer) {
                if to.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            pty,
            child,
            shown,
            screen: String::new(),
            seen: 0,
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, behind what was waited for before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let start = Instant::now();
        loop {
            if let Some(at) = self.screen[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            match self.shown.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => panic!("'{text}' was not shown in time:\n{}", self.screen),
                Err(RecvTimeoutError::Disconnected) => panic!("'{text}' was not shown:\n{}", self.screen),
            }
        }
    }

    /// Makes the terminal another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits for the end of the program, and returns all that was shown.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(500)) {
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        (status, self.screen)
    }
}
