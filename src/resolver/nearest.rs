//! Did you mean: the names that look most like one that was not found.

/// Picks at most `most` of `names` that resemble `wanted`, the nearest first.
pub fn nearest<N: AsRef<str>>(wanted: &str, names: impl IntoIterator<Item = N>, most: usize) -> Vec<N> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, N)> = names
        .into_iter()
        .filter_map(|name| likeness(&wanted, &name.as_ref().to_lowercase()).map(|score| (score, name)))
        .collect();
    scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.as_ref().cmp(y.as_ref())));
    scored.into_iter().map(|(_, name)| name).take(most).collect()
}

/// How much two names look alike, from 0 to 1; `None` where they do not. One slip of the finger always looks alike.
fn likeness(wanted: &str, name: &str) -> Option<f64> {
    const ALIKE: f64 = 0.82;
    let score = strsim::jaro_winkler(wanted, name);
    let slip = wanted.len() > 2 && strsim::osa_distance(wanted, name) <= 1;
    (slip || score >= ALIKE).then_some(if slip { score.max(0.95) } else { score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_strangers_not_at_all() {
        let names = ["github_pat", "gitlab_pat", "zebra"];
        assert_eq!(nearest("github-pat", names, 3), ["github_pat", "gitlab_pat"]);
        assert_eq!(nearest("GITHUB_PAT", names, 1), ["github_pat"]);
        assert!(nearest("quux", names, 3).is_empty());
        assert_eq!(nearest("dve", ["dev", "one"], 3), ["dev"]);
        assert!(nearest("nope", ["one"], 3).is_empty());
    }
}
