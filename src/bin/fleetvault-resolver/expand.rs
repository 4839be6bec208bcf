//! `expand`: a template in, the resolved text out.

use std::path::PathBuf;

use clap::Args;
use fleetvault::{cli::Failure, resolver::template::Template};

use crate::{
    input::{read_template, write_output},
    launch::LaunchArgs,
};

#[derive(Args)]
#[command(
    after_help = "TEMPLATES:\n  <<secure.NAME>> or {{secure.NAME}}; filters follow a bar: <<secure.NAME | base64>>\n  Filters: base64, urlencode, tojson, shell_quote. All other text passes byte for byte.\n\nEXAMPLE:\n  echo 'token = <<secure.github_pat>>' | fleetvault-resolver expand"
)]
pub struct ExpandArgs {
    /// The template [default: standard input]
    file: Option<PathBuf>,
    /// Write to this file, readable by its owner only, instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(args: &ExpandArgs, launch: &LaunchArgs) -> Result<(), Failure> {
    let source = read_template(args.file.as_ref())?;
    let template = Template::parse(&source)?;
    if template.is_literal() {
        return write_output(args.output.as_deref(), &source);
    }
    let text = launch.with_resolver(|resolver| {
        let values = resolver.resolve_all(template.names())?;
        Ok(template.render(|name| values.get(name).map(|resolved| resolved.value.expose()))?)
    })?;
    write_output(args.output.as_deref(), &text)
}
