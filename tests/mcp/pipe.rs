//! A client that writes and reads the messages itself, and keeps all that the server ever wrote.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::support::Fleet;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to end: a command that does not want to end has four seconds, and a response as long as five.
const END: Duration = Duration::from_secs(12);

/// A server and the pipes to it.
pub struct Peer {
    pub child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    waiting: VecDeque<Value>,
    written: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    secrets: Vec<Vec<u8>>,
    meta: Option<Value>,
    last: u64,
}

/// What a tool answered.
#[derive(Debug)]
pub struct Called(pub Value);

pub trait Serves {
    /// The server for dev, with these arguments.
    fn server_command(&self, args: &[&str]) -> Command;
    /// The server for dev, greeted by an ordinary client of the older era that cannot ask anybody.
    fn server(&self, args: &[&str]) -> Peer;
    /// The server for dev, met by a client of the newer era that can ask somebody.
    fn modern_server(&self, args: &[&str]) -> Peer;
    /// Starts a server.
    fn peer(&self, command: Command) -> Peer;
    /// Starts a server that may say values.
    fn trusted_peer(&self, command: Command) -> Peer;
}

impl Serves for Fleet {
    fn server_command(&self, args: &[&str]) -> Command {
        self.resolver_command("dev", &[&["mcp"], args].concat())
    }

    fn server(&self, args: &[&str]) -> Peer {
        let mut peer = match args.contains(&"--reveal") {
            true => self.trusted_peer(self.server_command(args)),
            false => self.peer(self.server_command(args)),
        };
        peer.initialize("2025-06-18", json!({}));
        peer
    }

    fn modern_server(&self, args: &[&str]) -> Peer {
        let mut peer = self.peer(self.server_command(args));
        peer.be_modern(json!({ "elicitation": {} }));
        peer
    }

    fn peer(&self, command: Command) -> Peer {
        let identity = std::fs::read(self.identity("dev")).unwrap();
        let keys = identity
            .split(|&byte| byte == b'\n')
            .filter(|line| line.starts_with(b"AGE-"));
        let values = self.values().into_iter().chain(keys.map(<[u8]>::to_vec));
        Peer::start(command, values.collect())
    }

    fn trusted_peer(&self, command: Command) -> Peer {
        Peer::start(command, Vec::new())
    }
}

