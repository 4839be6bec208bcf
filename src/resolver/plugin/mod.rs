//! age plugins: programs `age-plugin-NAME` that wrap and unwrap file keys, by the protocol that `age` has for them.
//!
//! Only what stands in an absolute directory of PATH is started: neither a vault nor the working directory adds a program. Every conversation ends: there is a limit
//! to its time, to what a plugin says, and to how often it asks a person.

mod talk;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use vault_format::{FILE_KEY, PluginStanza, Plugins, holds_private_key};
use zeroize::Zeroizing;

use talk::{Message, Talk};

/// How long a plugin may take where nobody says otherwise, beside the time that a person takes to answer: there may be a key to touch.
pub const TIME_MAX: Duration = Duration::from_secs(60);

/// How often a plugin may ask or tell a person something in one conversation.
const QUESTIONS_MAX: usize = 10;

/// How much of what it asks or tells a person is shown, in characters.
const SHOWN_MAX: usize = 500;

/// Who answers what a plugin asks. `None` means that nobody can be asked.
pub trait Person: Send + Sync {
    /// Shows a line.
    fn tell(&self, text: &str);
    /// Asks for a choice between two answers; or for an acknowledgement, where there is only one.
    fn choose(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool>;
    /// Asks for a text, which is not shown.
    fn answer(&self, question: &str) -> Option<Zeroizing<String>>;
}

/// Starts plugins and talks to them.
pub struct PluginClient {
    /// The directories of PATH.
    pub path: Vec<PathBuf>,
    /// How long one of them may take.
    pub time_max: Duration,
    /// Whom it may ask.
    pub person: Box<dyn Person>,
}

impl Plugins for PluginClient {
    fn wrap(&self, plugin: &str, recipient: &str, file_key: &[u8; FILE_KEY]) -> Result<Vec<PluginStanza>, String> {
        let mut talk = self.start(plugin, "recipient-v1")?;
        talk.send("add-recipient", &[recipient], b"");
        talk.send("wrap-file-key", &[], file_key);
        talk.send("extension-labels", &[], b"");
        talk.send("done", &[], b"");
        let mut stanzas = Vec::new();
        self.listen(plugin, talk, |message| {
            match (message.command.as_str(), &message.args[..]) {
                ("recipient-stanza", [file, tag, args @ ..]) if file == "0" => {
                    stanzas.push(PluginStanza {
                        tag: tag.clone(),
                        args: args.to_vec(),
                        body: message.body.to_vec(),
                    });
                    Ok(true)
                }
                // A file is always sealed to keepers as well.
                ("labels", [_, ..]) => Err("its recipient cannot stand beside recipients of other kinds".into()),
                ("labels", []) => Ok(true),
                _ => Ok(false),
            }
        })?;
        Ok(stanzas)
    }

    fn unwrap(
        &self,
        plugin: &str,
        identity: &str,
        stanzas: &[PluginStanza],
    ) -> Result<Option<Zeroizing<[u8; FILE_KEY]>>, String> {
        let mut talk = self.start(plugin, "identity-v1")?;
        talk.send("add-identity", &[identity], b"");
        for stanza in stanzas {
            let args: Vec<&str> = ["0", &stanza.tag]
                .into_iter()
                .chain(stanza.args.iter().map(String::as_str))
                .collect();
            talk.send("recipient-stanza", &args, &stanza.body);
        }
        talk.send("done", &[], b"");
        let mut found = None;
        self.listen(plugin, talk, |message| {
            match (message.command.as_str(), &message.args[..]) {
                ("file-key", [file]) if file == "0" => {
                    let key: [u8; FILE_KEY] = message.body[..]
                        .try_into()
                        .map_err(|_| format!("it gave a file key of {} bytes", message.body.len()))?;
                    found = Some(Zeroizing::new(key));
                    Ok(true)
                }
                _ => Ok(false),
            }
        })?;
        Ok(found)
    }
}

impl PluginClient {
    /// Answers everything that a plugin says until it is done. `result` takes what belongs to the one protocol or the other.
    fn listen(
        &self,
        plugin: &str,
        mut talk: Talk,
        mut result: impl FnMut(&Message) -> Result<bool, String>,
    ) -> Result<(), String> {
        let mut questions = 0;
        loop {
            let message = talk.receive()?;
            match message.command.as_str() {
                "done" => {
                    talk.end();
                    return Ok(());
                }
                "error" => return Err(said(&message)),
                "msg" | "confirm" | "request-public" | "request-secret" => {
                    questions += 1;
                    if questions > QUESTIONS_MAX {
                        return Err(format!("it asked more than {QUESTIONS_MAX} times"));
                    }
                    self.ask(plugin, &mut talk, &message)?;
                }
                _ if result(&message)? => talk.send("ok", &[], b""),
                _ => talk.send("unsupported", &[], b""),
            }
        }
    }

    fn ask(&self, plugin: &str, talk: &mut Talk, message: &Message) -> Result<(), String> {
        let question = question(plugin, &message.body);
        let label = |at: usize| message.args.get(at).and_then(|text| talk::label(text)).map(shortened);
        // A person is not hurried.
        let answered = talk.pause(|| match message.command.as_str() {
            "msg" => {
                self.person.tell(&question);
                Some((None, Zeroizing::new(Vec::new())))
            }
            "confirm" => {
                let yes = label(0)?;
                let choice = self.person.choose(&question, &yes, label(1).as_deref())?;
                Some((Some(if choice { "yes" } else { "no" }), Zeroizing::new(Vec::new())))
            }
            _ => {
                let answer = self.person.answer(&question)?;
                Some((None, Zeroizing::new(answer.as_bytes().to_vec())))
            }
        });
        match answered {
            Some((word, body)) => talk.send("ok", word.as_slice(), &body),
            // Where it insists, it says so with an error.
            None => {
                talk.unanswered = true;
                talk.send("fail", &[], b"");
            }
        }
        Ok(())
    }

    fn start(&self, plugin: &str, state_machine: &str) -> Result<Talk, String> {
        let program = format!("age-plugin-{plugin}");
        let found = self
            .find(&program)
            .ok_or_else(|| format!("there is no {program} in PATH"))?;
        // It must not inherit a descriptor with the identity of somebody else.
        #[cfg(unix)]
        super::run::close_on_exec().map_err(|error| format!("cannot close what was inherited: {error}"))?;
        let mut command = Command::new(found);
        command
            .arg(format!("--age-plugin={state_machine}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Talk::start(command, self.time_max)
    }

    /// Looks in the absolute directories of PATH only: any other is a place in the working directory, which may be a repository.
    fn find(&self, program: &str) -> Option<PathBuf> {
        let places = self.path.iter().filter(|directory| directory.is_absolute());
        places
            .map(|directory| directory.join(program))
            .find(|path| is_program(path))
    }
}

fn is_program(path: &std::path::Path) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = true;
    meta.is_file() && executable
}

/// What a plugin asks or tells, with its name in front: it must not pass as something that this program asks, a passphrase say. One line, so
/// that no other follows it without the name.
fn question(plugin: &str, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<&str> = text.lines().collect();
    format!("age-plugin-{plugin}: {}", shortened(lines.join(" ")))
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The reason in an error of a plugin, short and without a key: it was given one, and may repeat it.
fn said(message: &Message) -> String {
    let text = String::from_utf8_lossy(&message.body);
    match holds_private_key(&text) {
        true => "its error holds a private key, and is not shown".into(),
        false => {
            let text: String = text.chars().take(200).collect();
            format!("it says: {}", text.trim().escape_debug())
        }
    }
}
