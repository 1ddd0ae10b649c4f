//! docs/no-way-round.md lists every path by which something can change: each address of the server, each command, each function of
//! the store and the vault. This holds the list against the sources and the program: a new path that is not listed fails, and so does
//! a listed one that leads to no decision and gives no reason why it is harmless. `http/tests/no_way_round.rs` goes those ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

/// What a row says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    /// It asks `decide` with these deeds, and these tests show that it is held.
    Decides(Vec<String>, Vec<String>),
    /// It is a second person's answer, and these tests show what is asked of them.
    Approves(Vec<String>),
    /// It destroys and weakens nothing, because.
    Harmless(String),
    /// A command that does nothing but call these addresses.
    Calls(Vec<String>),
    /// It may be called from these files alone.
    CalledFrom(BTreeSet<String>),
}

#[test]
fn every_address_that_changes_something_is_harmless_or_leads_to_a_decision() {
    let listed = rows("## Addresses");
    let found: BTreeSet<_> = changing_routes().into_iter().collect();
    expect_same(&found, &listed, "addresses");
    let (deeds, all) = (deeds(), all_sources());
    for (path, says) in &listed {
        match says {
            Says::Decides(named, tests) => {
                assert!(!named.is_empty(), "{path} names no deed");
                for deed in named {
                    assert!(deeds.contains(deed), "{path} names the deed {deed}, which is none");
                }
                expect_tests(path, tests, &all);
            }
            Says::Approves(tests) => expect_tests(path, tests, &all),
            Says::Harmless(why) => {
                assert!(why.split(' ').count() >= 3, "{path}: why is it harmless?");
                let named = quoted(why).into_iter().filter(|word| word.matches('_').count() > 2);
                let named: Vec<_> = named.collect();
                assert!(
                    named.is_empty() || all_there(&named, &all),
                    "{path} names {named:?}, not all tests"
                );
            }
            other => panic!("{path}: {other:?} is nothing that an address can be"),
        }
    }
}

fn expect_tests(path: &str, tests: &[String], all: &str) {
    assert!(!tests.is_empty(), "{path} names no test that shows it held");
    assert!(all_there(tests, all), "{path} names {tests:?}, which are not all tests");
}

fn all_there(tests: &[String], all: &str) -> bool {
    tests.iter().all(|test| all.contains(&format!("fn {test}(")))
}

#[test]
fn every_command_calls_listed_addresses_or_is_harmless() {
    let listed = rows("## Commands");
    let found: BTreeSet<_> = commands(&[]).into_iter().collect();
    expect_same(&found, &listed, "commands");
    let addresses = rows("## Addresses");
    for (command, says) in &listed {
        match says {
            Says::Harmless(why) => assert!(why.split(' ').count() >= 2, "{command}: why is it harmless?"),
            Says::Calls(calls) => {
                assert!(!calls.is_empty(), "{command} calls nothing");
                for call in calls {
                    assert!(
                        addresses.contains_key(call),
                        "{command} calls {call}, which is no listed address"
                    );
                }
            }
            other => panic!("{command}: {other:?} is nothing that a command can be"),
        }
    }
}

/// Whoever asks for what is held can say why, and wait for it.
#[test]
fn every_command_that_may_be_held_says_why_and_waits() {
    let addresses = rows("## Addresses");
    let decides = |call: &String| matches!(addresses.get(call), Some(Says::Decides(..)));
    let mut held = 0;
    for (command, says) in rows("## Commands") {
        let Says::Calls(calls) = says else { continue };
        if calls.iter().any(decides) {
            held += 1;
            let shown = Command::new(env!("CARGO_BIN_EXE_countersign"))
                .args(command.split(' '))
                .arg("--help")
                .output()
                .unwrap();
            let help = String::from_utf8(shown.stdout).unwrap();
            for flag in ["--reason <TEXT>", "--wait[=<DURATION>]", "--wait-effect[=<DURATION>]"] {
                assert!(help.contains(flag), "countersign {command} has no {flag}");
            }
        }
    }
    assert!(held > 20, "only {held} commands were found that may be held");
}

