//! What others wrote, made safe in a page.

/// Makes a text safe in HTML and in its attributes. What shows as nothing or turns text around becomes visible.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            char if is_hidden(char) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(char))),
            char => safe.push(char),
        }
    }
    safe
}

fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_is_markup() {
        let text = "<script>alert('x') & \"y\"</script>\u{202e}\n";
        assert_eq!(
            escape(text),
            "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;\\u{202e}\\u{a}"
        );
    }
}
