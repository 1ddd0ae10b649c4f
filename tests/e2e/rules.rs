//! docs/rules.md and docs/threat-model.md name the tests that hold each rule and requirement. This holds the two documents.

use std::{collections::BTreeMap, path::Path};

fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// Everything that is written in Rust here.
fn all_sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = String::new();
    sources(&root.join("crates"), &mut all);
    sources(&root.join("tests"), &mut all);
    all
}

/// The rows of the table under a heading: first cell and last cell.
fn table(document: &str, heading: &str) -> BTreeMap<String, String> {
    let (_, rest) = document.split_once(heading).unwrap_or_else(|| panic!("no “{heading}”"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (first, last) = (cells.first()?, cells.last()?);
        (!first.is_empty()).then(|| ((*first).to_owned(), (*last).to_owned()))
    })
    .collect()
}

/// Whether each row names tests that are there, or says why it needs none.
fn expect_tests(all: &str, rows: &BTreeMap<String, String>) {
    for (what, cell) in rows {
        let names: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        assert!(
            !names.is_empty() || cell.contains("Does not apply"),
            "{what} names no test and gives no reason"
        );
        for name in names {
            assert!(
                all.contains(&format!("fn {name}(")),
                "{name} is named by {what} and is no test"
            );
        }
    }
}

#[test]
fn the_threat_model_has_every_requirement_and_reason_with_tests_that_are_there() {
    let (model, all) = (document("threat-model.md"), all_sources());
    let requirements = table(&model, "\n## What logon and tokens are held to");
    let reasons = table(&model, "\n## The thirteen reasons");
    let others = table(&model, "\n## What happened to others");
    let deciding = table(&model, "\n## Attacks on a decision");
    for number in 1..=40 {
        assert!(
            requirements.contains_key(&number.to_string()),
            "requirement {number} is missing"
        );
    }
    for code in -1..=11 {
        assert!(reasons.contains_key(&code.to_string()), "reason {code} is missing");
    }
    assert!(others.len() > 20, "{} rows of what happened to others", others.len());
    for rows in [&requirements, &reasons, &others, &deciding] {
        expect_tests(&all, rows);
    }
}

#[test]
fn every_test_that_the_rules_name_is_there() {
    let all = all_sources();
    let rules = document("rules.md");
    let names: Vec<_> = rules
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('_') && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect();
    assert!(names.len() > 20, "the rules name too few tests");
    for name in names {
        assert!(
            all.contains(&format!("fn {name}(")),
            "{name} is named by a rule and is no test"
        );
    }
}

#[test]
fn reason_unknown_is_made_by_no_code_of_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut all = String::new();
    for of_ours in ["core", "store", "vault", "server"] {
        sources(&root.join(of_ours).join("src"), &mut all);
    }
    assert!(all.contains("Reason::ServerError"), "the sources were not found");
    assert!(
        !all.contains("Reason::Unknown"),
        "-1 is for what peers say and we do not know"
    );
}
