//! The templates of a command, and the command that they become with the values.
//!
//! Knows texts and values only: looks nothing up, starts nothing.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use vault_format::CredentialName;
use zeroize::Zeroizing;

use super::error::{ARGUMENT_MAX, RunError};
use crate::resolver::{
    Values,
    shell::{Bound, Dialect, Leads, option_places},
    template::{Filter, Template},
};

/// The templates of a command, all of them well-formed, and a shell line whose references all stand where a value can be put.
pub struct Templates<'w> {
    pub(super) words: Vec<Template<'w>>,
    pub(super) shell: Option<(&'w Shell, Bound)>,
    pub(super) env: Vec<(&'w str, Template<'w>)>,
    pub(super) files: Vec<(&'w FileTemplate, Template<'w>)>,
    pub(super) stdin: Option<Template<'w>>,
}

/// A command with its values, to be started.
pub struct Ready {
    /// Program and arguments.
    pub argv: Vec<Zeroizing<Vec<u8>>>,
    /// Variables set for it.
    pub env: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// Files to make for it.
    pub files: Vec<(PathBuf, Zeroizing<Vec<u8>>)>,
    /// Its standard input, if it does not get ours.
    pub stdin: Option<Zeroizing<Vec<u8>>>,
    /// Whether it is a shell that gets values in variables, so that nothing may run in it before they are bound.
    pub binds: bool,
    /// What became of values in filters: to be masked like the values themselves.
    pub filtered: Vec<(CredentialName, Zeroizing<Vec<u8>>)>,
}

/// One of the shells whose quoting is known: `sh`, `dash` or `bash`, by name or by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell(PathBuf);

impl Default for Shell {
    /// The system's `sh`.
    fn default() -> Self {
        Self("sh".into())
    }
}

impl Shell {
    /// Reads the name or path of a shell.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = ["sh", "dash", "bash"];
        match Path::new(text).file_name().and_then(|name| name.to_str()) {
            Some(name) if known.contains(&name) => Ok(Self(text.into())),
            _ => Err(format!("expected one of {}, by name or by path", known.join(", "))),
        }
    }

    /// The name or path, as it was given.
    pub fn as_str(&self) -> &str {
        // It was read from a text.
        self.0.to_str().unwrap_or("sh")
    }

    /// The name or path, as the system takes it.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_os_str().as_encoded_bytes()
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.0.file_name() {
            Some(name) if name == "bash" => Dialect::Bash,
            _ => Dialect::Posix,
        }
    }
}

/// A file to be made for a command.
pub struct FileTemplate {
    /// Where its template was read from.
    pub from: PathBuf,
    /// The template.
    pub text: Vec<u8>,
    /// Where the command finds it.
    pub to: PathBuf,
}

