//! `check`: may this member use what a template refers to? Asks no hook and no person.

use std::path::PathBuf;

use clap::Args;
use fleetvault::say;
use fleetvault::{
    cli::{Failure, time},
    resolver::template::Template,
};

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
    launch.with_resolver(|resolver, _| {
        resolver.permit_all(names.iter().copied(), time::now())?;
        Ok(())
    })?;
    match names.len() {
        0 => say!("no reference in it: it would pass through as it is"),
        1 => say!("1 credential would be expanded"),
        many => say!("{many} credentials would be expanded"),
    }
    Ok(())
}
