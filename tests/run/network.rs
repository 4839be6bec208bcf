//! `network = "deny"`: no network for a command and whatever it starts, held by the kernel.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use crate::{
    Runs, fleet,
    support::{Fleet, has, run, skip},
};

/// The value of `inside`, which may be used without the network only.
const INSIDE: &str = "a-value-that-stays-inside";

fn denied() -> Fleet {
    let fleet = fleet();
    fleet
        .fleetvault_with(
            &["set", "inside", "--members", "dev", "--network", "deny"],
            INSIDE.as_bytes(),
        )
        .ok();
    fleet
}

/// A server that says hello to everyone, and its port.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    port
}

/// A static program from C.
fn compiled(fleet: &Fleet, name: &str, source: &str) -> Option<PathBuf> {
    let (file, program) = (fleet.path(&format!("{name}.c")), fleet.path(name));
    fs::write(&file, source).unwrap();
    if !has("cc") {
        return None;
    }
    let made = Command::new("cc")
        .arg("-static")
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .output()
        .unwrap();
    if !made.status.success() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        skip("cc makes no static programs here");
        return None;
    }
    Some(program)
}

/// A static program that connects to a port of this machine and says what it got.
const CONNECT: &str = r#"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) { printf("%s\n", strerror(errno)); return 1; }
    char text[100] = "GET / HTTP/1.0\r\n\r\n";
    write(fd, text, strlen(text));
    text[read(fd, text, 99)] = 0;
    printf("connected\n");
    return 0;
}
"#;

#[test]
fn no_program_reaches_a_server_on_this_machine() {
    let fleet = denied();
    let port = server().to_string();
    let url = format!("http://127.0.0.1:{port}/");
    let python = format!("import urllib.request as u; print(u.urlopen('{url}').read().decode())");
    let connect = compiled(&fleet, "connect", CONNECT);
    let mut programs: Vec<(Vec<&str>, &str)> = Vec::new();
    if has("curl") {
        programs.push((vec!["curl", "-sS", &url], "hello"));
        // Two shells and a new session further down it is the same.
        programs.push((
            vec!["sh", "-c", "setsid -w sh -c \"env curl -sS $1 && true\"", "sh", &url],
            "hello",
        ));
    }
    if has("python3") {
        programs.push((vec!["python3", "-c", &python], "hello"));
    }
    if let Some(connect) = &connect {
        programs.push((vec![connect.to_str().unwrap(), &port], "connected"));
    }
    if has("bash") {
        programs.push((
            vec![
                "bash",
                "-c",
                "exec 3<>/dev/tcp/127.0.0.1/$1 && echo hello",
                "bash",
                &port,
            ],
            "hello",
        ));
    }
    for (program, greeting) in programs {
        let with = |reference: &str| {
            let variable = format!("V={reference}");
            fleet.run(&[&["--env", &variable, "--"][..], &program].concat())
        };
        // The same command with a credential that allows it, so that its failure means something.
        with("<<secure.token>>").ok().prints(greeting);
        let refused = with("<<secure.inside>> <<secure.token>>");
        assert!(refused.code != 0, "{program:?}");
        let said = refused.out() + &refused.stderr;
        assert!(!said.contains(greeting), "{said}");
    }
}

#[test]
fn no_family_of_sockets_is_left_and_no_socket_can_be_taken() {
    let fleet = denied();
    if !has("python3") {
        return;
    }
    let script = "
import os, socket, ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
made = [f for f in range(64) for t in (1, 2, 3, 5) if libc.socket(f, t, 0) >= 0]
print('made', made)
a, b = socket.socketpair()
a.send(b'x'); print('pair', b.recv(1))
for t in (2, 3, 2 | 0o2000000):
    fds = (ctypes.c_int * 2)()
    print(libc.socketpair(1, t, 0, fds), errno.errorcode[ctypes.get_errno()])
parent = os.pidfd_open(os.getppid())
print(libc.syscall(438, parent, 0, 0), errno.errorcode[ctypes.get_errno()])
print(libc.ioctl(0, 0x5412, b'x'), errno.errorcode[ctypes.get_errno()])
print(libc.ptrace(16, os.getppid(), 0, 0), errno.errorcode[ctypes.get_errno()])
print(os.environ['V'] == 'a-value-that-stays-' + 'inside')
";
    let refusal = "-1 EACCES\n";
    assert_eq!(
        fleet
            .run(&["--env", "V=<<secure.inside>>", "--", "python3", "-c", script])
            .ok()
            .out(),
        format!("made []\npair b'x'\n{}True\n", refusal.repeat(6))
    );
    // Local daemons are deputies, so they are out of reach unless the launch allows them.
    let socket = fleet.path("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        listener
            .incoming()
            .for_each(|stream: Result<UnixStream, _>| drop(stream))
    });
    let connect = format!(
        "import socket; socket.socket(socket.AF_UNIX).connect({:?}); print('local')",
        socket.to_str().unwrap()
    );
    let args = ["--env", "V=<<secure.inside>>", "--", "python3", "-c", &connect];
    fleet.run(&args).fails(1).says("PermissionError");
    fleet.run(&[&["--allow-unix"], &args[..]].concat()).ok().prints("local");
    let internet = [
        "--allow-unix",
        "--env",
        "V=<<secure.inside>>",
        "--",
        "python3",
        "-c",
        "import socket; socket.socket()",
    ];
    fleet.run(&internet).fails(1).says("PermissionError");
}