impl Templates<'_> {
    /// The credentials that the command needs, each once.
    pub fn names(&self) -> BTreeSet<&CredentialName> {
        let bound = self
            .shell
            .iter()
            .flat_map(|(_, bound)| bound.bindings.iter().map(|binding| &binding.name));
        self.all().flat_map(Template::names).chain(bound).collect()
    }

    /// Puts the values in.
    ///
    /// # Errors
    /// Every value that a filter, an argument or a variable cannot take.
    pub fn render(&self, values: &Values) -> Result<Ready, Vec<RunError>> {
        let mut errors = Vec::new();
        let mut render =
            |place: String, template: &Template<'_>, limit: Limit| match fill(template, values, &place, limit) {
                Ok(text) => Some(text),
                Err(error) => {
                    errors.push(error);
                    None
                }
            };
        let places = option_places(self.words.iter().map(shape));
        let words = self.words.iter().enumerate();
        let mut argv: Vec<_> = words
            .filter_map(|(index, word)| {
                let leads = places.contains(&index) && begins_with_reference(word);
                render(word_place(index), word, Limit::Argument { leads })
            })
            .collect();
        let mut env: Vec<_> = self
            .env
            .iter()
            .filter_map(|(name, text)| {
                Some((
                    (*name).to_owned(),
                    render(env_place(name), text, Limit::Variable(name.len()))?,
                ))
            })
            .collect();
        let files = self.files.iter();
        let files = files
            .filter_map(|(file, text)| Some((file.to.clone(), render(file_place(file), text, Limit::None)?)))
            .collect();
        let stdin = self
            .stdin
            .as_ref()
            .and_then(|text| render("standard input".into(), text, Limit::None));
        if let Some((shell, bound)) = &self.shell {
            let script = Zeroizing::new(bound.script.clone());
            argv = vec![
                Zeroizing::new(shell.as_bytes().to_vec()),
                Zeroizing::new(b"-c".to_vec()),
                script,
            ];
            for binding in &bound.bindings {
                let text = reference(&binding.name, &binding.filters);
                // A reference made from a name and filters is well-formed.
                if let Ok(template) = Template::parse(text.as_bytes()) {
                    let limit = Limit::Binding(binding.environment.len(), binding.leads);
                    let value = render("the shell line".into(), &template, limit);
                    env.extend(value.map(|value| (binding.environment.clone(), value)));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Ready {
            argv,
            env,
            files,
            stdin,
            binds: self.shell.is_some(),
            filtered: self.filtered(values),
        })
    }

    /// Every value that went through filters, once for each chain of them.
    fn filtered(&self, values: &Values) -> Vec<(CredentialName, Zeroizing<Vec<u8>>)> {
        let written = self
            .all()
            .flat_map(Template::references)
            .map(|one| (&one.name, &one.filters));
        let bound = self.shell.iter().flat_map(|(_, bound)| &bound.bindings);
        let chains: BTreeSet<_> = written.chain(bound.map(|one| (&one.name, &one.filters))).collect();
        let with_filters = chains.into_iter().filter(|(_, filters)| !filters.is_empty());
        with_filters
            .filter_map(|(name, filters)| {
                let text = reference(name, filters);
                let template = Template::parse(text.as_bytes()).ok()?;
                Some((
                    name.clone(),
                    template
                        .render(|name| values.get(name).map(|value| value.expose()))
                        .ok()?,
                ))
            })
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = &Template<'_>> {
        let env = self.env.iter().map(|(_, text)| text);
        let files = self.files.iter().map(|(_, text)| text);
        self.words.iter().chain(env).chain(files).chain(&self.stdin)
    }
}

/// What a text has to fit into.
#[derive(Clone, Copy)]
enum Limit {
    None,
    /// Whether it begins with a value, and may be an option.
    Argument {
        leads: bool,
    },
    /// With a name of this length and `=` before it.
    Variable(usize),
    /// The same for a variable of a shell line, which may use it where it is an option.
    Binding(usize, Leads),
}

fn fill(template: &Template<'_>, values: &Values, place: &str, limit: Limit) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let text = template
        .render(|name| values.get(name).map(|value| value.expose()))
        .map_err(|errors| RunError::Render {
            place: place.to_owned(),
            errors,
        })?;
    let alone = |whole| Leads { whole, parts: false };
    let (before, variable, leads) = match limit {
        Limit::None => return Ok(text),
        Limit::Argument { leads } => (0, false, alone(leads)),
        Limit::Variable(name) => (name + 1, true, alone(false)),
        Limit::Binding(name, leads) => (name + 1, true, leads),
    };
    let credentials = || template.names().into_iter().cloned().collect();
    if leads.makes_option(&text) {
        return Err(RunError::Option {
            place: place.to_owned(),
            credentials: credentials(),
        });
    }
    if text.contains(&0) {
        return Err(RunError::Nul {
            place: place.to_owned(),
            credentials: credentials(),
            variable,
        });
    }
    let length = before + text.len();
    if length >= ARGUMENT_MAX {
        return Err(RunError::TooLong {
            place: place.to_owned(),
            credentials: credentials(),
            length,
        });
    }
    Ok(text)
}

/// A word with 0 in place of each reference.
fn shape(word: &Template<'_>) -> Vec<u8> {
    let source = word.source();
    let mut shape = Vec::with_capacity(source.len());
    let mut from = 0;
    for one in word.references() {
        shape.extend_from_slice(&source[from..one.range.start]);
        shape.push(0);
        from = one.range.end;
    }
    shape.extend_from_slice(&source[from..]);
    shape
}

fn begins_with_reference(word: &Template<'_>) -> bool {
    word.references().next().is_some_and(|one| one.range.start == 0)
}

fn reference(name: &CredentialName, filters: &[Filter]) -> String {
    let filters: String = filters.iter().map(|filter| format!(" | {filter}")).collect();
    format!("<<secure.{name}{filters}>>")
}

pub(super) fn word_place(index: usize) -> String {
    match index {
        0 => "the program".into(),
        _ => format!("argument {index}"),
    }
}

pub(super) fn env_place(name: &str) -> String {
    format!("variable {name}")
}

pub(super) fn file_place(file: &FileTemplate) -> String {
    format!("file {}", file.from.display())
}
