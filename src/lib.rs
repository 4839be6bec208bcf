//! fleetvault: a git-backed vault for the credentials of people, machines and AI agents.
//!
//! Each credential is one signed file whose header names the members that may use it. [`vault`] reads and writes such files in a git
//! repository, [`resolver`] opens them for one member, [`agent`] gives that to AI agents, [`author`] changes them, [`review`] judges them
//! without a key. The two binaries hold their arguments and commands; what they share stands in [`cli`] (settings, wording of errors) and
//! [`terminal`] (output, tables, prompts). Nothing below these two prints, exits or asks, and of the environment only git's own variables are
//! looked at, for the name under which a commit is made.

// Denied rather than forbidden: options of libgit2 are set in vault/git/libgit2.rs, descriptors and a signal mask in resolver/run/system.rs,
// another mask in terminal/signals.rs.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod agent;
pub mod author;
pub mod cli;
pub mod resolver;
pub mod review;
pub mod terminal;
pub mod vault;
