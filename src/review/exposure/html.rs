//! An exposure as one HTML page: nothing is loaded from elsewhere, nothing is run, and it can be printed. What others wrote is escaped.

use vault_format::{MemberName, Timestamp};

use super::{
    Exposure,
    escape::escape,
    timeline::timeline,
    value::{Knower, Standing, Trail, Value},
};

const STYLE: &str = include_str!("page.css");

/// Writes the page. With a member, it is about the values that this one could ever open. `now` is when the lines of time end.
pub fn page(found: &Exposure, member: Option<&MemberName>, now: Timestamp) -> String {
    let concerns = |trail: &&Trail| match member {
        Some(member) => { trail.values.iter() }.any(|value| knower(value, member.as_str()).is_some()),
        None => true,
    };
    let trails: Vec<&Trail> = found.credentials.iter().filter(concerns).collect();
    let title = match member {
        Some(member) => format!("What {} could open", escape(member.as_str())),
        None => "Who could open what".to_owned(),
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"of\">Vault <code>{}</code>, commit <code>{}</code>, {} commits of history, as of {}</p>\n",
        escape(&found.vault),
        escape(found.commit.get(..10).unwrap_or_default()),
        found.commits,
        now.date(),
    );
    incomplete(found, &mut page);
    worklist(found, member, &mut page);
    matrix(found, &trails, member, &mut page);
    page.push_str("<h2>Over time</h2>\n");
    for trail in &trails {
        page.push_str(&timeline(trail, member, now));
    }
    page.push_str(
        "<footer>This is what the keys allow, not what anybody did. A value is one for as long as its authors say so.</footer>\n</body>\n</html>\n",
    );
    page
}

fn incomplete(found: &Exposure, page: &mut String) {
    let mut lines = Vec::new();
    if let Some(first) = found.cut.first() {
        let first = escape(first.get(..10).unwrap_or_default());
        lines.push(format!(
            "The history before commit <code>{first}</code> is missing: all of this is the least there is."
        ));
    }
    lines.extend(found.unreadable.iter().take(10).map(|line| escape(line)));
    if !found.ignored.is_empty() {
        let count = found.ignored.len();
        lines.push(format!(
            "{count} versions of files are broken or signed by no author, and were ignored."
        ));
    }
    if !lines.is_empty() {
        page.push_str(&format!("<p class=\"note\">{}</p>\n", lines.join("<br/>\n")));
    }
}

/// What is to be rotated: for everybody who may not use a current value any more, or if this one member's keys are lost.
fn worklist(found: &Exposure, member: Option<&MemberName>, page: &mut String) {
    let items: Vec<String> = match member {
        None => { found.worklist() }
            .map(|(name, value)| {
                let who: Vec<String> = value.still_known_to().map(described).collect();
                format!("<li><code>{}</code>: {}</li>\n", escape(name.as_str()), who.join(", "))
            })
            .collect(),
        Some(member) => { found.known_to(member).into_iter() }
            .map(|(name, _, knower)| {
                let now = match knower.standing {
                    Standing::MayUse => "may use it now".to_owned(),
                    Standing::Keeper => "keeps it now".to_owned(),
                    Standing::StillKnows | Standing::Past => described(knower),
                };
                format!("<li><code>{}</code>: {now}</li>\n", escape(name.as_str()))
            })
            .collect(),
    };
    page.push_str(match member {
        None => "<h2>To be rotated</h2>\n",
        Some(_) => "<h2>To be rotated if a machine is lost</h2>\n",
    });
    match items.is_empty() {
        true => page.push_str("<p>Nothing.</p>\n"),
        false => page.push_str(&format!("<ul class=\"work\">\n{}</ul>\n", items.concat())),
    }
}

fn described(knower: &Knower) -> String {
    let reason = knower
        .reason
        .as_ref()
        .map(|reason| format!(" ({})", escape(&reason.to_string())));
    format!(
        "<b>{}</b>{}",
        escape(knower.member.as_str()),
        reason.unwrap_or_default()
    )
}

/// Members × credentials, by the values that hold now.
fn matrix(found: &Exposure, trails: &[&Trail], member: Option<&MemberName>, page: &mut String) {
    page.push_str("<h2>Current values</h2>\n<p class=\"legend\">");
    for (standing, words) in [
        (Standing::MayUse, "may use it"),
        (Standing::Keeper, "keeps it for others"),
        (Standing::StillKnows, "knows it and may not use it"),
    ] {
        let (class, sign, _) = sign(standing);
        page.push_str(&format!("<span><i class=\"{class}\">{sign}</i> {words}</span> "));
    }
    page.push_str("<span>empty: never could open it</span></p>\n<div class=\"wide\"><table>\n<thead><tr><th></th>");
    let asked = |name: &str| member.is_none_or(|member| member.as_str() == name);
    let members: Vec<_> = found.members.iter().filter(|member| asked(&member.name)).collect();
    for member in &members {
        let class = if member.living { "" } else { " class=\"gone\"" };
        page.push_str(&format!(
            "<th scope=\"col\"{class}><span>{}</span></th>",
            escape(&member.name)
        ));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for trail in trails {
        let Some(value) = trail.current() else { continue };
        page.push_str(&format!("<tr><th scope=\"row\">{}</th>", escape(trail.name.as_str())));
        for member in &members {
            match knower(value, &member.name) {
                None => page.push_str("<td></td>"),
                Some(knower) => {
                    let (class, sign, words) = sign(knower.standing);
                    let who = escape(&member.name);
                    page.push_str(&format!("<td class=\"{class}\" title=\"{who}: {words}\">{sign}</td>"));
                }
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

/// How a standing looks: by a sign as well as by a colour.
fn sign(standing: Standing) -> (&'static str, &'static str, &'static str) {
    match standing {
        Standing::MayUse => ("may", "●", "may use it"),
        Standing::Keeper => ("keeps", "○", "keeps it for others"),
        Standing::StillKnows => ("knows", "✕", "knows it and may not use it"),
        Standing::Past => ("past", "·", "knew it"),
    }
}

fn knower<'v>(value: &'v Value, member: &str) -> Option<&'v Knower> {
    { value.known_to.iter() }.find(|knower| knower.member.as_str() == member)
}
