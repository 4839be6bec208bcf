//! `expand`: a template in, the resolved text out.

use std::path::PathBuf;

use clap::Args;
use fleetvault::{
    cli::{Failure, approval, time},
    resolver::{policy::Purpose, run::readable, template::Template},
};

use crate::{
    approve,
    input::{read_template, write_output},
    launch::{LaunchArgs, Use},
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
    let wanted = Use {
        purpose: Purpose::Expand,
        command: &[],
        with: &[],
    };
    let names = template.names().into_iter().cloned().collect();
    let opened = launch.open(
        time::now(),
        &wanted,
        |_| Ok(names),
        |permitted, policy, question| {
            approval::refuse_denied(permitted, "expand")?;
            approve::confirm(permitted, policy, question, &[shown(args)])
        },
    )?;
    let text = template.render(|name| opened.values.get(name).map(|value| value.expose()))?;
    write_output(args.output.as_deref(), &text)
}

/// What a person agrees to.
fn shown(args: &ExpandArgs) -> String {
    let path = |path: &PathBuf| readable(path.as_os_str().as_encoded_bytes());
    let from = args.file.as_ref().map_or("standard input".into(), path);
    match &args.output {
        Some(to) => format!("putting its value into the template {from}, written to {}", path(to)),
        None => format!("putting its value into the template {from}, printed"),
    }
}