#[test]
fn whatever_destroys_in_the_store_and_the_vault_is_called_from_where_it_was_decided() {
    let listed = rows("## Functions");
    let found: BTreeSet<_> = functions().into_iter().collect();
    expect_same(&found, &listed, "functions");
    let sources = production_sources();
    let mut bound = 0;
    for (function, says) in &listed {
        match says {
            Says::Harmless(why) => assert!(why.split(' ').count() >= 2, "{function}: why is it harmless?"),
            Says::CalledFrom(files) => {
                bound += 1;
                let callers: BTreeSet<_> = sources
                    .iter()
                    .filter(|(file, text)| is_called(function, file, text))
                    .map(|(file, _)| file.clone())
                    .collect();
                assert_eq!(&callers, files, "{function} is called from elsewhere than listed");
            }
            other => panic!("{function}: {other:?} is nothing that a function can be"),
        }
    }
    assert!(bound > 50, "only {bound} functions are bound to their callers");
}

/// Whether the text of a file has a call of `Type::method`, or of `module::function`.
fn is_called(function: &str, file: &str, text: &str) -> bool {
    let (of, name) = function.split_once("::").unwrap();
    if of.starts_with(char::is_uppercase) {
        return text.contains(&format!(".{name}(")) || text.contains(&format!("::{name}("));
    }
    let word = |found: usize| !text[..found].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let imported = text.match_indices(name).any(|(at, _)| {
        let line = text[..at].rfind("\nuse ").map_or("", |from| &text[from..at]);
        word(at) && !line.is_empty() && !line.contains(';')
    });
    let bare = text.match_indices(&format!("{name}(")).any(|(at, _)| {
        let before = &text[..at];
        word(at) && !before.ends_with("fn ") && !before.ends_with("::") && !before.ends_with('.')
    });
    let home = file.ends_with(&format!("/{of}.rs"));
    text.contains(&format!("{of}::{name}(")) || bare && (imported || home)
}

#[test]
fn whatever_takes_bytes_or_rows_of_backups_away_stands_in_the_files_that_are_listed() {
    let sources = production_sources();
    let listed = rows("## Words");
    for (word, says) in &listed {
        let Says::CalledFrom(files) = says else {
            panic!("{word}: {says:?} is nothing that a word can be");
        };
        let found: BTreeSet<_> = sources
            .iter()
            .filter(|(_, text)| text.contains(word.as_str()))
            .collect();
        let found: BTreeSet<_> = found.into_iter().map(|(file, _)| file.clone()).collect();
        assert_eq!(&found, files, "“{word}” stands elsewhere than listed");
    }
    for known in ["unlinkat(", "DELETE FROM objects", "PurgeOrder::resumed("] {
        assert!(listed.contains_key(known), "{known} is not listed any more");
    }
}

/// Addresses that are put together otherwise than by `route` would be missing above.
#[test]
fn no_address_is_put_together_otherwise() {
    for (file, text) in production_sources() {
        for other in [
            ".nest(",
            ".nest_service(",
            ".route_service(",
            ".fallback_service(",
            "MethodFilter",
        ] {
            assert!(
                !text.contains(other),
                "{file} has {other}…), by which no_way_round.rs finds no address"
            );
        }
        let fallbacks = text.matches(".fallback(").count();
        assert_eq!(
            fallbacks,
            usize::from(file == "server/http/mod.rs"),
            "fallbacks of {file}"
        );
    }
}

/// The reading of the sources finds what is there: without this, a change of style could empty the lists.
#[test]
fn the_lists_are_read_from_the_sources_as_they_are() {
    let routes = changing_routes();
    for known in [
        "DELETE /restic/{storage}/{backup}/{kind}/{name}",
        "POST /restic/{storage}/{backup}/{kind}/{name}",
        "PUT /api/v1/settings",
        "POST /settings/four-eyes/off",
        "POST /auth/saml/acs",
        "POST /oauth2/token",
    ] {
        assert!(
            routes.contains(&known.to_owned()),
            "{known} was not found in {routes:?}"
        );
    }
    assert!(commands(&[]).contains(&"requests approve".to_owned()));
    let functions = functions();
    for known in [
        "Tx::forget_object",
        "Vault::purge_due",
        "Files::remove_backup",
        "settle::approve",
    ] {
        assert!(functions.contains(&known.to_owned()), "{known} was not found");
    }
}

