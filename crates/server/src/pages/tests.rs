//! What holds for every page, whatever it shows.

use axum::http::StatusCode;

use super::samples::{HOSTILE, all};
use super::{Public, SignedOut, assets, respond};

/// The tags of a page, as a browser would see them; text between them is left out.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag))
}

/// The names of a tag's attributes. Values are quoted everywhere in the templates.
fn attributes(tag: &str) -> Vec<&str> {
    let outside_quotes = tag.split('"').step_by(2);
    outside_quotes
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches('='))
        .skip(1)
        .collect()
}

#[test]
fn what_people_choose_never_becomes_markup() {
    for (name, html) in all() {
        assert!(!html.contains("<script>"), "{name}: a script tag came through");
        assert!(!html.contains("alert('x')"), "{name}: unescaped quotes");
        assert!(!html.contains("</textarea>\""), "{name}: the textarea was closed");
    }
    let hostile: Vec<_> = all()
        .into_iter()
        .filter(|(name, _)| name.starts_with("hostile"))
        .collect();
    assert!(hostile.len() >= 12);
    for (name, html) in hostile {
        assert!(
            html.contains("&lt;script&gt;") || html.contains("&#60;script&#62;"),
            "{name}: shows the text itself"
        );
    }
    assert!(HOSTILE.contains("<script>"));
}

#[test]
fn unseen_characters_are_seen() {
    for (name, html) in all()
        .into_iter()
        .filter(|(name, _)| name == "hostile-pending" || name == "hostile-history")
    {
        assert!(html.contains("<span class=\"hidden-char\">U+202E</span>"), "{name}");
    }
}

#[test]
fn nothing_is_inline() {
    for (name, html) in all() {
        assert!(!html.contains("javascript:"), "{name}: a script address");
        for tag in tags(&html) {
            assert!(!tag.eq_ignore_ascii_case("style"), "{name}: a style element");
            assert!(
                !tag.starts_with("script") || tag.contains(" src=\"/static/"),
                "{name}: an inline script: {tag}"
            );
            for attribute in attributes(tag) {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute} in <{tag}>"
                );
            }
        }
    }
}

#[test]
fn every_posted_form_proves_where_it_comes_from() {
    let mut forms = 0;
    for (name, html) in all() {
        for form in html.split("<form").skip(1) {
            let (head, _) = form.split_once('>').unwrap();
            let (body, _) = form.split_once("</form>").unwrap();
            if head.contains("method=\"post\"") {
                forms += 1;
                assert!(
                    body.contains("<input type=\"hidden\" name=\"csrf\" value=\""),
                    "{name}: a form without csrf: {head}"
                );
            } else {
                assert!(
                    head.contains("method=\"get\""),
                    "{name}: a form without a method: {head}"
                );
                assert!(!body.contains("csrf"), "{name}: csrf in an address: {head}");
            }
        }
    }
    assert!(forms > 50);
}

#[test]
fn every_page_is_one_document_with_one_heading_and_no_id_twice() {
    for (name, html) in all() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main").count(), 1, "{name}");
        assert!(html.starts_with("<!doctype html>"), "{name}");
        let mut seen = std::collections::HashSet::new();
        for tag in tags(&html) {
            let Some((_, rest)) = tag.split_once(" id=\"") else {
                continue;
            };
            let (id, _) = rest.split_once('"').unwrap();
            assert!(seen.insert(id.to_owned()), "{name}: id {id} twice");
        }
    }
}

#[test]
fn the_decision_form_sends_exactly_what_was_shown() {
    let pages = all();
    let (_, html) = pages.iter().find(|(name, _)| name == "request-early").unwrap();
    let e = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let f = "f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(html.contains(&format!("name=\"digest\" value=\"{e}\"")));
    assert!(html.contains(&format!("name=\"along\" value=\"39:{f},40:{f},43:{f}\"")));
    assert!(html.contains("Approve this and 2 earlier") && html.contains("Reject this and 1 later"));
}

#[test]
fn whoever_may_not_approve_cannot_choose_it() {
    for (name, html) in all() {
        if ["request-own", "request-middle", "request-cooling", "request-overdue"].contains(&name.as_str()) {
            let approve = tags(&html).find(|tag| tag.contains("id=\"approve\"")).unwrap();
            assert!(approve.contains(" disabled"), "{name}");
        }
        if name == "request-closed" || name.starts_with("request-purg") || name == "request-collecting" {
            assert!(!html.contains("name=\"decision\""), "{name}");
        }
    }
}

#[test]
fn every_file_a_page_asks_for_is_built_in() {
    let built_in: Vec<_> = [&assets::STYLE, &assets::LIVE, &assets::PASSKEY, &assets::ICON]
        .map(assets::Asset::path)
        .into();
    for (name, html) in all() {
        let asked: Vec<_> = html.split('"').filter(|value| value.starts_with("/static/")).collect();
        let asks_passkeys = html.contains("data-passkey=");
        assert_eq!(asked.len(), if asks_passkeys { 4 } else { 3 }, "{name}");
        assert_eq!(html.contains("/passkey.js"), asks_passkeys, "{name}");
        assert!(
            asked.iter().all(|path| built_in.iter().any(|file| file == path)),
            "{name}: {asked:?}"
        );
    }
}

#[test]
fn a_page_leaves_with_the_closed_policy_and_is_never_stored() {
    let view = SignedOut {
        public: Public {
            csrf: String::new(),
            version: String::new(),
        },
    };
    let response = respond::page(StatusCode::OK, &view);
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
}

/// Where the pages go that [`all`] has: set `COUNTERSIGN_PAGES` to a folder to look at them, or to test them in a browser.
#[test]
fn every_page_has_a_name_of_its_own() {
    let folder = std::env::var_os("COUNTERSIGN_PAGES").map(std::path::PathBuf::from);
    let mut names = std::collections::HashSet::new();
    for (name, html) in all() {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
        }
        assert!(names.insert(name.clone()), "{name} twice");
    }
}
