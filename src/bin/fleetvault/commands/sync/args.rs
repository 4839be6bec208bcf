//! The arguments of `sync`.

use clap::{Args, ValueEnum};

#[derive(Args)]
#[command(
    after_help = "Fetches and pushes through your own git. What does not verify is refused, file by file, and nothing changes. Own commits are put behind\nthose of others; files that both sides changed are merged by what they mean. In a bare mirror: fetches and verifies only.\n\nEXAMPLES:\n  fleetvault sync\n  fleetvault sync --keep own        (both sides changed a value: take yours)\n  fleetvault sync --watch 60        (on a machine, until SIGTERM)"
)]
pub struct SyncArgs {
    /// Where both sides changed the same thing, take it from this one
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(super) keep: Option<Side>,
    /// Fetch, verify and rebase, but push nothing
    #[arg(long)]
    pub(super) no_push: bool,
    /// How long the other side may take to answer
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
    /// Sync again and again, with so many seconds in between [default: 60], until SIGTERM or SIGINT
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) watch: Option<u64>,
    /// Fetch, verify, show what would happen; change nothing else
    #[arg(long, conflicts_with = "watch")]
    pub(super) dry_run: bool,
}

/// A side of a difference.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// What you have committed here
    Own,
    /// What the others have pushed
    Upstream,
}
