//! `hook`: what a client asks before each tool call. Whatever goes wrong here stops the call: exit code 2 and a reason, which every client takes
//! for a no.

use std::{
    collections::BTreeSet,
    env,
    io::{self, Read},
    path::PathBuf,
    process,
    time::Duration,
};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use fleetvault::{
    agent::{
        Client,
        hook::{
            Call, Line, REQUEST_MAX, Verdict, answer, directory, read,
            rules::{Answer, Objection, Surroundings, VARIABLES, judge},
            with_command,
        },
    },
    cli::{Asking, Failure, Settings, approval, time},
    resolver::{
        policy::Purpose,
        run::{ARGUMENT_MAX, Action, Shell, Wanted, quoted_line},
        template::Template,
    },
    terminal::{
        report::{self, Report},
        style::Style,
    },
};
use glob::Pattern;
use serde_json::Value;
use vault_format::CredentialName;

use crate::{
    deadline::{BLOCKED, Deadline},
    launch::{LaunchArgs, Use, warn},
};

/// The most that everything may take: less than the 30 seconds that `install` has clients wait, after which most let the call go on.
const TIME_MAX: Duration = Duration::from_secs(25);

/// The most that comparing a command with rules may take.
const RULES_TIME_MAX: Duration = Duration::from_secs(4);

#[derive(Args)]
#[command(
    after_help = "A shell command with references becomes one for 'fleetvault-resolver run', which puts the\n\
        values in and masks the output. Nothing is said about any other call.\n\n\
        A reference outside the member's scope is refused, and so is what the client's own rules\n\
        (settings, policies) forbid for the command as it was written.\n\n\
        EXIT CODES:\n  0 what was asked is answered, or is none of this  2 the call must not go on\n\n\
        'fleetvault-resolver install CLIENT' puts it into the client's configuration."
)]
pub struct HookArgs {
    /// The client that asks
    #[arg(value_parser = PossibleValuesParser::new(Client::ALL.map(Client::name)).try_map(|name| name.parse::<Client>()))]
    client: Client,
    /// Put values into the arguments of these tools of other servers, which get them as plaintext and whose calls are kept in the
    /// client's transcripts; * stands for any text; again for more
    #[arg(long, value_name = "PATTERN")]
    expand_tools: Vec<Pattern>,
    /// The shell for commands: sh, dash or bash, by name or by path [default: bash where there is one]
    #[arg(long, value_name = "SHELL", value_parser = Shell::parse)]
    shell_program: Option<Shell>,
}

/// Makes a panic a no, too: clients let a call go on whose hook ends in another way.
fn block_on_panic() {
    std::panic::set_hook(Box::new(|_| {
        warn("the hook has failed, and blocks this call");
        process::exit(i32::from(BLOCKED));
    }));
}

pub fn run(args: &HookArgs, launch: &mut LaunchArgs) -> Result<(), Failure> {
    launch.asking = Asking::Never;
    block_on_panic();
    let _deadline = deadline(TIME_MAX, "the hook takes too long, and blocks this call")?;
    let request = request()?;
    // Some clients start hooks elsewhere.
    if let Some(directory) = directory(&request) {
        launch.look_from(directory);
    }
    let call = read(args.client, &request);
    let verdict = match args.verdict(&request, call, launch) {
        // What sound files say is an answer, and no failure of ours.
        Err(refused) if refused.is_about_sound_files() => Verdict::Deny {
            reason: sentence(&refused),
        },
        // This one shows nobody what stands on standard error.
        Err(failed) if args.client == Client::Copilot => Verdict::Deny {
            reason: sentence(&failed),
        },
        verdict => verdict?,
    };
    if let Some(answer) = answer(args.client, &request, verdict) {
        fleetvault::say!("{answer}");
    }
    Ok(())
}

fn request() -> Result<Value, Failure> {
    let mut text = Vec::new();
    let problem = |error: &dyn std::fmt::Display| {
        Failure::from(
            Report::new(2, "hook_input", format!("cannot read what the client asks: {error}"))
                .hint("expected one JSON object on standard input; the call is blocked"),
        )
    };
    io::stdin()
        .lock()
        .take(REQUEST_MAX + 1)
        .read_to_end(&mut text)
        .map_err(|error| problem(&error))?;
    if text.len() as u64 > REQUEST_MAX {
        return Err(problem(&"it is larger than 16 MiB"));
    }
    serde_json::from_slice(&text).map_err(|error| problem(&error))
}

