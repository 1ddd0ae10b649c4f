use askama::Template;

use super::{Choice, Chrome, Moment, assets, filters};

/// `/commands`: commands that were allowed, and the runners that get them.
#[derive(Template, Debug, Clone)]
#[template(path = "commands.html")]
pub struct CommandsPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Newest first.
    pub rows: Vec<CommandRow>,
    /// The address of the page after.
    pub next: Option<String>,
    /// In the order in which they were added.
    pub runners: Vec<RunnerRow>,
    /// Service accounts that could be one.
    pub candidates: Vec<Choice>,
    /// A token that was just made: whose, and the only time it is shown.
    pub fresh: Option<(String, String)>,
    /// What was wrong with the last try.
    pub problem: Option<String>,
    /// Whether adding one becomes a request.
    pub is_held: bool,
    /// Whether the reader may change them.
    pub can_change: bool,
}

/// A command in the list.
#[derive(Debug, Clone)]
pub struct CommandRow {
    /// Its number.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it is in its life.
    pub state: CommandStanding,
    /// Its words, each unmistakable.
    pub line: String,
    /// Who asked.
    pub by: String,
    /// Since when it could be taken.
    pub allowed: Moment,
}

/// Where a command is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandStanding {
    /// As people say it.
    pub label: &'static str,
    /// The class of its colour.
    pub word: &'static str,
}

/// A runner. Its forms send `csrf` to `/runners/{id}/token` and `/runners/{id}/remove`; a new one's sends `account` to `/runners`.
#[derive(Debug, Clone)]
pub struct RunnerRow {
    /// Its account's number.
    pub id: String,
    /// Its account's name.
    pub name: String,
    /// Whether its account may act now.
    pub active: bool,
    /// Whether it has a token.
    pub has_token: bool,
    /// When it last asked, and from where.
    pub seen: Option<(Moment, String)>,
}

/// `/commands/{id}`: exactly what was allowed, and what became of it.
#[derive(Template, Debug, Clone)]
#[template(path = "command.html")]
pub struct CommandPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// Its number.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it is in its life.
    pub state: CommandStanding,
    /// The request that was approved.
    pub request: Option<String>,
    /// Who asked.
    pub by: String,
    /// Since when it could be taken.
    pub allowed: Moment,
    /// When it was taken, and from where.
    pub taken: Option<(Moment, String)>,
    /// When nothing more would become of it.
    pub ended: Option<Moment>,
    /// `exit code 3`, `signal 9`.
    pub how: Option<String>,
    /// Why it was not run, or not to its end.
    pub detail: Option<String>,
    /// Everything that is set of it.
    pub facts: Vec<(&'static str, String)>,
    /// What it wrote; none when the reader may not see it, or nothing can be there.
    pub output: Option<WrittenView>,
}

/// What a command wrote, as text.
#[derive(Debug, Clone)]
pub struct WrittenView {
    /// To standard output.
    pub output: String,
    /// To standard error.
    pub errors: String,
    /// Whether there was more than is shown here.
    pub cut: bool,
}
