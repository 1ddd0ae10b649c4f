use askama::Template;

use super::{Chrome, Moment, TestNote, assets, filters};

/// `/requests/{id}/recorded`: what was asked for is held, a second person must approve it. Forms lead here, so that
/// loading the page again asks for nothing again.
#[derive(Template, Debug, Clone)]
#[template(path = "recorded.html")]
pub struct RecordedPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// The request's number.
    pub id: String,
    /// What was asked for.
    pub operation: String,
    /// When it expires.
    pub expires: Moment,
    /// How the test message to the receiver went that was asked for.
    pub test: Option<TestNote>,
}
