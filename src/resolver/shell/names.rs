//! Names of variables in a text, whatever else it is.

use crate::resolver::shell::line::{in_name, starts_name};

/// Finds the variables that a text would expand if it were code.
pub(super) fn expanded(text: &[u8]) -> Vec<Vec<u8>> {
    let starts = (0..text.len()).filter(|&at| text[at] == b'$');
    let behind = starts.flat_map(|at| {
        let rest = &text[at..];
        let end = rest
            .iter()
            .skip(1)
            .position(|&byte| !in_name(byte) && !b"{!#@*".contains(&byte));
        names(&rest[..end.map_or(rest.len(), |end| end + 1)])
    });
    behind.collect()
}

/// Finds everything that can be the name of a variable, or a parameter behind `$`.
pub(super) fn names(text: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|&&byte| in_name(byte)).count();
        let parameter = text[..at].ends_with(b"$") || text[..at].ends_with(b"${");
        if length > 0 && (starts_name(text[at]) || parameter) {
            names.push(text[at..at + length].to_vec());
        } else if length == 0 && parameter && matches!(text[at], b'@' | b'*') {
            names.push(vec![text[at]]);
        }
        at += length.max(1);
    }
    names
}
