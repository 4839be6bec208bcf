//! The two binaries as people, scripts and machines use them: real processes, real git, real `age` and `ssh-keygen`.

#[path = "../support/mod.rs"]
mod support;

mod first_sentence;
