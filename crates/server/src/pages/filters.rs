//! Filters of the templates.

use std::fmt::{Display, Write};

use askama::filters::Safe;

/// Text that someone else chose: kept apart from the direction of the text around it, with characters that nobody sees
/// (controls, directions, zero widths) made visible, so that a name or a comment cannot look like something it is not.
#[askama::filter_fn]
pub fn shown(text: impl Display, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    Ok(Safe(isolated(&text.to_string())))
}

fn isolated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 12);
    out.push_str("<bdi>");
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            hidden if is_hidden(hidden) => {
                // Writing to a String never fails.
                let _ = write!(out, "<span class=\"hidden-char\">U+{:04X}</span>", u32::from(hidden));
            }
            plain => out.push(plain),
        }
    }
    out.push_str("</bdi>");
    out
}

/// Controls and the format characters that change how the text around them looks, or that look like nothing.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_unseen_characters_are_seen() {
        assert_eq!(
            isolated("a<b> \"c\" & 'd'"),
            "<bdi>a&lt;b&gt; &quot;c&quot; &amp; &#39;d&#39;</bdi>"
        );
        assert_eq!(
            isolated("pay\u{202e}fdp"),
            "<bdi>pay<span class=\"hidden-char\">U+202E</span>fdp</bdi>"
        );
        assert_eq!(isolated("zoë 備份\nשלום"), "<bdi>zoë 備份\nשלום</bdi>");
    }
}
