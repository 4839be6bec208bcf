//! `demo`: a throw-away fleet, made with the real commands, and what each member may and may not resolve.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Args;
use fleetvault::say;
use fleetvault::{
    cli::{Failure, time},
    resolver::{Expectation, IdentitySource, Launch, template::Template},
    terminal::{report, report::Report, style::Style},
};

#[derive(Args)]
pub struct DemoArgs {
    /// Where to make it; must not exist [default: a new temporary directory]
    directory: Option<PathBuf>,
}

struct Demo {
    base: PathBuf,
    style: Style,
}

pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let base = directory(args)?;
    let demo = Demo {
        base,
        style: Style::stdout(),
    };
    demo.say("Alice makes a vault, and with it her keys");
    demo.fleetvault(&["init", "vault", "--author", "alice"], None)?;
    demo.keep_git_identity();
    demo.say("Two agents get identities of their own; only the public keys leave their machines");
    for member in ["fleet-dev", "fleet-rev"] {
        let file = format!("../{member}.txt");
        let key = demo.fleetvault(&["-C", "vault", "keygen", "-o", &file, "--member", member], None)?;
        demo.fleetvault(
            &["-C", "vault", "member", "add", member, "--recipient", key.trim()],
            None,
        )?;
    }
    demo.say("Three credentials: for one, for both, for everyone. Values come from standard input, never from the command line");
    demo.set(
        &["set", "github_pat", "--members", "fleet-dev"],
        "demo-value-of-github_pat",
    )?;
    demo.set(
        &["set", "shared_key", "--members", "fleet-dev,fleet-rev"],
        "demo-value-of-shared_key",
    )?;
    demo.set(&["set", "pub_token"], "demo-value-of-pub_token")?;
    demo.fleetvault(&["-C", "vault", "list"], None)?;
    demo.say("fleet-dev resolves all three");
    demo.expand(
        "fleet-dev",
        "<<secure.github_pat>> <<secure.shared_key>> <<secure.pub_token>>",
    )?;
    demo.say("fleet-rev is refused what is not for it: it holds no key that opens it");
    demo.expand("fleet-rev", "x <<secure.github_pat>>")?;
    demo.expand("fleet-rev", "x <<secure.shared_key>> <<secure.pub_token>>")?;
    demo.say("Every change is a signed file in one commit");
    demo.git_log();
    demo.next();
    Ok(())
}

impl Demo {
    fn say(&self, text: &str) {
        say!("\n{}", self.style.bold(&format!("# {text}")));
    }

    fn typed(&self, line: &str) {
        say!("{} {line}", self.style.dim("$"));
    }

    fn set(&self, args: &[&str], value: &str) -> Result<(), Failure> {
        let args: Vec<&str> = ["-C", "vault"].iter().chain(args).copied().collect();
        self.fleetvault(&args, Some(value)).map(drop)
    }