fn expect_same(found: &BTreeSet<String>, listed: &BTreeMap<String, Says>, what: &str) {
    let listed: BTreeSet<_> = listed.keys().cloned().collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(found).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/no-way-round.md does not list these {what}: {missing:#?}\nand lists these, which are not there: {gone:#?}"
    );
}

// The document.

fn rows(heading: &str) -> BTreeMap<String, Says> {
    let document = std::fs::read_to_string(root().join("docs/no-way-round.md")).unwrap();
    let (_, rest) = document.split_once(heading).unwrap_or_else(|| panic!("no “{heading}”"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let (cell, says) = line.trim_matches('|').trim().split_once(" | ").unwrap();
        let says = read(says.trim());
        // Paths of one kind share a row.
        for path in quoted(cell) {
            assert!(
                rows.insert(path.clone(), says.clone()).is_none(),
                "{path} is listed twice"
            );
        }
    }
    rows
}

fn read(text: &str) -> Says {
    let (kind, rest) = text.split_once(": ").unwrap_or((text, ""));
    match kind {
        "decides" => {
            let (deeds, tests): (Vec<_>, Vec<_>) = quoted(rest)
                .into_iter()
                .partition(|word| word.starts_with(char::is_uppercase));
            Says::Decides(deeds, tests)
        }
        "approves" => Says::Approves(quoted(rest)),
        "harmless" => Says::Harmless(rest.to_owned()),
        "calls" => Says::Calls(quoted(rest)),
        "called from" => Says::CalledFrom(quoted(rest).into_iter().collect()),
        other => panic!("a row says “decides”, “approves”, “harmless”, “calls” or “called from”, not “{other}”"),
    }
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

// The addresses.

const METHODS: [&str; 8] = ["get", "post", "put", "delete", "patch", "head", "options", "any"];

/// Every address that takes a method other than GET and HEAD, as `METHOD /path`.
fn changing_routes() -> Vec<String> {
    let mut routes = Vec::new();
    let sources = production_sources();
    for (file, text) in sources.iter().filter(|(file, _)| file.starts_with("server/")) {
        for arguments in calls(text, ".route(") {
            let (path, methods) = arguments.split_once(',').unwrap();
            let path = literal(path.trim(), file, text, &sources);
            for method in methods_of(methods, text) {
                if !matches!(method, "get" | "head" | "options") {
                    routes.push(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
    }
    routes.sort();
    routes.dedup();
    routes
}

/// A path as it is written, or by the name of a constant.
fn literal(path: &str, file: &str, text: &str, sources: &[(String, String)]) -> String {
    if let Some(quoted) = path.strip_prefix('"') {
        return quoted.trim_end_matches('"').to_owned();
    }
    let name = path.rsplit("::").next().unwrap();
    let declared = format!("const {name}: &str = \"");
    let everywhere = std::iter::once(text).chain(sources.iter().map(|(_, text)| text.as_str()));
    everywhere
        .filter_map(|text| text.split_once(declared.as_str()))
        .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        .next()
        .unwrap_or_else(|| panic!("{file} has a route at {path}, which is no constant that can be read"))
}

/// The methods that are named, also by a function or closure of the file that gives them.
fn methods_of<'a>(text: &str, file: &str) -> Vec<&'a str> {
    let named: Vec<_> = METHODS
        .into_iter()
        .filter(|method| {
            let call = format!("{method}(");
            text.match_indices(&call).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
            })
        })
        .collect();
    if !named.is_empty() {
        return named;
    }
    let name = text.trim().trim_end_matches(',').trim_end_matches("()");
    let closure = file.split_once(&format!("let {name} = ||"));
    let function = file.split_once(&format!("fn {name}()"));
    let body = match (closure, function) {
        (Some((_, rest)), _) => rest.split(";\n").next().unwrap(),
        (None, Some((_, rest))) => rest.split("\n}").next().unwrap(),
        (None, None) => panic!("no method can be read from {text:?}"),
    };
    let calls = |method: &str| {
        [" ", ".", "::"]
            .iter()
            .any(|start| body.contains(&format!("{start}{method}(")))
    };
    METHODS.into_iter().filter(|method| calls(method)).collect()
}

/// What stands between the parentheses of each call.
fn calls<'a>(text: &'a str, call: &str) -> Vec<&'a str> {
    text.match_indices(call)
        .map(|(at, found)| {
            let rest = &text[at + found.len()..];
            let mut depth = 1;
            let end = rest.char_indices().find(|(_, letter)| {
                match letter {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            &rest[..end.unwrap().0]
        })
        .collect()
}

fn deeds() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("crates/core/src/decide.rs")).unwrap();
    let (_, rest) = text.split_once("pub enum Deed {").unwrap();
    let body = rest.split("\n}").next().unwrap();
    body.lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split([',', '(', ' ', '{']).next().unwrap().to_owned())
        .collect()
}

// The commands.

/// Every command that has no commands below it, as the program itself tells.
fn commands(above: &[&str]) -> Vec<String> {
    let shown = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(above)
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(shown.stdout).unwrap();
    let Some((_, below)) = help.split_once("\nCommands:\n") else {
        return vec![above.join(" ")];
    };
    let names = below
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help");
    names
        .flat_map(|name| {
            let mut deeper = above.to_vec();
            deeper.push(name);
            commands(&deeper)
        })
        .collect()
}

// The functions.

/// Every public function that may change what is remembered or kept: those of `Tx`, `Vault` and `Files`, and those of the vault that
/// take a transaction.
fn functions() -> Vec<String> {
    let mut functions = Vec::new();
    for (file, text) in production_sources() {
        let types: &[&str] = match file.split('/').next() {
            Some("store") => &["Tx"],
            Some("vault") => &["Vault", "Files"],
            _ => continue,
        };
        for of in types {
            for block in text.split(&format!("\nimpl {of} {{\n")).skip(1) {
                let body = block.split("\n}\n").next().unwrap();
                for line in body.lines() {
                    let line = line.trim_start();
                    let public = ["pub ", "pub(crate) ", "pub(super) "]
                        .into_iter()
                        .find_map(|start| line.strip_prefix(start));
                    let Some(line) = public else { continue };
                    let line = line.strip_prefix("const ").unwrap_or(line);
                    let line = line.strip_prefix("async ").unwrap_or(line);
                    if let Some(rest) = line.strip_prefix("fn ") {
                        functions.push(format!("{of}::{}", rest.split(['(', '<']).next().unwrap()));
                    }
                }
            }
        }
        if file.starts_with("vault/") {
            let module = file.rsplit('/').next().unwrap().trim_end_matches(".rs");
            for public in ["\npub ", "\npub(crate) ", "\npub(super) "] {
                for rest in text.split(public).skip(1) {
                    let rest = rest.strip_prefix("async ").unwrap_or(rest);
                    let Some(rest) = rest.strip_prefix("fn ") else { continue };
                    if rest.split('{').next().unwrap().contains("tx: &mut Tx") {
                        functions.push(format!("{module}::{}", rest.split(['(', '<']).next().unwrap()));
                    }
                }
            }
        }
    }
    functions.sort();
    functions.dedup();
    functions
}

// The sources.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Each file of the crates that runs in production, as `crate/src/…` without `src/`, and its text without its tests.
fn production_sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for of_ours in ["core", "store", "vault", "server"] {
        read_folder(&root().join("crates").join(of_ours).join("src"), of_ours, &mut files);
    }
    files
}

fn read_folder(folder: &Path, name: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            if !matches!(path.file_name().unwrap().to_str().unwrap(), "tests" | "testing") {
                read_folder(&path, &below, files);
            }
        } else if below.ends_with(".rs") && !below.ends_with("/tests.rs") && !below.ends_with("/testing.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
            files.push((below, text.to_owned()));
        }
    }
}

fn all_sources() -> String {
    let mut all = String::new();
    for folder in ["crates", "tests"] {
        gather(&root().join(folder), &mut all);
    }
    all
}

fn gather(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
