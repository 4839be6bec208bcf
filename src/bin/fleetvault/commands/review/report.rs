//! A proposed change as people and programs read it: Markdown for a comment, annotations for a workflow, JSON. Nothing that came from the repository
//! can act as markup.

use std::{borrow::Cow, fmt::Write};

use fleetvault::{
    review::proposal::{Item, Proposal, Risk, Statement},
    terminal::escape,
};
use serde_json::{Value, json};

/// How many items a comment shows before they are folded away.
const SHOWN_MAX: usize = 20;

/// The largest comment that forges take, in bytes, with some room.
const COMMENT_MAX: usize = 60_000;

/// How much is shown of one item: statements, and characters of each and of a name.
const STATEMENTS_MAX: usize = 20;
const TEXT_MAX: usize = 800;
const NAME_MAX: usize = 200;

/// The change as a comment on a pull request.
pub fn markdown(proposal: &Proposal) -> String {
    let mark = if proposal.has_errors() { "❌" } else { "✅" };
    let mut text = format!("### {mark} fleetvault: {}\n\n", proposal.verdict());
    if proposal.items.is_empty() {
        return text;
    }
    let (first, rest) = proposal.items.split_at(proposal.items.len().min(SHOWN_MAX));
    text.push_str(&table(first));
    if !rest.is_empty() {
        let _ = write!(
            text,
            "\n<details><summary>{} more</summary>\n\n{}\n</details>\n",
            rest.len(),
            table(rest)
        );
    }
    let _ = write!(
        text,
        "\n<sub>`{}` → `{}`, judged by the root at the former. No key was used; what an author claims is the author's word.</sub>\n",
        proposal.base.short(),
        proposal.head.short()
    );
    if text.len() > COMMENT_MAX {
        return short_markdown(proposal, mark);
    }
    text
}

/// What fits into a comment in any case: the worst.
fn short_markdown(proposal: &Proposal, mark: &str) -> String {
    let worst: Vec<Item> = proposal
        .items
        .iter()
        .filter(|item| item.risk() < Risk::Routine)
        .take(100)
        .cloned()
        .collect();
    let mut text = format!("### {mark} fleetvault: {}\n\n", proposal.verdict());
    for item in &worst {
        let row = row(item);
        if text.len() + row.len() > COMMENT_MAX {
            continue;
        }
        if !text.contains("|---|") {
            text.push_str(HEAD);
        }
        text.push_str(&row);
    }
    let _ = write!(
        text,
        "\n<sub>{} changed files; this is too much for a comment: see `fleetvault review`.</sub>\n",
        proposal.items.len()
    );
    text
}

/// One annotation for each item that is more than routine, as GitHub's workflow commands.
pub fn github(proposal: &Proposal) -> String {
    let mut text = String::new();
    for item in proposal.items.iter().filter(|item| item.risk() < Risk::Routine) {
        let command = match item.risk() {
            Risk::Error => "error",
            Risk::Root | Risk::Widening | Risk::Relaxed | Risk::Attention => "warning",
            _ => "notice",
        };
        let says: Vec<&str> = item
            .statements
            .iter()
            .map(|statement| statement.text.as_str())
            .collect();
        let line = item.line.map_or(String::new(), |line| format!(",line={line}"));
        let _ = writeln!(
            text,
            "::{command} file={}{line},title={}::{}",
            property(&item.path),
            property(&format!("{}: {}", item.risk().as_str(), item.subject)),
            data(&says.join("; "))
        );
    }
    let _ = writeln!(text, "{}", escape(&proposal.verdict()));
    text
}

/// The whole as JSON.
pub fn json(proposal: &Proposal) -> Value {
    let statement = |statement: &Statement| json!({ "risk": statement.risk.as_str(), "text": statement.text });
    let item = |item: &Item| {
        json!({
            "path": item.path,
            "subject": item.subject,
            "risk": item.risk().as_str(),
            "statements": item.statements.iter().map(statement).collect::<Vec<_>>(),
            "authors": item.authors,
            "line": item.line,
        })
    };
    json!({
        "base": proposal.base.to_string(),
        "head": proposal.head.to_string(),
        "verdict": proposal.verdict(),
        "errors": proposal.has_errors(),
        "items": proposal.items.iter().map(item).collect::<Vec<_>>(),
    })
}

const HEAD: &str = "| | what | change | signed by |\n|---|---|---|---|\n";

fn table(items: &[Item]) -> String {
    let rows: String = items.iter().map(row).collect();
    format!("{HEAD}{rows}")
}

