use proptest::prelude::*;

use super::*;

fn spec() -> CommandSpec {
    CommandSpec {
        argv: vec!["/usr/sbin/lvremove".into(), "-f".into(), "vg/old data".into()],
        environment: [("LANG".to_owned(), "C".to_owned())].into(),
        folder: "/".into(),
        mode: Mode::Runner {
            account: AccountId(7),
            name: "host1".into(),
        },
        name: "Remove the old volume".into(),
        output_bytes: CommandSpec::MOST_OUTPUT,
        seconds: 600,
        valid_minutes: 60,
    }
}

/// Reads a line as bash does: the inverse of what is tested.
fn read(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while letters.peek().is_some() {
        let mut word = String::new();
        match letters.peek() {
            Some('\'') => {
                letters.next();
                word.extend(letters.by_ref().take_while(|letter| *letter != '\''));
            }
            Some('$') => {
                letters.nth(1);
                loop {
                    match letters.next().unwrap() {
                        '\'' => break,
                        '\\' => {
                            let digits = match letters.next().unwrap() {
                                'n' => {
                                    word.push('\n');
                                    continue;
                                }
                                'r' => {
                                    word.push('\r');
                                    continue;
                                }
                                't' => {
                                    word.push('\t');
                                    continue;
                                }
                                'x' => 2,
                                'U' => 8,
                                same => {
                                    word.push(same);
                                    continue;
                                }
                            };
                            let number: String = letters.by_ref().take(digits).collect();
                            word.push(char::from_u32(u32::from_str_radix(&number, 16).unwrap()).unwrap());
                        }
                        other => word.push(other),
                    }
                }
            }
            _ => {
                while let Some(letter) = letters.next_if(|letter| *letter != ' ') {
                    word.push(letter);
                }
            }
        }
        words.push(word);
        assert!(matches!(letters.next(), None | Some(' ')));
    }
    words
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z-]{0,6}",
        "[ '\"$\\\\a-c\n\t]{0,6}",
        proptest::collection::vec(any::<char>().prop_filter("NUL", |letter| *letter != '\0'), 0..6)
            .prop_map(|letters| letters.into_iter().collect()),
    ]
}

proptest! {
    #[test]
    fn a_line_says_exactly_its_words(argv in proptest::collection::vec(word(), 1..6)) {
        let line = CommandSpec { argv: argv.clone(), ..spec() }.line();
        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        prop_assert_eq!(read(&line), argv);
    }

    /// Rule 5: whatever differs, the digest differs.
    #[test]
    fn the_digest_of_a_command_tells_every_difference(
        one in proptest::collection::vec(word(), 1..4), other in proptest::collection::vec(word(), 1..4),
    ) {
        let of = |argv: &Vec<String>| CommandSpec { argv: argv.clone(), ..spec() }.digest().unwrap();
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }
}

#[test]
fn the_digest_covers_every_part() {
    let parts: [fn(&mut CommandSpec); 10] = [
        |_| {},
        |spec| spec.argv.push(String::new()),
        |spec| drop(spec.environment.insert("HOME".into(), "/".into())),
        |spec| spec.folder.push_str("tmp"),
        |spec| {
            spec.mode = Mode::Runner {
                account: AccountId(8),
                name: "host1".into(),
            }
        },
        |spec| {
            spec.mode = Mode::Grant {
                audience: "host1".into(),
            }
        },
        |spec| spec.name.push('!'),
        |spec| spec.output_bytes -= 1,
        |spec| spec.seconds += 1,
        |spec| spec.valid_minutes += 1,
    ];
    let digests: std::collections::BTreeSet<_> = parts
        .iter()
        .map(|change| {
            let mut spec = spec();
            change(&mut spec);
            spec.digest().unwrap().to_hex()
        })
        .collect();
    assert_eq!(digests.len(), parts.len());
}

#[test]
fn the_form_of_a_command_is_canonical() {
    let json = spec().canonical().unwrap();
    let sorted = serde_json::from_str::<serde_json::Value>(&json).unwrap().to_string();
    assert_eq!(json, sorted);
    assert_eq!(serde_json::from_str::<CommandSpec>(&json).unwrap(), spec());
}

#[test]
fn what_cannot_be_a_command_is_refused() {
    assert_eq!(spec().checked(), Ok(spec()));
    type Change = fn(&mut CommandSpec);
    let cases: [(Change, BadCommand); 12] = [
        (|spec| spec.name.clear(), BadCommand::Name),
        (|spec| spec.name.push('\n'), BadCommand::Name),
        (|spec| spec.argv.clear(), BadCommand::Argv),
        (|spec| spec.argv[0].clear(), BadCommand::Argv),
        (|spec| spec.argv.push("a\0b".into()), BadCommand::Argv),
        (|spec| spec.argv.push("x".repeat(MOST_BYTES)), BadCommand::Argv),
        (
            |spec| drop(spec.environment.insert("A=B".into(), String::new())),
            BadCommand::Environment,
        ),
        (
            |spec| drop(spec.environment.insert(String::new(), String::new())),
            BadCommand::Environment,
        ),
        (|spec| spec.folder = "tmp".into(), BadCommand::Folder),
        (
            |spec| spec.mode = Mode::Grant { audience: "a b".into() },
            BadCommand::Audience,
        ),
        (|spec| spec.seconds = 0, BadCommand::Limits),
        (|spec| spec.output_bytes += 1, BadCommand::Limits),
    ];
    for (change, bad) in cases {
        let mut spec = spec();
        change(&mut spec);
        assert_eq!(spec.clone().checked(), Err(bad), "{spec:?}");
    }
}

#[test]
fn an_allow_list_agrees_to_the_words_that_it_lists_and_to_no_others() {
    let list = AllowList::parse("# trims\n[\"/usr/sbin/fstrim\", \"-v\"]\n\n[\"/bin/true\"]\n").unwrap();
    let allows = |words: &[&str]| list.allows(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    assert!(allows(&["/usr/sbin/fstrim", "-v", "/data"]) && allows(&["/bin/true"]));
    assert!(!allows(&["/usr/sbin/fstrim"]) && !allows(&["/usr/sbin/fstrim", "-v -a"]) && !allows(&["/bin/true2"]));
    assert!(!AllowList::default().allows(&["/bin/true".into()]));
    for (bad, line) in [("[]", 1), ("\n/bin/true", 2), ("[\"a\"]\n[1]", 2)] {
        assert_eq!(AllowList::parse(bad), Err(BadAllowList(line)));
    }
}
