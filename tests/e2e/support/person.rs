//! A person with a browser that runs no scripts: forms, cookies, redirects, nothing else.

use std::collections::BTreeMap;

use ureq::{Agent, http::Response};

/// Someone's browser.
pub struct Person {
    agent: Agent,
    origin: String,
    cookies: BTreeMap<String, String>,
    may_leave: bool,
}

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    /// Path and query it was found at, after all redirects.
    pub address: String,
    pub html: String,
}

/// A form of a page: where it goes, and what is filled in already.
#[derive(Debug)]
pub struct Form {
    method: String,
    action: String,
    fields: Vec<(String, String)>,
    /// Dots and boxes that can be ticked, and are not.
    choices: Vec<(String, String)>,
    buttons: Vec<Button>,
}

#[derive(Debug)]
struct Button {
    label: String,
    field: Option<(String, String)>,
    action: Option<String>,
}

const MOST_REDIRECTS: usize = 10;

impl Person {
    /// Someone with no cookies yet; `origin` is `http://host:port`.
    pub fn new(origin: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
            origin: origin.trim_end_matches('/').to_owned(),
            cookies: BTreeMap::new(),
            may_leave: false,
        }
    }

    /// Someone whom an application sent here, and who is sent back there. The page they end on is then an address with nothing on it.
    pub fn sent_here(origin: &str) -> Self {
        Self {
            may_leave: true,
            ..Self::new(origin)
        }
    }

    #[track_caller]
    pub fn open(&mut self, path: &str) -> Page {
        self.try_open(path)
            .unwrap_or_else(|e| panic!("no answer from {path}: {e}"))
    }

    fn try_open(&mut self, path: &str) -> Result<Page, ureq::Error> {
        let response = self
            .agent
            .get(self.url(path))
            .header("cookie", self.cookie_header())
            .call();
        self.follow(path, response)
    }

    /// Presses the button that says `label`, after filling in the named fields; the form is the one with that button.
    #[track_caller]
    pub fn press(&mut self, page: &Page, label: &str, fill: &[(&str, &str)]) -> Page {
        self.try_press(page, label, fill)
            .unwrap_or_else(|e| panic!("no answer to “{label}” in {}: {e}", page.address))
    }

    /// The same of a server that may be gone.
    #[track_caller]
    pub fn try_press(&mut self, page: &Page, label: &str, fill: &[(&str, &str)]) -> Result<Page, ureq::Error> {
        let forms = page.forms();
        let (form, button) = forms
            .iter()
            .find_map(|form| Some((form, form.buttons.iter().find(|button| button.label == label)?)))
            .unwrap_or_else(|| panic!("no button “{label}” in {}:\n{}", page.address, page.text()));
        let mut fields = form.fields.clone();
        for (name, value) in fill {
            if let Some(field) = fields.iter_mut().find(|(field, _)| field == name) {
                (*value).clone_into(&mut field.1);
            } else {
                let choice = form
                    .choices
                    .iter()
                    .find(|(field, choice)| field == name && choice == value);
                let choice = choice.unwrap_or_else(|| {
                    panic!(
                        "the form with “{label}” in {} takes no {name} “{value}”:\n{}",
                        page.address,
                        page.text()
                    )
                });
                fields.push(choice.clone());
            }
        }
        fields.extend(button.field.clone());
        let action = button.action.as_ref().unwrap_or(&form.action);
        let action = if action.is_empty() {
            page.address.clone()
        } else {
            resolve(&page.address, action)
        };
        if form.method == "post" {
            let response = self
                .agent
                .post(self.url(&action))
                .header("cookie", self.cookie_header())
                .header("origin", &self.origin)
                .header("sec-fetch-site", "same-origin")
                .send_form(fields);
            self.follow(&action, response)
        } else {
            let query: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect();
            let path = action.split('?').next().unwrap_or_default();
            self.try_open(&format!("{path}?{}", query.join("&")))
        }
    }

    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    fn cookie_header(&self) -> String {
        self.cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[track_caller]
    fn follow(&mut self, from: &str, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Page, ureq::Error> {
        let mut address = from.to_owned();
        let mut response = response?;
        for _ in 0..MOST_REDIRECTS {
            self.keep_cookies(&response);
            let status = response.status().as_u16();
            let location = response
                .headers()
                .get("location")
                .map(|to| to.to_str().expect("a readable address").to_owned());
            let (Some(to), true) = (location, (300..400).contains(&status)) else {
                let html = response.body_mut().read_to_string()?;
                return Ok(Page { status, address, html });
            };
            assert_eq!(status, 303, "{address} redirects with another status than 303");
            let to = to.strip_prefix(&self.origin).map_or(to.clone(), str::to_owned);
            if self.may_leave && to.contains("://") {
                let html = String::new();
                return Ok(Page {
                    status,
                    address: to,
                    html,
                });
            }
            address = resolve(&address, &to);
            response = self
                .agent
                .get(self.url(&address))
                .header("cookie", self.cookie_header())
                .call()?;
        }
        panic!("{from} redirects without end, last to {address}");
    }

    fn keep_cookies(&mut self, response: &Response<ureq::Body>) {
        for header in response.headers().get_all("set-cookie") {
            let header = header.to_str().expect("a readable cookie");
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

impl Page {
    /// What is read on it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for piece in pieces(&self.html) {
            match piece {
                Piece::Text(words) => text.push_str(&unescape(words)),
                Piece::Tag(_) => text.push(' '),
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub fn expect_text(&self, text: &str) -> &Self {
        assert!(
            self.text().contains(text),
            "{} does not say “{text}”, but:\n{}",
            self.address,
            self.text()
        );
        self
    }

    /// The address of the link that says this.
    #[track_caller]
    pub fn link(&self, label: &str) -> String {
        let mut href = None;
        let mut words = String::new();
        for piece in pieces(&self.html) {
            match piece {
                Piece::Tag(tag) if tag.name == "a" => {
                    href = tag.value("href");
                    words.clear();
                }
                Piece::Tag(tag) if tag.name == "/a" => match href.take() {
                    Some(href) if words.trim() == label => return resolve(&self.address, &href),
                    _ => {}
                },
                Piece::Text(text) => words.push_str(&unescape(text)),
                Piece::Tag(_) => {}
            }
        }
        panic!("no link “{label}” in {}:\n{}", self.address, self.text());
    }

    pub fn forms(&self) -> Vec<Form> {
        let mut forms: Vec<Form> = Vec::new();
        let mut open = false;
        let mut pressing: Option<(Tag, String)> = None;
        for piece in pieces(&self.html) {
            match piece {
                Piece::Text(text) => {
                    if let Some((_, label)) = &mut pressing {
                        label.push_str(&unescape(text));
                    }
                }
                Piece::Tag(tag) => match (tag.name.as_str(), forms.last_mut().filter(|_| open)) {
                    ("form", _) => {
                        open = true;
                        forms.push(Form {
                            method: tag.value("method").unwrap_or_else(|| "get".into()).to_ascii_lowercase(),
                            action: tag.value("action").unwrap_or_default(),
                            fields: Vec::new(),
                            choices: Vec::new(),
                            buttons: Vec::new(),
                        });
                    }
                    ("/form", _) => open = false,
                    ("button", Some(_)) => pressing = Some((tag, String::new())),
                    ("/button", Some(form)) => {
                        if let Some((tag, label)) = pressing.take() {
                            form.buttons.push(Button {
                                label: label.split_whitespace().collect::<Vec<_>>().join(" "),
                                field: tag
                                    .value("name")
                                    .map(|name| (name, tag.value("value").unwrap_or_default())),
                                action: tag.value("formaction"),
                            });
                        }
                    }
                    ("input" | "textarea" | "select", Some(form)) => {
                        let ticked = tag.value("checked").is_some();
                        let box_or_dot = matches!(tag.value("type").as_deref(), Some("checkbox" | "radio"));
                        if let Some(name) = tag.value("name").filter(|_| tag.value("disabled").is_none()) {
                            let preset = if box_or_dot { "on" } else { "" };
                            let field = (name, tag.value("value").unwrap_or_else(|| preset.into()));
                            let offered = box_or_dot && !ticked;
                            let list = if offered { &mut form.choices } else { &mut form.fields };
                            list.push(field);
                        }
                    }
                    ("option", Some(form)) => {
                        let first = form.fields.last().is_some_and(|(_, value)| value.is_empty());
                        if let (Some(value), true) = (tag.value("value"), first || tag.value("selected").is_some())
                            && let Some(field) = form.fields.last_mut()
                        {
                            field.1 = value;
                        }
                    }
                    _ => {}
                },
            }
        }
        forms
    }
}

#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn value(&self, name: &str) -> Option<String> {
        self.attributes
            .iter()
            .find(|(attribute, _)| attribute == name)
            .map(|(_, value)| value.clone())
    }
}

enum Piece<'a> {
    Text(&'a str),
    Tag(Tag),
}

/// Reads our own pages, which escape `<` and `>` in text and quote every attribute that holds one. Not a parser of HTML.
fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        pieces.push(Piece::Text(&rest[..start]));
        rest = &rest[start + 1..];
        let end = if rest.starts_with("!--") {
            rest.find("-->").map(|at| at + 2)
        } else {
            end_of_tag(rest)
        };
        let end = end.unwrap_or(rest.len());
        let (inside, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        if inside.starts_with('!') {
            continue;
        }
        let tag = tag(inside);
        for raw in ["script", "style", "svg"] {
            if tag.name == raw && !inside.ends_with('/') {
                rest = rest.find(&format!("</{raw}")).map_or("", |at| &rest[at..]);
            }
        }
        pieces.push(Piece::Tag(tag));
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn tag(inside: &str) -> Tag {
    let inside = inside.trim_end_matches('/');
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        if attribute.is_empty() {
            break;
        }
        let mut value = String::new();
        rest = after;
        if let Some(given) = after.strip_prefix('=') {
            let end;
            (value, end) = match given.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inner = &given[1..];
                    let end = inner.find(quote).unwrap_or(inner.len());
                    (unescape(&inner[..end]), (end + 2).min(given.len()))
                }
                _ => {
                    let end = given.find(char::is_whitespace).unwrap_or(given.len());
                    (unescape(&given[..end]), end)
                }
            };
            rest = &given[end..];
        }
        attributes.push((attribute.to_ascii_lowercase(), value));
    }
    Tag {
        name: name.to_ascii_lowercase(),
        attributes,
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((entity, tail)) = after.split_once(';').filter(|(entity, _)| entity.len() <= 8) else {
            out.push('&');
            rest = after;
            continue;
        };
        let number = entity
            .strip_prefix('#')
            .and_then(|digits| match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            });
        match (entity, number.and_then(char::from_u32)) {
            (_, Some(c)) => out.push(c),
            ("amp", _) => out.push('&'),
            ("lt", _) => out.push('<'),
            ("gt", _) => out.push('>'),
            ("quot", _) => out.push('"'),
            ("nbsp", _) => out.push(' '),
            ("middot", _) => out.push('·'),
            ("hellip", _) => out.push('…'),
            _ => out.push_str(&format!("&{entity};")),
        }
        rest = tail;
    }
    out + rest
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An address found in a page, as a path from the origin.
fn resolve(page: &str, address: &str) -> String {
    assert!(!address.contains("://"), "{page} leads away, to {address}");
    if address.starts_with('/') {
        return address.to_owned();
    }
    let path = page.split(['?', '#']).next().unwrap_or_default();
    if address.starts_with('?') {
        return format!("{path}{address}");
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page {
            status: 200,
            address: "/requests/7".into(),
            html: html.into(),
        }
    }

    #[test]
    fn a_form_is_read_with_what_it_holds() {
        let page = page(
            r#"<!doctype html><script>if (1 < 2) "<form>"</script><form method="POST" action='decide?a=1&amp;b=2'>
            <input type="hidden" name="csrf" value="x&quot;&#x3E;y"><input name=code required>
            <input type=checkbox name=sure><input type=checkbox name=both value=yes checked>
            <select name=days><option value=1><option value=7 selected>7</select><textarea name=comment></textarea>
            <button name="decision" value="approve">Approve <b>it</b></button><button formaction="/x">Other</button></form>
            <a href="../list">All &middot; requests</a>"#,
        );
        let [form] = &page.forms()[..] else { panic!("one form") };
        assert_eq!(form.method, "post");
        assert_eq!(form.action, "decide?a=1&b=2");
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(fields, ["csrf=x\">y", "code=", "both=yes", "days=7", "comment="]);
        assert_eq!(form.choices, [("sure".to_owned(), "on".to_owned())]);
        assert_eq!(form.buttons[0].label, "Approve it");
        assert_eq!(form.buttons[0].field, Some(("decision".into(), "approve".into())));
        assert_eq!(form.buttons[1].action.as_deref(), Some("/x"));
        assert_eq!(page.link("All · requests"), "/requests/../list");
        assert!(
            page.text().ends_with("Approve it Other All · requests"),
            "{}",
            page.text()
        );
    }

    #[test]
    fn addresses_are_resolved_like_a_browser_does() {
        assert_eq!(resolve("/a/b?c", "/d"), "/d");
        assert_eq!(resolve("/a/b?c", "d"), "/a/d");
        assert_eq!(resolve("/a/b?c", "?d"), "/a/b?d");
    }
}
