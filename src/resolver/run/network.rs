//! `network = "deny"`: a filter of system calls, which the kernel holds against a thread and everything it starts from then on.
//!
//! No socket of any family can be made, but for local ones where those are allowed: local daemons (a container engine, a message bus) are
//! deputies that have the network. Where the system has no such filter, the command is refused, never run without it.

/// What a command may do with the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkAccess {
    /// Everything.
    Open,
    /// Nothing, but for local sockets if `local` says so.
    Denied {
        /// Whether sockets of the family AF_UNIX can be made.
        local: bool,
    },
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
pub(super) use linux::deny_for_this_thread;

/// Says that this system has no filter.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
pub(super) fn deny_for_this_thread(_: bool) -> Result<(), String> {
    Err("only Linux on x86_64, aarch64 and riscv64 has the filter that this needs".into())
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod linux {
    use std::{collections::BTreeMap, env::consts::ARCH};

    use libc::{
        AF_UNIX, EACCES, SOCK_DGRAM, SOCK_RAW, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup,
        SYS_ioctl, SYS_pidfd_getfd, SYS_process_vm_writev, SYS_ptrace, SYS_request_key, SYS_socket, SYS_socketpair,
    };
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter, sock_filter,
    };

    /// Types a character into a terminal.
    const TIOCSTI: u64 = 0x5412;

    /// Pastes into a console.
    const TIOCLINUX: u64 = 0x541c;

    /// The bits of a socket's type that are not flags.
    const TYPE: u64 = 0xf;

    /// Filters this thread, and whatever is started from it, for good. System calls of another architecture end the process.
    pub(in super::super) fn deny_for_this_thread(local: bool) -> Result<(), String> {
        let refusing = refusing(local).map_err(|error| error.to_string())?;
        let killing = killing().map_err(|error| error.to_string())?;
        apply_filter(&killing)
            .and_then(|()| apply_filter(&refusing))
            .map_err(|error| error.to_string())
    }

    /// Calls that fail with EACCES: what makes a socket, and what takes one from another process.
    fn refusing(local: bool) -> Result<BpfProgram, BackendError> {
        let unix = AF_UNIX.unsigned_abs().into();
        let is = |argument, operator, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
        let other_family = || SeccompRule::new(vec![is(0, SeccompCmpOp::Ne, unix)?]);
        // A pair of datagram sockets can still send to any local daemon by its name.
        let of_type =
            |kind: i32| SeccompRule::new(vec![is(1, SeccompCmpOp::MaskedEq(TYPE), kind.unsigned_abs().into())?]);
        let request = |number: u64| SeccompRule::new(vec![is(1, SeccompCmpOp::Eq, number)?]);
        let always = Vec::new();
        let socket = if local { vec![other_family()?] } else { always.clone() };
        let mut pair = vec![other_family()?];
        if !local {
            pair.extend([of_type(SOCK_DGRAM)?, of_type(SOCK_RAW)?]);
        }
        let rules = BTreeMap::from([
            (SYS_socket, socket),
            (SYS_socketpair, pair),
            // Keys typed into the terminal would be run by the shell behind it, which has the network.
            (SYS_ioctl, vec![request(TIOCSTI)?, request(TIOCLINUX)?]),
            // The kernel would look a name up for the caller, outside of the filter.
            (SYS_request_key, always.clone()),
            (SYS_pidfd_getfd, always.clone()),
            (SYS_ptrace, always.clone()),
            (SYS_process_vm_writev, always),
        ]);
        program(rules, SeccompAction::Errno(EACCES.unsigned_abs()))
    }

    /// Calls that end the process: io_uring makes sockets without any of the calls above.
    fn killing() -> Result<BpfProgram, BackendError> {
        let calls = [SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register];
        let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
        let mut filter = x32();
        filter.extend(program(rules, SeccompAction::KillProcess)?);
        Ok(filter)
    }

    fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) -> Result<BpfProgram, BackendError> {
        SeccompFilter::new(rules, SeccompAction::Allow, action, ARCH.try_into()?)?.try_into()
    }

    /// The x32 calls, which have the architecture of x86_64 and numbers of their own: they end the process.
    fn x32() -> BpfProgram {
        if cfg!(not(target_arch = "x86_64")) {
            return Vec::new();
        }
        const LOAD_NUMBER: u16 = 0x20;
        const JUMP_IF_AT_LEAST: u16 = 0x35;
        const RETURN: u16 = 0x06;
        const X32_BIT: u32 = 0x4000_0000;
        let instruction = |code, jf, k| sock_filter { code, jt: 0, jf, k };
        vec![
            instruction(LOAD_NUMBER, 0, 0),
            instruction(JUMP_IF_AT_LEAST, 1, X32_BIT),
            instruction(RETURN, 0, libc::SECCOMP_RET_KILL_PROCESS),
        ]
    }
}
