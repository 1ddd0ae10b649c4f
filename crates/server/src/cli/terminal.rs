//! How text looks on a terminal.

use countersign_events::Timestamp;

use crate::pages::Moment;

/// A table with a head; columns are as wide as what is in them.
pub fn columns<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut all = vec![head.map(str::to_owned)];
    all.extend(rows);
    let widths: Vec<usize> = (0..N)
        .map(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    all.iter()
        .map(|row| {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            format!("{}\n", cells.join("  ").trim_end())
        })
        .collect()
}

/// A time of the API's, for people.
pub fn date(text: &str) -> String {
    match Timestamp::parse_rfc3339(text) {
        Some((at, _)) => Moment::new(at, at).date(),
        None => plain(text),
    }
}

/// Text that somebody chose, without what would move the cursor or turn the line around.
pub fn plain(text: &str) -> String {
    let unsafe_in_a_line = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(unsafe_in_a_line, "\u{fffd}")
}