fn row(item: &Item) -> String {
    let shown = item.statements.iter().take(STATEMENTS_MAX);
    let mut says: Vec<String> = shown.map(|statement| cell(&cut(&statement.text, TEXT_MAX))).collect();
    if item.statements.len() > STATEMENTS_MAX {
        says.push(format!("and {} more", item.statements.len() - STATEMENTS_MAX));
    }
    format!(
        "| {} | {} | {} | {} |\n",
        mark(item.risk()),
        code(&cut(&item.subject, NAME_MAX)),
        says.join("<br>"),
        cell(&cut(&item.authors.join(", "), NAME_MAX))
    )
}

/// The beginning of a text: one long path must not keep everything else out of a comment.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// A sign for the eye, with the word beside it.
fn mark(risk: Risk) -> String {
    let sign = match risk {
        Risk::Error => "❌",
        Risk::Root | Risk::Widening | Risk::Relaxed | Risk::Attention => "⚠️",
        _ => "·",
    };
    format!("{sign} {}", risk.as_str())
}

/// Text in a cell of a table: nothing in it is markup, a mention or a link.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for char in escape(text).chars() {
        match char {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // Forges look for @names, #numbers and what else they link in the finished text, where an entity is the character again. Only a
            // zero-width space keeps people from being told, and things from being linked.
            '@' | '#' | '%' | '$' | '^' => {
                safe.push(char);
                safe.push_str("&#8203;");
            }
            '!' | '~' => {
                safe.push('\\');
                safe.push(char);
                safe.push_str("&#8203;");
            }
            // A dot for `www.`, which is a link without any other sign.
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '.' => {
                safe.push('\\');
                safe.push(char);
            }
            ':' => safe.push_str("&#58;"),
            _ => safe.push(char),
        }
    }
    safe
}

/// A name as code, in a cell of a table.
fn code(text: &str) -> String {
    let text = escape(text).replace('`', "'").replace('|', "\\|");
    format!("`{text}`")
}

/// A value of a workflow command.
fn data(text: &str) -> String {
    escape(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    fn statement(risk: Risk, text: &str) -> Statement {
        Statement {
            risk,
            text: text.into(),
        }
    }

    fn proposal(subject: &str, text: &str) -> Proposal {
        Proposal {
            base: "1".repeat(40).parse().unwrap(),
            head: "2".repeat(40).parse().unwrap(),
            items: vec![Item {
                path: format!("credentials/{subject}.toml"),
                subject: subject.into(),
                statements: vec![statement(Risk::Error, text)],
                authors: vec!["alice".into()],
                line: Some(3),
            }],
        }
    }

    #[test]
    fn nothing_from_a_repository_acts_as_markup() {
        let hostile = "a | b <script> `x` @team #1 [y](http://z) ![i](j) **b** \u{202e}\n::error::x%0A";
        let proposal = proposal("na|me`", hostile);
        let text = markdown(&proposal);
        assert!(!text.contains("<script>") && !text.contains("](http"), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with("| ❌")).count(),
            1,
            "{text}"
        );
        let annotations = github(&proposal);
        assert_eq!(annotations.lines().count(), 2, "{annotations}");
        assert!(
            annotations.starts_with("::error file=credentials/na|me`.toml,line=3,title=error%3A na|me`::"),
            "{annotations}"
        );
    }

    #[test]
    fn nobody_is_told_and_nothing_is_linked() {
        // As a forge finds them: in the finished text, whatever it was written as.
        let text =
            markdown(&proposal("a", "+ @octocat, www.evil.example; #12 !3 ~bug %4 $5")).replace("&#8203;", "\u{200b}");
        for link in ["@octocat", "www.evil", "#12", "!3", "~bug", "%4", "$5"] {
            assert!(!text.contains(link), "{link}: {text}");
        }
        assert!(text.contains("@\u{200b}octocat") && !text.contains("&#64;"), "{text}");
    }

    #[test]
    fn one_long_path_hides_nothing_else() {
        let mut proposal = proposal("b", "also wrong");
        let mut long = proposal.items[0].clone();
        long.subject = "a/".repeat(40_000);
        long.statements = vec![statement(Risk::Error, &"x".repeat(10_000)); 1000];
        proposal.items.insert(0, long);
        let text = markdown(&proposal);
        assert!(
            text.len() < COMMENT_MAX && text.contains("also wrong") && text.contains("and 980 more"),
            "{text}"
        );
    }

    #[test]
    fn a_comment_that_is_too_long_tells_the_worst() {
        let mut proposal = proposal("a", "wrong");
        let routine = Item {
            statements: vec![statement(Risk::Routine, &"value changed".repeat(50))],
            ..proposal.items[0].clone()
        };
        proposal.items.extend(std::iter::repeat_n(routine, 2000));
        let text = markdown(&proposal);
        assert!(
            text.len() < 65_536 && text.contains("wrong") && text.contains("2001 changed files"),
            "{text}"
        );
    }
}