impl HookArgs {
    fn verdict(&self, request: &Value, call: Call, launch: &LaunchArgs) -> Result<Verdict, Failure> {
        match call {
            Call::Other => Ok(Verdict::Pass),
            Call::Shell(command) => self.of_shell(request, &command, launch),
            Call::Own { tool, input } if tool == "run_command" => self.of_own_command(request, &input),
            Call::Own { .. } => Ok(Verdict::Pass),
            Call::Foreign { tool, input } => self.of_foreign(&tool, input, launch),
        }
    }

    /// A command becomes one for `run`, if the member may use what it refers to and the client's rules let it be run.
    fn of_shell(&self, request: &Value, command: &str, launch: &LaunchArgs) -> Result<Verdict, Failure> {
        let template = Template::parse(command.as_bytes()).map_err(for_the_model)?;
        if template.is_literal() {
            return Ok(Verdict::Pass);
        }
        if command.len() >= ARGUMENT_MAX {
            return Err(too_long());
        }
        let objection = self.objection(request, || Line::of_shell(&template))?;
        if let Some(forbids) = objection.as_ref().filter(|objection| objection.answer == Answer::Deny) {
            return Ok(forbidden(forbids));
        }
        // A client that has two hooks of ours asks about what the first one made.
        let again = is_ours(command);
        let input = match again {
            true => with_command(self.client, request, command),
            false => with_command(self.client, request, &self.rewritten(command, &template, launch)?),
        };
        Ok(match objection {
            Some(asks) => Verdict::Ask {
                input,
                reason: format!("{asks}; it would run with credentials"),
            },
            None if again => Verdict::Pass,
            None => Verdict::Replace(input),
        })
    }

    fn rewritten(&self, command: &str, template: &Template<'_>, launch: &LaunchArgs) -> Result<String, Failure> {
        let shell = self.shell_program.clone().unwrap_or_else(usual_shell);
        let wanted = Wanted {
            action: Action::Shell {
                shell: shell.clone(),
                line: command.as_bytes().to_vec(),
            },
            env: Vec::new(),
            files: Vec::new(),
            stdin: None,
        };
        // Refused here rather than when it runs: the model reads what to write in its place.
        wanted.templates().map_err(for_the_model)?;
        let names: BTreeSet<CredentialName> = template.names().into_iter().cloned().collect();
        launch.with_resolver(|resolver, _| {
            resolver.permit_all(&names, time::now())?;
            Ok(())
        })?;
        let mut words = vec![program()?];
        words.extend(launch.to_arguments(&Settings::from_environment())?);
        let run = ["run", "--shell-program", shell.as_str(), "--shell", command];
        words.extend(run.map(str::to_owned));
        let line = quoted_line(&words);
        match line.len() < ARGUMENT_MAX {
            true => Ok(line),
            false => Err(too_long()),
        }
    }

    /// What the client's rules say, if they can be compared in time.
    fn objection(&self, request: &Value, line: impl FnOnce() -> Line) -> Result<Option<Objection>, Failure> {
        let told = "comparing this command with your rules takes too long, and so it is blocked";
        let _deadline = deadline(RULES_TIME_MAX, told)?;
        Ok(judge(self.client, &surroundings(request), &line()))
    }

    /// Our own server runs commands too, which the client's rules about its shell do not meet.
    fn of_own_command(&self, request: &Value, input: &Value) -> Result<Verdict, Failure> {
        let line = match (input.get("shell"), input.get("argv")) {
            (Some(Value::String(line)), _) => match Template::parse(line.as_bytes()) {
                Ok(template) => Line::of_shell(&template),
                // The server says what is wrong with it.
                Err(_) => return Ok(Verdict::Pass),
            },
            (_, Some(Value::Array(words))) => {
                let words: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                Line::of_words(&words)
            }
            _ => return Ok(Verdict::Pass),
        };
        Ok(match self.objection(request, || line)? {
            None => Verdict::Pass,
            Some(objection) if objection.answer == Answer::Deny => forbidden(&objection),
            Some(asks) => Verdict::Ask {
                input: input.clone(),
                reason: asks.to_string(),
            },
        })
    }