    /// Runs this very program, with keys and state of the demo's own.
    fn fleetvault(&self, args: &[&str], value: Option<&str>) -> Result<String, Failure> {
        let shown: Vec<String> = args
            .iter()
            .map(|arg| {
                if arg.contains(' ') {
                    format!("'{arg}'")
                } else {
                    (*arg).to_owned()
                }
            })
            .collect();
        let input = value.map(|value| format!("echo {value} | ")).unwrap_or_default();
        self.typed(&format!("{input}fleetvault {}", shown.join(" ")));
        let program = env::current_exe().map_err(|error| io_error("find this program", &error))?;
        let mut child = Command::new(program)
            .args(args)
            .current_dir(&self.base)
            .envs(self.environment())
            .env_remove("FLEETVAULT_IDENTITY")
            .env_remove("FLEETVAULT_SIGNING_KEY")
            .env_remove("FLEETVAULT_ROOT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| io_error("start this program", &error))?;
        if let (Some(mut stdin), Some(value)) = (child.stdin.take(), value) {
            let _ = std::io::Write::write_all(&mut stdin, value.as_bytes());
        }
        let output = child
            .wait_with_output()
            .map_err(|error| io_error("wait for this program", &error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        print!("{text}");
        if !output.status.success() {
            return Err(Report::new(1, "demo", format!("'fleetvault {}' failed", shown.join(" "))).into());
        }
        Ok(text)
    }

    /// What `fleetvault-resolver expand` does, in this process: that program may not be built yet.
    fn expand(&self, member: &str, template: &str) -> Result<(), Failure> {
        self.typed(&format!(
            "echo '{template}' | FLEETVAULT_IDENTITY={member}.txt fleetvault-resolver --vault vault expand"
        ));
        match self.resolve(member, template) {
            Ok(text) => say!("{text}"),
            Err(Failure(reports)) => {
                let _ = report::print(&reports, false, Style::stdout(), &mut std::io::stdout().lock());
                say!("{}", self.style.dim(&format!("(exit {})", report::exit_code(&reports))));
            }
        }
        Ok(())
    }

    fn resolve(&self, member: &str, source: &str) -> Result<String, Failure> {
        let template = Template::parse(source.as_bytes())?;
        let source = IdentitySource::Path(self.base.join(format!("{member}.txt")));
        let launch = Launch {
            directory: self.base.join("vault"),
            reference: "HEAD".into(),
            identity: source.contents()?.into(),
            source,
            expectation: Expectation::default(),
            state: None,
        };
        let values = launch.with_resolver(|resolver, _| {
            let permitted = resolver.permit_all(template.names(), time::now())?;
            resolver.open_all(&permitted)
        })??;
        let text = template.render(|name| values.get(name).map(|value| value.expose()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn environment(&self) -> [(&'static str, PathBuf); 6] {
        [
            ("XDG_CONFIG_HOME", self.base.join("alice")),
            ("XDG_STATE_HOME", self.base.join("state")),
            ("GIT_AUTHOR_NAME", "Alice".into()),
            ("GIT_AUTHOR_EMAIL", "alice@fleet.example".into()),
            ("GIT_COMMITTER_NAME", "Alice".into()),
            ("GIT_COMMITTER_EMAIL", "alice@fleet.example".into()),
        ]
    }

    /// So that commands typed afterwards find a name to commit under. Without git there is nobody to type them.
    fn keep_git_identity(&self) {
        for (key, value) in [("user.name", "Alice"), ("user.email", "alice@fleet.example")] {
            let _ = self.git().args(["config", key, value]).status();
        }
    }

    fn git_log(&self) {
        self.typed("git -C vault log --format='%h %s'");
        if !self
            .git()
            .args(["--no-pager", "log", "--format=%h %s"])
            .status()
            .is_ok_and(|status| status.success())
        {
            say!("(git is not installed, so its log cannot be shown)");
        }
    }

    fn git(&self) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.base.join("vault"));
        git
    }

    fn next(&self) {
        let base = self.base.display();
        self.say("Now you");
        say!("  cargo install --path .          # puts fleetvault and fleetvault-resolver into ~/.cargo/bin");
        say!("  cd {base}/vault");
        say!("  export XDG_CONFIG_HOME={base}/alice XDG_STATE_HOME={base}/state     # be Alice");
        say!("  fleetvault scope github_pat --add fleet-rev");
        say!("  echo 'x <<secure.github_pat>>' | FLEETVAULT_IDENTITY={base}/fleet-rev.txt fleetvault-resolver expand");
        say!("  fleetvault verify; fleetvault doctor; fleetvault --help");
        say!("  rm -rf {base}                   # and it is gone");
    }
}

fn directory(args: &DemoArgs) -> Result<PathBuf, Failure> {
    if let Some(directory) = &args.directory {
        fs::create_dir(directory).map_err(|error| io_error(&format!("make {}", directory.display()), &error))?;
        return Ok(fs::canonicalize(directory).unwrap_or_else(|_| directory.clone()));
    }
    let made = tempfile::Builder::new().prefix("fleetvault-demo-").tempdir();
    Ok(made
        .map_err(|error| io_error("make a temporary directory", &error))?
        .keep())
}

fn io_error(what: &str, error: &std::io::Error) -> Failure {
    Report::new(1, "io", format!("cannot {what}: {error}")).into()
}
