//! Where no reference can stand in a shell line, the words for it, and what to write instead.
//!
//! Shows names of credentials, programs and variables that stand in the line: never a value.

use vault_format::CredentialName;

/// Lists every reference of a line that fits nowhere, in the order of the line. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ShellErrors(pub Vec<ShellError>);

/// Is one reference that no variable can replace where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: '<<secure.{name}>>' cannot stand {context}")]
pub struct ShellError {
    /// The line of its brackets, from 1.
    pub line: usize,
    /// The byte in that line at which its brackets open, from 1.
    pub column: usize,
    /// The credential.
    pub name: CredentialName,
    /// Where it stands.
    pub context: Context,
}

/// Says where a reference stands, or where its value would go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Context {
    /// `<<'EOF'`.
    #[error("in a here-document whose delimiter is quoted")]
    QuotedHereDocument,
    /// `<<E<<secure.x>>`.
    #[error("in the delimiter of a here-document")]
    Delimiter,
    /// `# …`.
    #[error("in a comment")]
    Comment,
    /// `` `…` ``.
    #[error("in back-ticks")]
    BackTicks,
    /// `$((…))`, `((…))`, `${x:…}`.
    #[error("in an arithmetic expression, which runs what an array subscript in a value says")]
    Arithmetic,
    /// `[[ … ]]`.
    #[error("in '[[ ]]', which may take a value for an expression or a pattern")]
    Conditional,
    /// `a[…]`.
    #[error("in an array subscript, which is evaluated")]
    Subscript,
    /// `${…}`.
    #[error("inside '${{ }}'")]
    Parameter,
    /// `${!x}`, `${x@P}`.
    #[error("where '${{!…}}' or '@P' evaluates the value of a variable")]
    Indirect,
    /// `$'…'`.
    #[error("in $'…', whose escapes are read before any variable")]
    AnsiQuotes,
    /// `$"…"`.
    #[error("in $\"…\", which is looked up in translations")]
    LocaleQuotes,
    /// `\<<secure.x>>`.
    #[error("directly behind a backslash")]
    Backslash,
    /// `$<<secure.x>>`.
    #[error("directly behind a '$'")]
    Dollar,
    /// `>&…`.
    #[error("behind '>&', where bash expands a file's name twice")]
    CopiedOutput,
    /// The name of a program.
    #[error("where the name of the program to run is expected")]
    CommandWord,
    /// An argument of `$PROGRAM`.
    #[error("among the arguments of a program whose name is only known when the line runs")]
    UnknownProgram,
    /// Before the program that `env` or `sudo` runs.
    #[error("before the program that '{program}' is to run")]
    BeforeProgram {
        /// `env`, say.
        program: String,
    },
    /// The name of a function.
    #[error("in the name of a function")]
    FunctionName,
    /// `for <<secure.x>> in`.
    #[error("where 'for' or 'select' expects the name of a variable")]
    LoopVariable,
    /// `eval`, `read`, …
    #[error("among the arguments of '{builtin}', which takes them for code, names, numbers or options")]
    Builtin {
        /// The builtin command.
        builtin: &'static str,
    },
    /// `RANDOM=`, `EDITOR=`, …
    #[error("in the value of {variable}, which a shell or a program takes for code")]
    Variable {
        /// The variable.
        variable: String,
    },
    /// An assignment where variables have attributes.
    #[error("in an assignment to {variable}, as the line changes the attributes of variables")]
    Attributes {
        /// The variable.
        variable: String,
    },
    /// `a+=`, `a[1]=`.
    #[error("in an assignment that not every sh knows")]
    NotPosix,
    /// The code of an interpreter.
    #[error("in the code that '{program}' runs")]
    Code {
        /// The interpreter.
        program: String,
    },
    /// A text that is run.
    #[error("where the text that '{program}' runs has that name, and is not understood for sure")]
    Text {
        /// The program.
        program: String,
    },
    /// A function of which another shell gets the text.
    #[error("in a function that is exported: the shell that calls it does not have the value")]
    ExportedFunction,
    /// What an interpreter reads its code from.
    #[error("in the standard input that '{program}' takes its code from")]
    StandardInput {
        /// The interpreter.
        program: String,
    },
    /// An argument of something that takes its arguments for code.
    #[error("among the arguments of '{program}', which can take them for code or commands")]
    Arguments {
        /// The program.
        program: String,
    },
    /// `shell_quote`.
    #[error("with the filter 'shell_quote' in a shell line, where it would be quoted twice")]
    ShellQuote,
    /// A variable with its value reaches a place where it would be refused itself.
    #[error("in ${variable}, as line {line}, column {column} has that variable {context}")]
    Flows {
        /// The variable.
        variable: String,
        /// The line of the variable's use, from 1.
        line: usize,
        /// The byte in that line, from 1.
        column: usize,
        /// What stands there.
        context: Box<Context>,
    },
    /// A line with aliases.
    #[error("in a line that defines aliases, which change how the rest of it is read")]
    Alias,
    /// Nothing is sure from here on.
    #[error("in a line that is not understood for sure: {what} at line {line}, column {column}")]
    NotUnderstood {
        /// What it is.
        what: &'static str,
        /// The line of it, from 1.
        line: usize,
        /// The byte in that line, from 1.
        column: usize,
    },
}