    /// The tool of another server would get the reference as it stands there.
    fn of_foreign(&self, tool: &str, mut input: Value, launch: &LaunchArgs) -> Result<Verdict, Failure> {
        let mut names = BTreeSet::new();
        each_text(&mut input, &mut |text| {
            names.extend(
                Template::parse(text.as_bytes())
                    .map_err(for_the_model)?
                    .names()
                    .into_iter()
                    .cloned(),
            );
            Ok(())
        })?;
        if names.is_empty() {
            return Ok(Verdict::Pass);
        }
        if !self.expand_tools.iter().any(|pattern| pattern.matches(tool)) {
            return Ok(Verdict::Deny {
                reason: format!(
                    "{tool} would get the reference as text: values are put into commands only. Use a shell command, or run_command of the \
                     fleetvault server; only a person can let other tools have plaintext"
                ),
            });
        }
        let wanted = Use {
            purpose: Purpose::Expand,
            command: &[],
            with: &[],
        };
        let shown = format!("putting its value into the arguments of {tool}, in plaintext");
        let opened = launch.open(
            time::now(),
            &wanted,
            |_| Ok(names),
            |permitted, policy, question| {
                approval::refuse_denied(permitted, "hook")?;
                crate::approve::confirm(permitted, policy, question, &[shown])
            },
        )?;
        each_text(&mut input, &mut |text| {
            let value =
                Template::parse(text.as_bytes())?.render(|name| opened.values.get(name).map(|value| value.expose()))?;
            *text = String::from_utf8(value.to_vec())
                .map_err(|_| Report::new(1, "not_text", "a value that is no text cannot be an argument of a tool"))?;
            Ok(())
        })?;
        Ok(Verdict::Replace(input))
    }
}

fn forbidden(objection: &Objection) -> Verdict {
    Verdict::Deny {
        reason: format!(
            "{objection}. Rules are compared with every part of a command that uses credentials; run the rest of it on its own"
        ),
    }
}

/// Does something with every string of a value.
fn each_text(value: &mut Value, work: &mut impl FnMut(&mut String) -> Result<(), Failure>) -> Result<(), Failure> {
    match value {
        Value::String(text) => work(text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_text(item, work)),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(_, field)| each_text(field, work)),
        _ => Ok(()),
    }
}

/// A failure in one text, as a model reads it.
fn sentence(failure: &Failure) -> String {
    let mut text = Vec::new();
    // Writing to a vector cannot fail.
    let _ = report::print(&failure.0, false, Style::PLAIN, &mut text);
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

/// What is wrong with a command is no failure of this hook, but something for the model to mend.
fn for_the_model(errors: impl Into<Failure>) -> Failure {
    let mut failure = errors.into();
    for report in &mut failure.0 {
        report.exit = 7;
    }
    failure
}

fn too_long() -> Failure {
    Report::new(7, "too_long", "this command is too long to be run with credentials")
        .hint("put what is long into a file first, and let the command read it")
        .into()
}

fn deadline(limit: Duration, told: &'static str) -> Result<Deadline, Failure> {
    Deadline::new(limit, told).map_err(|error| Report::new(1, "io", format!("cannot watch the time: {error}")).into())
}

fn surroundings(request: &Value) -> Surroundings {
    let here = || env::current_dir().unwrap_or_default();
    let variable = |name: &&'static str| Some((*name, env::var_os(name).filter(|value| !value.is_empty())?.into()));
    Surroundings {
        home: env::home_dir(),
        directory: directory(request).unwrap_or_else(here),
        variables: VARIABLES.iter().filter_map(variable).collect(),
    }
}

/// Models write for bash.
fn usual_shell() -> Shell {
    let path = env::var_os("PATH").unwrap_or_default();
    let bash = env::split_paths(&path).any(|directory| directory.join("bash").is_file());
    Shell::parse(if bash { "bash" } else { "sh" }).unwrap_or_default()
}

/// This program, as a client starts it from anywhere.
fn program() -> Result<String, Failure> {
    let path =
        env::current_exe().map_err(|error| Report::new(1, "io", format!("cannot find this program: {error}")))?;
    path.into_os_string()
        .into_string()
        .map_err(|_| Report::new(1, "io", "the path of this program is no text").into())
}

/// Tells whether a command is just what this hook makes of one, and not only begins like it.
fn is_ours(command: &str) -> bool {
    let Some(words) = shlex::split(command) else {
        return false;
    };
    let named = words.first().map(PathBuf::from);
    let is_program = named.is_some_and(|named| named.file_name().is_some_and(|name| name == "fleetvault-resolver"));
    is_program && words.iter().any(|word| word == "run") && quoted_line(&words) == command
}
