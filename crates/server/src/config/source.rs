//! Where settings come from: the file, the environment, flags; and what is wrong there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::key::{Key, PREFIX, Shape, nearest, unknown};

/// Where a value comes from. Later ones win over earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// This environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// What is wrong in the configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where it was said.
    pub source: Source,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Default => f.write_str(&self.message),
            source => write!(f, "{source}: {}", self.message),
        }
    }
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Switch(bool),
    /// Texts.
    List(Vec<String>),
}

impl fmt::Display for Raw {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => toml::Value::from(text.as_str()).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Switch(switch) => switch.fmt(f),
            Self::List(texts) => {
                let texts: Vec<String> = texts
                    .iter()
                    .map(|text| toml::Value::from(text.as_str()).to_string())
                    .collect();
                write!(f, "[{}]", texts.join(", "))
            }
        }
    }
}

/// Everything that was said, before anyone asks what it means.
#[derive(Debug, Default)]
pub struct Settings {
    said: BTreeMap<Key, (Raw, Source)>,
    /// What is wrong already.
    pub complaints: Vec<Complaint>,
    /// What is odd, but not wrong.
    pub remarks: Vec<Complaint>,
}

impl Settings {
    /// What was said about a setting, by whom it counts from.
    pub fn of(&self, key: Key) -> Option<&(Raw, Source)> {
        self.said.get(&key)
    }

    fn say(&mut self, key: Key, raw: Raw, source: Source) {
        let outranked = self.said.get(&key).is_some_and(|(_, earlier)| *earlier > source);
        if !outranked {
            self.said.insert(key, (raw, source));
        }
    }

    /// Takes a value from the environment or the command line, where everything is text.
    pub fn text(&mut self, key: Key, text: &str, source: Source) {
        let raw = match key.shape() {
            Shape::Text => Some(Raw::Text(text.to_owned())),
            Shape::Number => text.trim().parse().ok().map(Raw::Number),
            Shape::Switch => match text.trim() {
                "true" | "1" | "yes" | "on" => Some(Raw::Switch(true)),
                "false" | "0" | "no" | "off" => Some(Raw::Switch(false)),
                _ => None,
            },
            Shape::List => {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                Some(Raw::List(texts.map(str::to_owned).collect()))
            }
        };
        match raw {
            Some(raw) => self.say(key, raw, source),
            None => self.complain(source, format!("{} is {}", key.name(), wanted(key.shape()))),
        }
    }

    /// Takes what the environment says. A variable of ours that is no setting is only remarked: orchestrators set some
    /// of their own for a service of this name.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        let known: Vec<(Key, String)> = Key::ALL.iter().map(|key| (*key, key.variable())).collect();
        for (variable, value) in variables {
            if let Some((key, _)) = known.iter().find(|(_, name)| *name == variable) {
                self.text(*key, &value, Source::Environment(variable));
            } else if variable.starts_with(PREFIX) && !NOT_SETTINGS.contains(&variable.as_str()) {
                let names = known.iter().map(|(_, name)| &name[PREFIX.len()..]);
                let near = nearest(&variable[PREFIX.len()..], names);
                let near = near
                    .map(|name| format!("; did you mean {PREFIX}{name}?"))
                    .unwrap_or_default();
                let message = format!("is no setting and has no effect{near}");
                self.remarks.push(Complaint {
                    source: Source::Environment(variable),
                    message,
                });
            }
        }
    }

    /// Takes what a file says.
    pub fn file(&mut self, path: &Path, text: &str) {
        let at = |span: std::ops::Range<usize>| {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            Source::File {
                path: path.to_owned(),
                line,
            }
        };
        let (document, errors) = toml::de::DeTable::parse_recoverable(text);
        // What is left of a document that is no TOML would only raise complaints about things nobody wrote.
        if !errors.is_empty() {
            for error in errors {
                self.complain(at(error.span().unwrap_or(0..0)), error.message().to_owned());
            }
            return;
        }
        for (name, value) in document.get_ref() {
            let name = name.get_ref().as_ref();
            match value.get_ref() {
                toml::de::DeValue::Table(table) if is_table(name) => {
                    for (inner, value) in table {
                        let full = format!("{name}.{}", inner.get_ref());
                        self.entry(&full, value.get_ref(), at(inner.span()), at(value.span()));
                    }
                }
                other => self.entry(name, other, at(value.span()), at(value.span())),
            }
        }
    }

    fn entry(&mut self, name: &str, value: &toml::de::DeValue<'_>, name_at: Source, value_at: Source) {
        let Some(key) = Key::of(name) else {
            return self.complain(name_at, unknown(name));
        };
        match raw(key.shape(), value) {
            Some(raw) => self.say(key, raw, value_at),
            None => self.complain(value_at, format!("{name} is {}", wanted(key.shape()))),
        }
    }

    /// Says that something is wrong.
    pub fn complain(&mut self, source: Source, message: String) {
        self.complaints.push(Complaint { source, message });
    }
}

/// Variables of ours that are no settings: where the file is, what is logged, which server the command line speaks to.
const NOT_SETTINGS: [&str; 6] = [
    "COUNTERSIGN_CONFIG",
    "COUNTERSIGN_LOG",
    "COUNTERSIGN_LOG_FORMAT",
    "COUNTERSIGN_SERVER",
    "COUNTERSIGN_CACERT",
    "COUNTERSIGN_TOKEN",
];

fn is_table(name: &str) -> bool {
    Key::ALL.iter().any(|key| key.path().0 == name)
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "a text, in quotes",
        Shape::Number => "a whole number",
        Shape::Switch => "true or false",
        Shape::List => "a list of texts: [\"...\", \"...\"]",
    }
}

fn raw(shape: Shape, value: &toml::de::DeValue<'_>) -> Option<Raw> {
    use toml::de::DeValue;
    match (shape, value) {
        (Shape::Text, DeValue::String(text)) => Some(Raw::Text(text.to_string())),
        (Shape::Number, DeValue::Integer(number)) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(Raw::Number),
        (Shape::Switch, DeValue::Boolean(switch)) => Some(Raw::Switch(*switch)),
        (Shape::List, DeValue::String(text)) => Some(Raw::List(vec![text.to_string()])),
        (Shape::List, DeValue::Array(values)) => values
            .iter()
            .map(|value| value.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Raw::List),
        _ => None,
    }
}
