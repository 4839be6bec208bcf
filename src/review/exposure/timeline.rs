//! One credential over time, as a picture in SVG: its values in a row, and below, for each member, when it could open them.

use std::collections::BTreeMap;

use vault_format::{MemberName, Timestamp};

use super::{
    escape::escape,
    value::{Knower, Moment, Standing, State, Trail, Value},
};

const LEFT: f64 = 170.0;
const WIDTH: f64 = 960.0;
const ROW: f64 = 20.0;
const TOP: f64 = 34.0;

/// How many members one picture shows. A credential for everyone in a large fleet would be a page of its own.
const ROWS: usize = 60;

/// Where a time stands on the line.
struct Axis {
    from: f64,
    seconds: f64,
}

/// Draws one credential; with a member, only that one's row.
pub(super) fn timeline(trail: &Trail, member: Option<&MemberName>, now: Timestamp) -> String {
    let begin = trail.values.iter().map(|value| value.since.time.unix()).min();
    let begin = begin.unwrap_or(now.unix()).min(now.unix());
    let axis = Axis {
        from: begin as f64,
        seconds: (now.unix() - begin).max(1) as f64,
    };
    let mut rows: BTreeMap<&MemberName, Vec<(&Value, &Knower)>> = BTreeMap::new();
    for value in &trail.values {
        for knower in &value.known_to {
            if member.is_none_or(|member| member == &knower.member) {
                rows.entry(&knower.member).or_default().push((value, knower));
            }
        }
    }
    let left_out = rows.len().saturating_sub(ROWS);
    // Those who matter come first where there is no room for all.
    let mut rows: Vec<_> = rows.into_iter().collect();
    if left_out > 0 {
        rows.sort_by_key(|(name, known)| (!known.iter().any(|(_, k)| k.standing == Standing::StillKnows), *name));
        rows.truncate(ROWS);
    }
    let height = TOP + ROW * (rows.len() as f64 + 1.0) + 6.0;
    let name = escape(trail.name.as_str());
    let mut svg = format!(
        "<figure>\n<figcaption>{name}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{name} over time\">\n",
        if trail.current().is_none() {
            " <small>(no value now)</small>"
        } else {
            ""
        },
    );
    scale(&axis, height, &mut svg);
    svg.push_str(&format!("<text x=\"0\" y=\"{}\">value</text>\n", TOP + 14.0));
    for value in trail.values.iter().rev() {
        let class = match value.state {
            State::Current => "now",
            State::Past => "was",
            State::Elsewhere => "elsewhere",
        };
        let end = value.until.map_or(now, |until| until.time);
        let title = format!("set {}, for {}", value.value_set.date(), value.scope.join(", "));
        bar(&axis, value.since.time, end, TOP, class, &title, &mut svg);
    }
    for (n, (member, known)) in rows.iter().enumerate() {
        let y = TOP + ROW * (n as f64 + 1.0);
        svg.push_str(&label(member.as_str(), y));
        for (value, knower) in known {
            draw(&axis, value, knower, now, y, &mut svg);
        }
    }
    svg.push_str("</svg>\n");
    if left_out > 0 {
        svg.push_str(&format!("<p class=\"note\">and {left_out} members more</p>\n"));
    }
    svg.push_str("</figure>\n");
    svg
}

/// A member's name, as much of it as there is room for; all of it where the mouse rests.
fn label(name: &str, y: f64) -> String {
    let shown: String = match name.chars().count() {
        0..=24 => name.to_owned(),
        _ => name.chars().take(23).chain(['…']).collect(),
    };
    let (shown, name) = (escape(&shown), escape(name));
    format!("<text x=\"0\" y=\"{}\">{shown}<title>{name}</title></text>\n", y + 14.0)
}

/// What one member could open of one value: as long as it was meant to, and from then on what it still knows while the value holds.
fn draw(axis: &Axis, value: &Value, knower: &Knower, now: Timestamp, y: f64, svg: &mut String) {
    let value_end = value.until.map_or(now, |until| until.time);
    let never_meant = knower.standing == Standing::StillKnows && knower.until.is_none();
    let meant_end = match knower.until {
        Some(until) => until.time.min(value_end),
        None if never_meant => knower.since.time,
        None => value_end,
    };
    let class = match knower.standing {
        Standing::Keeper => "keeps",
        Standing::MayUse | Standing::StillKnows => "may",
        Standing::Past if knower.through == [super::Through::Keepers] => "keeps",
        Standing::Past => "may",
    };
    let day = |moment: &Moment| moment.day();
    if !never_meant {
        let title = format!("could open it since {}", day(&knower.since));
        bar(axis, knower.since.time, meant_end, y, class, &title, svg);
    }
    if knower.standing != Standing::Keeper && meant_end < value_end {
        let title = match &knower.reason {
            Some(reason) => format!("still knows it: {reason}"),
            None => "knew it and was not to use it any more".to_owned(),
        };
        bar(axis, meant_end, value_end, y, "knows", &title, svg);
    }
}

fn bar(axis: &Axis, from: Timestamp, to: Timestamp, y: f64, class: &str, title: &str, svg: &mut String) {
    let (x, end) = (axis.x(from), axis.x(to));
    // What lasted for a moment is seen all the same.
    let width = (end - x).max(2.0);
    // A thin bar tells it on paper without colours too.
    let (y, height) = if class == "knows" { (y + 7.0, 6) } else { (y + 3.0, 14) };
    svg.push_str(&format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{height}\"><title>{}</title></rect>\n",
        escape(title)
    ));
}

/// Five days along the line, the first and the last among them.
fn scale(axis: &Axis, height: f64, svg: &mut String) {
    let mut last = String::new();
    for step in 0..5 {
        let part = f64::from(step) / 4.0;
        let time = Timestamp::from_unix((axis.from + axis.seconds * part) as i64).unwrap_or(Timestamp::EPOCH);
        let x = LEFT + (WIDTH - LEFT - 2.0) * part;
        let day = time.date();
        svg.push_str(&format!(
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{height}\"/>\n",
            TOP - 8.0
        ));
        if day == last {
            continue;
        }
        let anchor = match step {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        svg.push_str(&format!(
            "<text class=\"day\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{day}</text>\n",
            TOP - 14.0
        ));
        last = day;
    }
}

impl Axis {
    fn x(&self, time: Timestamp) -> f64 {
        let part = (time.unix() as f64 - self.from) / self.seconds;
        LEFT + (WIDTH - LEFT - 2.0) * part.clamp(0.0, 1.0)
    }
}
