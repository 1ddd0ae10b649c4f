use std::borrow::Cow;

/// A piece of the XML inside a parameter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// `<name …>`, or `<name … />` when it holds nothing.
    Open {
        name: &'a str,
        attributes: Vec<(&'a str, Cow<'a, str>)>,
        empty: bool,
    },
    /// `</name>`.
    Close(&'a str),
    /// What stands between tags.
    Text(Cow<'a, str>),
}

/// The pieces of XML as [`Writer`](crate::writer::Writer) writes it, one after the other: elements, attributes in double
/// quotes, text and the five entities of XML 1.0 (section 4.6). `Some(None)` where it is anything else.
#[derive(Debug)]
pub(crate) struct Pieces<'a>(pub(crate) &'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Option<Piece<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let piece = self.piece();
        if piece.is_none() {
            self.0 = "";
        }
        Some(piece)
    }
}

impl<'a> Pieces<'a> {
    fn piece(&mut self) -> Option<Piece<'a>> {
        let Some(tag) = self.0.strip_prefix('<') else {
            let end = self.0.find('<').unwrap_or(self.0.len());
            let (text, after) = self.0.split_at(end);
            self.0 = after;
            return Some(Piece::Text(resolved(text)));
        };
        if let Some(tag) = tag.strip_prefix('/') {
            let (name, after) = name(tag)?;
            self.0 = after.strip_prefix('>')?;
            return Some(Piece::Close(name));
        }
        let (element, mut rest) = name(tag)?;
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(after) = rest.strip_prefix('>') {
                self.0 = after;
                break;
            }
            if let Some(after) = rest.strip_prefix("/>") {
                self.0 = after;
                let (name, empty) = (element, true);
                return Some(Piece::Open {
                    name,
                    attributes,
                    empty,
                });
            }
            let (attribute, after) = name(rest)?;
            let (value, after) = after.strip_prefix("=\"")?.split_once('"')?;
            attributes.push((attribute, resolved(value)));
            rest = after;
        }
        let (name, empty) = (element, false);
        Some(Piece::Open {
            name,
            attributes,
            empty,
        })
    }
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The text with its entities as the characters that they stand for.
pub(crate) fn resolved(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    // `&` comes last, or `&amp;lt;` would become `<`.
    let entities = [
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let resolve = |text: String, (entity, character): (&str, &str)| text.replace(entity, character);
    Cow::Owned(entities.into_iter().fold(text.to_owned(), resolve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_text_come_one_after_the_other() {
        let pieces: Option<Vec<Piece<'_>>> = Pieces(r#"<a b="1&quot;" c=""><d />x&amp;lt;</a>"#).collect();
        let expected = vec![
            Piece::Open {
                name: "a",
                attributes: vec![("b", "1\"".into()), ("c", "".into())],
                empty: false,
            },
            Piece::Open {
                name: "d",
                attributes: Vec::new(),
                empty: true,
            },
            Piece::Text("x&lt;".into()),
            Piece::Close("a"),
        ];
        assert_eq!(pieces, Some(expected));
    }

    #[test]
    fn what_is_not_written_so_is_refused() {
        for text in [
            "<",
            "<a",
            "<a b>",
            "<a b=c>",
            r#"<a b="c>"#,
            "</a",
            "<!-- a -->",
            "<?a?>",
            "<a><",
        ] {
            assert_eq!(Pieces(text).collect::<Option<Vec<_>>>(), None, "{text}");
        }
    }
}
