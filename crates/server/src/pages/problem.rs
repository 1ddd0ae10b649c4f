use askama::Template;

use super::{Chrome, Public, assets, filters};

/// A way on.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// What stands on it.
    pub label: String,
}

/// An error for someone who is signed in.
#[derive(Template, Debug, Clone)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What stands around it.
    pub chrome: Chrome,
    /// The status, for the record: 404.
    pub status: u16,
    /// What is wrong, in a few words.
    pub title: String,
    /// What is wrong, in a sentence.
    pub text: String,
    /// What to do.
    pub advice: String,
    /// The way on.
    pub link: Option<Link>,
}

/// An error for anyone.
#[derive(Template, Debug, Clone)]
#[template(path = "problem_public.html")]
pub struct PublicProblemPage {
    /// What stands around it.
    pub public: Public,
    /// The status, for the record: 400.
    pub status: u16,
    /// What is wrong, in a few words.
    pub title: String,
    /// What is wrong, in a sentence.
    pub text: String,
    /// What to do.
    pub advice: String,
    /// The way on.
    pub link: Option<Link>,
}