impl ShellError {
    /// Returns what to write instead.
    pub fn hint(&self) -> String {
        self.context.rewrite(&format!("<<secure.{}>>", self.name))
    }
}

impl Context {
    /// Writes a replacement for a reference.
    fn rewrite(&self, it: &str) -> String {
        match self {
            Self::QuotedHereDocument => {
                "remove the quotes of the delimiter and put '\\' before each other $, ` and \\ of the text".to_owned()
            }
            Self::Delimiter => "write a fixed word: <<EOF".to_owned(),
            Self::Comment => format!("remove {it} from the comment"),
            Self::BackTicks => format!("write $(… {it} …)"),
            Self::Conditional => format!("write [ \"$variable\" = {it} ]"),
            Self::Arithmetic | Self::Subscript | Self::Indirect => {
                format!("compare or print it as text, as in [ {it} = 1 ]; a value is never calculated with")
            }
            Self::Parameter => format!("write TOKEN={it} on a line before, then ${{TOKEN}} in its place"),
            Self::AnsiQuotes => format!("close the quotes before it: $'…'{it}$'…'"),
            Self::LocaleQuotes => format!("write \"… {it} …\" without the '$'"),
            Self::Backslash => format!("remove the backslash, or write it in single quotes: '\\'{it}"),
            Self::Dollar => format!("remove the '$', or write it in single quotes: '$'{it}"),
            Self::CopiedOutput => format!("write > {it} 2>&1"),
            Self::CommandWord => format!("write the program's name itself, and {it} among its arguments"),
            Self::UnknownProgram => format!("write the program's name itself: curl -H \"X-Token: {it}\""),
            Self::BeforeProgram { program } => {
                format!("write {program} OPTIONS PROGRAM {it}, with fixed options and a fixed program")
            }
            Self::FunctionName => format!("write a fixed name, and {it} where it is called: f {it}"),
            Self::LoopVariable => format!("write for item in {it}; do"),
            Self::Builtin { builtin } => of_builtin(builtin, it),
            Self::Variable { .. } | Self::Attributes { .. } => {
                format!("use another variable, without attributes: TOKEN={it}")
            }
            Self::NotPosix => format!("write TOKEN=\"$TOKEN\"{it}, or use bash"),
            Self::Code { program } | Self::StandardInput { program } | Self::Arguments { program } => {
                of_program(program, it)
            }
            Self::Text { .. } => {
                format!("put that text into a file and run TOKEN={it} sh FILE, where \"$TOKEN\" is the value")
            }
            Self::ExportedFunction => format!("write export TOKEN={it} before the function, and \"$TOKEN\" in it"),
            Self::ShellQuote => "remove '| shell_quote'; quoting is done already".to_owned(),
            Self::Flows { variable, context, .. } => match &**context {
                Self::Builtin { builtin: "[" | "test" } => {
                    format!(
                        "compare it as text: [ \"${variable}\" = 200 ]; bash (--shell-program bash) takes [ \"${variable}\" -eq 200 ] too"
                    )
                }
                Self::Conditional | Self::Arithmetic => format!("compare it as text: [ \"${variable}\" = 200 ]"),
                context => context.rewrite(it),
            },
            Self::Alias => "write the command itself, or a function: f() { command \"$@\"; }".to_owned(),
            Self::NotUnderstood { .. } => {
                format!("put the line into a file and run TOKEN={it} sh FILE, where \"$TOKEN\" is the value")
            }
        }
    }
}

