//! `man`: the manual pages, from the same texts as `--help`.

use std::{fs, io, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;
use fleetvault::{cli::Failure, terminal::report::Report};

use crate::{Cli, output::cannot_write};

#[derive(Args)]
#[command(after_help = "EXAMPLES:\n  fleetvault man | man -l -\n  fleetvault man --all ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

pub fn run(args: &ManArgs) -> Result<(), Failure> {
    let command = Cli::command();
    let Some(directory) = &args.all else {
        return Man::new(command)
            .render(&mut io::stdout().lock())
            .map_err(|error| cannot_write(&error));
    };
    let shown = directory.display();
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command, directory))
        .map_err(|error| Report::new(1, "io", format!("cannot write manual pages to {shown}: {error}")).into())
}
