//! Did you mean: the names that look most like one that was not found.

/// Picks at most `most` of `names` that resemble `wanted`, the nearest first.
pub fn nearest<N: AsRef<str>>(wanted: &str, names: impl IntoIterator<Item = N>, most: usize) -> Vec<N> {
    const ALIKE: f64 = 0.75;
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, N)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.as_ref().to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.as_ref().cmp(y.as_ref())));
    scored.into_iter().map(|(_, name)| name).take(most).collect()
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
    }
}
