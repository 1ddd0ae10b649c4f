//! Which events a receiver does not get, by id and severity, and the family's XML for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_events::Severity;
use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

/// Which events a receiver does not get. Empty: it gets all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Rule>", into = "Vec<Rule>")]
pub struct Filter(BTreeMap<u32, Severities>);

/// The severities of one event id that are filtered out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Severities {
    /// PRI 14.
    pub info: bool,
    /// PRI 12.
    pub warning: bool,
    /// PRI 11.
    pub error: bool,
}

impl Severities {
    /// All three.
    pub const ALL: Self = Self {
        info: true,
        warning: true,
        error: true,
    };

    /// Whether this one is among them.
    pub const fn has(self, severity: Severity) -> bool {
        match severity {
            Severity::Info => self.info,
            Severity::Warning => self.warning,
            Severity::Error => self.error,
        }
    }
}

/// How many ids a filter may name.
const MOST_RULES: usize = 10_000;

/// Text that is no filter. Says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// At a line and column of the XML, both counted from 1.
    #[error("line {line}, column {column}: {reason}")]
    At {
        /// The line.
        line: u32,
        /// The column, in characters.
        column: u32,
        /// What is wrong there.
        reason: String,
    },
    /// The same id twice, in JSON.
    #[error("event {0} is named twice")]
    Twice(u32),
    /// More ids than there are events.
    #[error("a filter names at most {MOST_RULES} events")]
    TooMany,
}

impl Filter {
    /// Whether every event passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the receiver gets an event of this id and severity.
    pub fn passes(&self, event_id: u32, severity: Severity) -> bool {
        !self.0.get(&event_id).is_some_and(|filtered| filtered.has(severity))
    }

    /// Filters these severities of an event out; none of them: the event is not named any more.
    pub fn set(&mut self, event_id: u32, filtered: Severities) {
        if filtered == Severities::default() {
            self.0.remove(&event_id);
        } else {
            self.0.insert(event_id, filtered);
        }
    }

    /// What is filtered out, by event id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Severities)> {
        self.0.iter().map(|(id, severities)| (*id, *severities))
    }

    /// Reads the family's XML, `<SyslogFilteredEvents><FilteredEvent EventId="…" FilterInfo="True" … /></SyslogFilteredEvents>`.
    /// A flag that is not there is False; an event without any flag passes whole.
    ///
    /// # Errors
    /// [`BadFilter`], with the place.
    pub fn from_xml(text: &str) -> Result<Self, BadFilter> {
        let document = Document::parse(text).map_err(|error| {
            let at = error.pos();
            BadFilter::At {
                line: at.row,
                column: at.col,
                reason: format!("this is not well-formed XML ({error})"),
            }
        })?;
        let root = document.root_element();
        if root.tag_name().name() != "SyslogFilteredEvents" {
            return Err(at(
                &document,
                root.range().start,
                "the list is called SyslogFilteredEvents",
            ));
        }
        let mut rules = BTreeMap::new();
        for child in root.children() {
            if child.is_element() {
                let (id, severities) = filtered_event(&document, child)?;
                if rules.insert(id, severities).is_some() {
                    let reason = format!("event {id} is named twice");
                    return Err(at(&document, child.range().start, &reason));
                }
            } else if child.is_text() && child.text().is_some_and(|text| !text.trim().is_empty()) {
                return Err(at(&document, child.range().start, "there is text between the elements"));
            }
        }
        if rules.len() > MOST_RULES {
            return Err(BadFilter::TooMany);
        }
        rules.retain(|_, severities| *severities != Severities::default());
        Ok(Self(rules))
    }

    /// Writes the family's XML, one event a line.
    pub fn to_xml(&self) -> String {
        let word = |filtered| if filtered { "True" } else { "False" };
        let mut xml = String::from("<SyslogFilteredEvents>\n");
        for (id, filtered) in &self.0 {
            // Writing to a String does not fail.
            let _ = writeln!(
                xml,
                "  <FilteredEvent EventId=\"{id}\" FilterInfo=\"{}\" FilterWarning=\"{}\" FilterError=\"{}\"/>",
                word(filtered.info),
                word(filtered.warning),
                word(filtered.error),
            );
        }
        xml.push_str("</SyslogFilteredEvents>\n");
        xml
    }
}

fn filtered_event(document: &Document<'_>, element: Node<'_, '_>) -> Result<(u32, Severities), BadFilter> {
    let wrong = |place: usize, reason: &str| at(document, place, reason);
    if element.tag_name().name() != "FilteredEvent" {
        return Err(wrong(
            element.range().start,
            "the list holds FilteredEvent elements alone",
        ));
    }
    let mut id = None;
    let mut filtered = Severities::default();
    for attribute in element.attributes() {
        let place = attribute.range().start;
        let flag = match attribute.name() {
            "EventId" => {
                let number = attribute.value().trim().parse();
                id = Some(number.map_err(|_| wrong(place, "EventId is a number, for example 42402"))?);
                continue;
            }
            "FilterInfo" => &mut filtered.info,
            "FilterWarning" => &mut filtered.warning,
            "FilterError" => &mut filtered.error,
            other => {
                let reason = format!("{other} is not known: EventId, FilterInfo, FilterWarning and FilterError are");
                return Err(wrong(place, &reason));
            }
        };
        *flag = match attribute.value().trim() {
            "True" | "true" | "1" => true,
            "False" | "false" | "0" => false,
            _ => return Err(wrong(place, "a flag is True or False")),
        };
    }
    let id = id.ok_or_else(|| wrong(element.range().start, "EventId is missing"))?;
    Ok((id, filtered))
}

