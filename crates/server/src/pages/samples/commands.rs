use super::*;

pub fn commands() -> CommandsPage {
    let row = |id: &str, name: &str, label: &'static str, word: &'static str, line: &str| CommandRow {
        id: id.into(),
        name: name.into(),
        state: CommandStanding { label, word },
        line: line.into(),
        by: "bob".into(),
        allowed: ago(4_000),
    };
    CommandsPage {
        chrome: chrome(Section::Commands),
        rows: vec![
            row(
                "3",
                "Trim the volumes",
                "Running",
                "pending",
                "/usr/sbin/fstrim -v '/data new'",
            ),
            row(
                "2",
                "Remove the old volume",
                "Ended",
                "ok",
                "/usr/sbin/lvremove -f vg/old",
            ),
            row(
                "1",
                "Rotate keys",
                "Not taken in time",
                "expired",
                "rotate $'\\U0000202e'",
            ),
        ],
        next: Some("/commands?before=1".into()),
        runners: vec![
            RunnerRow {
                id: "7".into(),
                name: "host1".into(),
                active: true,
                has_token: true,
                seen: Some((ago(3), "198.51.100.9".into())),
            },
            RunnerRow {
                id: "8".into(),
                name: "host2".into(),
                active: true,
                has_token: false,
                seen: None,
            },
        ],
        candidates: vec![Choice {
            value: "9".into(),
            label: "host3".into(),
            hint: String::new(),
            chosen: false,
        }],
        fresh: None,
        problem: None,
        is_held: true,
        can_change: true,
    }
}

pub fn command() -> CommandPage {
    CommandPage {
        chrome: chrome(Section::Commands),
        id: "2".into(),
        name: "Remove the old volume".into(),
        state: CommandStanding {
            label: "Ended",
            word: "ok",
        },
        request: Some("41".into()),
        by: "bob".into(),
        allowed: ago(4_000),
        taken: Some((ago(3_998), "198.51.100.9".into())),
        ended: Some(ago(3_990)),
        how: Some("exit code 5".into()),
        detail: None,
        facts: vec![
            ("Command", "/usr/sbin/lvremove -f vg/old".into()),
            ("Folder", "/".into()),
            ("Run by", "runner host1 (UID-7)".into()),
        ],
        output: Some(WrittenView {
            output: "Logical volume \"old\" not found\n\ttried: vg".into(),
            errors: String::new(),
            cut: true,
        }),
    }
}

pub fn all_of_commands() -> Vec<(String, String)> {
    let waiting = CommandPage {
        state: CommandStanding {
            label: "Waits to be taken",
            word: "pending",
        },
        request: None,
        taken: None,
        ended: None,
        how: None,
        output: None,
        ..command()
    };
    let mut hostile = commands();
    hostile.rows[0].name = HOSTILE.into();
    hostile.rows[0].line = HOSTILE.into();
    hostile.rows[0].by = HOSTILE.into();
    hostile.problem = Some(HOSTILE.into());
    hostile.runners[0].name = HOSTILE.into();
    let hostile_one = CommandPage {
        name: HOSTILE.into(),
        by: HOSTILE.into(),
        detail: Some(HOSTILE.into()),
        facts: vec![("Command", HOSTILE.into())],
        output: Some(WrittenView {
            output: HOSTILE.into(),
            errors: HOSTILE.into(),
            cut: false,
        }),
        ..command()
    };
    vec![
        rendered("commands", &commands()),
        rendered(
            "commands-empty",
            &CommandsPage {
                rows: Vec::new(),
                next: None,
                runners: Vec::new(),
                candidates: Vec::new(),
                ..commands()
            },
        ),
        rendered(
            "commands-fresh",
            &CommandsPage {
                fresh: Some((
                    "host2".into(),
                    "UID-8.kJ2r9Qx0vT_1mB8sZ-4nLc6yWd3hFgUaEoPiX5tR7bM".into(),
                )),
                ..commands()
            },
        ),
        rendered(
            "commands-looking",
            &CommandsPage {
                can_change: false,
                ..commands()
            },
        ),
        rendered("command", &command()),
        rendered("command-waiting", &waiting),
        rendered("hostile-commands", &hostile),
        rendered("hostile-command", &hostile_one),
    ]
}