#[test]
fn calls_that_no_filter_sees_end_the_process() {
    let fleet = denied();
    let mut calls = vec![
        (
            "uring",
            "#include <unistd.h>\nint main(void) { syscall(425, 8, 0); return 0; }",
        ),
        (
            "enter",
            "#include <unistd.h>\nint main(void) { syscall(426, -1, 0, 0, 0, 0, 0); return 0; }",
        ),
    ];
    if cfg!(target_arch = "x86_64") {
        // getpid by the numbers of i386, and socket by those of x32.
        calls.push((
            "foreign",
            "int main(void) { int n = 20; __asm__ volatile(\"int $0x80\" : \"+a\"(n)); return 0; }",
        ));
        calls.push((
            "x32",
            "#include <unistd.h>\nint main(void) { syscall(0x40000000 + 41, 2, 1, 0); return 0; }",
        ));
    }
    for (name, source) in calls {
        let Some(program) = compiled(&fleet, name, source) else {
            return;
        };
        let program = program.to_str().unwrap();
        // 128 + SIGSYS. Without the filter the same program ends by itself.
        fleet.run(&["--env", "V=<<secure.inside>>", "--", program]).fails(159);
        fleet.run(&["--env", "V=<<secure.token>>", "--", program]).ok();
    }
}

#[test]
fn a_socket_on_standard_input_is_not_passed_on() {
    let fleet = denied();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"asked\n").unwrap();
    let script = "read line; echo \"got $line\"; echo leak >&0; readlink /proc/self/fd/0";
    let mut command = fleet.resolver_command(
        "dev",
        &["run", "--env", "V=<<secure.inside>>", "--", "sh", "-c", script],
    );
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(client.try_clone().unwrap())));
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.starts_with("got asked\n") && out.contains("pipe:"), "{out}");
    drop((client, command));
    let mut rest = String::new();
    peer.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn with_a_terminal_it_is_the_same() {
    let fleet = denied();
    if !has("bash") {
        return;
    }
    let port = server().to_string();
    let script = "exec 3<>/dev/tcp/127.0.0.1/$1 && echo hello";
    let args = [
        "--tty",
        "--env",
        "V=<<secure.inside>>",
        "--",
        "bash",
        "-c",
        script,
        "bash",
        &port,
    ];
    let printed = fleet.run(&args).fails(1);
    assert!(
        !printed.out().contains("hello") && printed.out().contains("Permission denied"),
        "{}",
        printed.out()
    );
}

#[test]
fn text_that_can_go_anywhere_is_not_given_out() {
    let fleet = denied();
    fleet
        .expand("dev", "<<secure.inside>> <<secure.token>>")
        .fails(7)
        .silent()
        .says("credential 'inside' may only be used without the network (network = \"deny\"), and nothing holds back what 'expand' gives out")
        .says("hint: let a command use it: fleetvault-resolver run -- COMMAND …");
    let masked = fleet.resolver("dev", &["mask"], format!("x {INSIDE}\n").as_bytes());
    masked.ok().prints("x [REDACTED:inside]\n");
}

#[test]
fn an_older_file_that_allowed_it_does_not_come_back() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "deny"]).ok();
    // Refused, and remembered: whoever serves the repository could bring back what was allowed before.
    fleet.expand("dev", "<<secure.token>>").fails(7);
    fleet.git(&["revert", "--no-edit", "HEAD"]);
    fleet
        .expand("dev", "<<secure.token>>")
        .fails(6)
        .silent()
        .says("it was rolled back: serial 2 was seen here before, found serial 1");
    fleet
        .run(&["--", "true", "<<secure.token>>"])
        .fails(125)
        .says("it was rolled back");
}

#[test]
fn others_are_not_filtered() {
    let fleet = denied();
    let status = |reference: &str| {
        let variable = format!("V={reference}");
        let read = fleet.run(&[
            "--env",
            &variable,
            "--",
            "grep",
            "-E",
            "^(Seccomp|NoNewPrivs):",
            "/proc/self/status",
        ]);
        read.ok().out()
    };
    assert_eq!(status("<<secure.inside>>"), "NoNewPrivs:\t1\nSeccomp:\t2\n");
    assert_eq!(status("<<secure.token>>"), "NoNewPrivs:\t0\nSeccomp:\t0\n");
    let mut command = fleet.resolver_command("dev", &["run", "--env", "V=<<secure.inside>>", "--", "sh", "-c"]);
    // The resolver itself stays as it was: it is one thread that is filtered.
    command.args(["grep ^Seccomp: /proc/$PPID/status"]);
    run(command, b"").ok().prints("Seccomp:\t0\n");
}