fn at(document: &Document<'_>, place: usize, reason: &str) -> BadFilter {
    let position = document.text_pos_at(place);
    BadFilter::At {
        line: position.row,
        column: position.col,
        reason: reason.to_owned(),
    }
}

/// A line of the filter in JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    error: bool,
    event_id: u32,
    #[serde(default)]
    info: bool,
    #[serde(default)]
    warning: bool,
}

impl TryFrom<Vec<Rule>> for Filter {
    type Error = BadFilter;

    fn try_from(rules: Vec<Rule>) -> Result<Self, BadFilter> {
        if rules.len() > MOST_RULES {
            return Err(BadFilter::TooMany);
        }
        let mut filter = BTreeMap::new();
        for Rule {
            event_id,
            info,
            warning,
            error,
        } in rules
        {
            let filtered = Severities { info, warning, error };
            if filter.insert(event_id, filtered).is_some() {
                return Err(BadFilter::Twice(event_id));
            }
        }
        filter.retain(|_, filtered| *filtered != Severities::default());
        Ok(Self(filter))
    }
}

impl From<Filter> for Vec<Rule> {
    fn from(filter: Filter) -> Self {
        let rule = |(event_id, filtered): (u32, Severities)| Rule {
            event_id,
            info: filtered.info,
            warning: filtered.warning,
            error: filtered.error,
        };
        filter.0.into_iter().map(rule).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAMILYS: &str = r#"<SyslogFilteredEvents><FilteredEvent EventId="23010" FilterInfo="True" FilterWarning="False" FilterError="False"/></SyslogFilteredEvents>"#;

    #[test]
    fn the_familys_own_list_is_read_and_written_back() {
        let filter = Filter::from_xml(FAMILYS).unwrap();
        assert!(!filter.passes(23_010, Severity::Info));
        assert!(filter.passes(23_010, Severity::Warning) && filter.passes(42_402, Severity::Info));
        assert_eq!(filter.to_xml().split_whitespace().collect::<Vec<_>>().join(" "), {
            FAMILYS.replace("><", "> <")
        });
        assert_eq!(Filter::from_xml(&filter.to_xml()), Ok(filter));
        assert_eq!(Filter::from_xml("<SyslogFilteredEvents/>"), Ok(Filter::default()));
    }

    #[test]
    fn a_bad_list_says_where_it_is_wrong() {
        let wrong = |xml: &str| Filter::from_xml(xml).unwrap_err().to_string();
        let list = |inside: &str| format!("<SyslogFilteredEvents>\n{inside}\n</SyslogFilteredEvents>");
        assert_eq!(
            wrong("<Other/>"),
            "line 1, column 1: the list is called SyslogFilteredEvents"
        );
        let unclosed = wrong("<SyslogFilteredEvents>\n<FilteredEvent></Other>");
        assert!(
            unclosed.starts_with("line 2, column ") && unclosed.contains("not well-formed XML"),
            "{unclosed}"
        );
        assert!(wrong("").starts_with("line 1, column 1: this is not well-formed XML"));
        for (inside, reason) in [
            ("<Event/>", "column 1: the list holds FilteredEvent elements alone"),
            ("<FilteredEvent/>", "column 1: EventId is missing"),
            (
                "<FilteredEvent EventId='x'/>",
                "column 16: EventId is a number, for example 42402",
            ),
            (
                "<FilteredEvent EventId='1' FilterInfo='Yes'/>",
                "column 28: a flag is True or False",
            ),
            (
                "<FilteredEvent EventId='1' Info='True'/>",
                "column 28: Info is not known: EventId, FilterInfo, FilterWarning and FilterError are",
            ),
            (
                "<FilteredEvent EventId='1'/><FilteredEvent EventId='1'/>",
                "column 29: event 1 is named twice",
            ),
        ] {
            assert_eq!(wrong(&list(inside)), format!("line 2, {reason}"));
        }
        assert!(wrong(&list("text")).ends_with("there is text between the elements"));
    }

    #[test]
    fn no_document_type_is_read() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><SyslogFilteredEvents>&b;</SyslogFilteredEvents>";
        assert!(Filter::from_xml(bomb).is_err());
    }

    #[test]
    fn json_names_an_event_once() {
        let json = r#"[{"error":false,"event_id":40700,"info":true,"warning":false}]"#;
        let filter: Filter = serde_json::from_str(json).unwrap();
        assert!(!filter.passes(40_700, Severity::Info) && filter.passes(40_700, Severity::Error));
        assert_eq!(serde_json::to_string(&filter).unwrap(), json);
        assert!(serde_json::from_str::<Filter>(r#"[{"event_id":1,"info":true},{"event_id":1}]"#).is_err());
    }

    proptest! {
        #[test]
        fn every_filter_comes_back_from_its_xml_and_no_text_panics(
            rules in proptest::collection::vec((any::<u32>(), any::<[bool; 3]>()), 0..20), text in ".{0,200}",
        ) {
            let mut filter = Filter::default();
            for (id, [info, warning, error]) in rules {
                filter.set(id, Severities { info, warning, error });
            }
            prop_assert_eq!(Filter::from_xml(&filter.to_xml()).unwrap(), filter);
            prop_assert!(Filter::from_xml(&text).is_err());
        }
    }
}
