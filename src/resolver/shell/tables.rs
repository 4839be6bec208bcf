//! What programs and builtins do with what they are given.
//!
//! Only names and options: how they are applied is in `command` and `interpreter`.

/// What a program takes for code.
#[derive(Clone, Copy)]
pub(super) enum Program {
    /// `-c CODE NAME ARGUMENTS`, a script, or standard input.
    Shell,
    /// Options with code, a script, or standard input.
    Language(Language),
    /// The words of these options, by letter or name; the other arguments are plain.
    Options(&'static [u8], &'static [&'static str]),
    /// The same, and standard input.
    Client(&'static [u8], &'static [&'static str]),
    /// The first argument that is not bound to a name.
    Filter,
    /// Settings, and the arguments of some commands.
    Git,
    /// Every argument. `input`: standard input as well.
    Everything { input: bool },
}

/// How a language is called.
#[derive(Clone, Copy)]
pub(super) struct Language {
    /// Letters of options that are followed by code.
    pub code: &'static [u8],
    /// Long options that are followed by code.
    pub long: &'static [&'static str],
    /// Letters of other options that take a value.
    pub valued: &'static [u8],
    /// Whether words behind the code are plain arguments.
    pub arguments: bool,
}

const fn language(
    code: &'static [u8],
    long: &'static [&'static str],
    valued: &'static [u8],
    arguments: bool,
) -> Option<Program> {
    Some(Program::Language(Language {
        code,
        long,
        valued,
        arguments,
    }))
}

/// Looks a program up by the last part of its path.
pub(super) fn program(name: &[u8]) -> Option<(&str, Program)> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let bare = name.trim_end_matches(|char: char| char.is_ascii_digit() || matches!(char, '.' | '-'));
    exactly(name)
        .map(|program| (name, program))
        .or_else(|| exactly(bare).map(|program| (bare, program)))
}

fn exactly(name: &str) -> Option<Program> {
    const INPUT: Option<Program> = Some(Program::Everything { input: true });
    const ARGUMENTS: Option<Program> = Some(Program::Everything { input: false });
    match name {
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "mksh" | "lksh" | "pdksh" | "oksh" | "yash" | "ash" | "posh"
        | "rbash" | "rzsh" | "ksh93" | "csh" | "tcsh" | "fish" | "hush" | "osh" => Some(Program::Shell),
        "python" | "pypy" | "python3" | "python2" | "ipython" | "bpython" => language(b"c", &[], b"WXm", true),
        "xonsh" | "elvish" => language(b"c", &[], b"", false),
        "nu" => language(b"ce", &["commands", "execute"], b"", false),
        "tsx" | "ts-node" | "ts-node-esm" | "vite-node" | "babel-node" => {
            language(b"ep", &["eval", "print"], b"rCPO", true)
        }
        "node" | "nodejs" => language(b"ep", &["eval", "print"], b"rC", true),
        "ruby" | "jruby" => language(b"e", &[], b"rICEK", true),
        "php" => language(
            b"rBRE",
            &["run", "process-begin", "process-code", "process-end"],
            b"dczFf",
            true,
        ),
        "bun" => language(b"ep", &["eval", "print"], b"r", false),
        "deno" => language(b"", &["eval", "ext"], b"", false),
        "lua" | "luajit" => language(b"e", &[], b"l", false),
        "Rscript" | "R" | "littler" => language(b"e", &["eval", "expr"], b"f", false),
        "pwsh" | "powershell" => language(b"ceECf", &[], b"", false),
        "osascript" => language(b"e", &[], b"ls", false),
        "groovy" | "scala" | "julia" | "ghc" | "elixir" | "raku" | "guile" | "swipl" => {
            language(b"eEc", &["eval", "print"], b"", false)
        }
        "psql" => Some(Program::Client(b"c", &["command"])),
        "lftp" | "ftp" | "sqlplus" => Some(Program::Client(b"ec", &[])),
        "redis-cli" | "valkey-cli" => Some(Program::Client(b"", &["eval"])),
        "mongo" | "mongosh" => Some(Program::Client(b"", &["eval"])),
        "mysql" | "mariadb" => Some(Program::Client(b"e", &["execute", "init-command"])),
        "ssh" | "mosh" | "slogin" | "bc" | "dc" | "m4" | "gm4" | "gdb" | "lldb" | "at" | "batch" | "ed" | "ex"
        | "expect" | "tclsh" | "wish" | "perl" | "parallel" | "su" | "script" | "crontab" | "sqlite" | "sqlite3"
        | "make" | "gmake" | "screen" | "runuser" | "sg" | "pdsh" | "nix-repl" | "ghci" | "irb" | "iex" | "erl"
        | "gnuplot" | "octave" | "sftp" | "duckdb" | "pgcli" | "mycli" | "litecli" | "usql" | "sqlcmd" | "cqlsh"
        | "clickhouse-client" | "mysqlsh" | "cypher-shell" | "snowsql" | "sbcl" | "racket" | "ocaml" | "jshell"
        | "clojure" | "clj" | "bb" | "csi" | "gs" => INPUT,
        "awk" | "gawk" | "mawk" | "nawk" | "sed" | "gsed" | "watch" | "vi" | "vim" | "nvim" | "view" | "vimdiff"
        | "emacs" | "emacsclient" | "tmux" | "xargs" | "nsenter" | "chroot" | "unshare" | "hyperfine" | "scp"
        | "socat" | "ansible" | "ansible-playbook" | "ansible-console" | "ansible-pull" | "adb" | "less" | "more"
        | "most" | "nodemon" | "concurrently" | "cmake" | "ninja" | "just" | "fzf" | "npx" => ARGUMENTS,
        "git" => Some(Program::Git),
        "jq" | "gojq" | "jaq" | "yq" => Some(Program::Filter),
        "tar" | "gtar" | "bsdtar" => Some(Program::Options(
            b"IF",
            &[
                "to-command",
                "checkpoint-action",
                "use-compress-program",
                "rsh-command",
                "rmt-command",
                "info-script",
                "new-volume-script",
            ],
        )),
        "rsync" => Some(Program::Options(b"eM", &["rsh", "rsync-path", "remote-option"])),
        "env" => Some(Program::Options(b"S", &["split-string"])),
        "flock" => Some(Program::Options(b"c", &["command"])),
        "npm" | "pnpm" | "yarn" => Some(Program::Options(b"c", &["call", "shell-mode", "node-options"])),
        "nc" | "ncat" | "netcat" => Some(Program::Options(b"ce", &["exec", "sh-exec", "lua-exec"])),
        "nix-shell" | "nix" => Some(Program::Options(b"E", &["run", "command", "expr"])),
        "gcloud" | "vagrant" | "entr" | "fly" | "flyctl" => Some(Program::Options(b"cCs", &["command"])),
        "man" => Some(Program::Options(b"P", &["pager"])),
        "zip" => Some(Program::Options(b"T", &["unzip-command"])),
        "sort" => Some(Program::Options(b"", &["compress-program"])),
        "split" => Some(Program::Options(b"", &["filter"])),
        "wget" => Some(Program::Options(b"", &["use-askpass"])),
        "helm" => Some(Program::Options(b"", &["post-renderer"])),
        _ => None,
    }
}

/// These start no other program that they are given by name, so a later word that looks like an interpreter is none.
pub(super) const PLAIN: [&str; 24] = [
    "echo", "printf", "test", "[", ":", "true", "false", "cd", "export", "set", "curl", "wget", "http", "grep",
    "egrep", "fgrep", "cat", "tee", "head", "tail", "tr", "cut", "wc", "base64",
];

/// Programs that run another one, with its arguments as they are: letters of options with a value, and how many words come before the
/// program.
pub(super) fn wrapper(name: &[u8]) -> Option<(&'static str, &'static [u8], usize)> {
    const WRAPPERS: [(&str, &[u8], usize); 33] = [
        ("exec", b"a", 0),
        ("command", b"", 0),
        ("builtin", b"", 0),
        ("env", b"uCSaP", 0),
        ("sudo", b"ugChprtTUDRa", 0),
        ("doas", b"uCa", 0),
        ("nohup", b"", 0),
        ("time", b"fo", 0),
        ("nice", b"n", 0),
        ("timeout", b"ks", 1),
        ("gtimeout", b"ks", 1),
        ("stdbuf", b"ioe", 0),
        ("setsid", b"", 0),
        ("ionice", b"cnpP", 0),
        ("chrt", b"TPD", 1),
        ("taskset", b"", 1),
        ("caffeinate", b"t", 0),
        ("strace", b"eoaspuESXIPOb", 0),
        ("ltrace", b"eoaspunlFAx", 0),
        ("unbuffer", b"", 0),
        ("xvfb-run", b"efnpsw", 0),
        ("dbus-run-session", b"", 0),
        ("setpriv", b"", 0),
        ("su-exec", b"", 1),
        ("gosu", b"", 1),
        ("tini", b"p", 0),
        ("dumb-init", b"r", 0),
        ("numactl", b"", 0),
        ("proxychains", b"f", 0),
        ("proxychains4", b"f", 0),
        ("busybox", b"", 0),
        ("toybox", b"", 0),
        ("chronic", b"", 0),
    ];
    WRAPPERS.into_iter().find(|(wrapper, ..)| wrapper.as_bytes() == name)
}

/// Builtins that give variables attributes.
pub(super) const DECLARATIONS: [&str; 5] = ["declare", "typeset", "local", "readonly", "export"];

/// Long options of those programs that take the next word as their value.
pub(super) const WRAPPER_VALUES: [&str; 24] = [
    "user",
    "group",
    "host",
    "prompt",
    "chdir",
    "unset",
    "signal",
    "kill-after",
    "adjustment",
    "input",
    "output",
    "error",
    "close-from",
    "role",
    "type",
    "command-timeout",
    "chroot",
    "class",
    "classdata",
    "argv0",
    "format",
    "login-class",
    "other-user",
    "block-signal",
];

/// Builtins that take what they are given for code, names, numbers or options.
pub(super) const BUILTINS: [&str; 32] = [
    "let",
    "eval",
    "source",
    ".",
    "trap",
    "alias",
    "unalias",
    "read",
    "mapfile",
    "readarray",
    "getopts",
    "unset",
    "complete",
    "compgen",
    "compopt",
    "bind",
    "enable",
    "history",
    "fc",
    "wait",
    "hash",
    "jobs",
    "shopt",
    "exit",
    "return",
    "shift",
    "break",
    "continue",
    "ulimit",
    "umask",
    "coproc",
    "[[",
];

/// Words that are no commands, but are not seen as such behind `time`.
pub(super) const RESERVED: [&str; 18] = [
    "if", "then", "else", "elif", "fi", "for", "select", "while", "until", "do", "done", "case", "esac", "in", "{",
    "}", "!", "function",
];

/// Says whether a program starts none that is named in its arguments: with these commands `kubectl` and `docker` only send them.
pub(super) fn only_sends(name: &[u8], command: &[u8]) -> bool {
    const KUBECTL: [&str; 15] = [
        "get", "create", "delete", "describe", "apply", "label", "annotate", "patch", "set", "scale", "rollout",
        "logs", "config", "expose", "wait",
    ];
    const DOCKER: [&str; 14] = [
        "login", "logout", "pull", "push", "tag", "images", "inspect", "rm", "rmi", "stop", "logs", "secret", "volume",
        "network",
    ];
    let known: &[&str] = match name {
        b"kubectl" | b"oc" => &KUBECTL,
        b"docker" | b"podman" => &DOCKER,
        _ => &[],
    };
    known.iter().any(|known| known.as_bytes() == command)
}

/// Programs and builtins that print nothing of their environment.
pub(super) const QUIET: [&str; 33] = [
    "gunzip",
    "zcat",
    "gzip",
    "cat",
    "bunzip2",
    "bzcat",
    "xz",
    "unxz",
    "xzcat",
    "zstd",
    "zstdcat",
    "head",
    "tail",
    "sort",
    "uniq",
    "cut",
    "tr",
    "echo",
    "printf",
    "true",
    "sleep",
    "mkdir",
    "cd",
    "export",
    "readonly",
    "set",
    "wait",
    "test",
    "[",
    "pg_dump",
    "pg_dumpall",
    "mysqldump",
    "curl",
];

/// Operators of `test` that take the names of variables.
pub(super) const TEST_NAMES: [&[u8]; 2] = [b"-v", b"-R"];

/// Operators of `test` that take numbers.
pub(super) const TEST_NUMBERS: [&[u8]; 7] = [b"-t", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge"];