fn of_builtin(builtin: &str, it: &str) -> String {
    match builtin {
        "eval" => format!("write the command without eval, or TOKEN={it} sh -c '… \"$TOKEN\" …'"),
        "source" | "." => format!("write TOKEN={it} on a line before, and \"$TOKEN\" in the file"),
        "trap" => format!("write TOKEN={it} on a line before, then trap '… \"$TOKEN\" …' EXIT"),
        "alias" => format!("write a function: f() {{ command {it}; }}"),
        "declare" | "typeset" | "local" | "readonly" | "read" | "mapfile" | "readarray" | "let" => {
            format!("write a plain assignment: TOKEN={it}")
        }
        "export" => format!("write export TOKEN={it}"),
        "printf" => format!("write printf '%s' {it}, and TOKEN={it} instead of -v"),
        "set" => format!("write set -- {it}"),
        "test" | "[" => format!("compare it as text: [ \"$variable\" = {it} ]"),
        _ => format!("write TOKEN={it} on a line before, and give {builtin} a fixed word"),
    }
}

/// Every interpreter can read a variable of its environment, which is the universal way out.
fn of_program(program: &str, it: &str) -> String {
    match program {
        "ssh" | "scp" | "sftp" | "mosh" => {
            format!("send it on standard input: printf '%s\\n' {it} | ssh HOST 'IFS= read -r TOKEN; … \"$TOKEN\" …'")
        }
        "awk" | "gawk" | "mawk" | "nawk" => format!("write TOKEN={it} {program} '{{ … ENVIRON[\"TOKEN\"] … }}'"),
        "perl" => format!("write TOKEN={it} perl -e '… $ENV{{TOKEN}} …'"),
        _ if program.starts_with("python") || matches!(program, "pypy" | "ipython") => {
            format!("write TOKEN={it} {program} -c '… os.environ[\"TOKEN\"] …'")
        }
        "node" | "nodejs" | "bun" | "tsx" | "ts-node" => {
            format!("write TOKEN={it} {program} -e '… process.env.TOKEN …'")
        }
        "deno" => format!("write TOKEN={it} deno eval '… Deno.env.get(\"TOKEN\") …'"),
        "redis-cli" => format!("write printf %s {it} | redis-cli -x eval '… ARGV[1] …' 0"),
        "ansible-playbook" => {
            format!("write TOKEN={it} ansible-playbook …, and lookup('env', 'TOKEN') in the playbook")
        }
        "ruby" => format!("write TOKEN={it} ruby -e '… ENV[\"TOKEN\"] …'"),
        "php" => format!("write TOKEN={it} php -r '… getenv(\"TOKEN\") …'"),
        "make" | "gmake" => format!("write TOKEN={it} make, and \"$$TOKEN\" in the recipe"),
        "jq" | "yq" => format!("write {program} --arg token {it} '… $token …'"),
        "xargs" | "parallel" => format!("write TOKEN={it} xargs sh -c '… \"$TOKEN\" …' sh"),
        "psql" => format!("write psql -v token={it} and :'token' in a script given with -f"),
        "git" => format!("write git -c http.extraHeader=\"Authorization: Bearer {it}\", or TOKEN={it} git …"),
        "sed" => format!("write TOKEN={it} awk '{{ … ENVIRON[\"TOKEN\"] … }}' instead"),
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish" => {
            format!("write TOKEN={it} {program} -c '… \"$TOKEN\" …', or {program} -c '… \"$1\" …' {program} {it}")
        }
        _ => format!(
            "write TOKEN={it} {program} …, and read TOKEN from the environment inside, as \"$TOKEN\" in a shell"
        ),
    }
}

fn lines(errors: &[ShellError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
