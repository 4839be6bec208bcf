//! `check`: would this template be expanded?

use std::path::PathBuf;

use clap::Args;
use fleetvault::say;
use fleetvault::{cli::Failure, resolver::template::Template};

use crate::{input::read_template, launch::LaunchArgs};

#[derive(Args)]
pub struct CheckArgs {
    /// The template [default: standard input]
    file: Option<PathBuf>,
}

pub fn run(args: &CheckArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let source = read_template(args.file.as_ref())?;
    let template = Template::parse(&source)?;
    let names = template.names();
    launch.with_resolver(|resolver| {
        let refusals = resolver.check_all(names.iter().copied());
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals.into())
        }
    })?;
    match names.len() {
        0 => say!("no reference in it: it would pass through as it is"),
        1 => say!("1 credential would be expanded"),
        many => say!("{many} credentials would be expanded"),
    }
    Ok(())
}