impl Peer {
    fn start(mut command: Command, secrets: Vec<Vec<u8>>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (tell, lines) = channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (out, err) = (Arc::clone(&written), Arc::clone(&written));
        let reading = thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                out.lock().unwrap().extend(&line);
                let message: Value = serde_json::from_slice(&line)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&line)));
                assert_eq!(message["jsonrpc"], "2.0", "{message}");
                let _ = tell.send(message);
                line.clear();
            }
        });
        let listening = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut chunk) {
                err.lock().unwrap().extend(&chunk[..length]);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            waiting: VecDeque::new(),
            written,
            readers: vec![reading, listening],
            secrets,
            meta: None,
            last: 0,
        }
    }

    /// Greets as clients did before 2026-07-28, and returns the answer.
    pub fn initialize(&mut self, version: &str, capabilities: Value) -> Value {
        let client = json!({ "name": "pipe", "version": "1" });
        let params = json!({ "protocolVersion": version, "capabilities": capabilities, "clientInfo": client });
        let answer = self.request("initialize", params);
        self.notify("notifications/initialized", json!({}));
        answer["result"].clone()
    }

    /// From now on says with each request who asks, as clients do since 2026-07-28.
    pub fn be_modern(&mut self, capabilities: Value) {
        self.meta = Some(json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "pipe", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        }));
    }

    /// Writes bytes as they are. A server that has gone is noticed elsewhere.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().unwrap().write_all(bytes);
    }

    /// Writes a message.
    pub fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// Says something that needs no answer.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks for something, and returns the number of the request.
    pub fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        if let Some(meta) = &self.meta {
            let own = params["_meta"].as_object().cloned().unwrap_or_default();
            params["_meta"] = meta.clone();
            params["_meta"].as_object_mut().unwrap().extend(own);
        }
        self.last += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }));
        self.last
    }

    /// Asks for a tool, and returns the number of the request.
    pub fn ask_tool(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Asks, and returns the answer: a message with `result` or `error`.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    /// Calls a tool.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let id = self.ask_tool(tool, &arguments);
        self.called(id)
    }

    /// Runs a script of `sh` whose first argument is the value of `token`.
    #[track_caller]
    pub fn script(&mut self, script: &str) -> Called {
        self.call(
            "run_command",
            json!({ "argv": ["sh", "-c", script, "sh", "<<secure.token>>"] }),
        )
    }

    /// Starts a script like that.
    pub fn start_script(&mut self, script: &str) -> u64 {
        self.ask_tool(
            "run_command",
            &json!({ "argv": ["sh", "-c", script, "sh", "<<secure.token>>"] }),
        )
    }

    /// The answer of a tool that was asked for.
    #[track_caller]
    pub fn called(&mut self, id: u64) -> Called {
        let answer = self.answer(id);
        assert!(answer["result"].is_object(), "{answer}");
        Called(answer["result"].clone())
    }

    /// The answer to a request.
    #[track_caller]
    pub fn answer(&mut self, id: u64) -> Value {
        self.message(|message| message["id"] == id && message["method"].is_null())
    }

    /// The next message like that; others are kept.
    #[track_caller]
    pub fn message(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.waiting.iter().position(&is_it) {
            return self.waiting.remove(index).unwrap();
        }
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(message) if is_it(&message) => return message,
                Ok(message) => self.waiting.push_back(message),
                Err(error) => panic!("no answer: {error}, but {:?}\n{}", self.waiting, self.heard()),
            }
        }
    }

    /// Demands that no message like that is there, or comes within this time.
    #[track_caller]
    pub fn silence(&mut self, time: Duration, is_it: impl Fn(&Value) -> bool) {
        let until = Instant::now() + time;
        while let Ok(message) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.waiting.push_back(message);
        }
        assert!(!self.waiting.iter().any(is_it), "{:?}", self.waiting);
    }

    /// Everything that the server has written.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// How much memory the server has, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends the server a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Says no more.
    pub fn hang_up(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits for the server's end, as for as long as it may take.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < END, "the server does not end: {}", self.heard());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Demands that the server comes to a good end, and returns everything it wrote.
    #[track_caller]
    pub fn finish(mut self) -> String {
        self.hang_up();
        let status = self.ended();
        assert!(status.success(), "{status}: {}", self.heard());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        self.heard()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.hang_up();
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return;
        }
        self.ended();
        for reader in self.readers.drain(..) {
            assert!(reader.join().is_ok(), "the server wrote what is no message");
        }
        let written = self.written.lock().unwrap();
        for secret in &self.secrets {
            for form in forms(secret) {
                if let Some(at) = memchr::memmem::find(&written, &form) {
                    let line = written[..at]
                        .iter()
                        .rposition(|&byte| byte == b'\n')
                        .map_or(0, |end| end + 1);
                    let around = &written[line.max(at.saturating_sub(500))..written.len().min(at + 200)];
                    panic!("a value was written: {}", String::from_utf8_lossy(around));
                }
            }
        }
    }
}

/// The forms in which a value has been seen in what programs print.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let escaped = Value::from(String::from_utf8_lossy(value)).to_string();
    let hex = |upper: bool| {
        let digits = |byte: &u8| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        };
        value.iter().map(digits).collect::<String>()
    };
    let percent = |all: bool| {
        let digits = |byte: &u8| match byte.is_ascii_alphanumeric() || (!all && b"-._~".contains(byte)) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        value.iter().map(digits).collect::<String>()
    };
    let mut forms = vec![
        value.to_vec(),
        value.iter().rev().copied().collect(),
        escaped.trim_matches('"').into(),
        hex(false).into(),
        hex(true).into(),
        percent(false).into(),
        percent(true).into(),
    ];
    for before in 0..3 {
        let shifted = [&[0; 2][..before], value].concat();
        // The characters that hold bits of this value only.
        let (first, last) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(text[first..last].into());
        }
    }
    forms
}

impl Called {
    /// Demands success, and returns the structured content.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_ne!(self.0["isError"], true, "{}", self.0);
        assert!(self.0["structuredContent"].is_object(), "{}", self.0);
        self.0["structuredContent"].clone()
    }

    /// Demands a refusal, and returns its text.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.0["isError"], true, "{}", self.0);
        assert!(self.0["structuredContent"].is_null(), "{}", self.0);
        self.text()
    }

    /// Demands a refusal that says this.
    #[track_caller]
    pub fn says(self, text: &str) {
        let said = self.refused();
        assert!(said.contains(text), "expected: {text}\nsaid: {said}");
    }

    /// Demands that a command ended well, and returns what it printed.
    #[track_caller]
    pub fn prints(self) -> String {
        let result = self.ok();
        assert_eq!(result["exit_code"], 0, "{result}");
        result["stdout"].as_str().unwrap().to_owned()
    }

    /// The text for a reader.
    pub fn text(&self) -> String {
        self.0["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }
}
