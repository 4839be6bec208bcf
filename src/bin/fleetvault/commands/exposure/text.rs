//! `exposure` as text: all credentials in a table with the worklist below it, some with all their values, or the worklist of one member.

use std::collections::BTreeMap;

use fleetvault::{
    cli::Failure,
    review::exposure::{Exposure, Knower, Standing, State, Through, Value},
    say,
    terminal::{
        style::{Paint, Style},
        table::{Cell, Column, Table},
        whole,
    },
};
use vault_format::{CredentialName, MemberName};

use crate::output::cannot_write;

/// All credentials, and what is to be done.
pub fn overview(found: &Exposure) -> Result<(), Failure> {
    let mut table = Table::new([
        Column::fixed("NAME"),
        Column::fixed("VALUE SINCE"),
        Column::flexible("FOR"),
        Column::flexible("ALSO KNOWN TO"),
    ]);
    for trail in &found.credentials {
        let Some(value) = trail.current() else { continue };
        let others: Vec<&str> = value.still_known_to().map(|knower| knower.member.as_str()).collect();
        table.row([
            Cell::from(trail.name.to_string()),
            Cell::from(value.since.day()),
            Cell::from(value.scope.join(", ")),
            Cell::painted(&others.join(", "), Paint::Red),
        ]);
    }
    whole(table.print()).map_err(|error| cannot_write(&error))?;
    say!("");
    worklist(found);
    Ok(())
}

/// Some credentials, with every value they had.
pub fn details(found: &Exposure) {
    let style = Style::stdout();
    for trail in &found.credentials {
        say!("{}", style.paint(Paint::Bold, trail.name.as_str()));
        if trail.current().is_none() {
            say!("  it has no value now");
        }
        for value in &trail.values {
            let what = match (value.state, value.until) {
                (State::Current, _) => "the current value".to_owned(),
                (State::Past, Some(until)) => format!("a value until {}", until.day()),
                (State::Past, None) => "a value".to_owned(),
                (State::Elsewhere, _) => "a value on another branch".to_owned(),
            };
            say!(
                "  {what}, since {} (commit {}), for {}",
                value.since.day(),
                value.since.commit.short(),
                value.scope.join(", ")
            );
            let mut known = String::new();
            for line in people(value).text(None, style).lines().skip(1) {
                known.push_str(&format!("    {line}\n"));
            }
            say!("{}", known.trim_end_matches('\n'));
        }
        say!("");
    }
    worklist(found);
}

fn people(value: &Value) -> Table {
    let mut table = Table::new(["WHO", "WHEN", "HOW", "NOW"].map(Column::fixed));
    for knower in &value.known_to {
        let when = match knower.until.filter(|until| until.day() != knower.since.day()) {
            Some(until) => format!("{} to {}", knower.since.day(), until.day()),
            None => format!("since {}", knower.since.day()),
        };
        table.row([
            Cell::from(knower.member.to_string()),
            Cell::from(when),
            Cell::from(through(knower)),
            standing(knower),
        ]);
    }
    table
}

/// What one member could ever open.
pub fn of_member(found: &Exposure, member: &MemberName) -> Result<(), Failure> {
    let known = found.known_to(member);
    if known.is_empty() {
        say!("{} could never open a value that is current", member);
        return Ok(());
    }
    let mut table = Table::new([
        Column::fixed("NAME"),
        Column::fixed("VALUE SINCE"),
        Column::fixed("COULD OPEN IT"),
        Column::flexible("HOW"),
        Column::flexible("NOW"),
    ]);
    for (name, value, knower) in &known {
        table.row([
            Cell::from(name.to_string()),
            Cell::from(value.since.day()),
            Cell::from(format!("since {}", knower.since.day())),
            Cell::from(through(knower)),
            standing(knower),
        ]);
    }
    whole(table.print()).map_err(|error| cannot_write(&error))?;
    say!("");
    let count = match known.len() {
        1 => "this value is".to_owned(),
        count => format!("these {count} values are"),
    };
    let still = known.iter().any(|(.., knower)| knower.standing == Standing::MayUse);
    let first = if still { ", once it is out of their scopes" } else { "" };
    say!("if a machine of {member} is lost, {count} to be rotated{first}:");
    say!("  {}", command(known.iter().map(|(name, ..)| *name)));
    Ok(())
}

/// What is to be rotated, and for whom.
fn worklist(found: &Exposure) {
    let least = if found.cut.is_empty() {
        ""
    } else {
        " (at least, the history is not complete)"
    };
    let work: Vec<(&CredentialName, &Value)> = found.worklist().collect();
    for (name, value) in &work {
        let who: Vec<String> = { value.still_known_to() }
            .map(|knower| match &knower.reason {
                Some(reason) => format!("{} ({reason})", knower.member),
                None => knower.member.to_string(),
            })
            .collect();
        let verb = if who.len() == 1 { "still knows" } else { "still know" };
        say!("rotate {name}: {} {verb} the value{least}", who.join(", "));
    }
    match work.is_empty() {
        true => say!("nothing is to be rotated: whoever knows a current value may use or keep it{least}"),
        false => say!("next: {}", command(work.iter().map(|(name, _)| *name))),
    }
    let mut replaced: BTreeMap<&MemberName, Vec<&CredentialName>> = BTreeMap::new();
    for trail in &found.credentials {
        for knower in trail.current().into_iter().flat_map(|value| &value.known_to) {
            if knower.replaced_keys && knower.standing != Standing::StillKnows {
                replaced.entry(&knower.member).or_default().push(&trail.name);
            }
        }
    }
    for (member, names) in replaced {
        say!(
            "if keys that {member} has replaced were lost: {}",
            command(names.into_iter())
        );
    }
}

/// The command to type. `rotate` asks for each value in turn.
fn command<'n>(names: impl Iterator<Item = &'n CredentialName>) -> String {
    let names: Vec<&str> = names.map(CredentialName::as_str).collect();
    format!("fleetvault rotate {}", names.join(" "))
}

fn through(knower: &Knower) -> String {
    let all: Vec<String> = knower.through.iter().map(Through::to_string).collect();
    all.join(", ")
}

fn standing(knower: &Knower) -> Cell {
    let keys = if knower.replaced_keys {
        ", also with keys it has replaced"
    } else {
        ""
    };
    match (knower.standing, &knower.reason) {
        (Standing::MayUse, _) => Cell::from(format!("may use it{keys}")),
        (Standing::Keeper, _) => Cell::from(format!("keeps it{keys}")),
        (Standing::StillKnows, Some(reason)) => Cell::painted(&format!("still knows it: {reason}"), Paint::Red),
        (Standing::StillKnows, None) => Cell::painted("still knows it", Paint::Red),
        (Standing::Past, _) => Cell::from(""),
    }
}
