//! `hooks textconv FILE`: what `git diff` shows of a vault's file. Its header, who signed it, and whether the payload is another one; never
//! what is sealed.

use std::{fs::File, io::Read, path::PathBuf};

use clap::Args;
use fleetvault::{cli::Failure, say, terminal::escape, terminal::report::Report, vault::MAX_FILE};
use vault_format::Digest;

#[derive(Args)]
pub struct TextconvArgs {
    /// The file, as git names it
    file: PathBuf,
}

/// How much of a digest tells two payloads apart for a reader.
const DIGEST_SHOWN: usize = 23;

pub fn run(args: &TextconvArgs) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let read = File::open(&args.file).and_then(|file| file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| Report::new(1, "io", format!("cannot read {}: {error}", args.file.display())))?;
    for line in shown(&bytes) {
        say!("{}", escape(&line));
    }
    Ok(())
}

/// The lines that are shown. A file that is none of a vault is not: it may hold anything.
fn shown(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| bytes.len() <= MAX_FILE);
    let Some(text) = text.filter(|text| text.starts_with("format = ") && text.contains("\n[[signature]]\n")) else {
        let digest = short(bytes);
        return vec![
            format!("no file of a vault: {} bytes, {digest}", bytes.len()),
            "'git diff --no-textconv' shows it".into(),
        ];
    };
    let (signed, signatures) = text.split_once("\n[[signature]]\n").unwrap_or((text, ""));
    let (header, payload) = match signed.split_once("\npayload = ") {
        Some((header, payload)) => (header, Some(payload)),
        None => (signed, None),
    };
    let mut lines: Vec<String> = header.trim_end().lines().map(str::to_owned).collect();
    if let Some(payload) = payload {
        lines.push(format!("sealed payload {}", short(payload.as_bytes())));
    }
    let author = |line: &str| Some(line.strip_prefix("author = \"")?.strip_suffix('"')?.to_owned());
    lines.extend(
        signatures
            .lines()
            .filter_map(author)
            .map(|author| format!("signed by {author}")),
    );
    lines
}

fn short(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.get(..DIGEST_SHOWN).unwrap_or(&digest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_payload_nor_a_signature_is_shown() {
        let text = "format = 1\nname = \"a\"\n\npayload = \"\"\"\nSEALED\n\"\"\"\n\n[[signature]]\nauthor = \"alice\"\nvalue = \"\"\"\nSIGNED\n\"\"\"\n";
        let lines = shown(text.as_bytes());
        assert_eq!(lines[..2], ["format = 1", "name = \"a\""]);
        assert!(lines[2].starts_with("sealed payload sha256:"), "{lines:?}");
        assert_eq!(lines[3..], ["signed by alice"]);
        assert_ne!(shown(text.replace("SEALED", "OTHER").as_bytes()), lines);
    }

    #[test]
    fn another_file_is_not_shown() {
        for bytes in [
            &b"value = \"s3cret\"\n"[..],
            b"format = 1\nvalue = \"s3cret\"\n",
            b"\xff\xfe",
            b"",
        ] {
            let lines = shown(bytes);
            assert!(lines[0].starts_with("no file of a vault: "), "{lines:?}");
            assert!(!lines.concat().contains("s3cret"));
        }
    }
}
